"""`/repos/…`: what dnf reads, and what nobody can reach."""

import configparser
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from builder.errors import NotFoundError
from builder.repo.signing import public_keys
from builder.web.repositories import InRepository, Repositories
from builder.web.stored import ASK_AGAIN, FOREVER
from builder.web.visit import Visit
from tests.support.aside import aside
from tests.support.store import answer as answered
from tests.support.web import WebTest

BASE = "/repos/hello/testing/fedora-43"
RPM = b"rpm" * 40_000


def make(repository: Path, generation: int) -> None:
    """Make a generation current, as the repository builder does."""
    repodata = repository / "generations" / str(generation) / "repodata"
    repodata.mkdir(parents=True)
    (repodata / "repomd.xml").write_text(f"<repomd>{generation}</repomd>")
    (repository / "generations" / str(generation) / "Packages").symlink_to("../../Packages")
    (repository / "Packages" / "h").mkdir(parents=True, exist_ok=True)
    (repository / "Packages" / "h" / "hello-1.0~rc1-1.x86_64.rpm").write_bytes(RPM)
    beside = repository / ".repodata.new"
    beside.symlink_to(f"generations/{generation}/repodata")
    beside.rename(repository / "repodata")


class RepositoriesTest(WebTest):
    """One repository with two generations."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.repository = self.repos / "hello" / "testing" / "fedora-43" / "x86_64"
        self.repository.mkdir(parents=True)
        make(self.repository, 1)
        make(self.repository, 2)
        (self.state / "secret").write_text("secret")

    def test_metadata_of_older_generations_can_be_fetched_at_the_plain_address(self) -> None:
        """Who has read an older repomd.xml gets the files that it names, while they are there; nobody else does."""
        name = f"{'0a' * 32}-primary.xml.gz"
        (self.repository / "generations/1/repodata" / name).write_text("older")
        assert self.client.get(f"{BASE}/x86_64/repodata/{name}").text == "older"
        assert self.client.get(f"{BASE}/x86_64/repodata/{name}").headers["cache-control"] == "no-cache"
        assert self.client.get(f"{BASE}/x86_64/generations/2/repodata/{name}").status == 404
        assert self.client.get(f"{BASE}/x86_64/repodata/{name[1:]}").status == 404
        assert self.client.get(f"{BASE}/repodata/{name}").status == 404
        (self.repository / "generations/2/repodata" / name).write_text("current")
        assert self.client.get(f"{BASE}/x86_64/repodata/{name}").text == "current"

    def test_the_mirrorlist_names_the_current_generation(self) -> None:
        """One absolute address, under the name by which the client knows the farm, and good at once."""
        reply = self.client.get(f"{BASE}/x86_64/mirrorlist?countme=4")
        assert reply.text == f"http://farm.example:8441{BASE}/x86_64/generations/2/\n"
        assert reply.headers["cache-control"] == "no-cache"
        address = reply.text.strip().removeprefix("http://farm.example:8441")
        assert self.client.get(f"{address}repodata/repomd.xml").text == "<repomd>2</repomd>"
        assert self.client.get(f"{BASE}/x86_64/generations/1/mirrorlist").text.endswith(
            f"{BASE}/x86_64/generations/1/\n"
        )
        make(self.repository, 3)
        assert "generations/3/" in self.client.get(f"{BASE}/x86_64/mirrorlist").text

    def test_the_configured_address_is_told(self) -> None:
        """Where the farm has a public address, nobody's `Host` matters; a strange `Host` never does."""
        strange = self.client.get(f"{BASE}/x86_64/mirrorlist", Host="evil.example/x y").text
        assert strange.startswith("http://10.0.0.1:12345/repos/")
        self.serve("https://farm.example.org/")
        told = self.client.get(f"{BASE}/x86_64/mirrorlist").text
        assert told.startswith("https://farm.example.org/repos/hello/")

    def test_the_repo_file_describes_all_trees(self) -> None:
        """dnf's own configuration format, with packages switched on and sources and debuginfo off."""
        reply = self.client.get(f"{BASE}/hello-testing.repo")
        parsed = configparser.ConfigParser(interpolation=None)
        parsed.read_string(reply.text)
        assert parsed.sections() == ["hello-testing", "hello-testing-debug", "hello-testing-source"]
        url = f"http://farm.example:8441{BASE}"
        main, debug, source = (parsed[name] for name in parsed.sections())
        assert (main["mirrorlist"], main["enabled"]) == (f"{url}/$basearch/mirrorlist", "1")
        assert (debug["mirrorlist"], debug["enabled"]) == (f"{url}/debug/$basearch/mirrorlist", "0")
        assert (source["mirrorlist"], source["enabled"]) == (f"{url}/source/mirrorlist", "0")

    def test_the_repo_file_of_a_project_with_a_key_asks_for_signatures(self) -> None:
        """dnf is to check packages and metadata, and is told where the keys are; without a key it checks neither."""
        parsed = configparser.ConfigParser(interpolation=None)
        parsed.read_string(self.client.get(f"{BASE}/hello-testing.repo").text)
        assert {(part["gpgcheck"], "repo_gpgcheck" in part) for part in map(parsed.__getitem__, parsed.sections())} == {
            ("0", False)
        }
        public_keys.write(self.repos, "hello", (), b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
        parsed = configparser.ConfigParser(interpolation=None)
        parsed.read_string(self.client.get(f"{BASE}/hello-testing.repo").text)
        assert len(parsed.sections()) == 3
        for name in parsed.sections():
            part = parsed[name]
            assert (part["gpgcheck"], part["repo_gpgcheck"]) == ("1", "1")
            assert part["gpgkey"] == "http://farm.example:8441/repos/hello/RPM-GPG-KEY-hello"
            reply = self.client.get(part["gpgkey"].removeprefix("http://farm.example:8441"))
            assert reply.text.startswith("-----BEGIN PGP PUBLIC KEY BLOCK")
            assert reply.headers["cache-control"] == ASK_AGAIN

    def test_a_repo_file_is_only_where_its_repositories_are(self) -> None:
        """Another name, stage or project has none, and the right name is told."""
        assert "there is hello-testing.repo" in self.client.get(f"{BASE}/other.repo").text
        assert self.client.get("/repos/hello/stable/fedora-43/hello-stable.repo").status == 404

    def test_files_may_be_kept_as_long_as_they_stay(self) -> None:
        """A generation never changes; what a name points to now is asked for again."""
        never = self.client.get(f"{BASE}/x86_64/generations/1/Packages/h/hello-1.0~rc1-1.x86_64.rpm")
        assert (never.headers["cache-control"], never.body) == (FOREVER, RPM)
        assert never.headers["content-type"] == "application/x-rpm"
        assert self.client.get(f"{BASE}/x86_64/Packages/h/hello-1.0%7Erc1-1.x86_64.rpm").body == RPM
        pointed = self.client.get(f"{BASE}/x86_64/repodata/repomd.xml")
        assert pointed.headers["cache-control"] == ASK_AGAIN

    def test_a_project_may_be_called_generations(self) -> None:
        """What may be kept is known by its place, not by the name of a project."""
        other = self.repos / "generations" / "testing" / "fedora-43"
        shutil.copytree(self.repos / "hello" / "testing" / "fedora-43", other, symlinks=True)
        pointed = self.client.get("/repos/generations/testing/fedora-43/x86_64/repodata/repomd.xml")
        assert (pointed.status, pointed.headers["cache-control"]) == (200, ASK_AGAIN)

    def test_a_download_goes_on(self) -> None:
        """With a range and the validator of the first part, and begins again when the file has changed."""
        path = f"{BASE}/x86_64/Packages/h/hello-1.0~rc1-1.x86_64.rpm"
        whole = self.client.get(path)
        assert whole.headers["accept-ranges"] == "bytes"
        part = self.client.get(path, Range="bytes=70000-", If_Range=whole.headers["etag"])
        assert (part.status, part.body) == (206, RPM[70000:])
        assert part.headers["content-range"] == f"bytes 70000-{len(RPM) - 1}/{len(RPM)}"
        again = self.client.get(path, Range="bytes=70000-", If_Range='"older"')
        assert (again.status, again.body) == (200, RPM)
        nothing = self.client.get(path, Range=f"bytes={len(RPM)}-")
        assert (nothing.status, nothing.headers["content-range"]) == (416, f"bytes */{len(RPM)}")

    def test_what_is_known_is_not_sent_again(self) -> None:
        """304 with the validators and no body, until another generation is current."""
        path = f"{BASE}/x86_64/repodata/repomd.xml"
        first = self.client.get(path)
        for header in ({"If_None_Match": first.headers["etag"]}, {"If_Modified_Since": first.headers["last-modified"]}):
            reply = self.client.get(path, **header)
            assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", first.headers["etag"])
        make(self.repository, 3)
        assert self.client.get(path, If_None_Match=first.headers["etag"]).text == "<repomd>3</repomd>"

    def test_a_file_cut_short_is_not_whole(self) -> None:
        """A file that ends before its promised length ends the connection instead of pretending."""
        path = self.repository / "Packages" / "h" / "hello-1.0~rc1-1.x86_64.rpm"
        exchange = self.client.start("GET", f"{BASE}/x86_64/Packages/h/{path.name}")
        assert exchange.reply.whole
        exchange.full()
        exchange.ask("GET", f"{BASE}/x86_64/Packages/h/{path.name}")
        os.truncate(path, 65_536)
        exchange.drained()
        assert not exchange.is_open()
        assert len(self.flushLoggedErrors(EOFError)) == 1

    def test_folders_are_not_listed(self) -> None:
        """A folder is told to be one, on a page for people."""
        for path in (f"{BASE}/x86_64", f"{BASE}/x86_64/Packages"):
            reply = self.client.get(path, Accept="text/html")
            assert reply.status == 404
            assert "is a folder, and folders are not listed" in reply.text

    def test_nothing_outside_is_reached(self) -> None:
        """Neither by dots, in any spelling, nor by a link that leads out, nor by a file in the making."""
        (self.repository / "way-out").symlink_to("/etc")
        (self.repository / "circle").symlink_to("circle")
        (self.repository / ".hidden").write_text("half")
        for path in (
            "/repos/../secret",
            "/repos/..%2Fsecret",
            "/repos/%2e%2e/secret",
            "/repos/hello/..%2f..%2f..%2fsecret",
            "/repos//etc/passwd",
            "/repos/%2Fetc%2Fpasswd",
            f"{BASE}/x86_64/way-out/passwd",
            f"{BASE}/x86_64/circle",
            f"{BASE}/x86_64/.hidden",
            f"{BASE}/x86_64/repodata/repomd.xml%00.rpm",
            f"{BASE}/x86_64/way-out/mirrorlist",
            "/repos/mirrorlist",
            "/repos/hello/mirrorlist",
            f"{BASE}/x86_64/" + "x" * 5000,
        ):
            reply = self.client.get(path)
            assert (reply.status, reply.json(dict[str, object])["error"]) == (404, "NOT_FOUND"), path


@given(parts=st.lists(st.text(max_size=8) | st.sampled_from(["..", ".", "", "/", "a", "link", "up"]), min_size=1))
def test_no_name_leads_outside(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    """Whatever the parts of a path are, what they lead to is in the folder, or nowhere."""
    state = tmp_path_factory.getbasetemp() / "escape"
    root = state / "repos"
    if not state.exists():
        (root / "a").mkdir(parents=True)
        (state / "secret").write_text("secret")
        (root / "link").symlink_to(state)
        (root / "a" / "up").symlink_to("../..")
    try:
        answer = answered(Repositories(root, aside).file(InRepository(path=tuple(parts)), Visit(origin="http://x")))
    except NotFoundError:
        return
    pytest.fail(f"{parts} was answered with {answer.headers}")
