"""What rpm, dnf and mock tell of a build root."""

import sqlite3
from pathlib import Path

from builder.model.inputs import RootPackage
from builder.runner.executors import dnf_history, installed

MD5, SHA256 = "7" * 32, "6" * 64
ANSWER = f"""\
tool\t2\t1.0\t1.fc43\tnoarch\t{MD5}\t(none)\t(none)
a package with a line end in its release\t(none)\t1
gpg-pubkey\t(none)\t31645531\t66b6dccf\t(none)\t(none)\t(none)\t(none)
bash\t(none)\t5.2\t1.fc43\tx86_64\t{MD5}\t{SHA256}\tRSA/SHA256, Sun Mar 31 12:41:20 2024, Key ID 199e2f91fd431d51
"""


class TestPackages:
    def test_each_has_what_tells_it_from_others(self) -> None:
        """Sorted, without the keys that rpm lists too; what is not known is nothing."""
        found = installed.packages(ANSWER, {("bash", "0", "5.2", "1.fc43", "x86_64"): "fedora"})
        assert found == (
            RootPackage(
                name="bash",
                version="5.2",
                release="1.fc43",
                arch="x86_64",
                sigmd5=MD5,
                sha256header=SHA256,
                signature="fd431d51",
                repository="fedora",
            ),
            RootPackage(name="tool", epoch="2", version="1.0", release="1.fc43", arch="noarch", sigmd5=MD5),
        )

    def test_the_last_repository_counts(self) -> None:
        """A package that was brought up to date with itself came from the newer one; other lines are passed over."""
        answer = "bash\t0\t5.2\t1\tx86_64\told\nno row\nbash\t0\t5.2\t1\tx86_64\tnew\n"
        assert installed.origins(answer) == {("bash", "0", "5.2", "1", "x86_64"): "new"}


class TestHistory:
    def test_rows_come_in_the_order_of_the_transactions(self, tmp_path: Path) -> None:
        """Also what is still in the log beside the database, as dnf leaves it; nothing is written where that is."""
        own, room = tmp_path / "own", tmp_path / "room"
        own.mkdir()
        room.mkdir()
        left_open = sqlite3.connect(own / "history.sqlite")
        left_open.executescript("""
            PRAGMA journal_mode = WAL;
            CREATE TABLE repo (id INTEGER PRIMARY KEY, repoid TEXT);
            CREATE TABLE rpm (item_id INTEGER, name TEXT, epoch INTEGER, version TEXT, release TEXT, arch TEXT);
            CREATE TABLE trans_item (id INTEGER PRIMARY KEY, item_id INTEGER, repo_id INTEGER);
            INSERT INTO repo VALUES (1, 'base'), (2, 'updates');
            INSERT INTO rpm VALUES (7, 'bash', 0, '5.2', '1', 'x86_64');
            INSERT INTO trans_item VALUES (1, 7, 1), (2, 7, 2);
        """)
        before = {path.name: path.read_bytes() for path in own.iterdir()}
        assert list(dnf_history.origins(own / "history.sqlite", room)) == [
            ("bash", "0", "5.2", "1", "x86_64", "base"),
            ("bash", "0", "5.2", "1", "x86_64", "updates"),
        ]
        assert {path.name: path.read_bytes() for path in own.iterdir()} == before
        left_open.close()


class TestVersions:
    def test_programs_say_what_they_are(self) -> None:
        """Where their logs begin; other logs say nothing."""
        log = "2026-11-21T16:25:50+0000 INFO ---\n2026-11-21T16:25:50+0000 DEBUG DNF version: 4.14.0\n"
        assert installed.dnf_version(log) == "4.14.0"
        assert installed.mock_version("Start: run\nMock Version: 6.7\nINFO: Mock Version: 6.7\n") == "6.7"
        assert installed.dnf_version("") == installed.mock_version("") == ""
