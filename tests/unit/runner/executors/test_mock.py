"""What mock is told, and what is made of what it says."""

import fcntl
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder.attempt.kept import UNUSED_AFTER, prune, use
from builder.attempt.variables import EXECUTOR, MOCK
from builder.config import ExecutorName
from builder.model.attempt import AttemptState, FailureKind
from builder.model.chroot import BaseRepository
from builder.model.options import Options
from builder.model.work import ChrootWork
from builder.runner.executors import janitor
from builder.runner.executors.auto import executors, variables
from builder.runner.executors.mock_failure import failure_of_build, root_failure
from builder.runner.executors.mock_settings import Host, command, configuration, kept, root_digest, root_settings
from tests.support.orders import chroot_work

FARM = BaseRepository(name="farm", url="https://farm/repos/x", priority=10)
EXTERNAL = BaseRepository(name="other", url="https://other.example.org/", key="https://other.example.org/key")


def told(work: ChrootWork, host: Host, dist: str = ".mini12") -> dict[str, Any]:
    """What mock knows once it has executed a configuration, but for plugins, which are on disk."""
    options: dict[str, Any] = {"macros": {}, "plugin_conf": {"root_cache_opts": {}}, "plugins": ["root_cache"]}
    whole = configuration(work, host, dist, asks=True)
    exec(whole.replace("os.listdir(config_opts['plugin_dir'])", "()"), {"config_opts": options})  # noqa: S102 - as mock does
    return options


class TestConfiguration:
    def test_whole_one_has_all_that_the_chroot_defines(self) -> None:
        """A host without mock's own configurations needs none."""
        options = told(chroot_work(repositories=(FARM,)), Host())
        assert options["root"] == "mini-12-x86_64"
        assert options["chroot_setup_cmd"] == ("install", "buildroot")
        assert (options["releasever"], options["target_arch"]) == ("12", "x86_64")
        assert "baseurl=https://example.org/mini\n" in options["dnf.conf"]
        assert "reposdir=/dev/null\n" in options["dnf.conf"]
        assert not options["use_bootstrap"]

    def test_the_systems_own_is_included_first(self) -> None:
        """What the host's mock says of a chroot holds; what is ours is added behind it."""
        first, *ours = root_settings(chroot_work(repositories=(FARM,)), Host(system="fedora-43-x86_64")).splitlines()
        assert first == "include('/etc/mock/fedora-43-x86_64.cfg')"
        text = "\n".join(ours)
        assert "chroot_setup_cmd" not in text
        assert "config_opts['dnf.conf'] = " not in text
        assert "config_opts['dnf.conf'] += " in text
        assert "[farm]" in text

    def test_repositories_have_priority_key_and_certificate(self) -> None:
        """The order's repositories are asked for news each time; what has a key must be signed by it."""
        config = told(chroot_work(repositories=(FARM, EXTERNAL)), Host(trust=True))["dnf.conf"]
        farm, other = config.split("[farm]\n")[1].split("[other]\n")
        assert {"priority=10", "metadata_expire=0", "gpgcheck=0", "sslcacert=/var/lib/mock/trust.pem"} <= set(
            farm.split()
        )
        assert {"priority=99", "gpgcheck=1", "gpgkey=https://other.example.org/key"} <= set(other.split())

    @pytest.mark.parametrize("network", [True, False])
    def test_network_is_the_projects_policy(self, *, network: bool) -> None:
        """In the build, there is none unless it is asked for."""
        options = told(chroot_work(network=network), Host())
        assert (options["rpmbuild_networking"], options["use_host_resolv"]) == (network, network)

    @pytest.mark.parametrize(
        "url", ["https://x/{{ 7 * 7 }}".replace(" ", ""), "https://x/{%if%}", "https://x/{#", "https://x/{{{%"]
    )
    def test_address_opens_no_template(self, url: str) -> None:
        """mock expands Jinja's templates in its texts, as root."""
        config = told(chroot_work(repositories=(BaseRepository(name="bad", url=url),)), Host())["dnf.conf"]
        assert "%7B" in config
        assert not any(opening in config for opening in ("{{", "{%", "{#"))

    @pytest.mark.parametrize("value", ["'] = 1; import os #", '"""', "a\\", "include('/etc/passwd')"])
    def test_value_is_no_code(self, value: str) -> None:
        """Whatever a chroot's definition says arrives as it is."""
        assert told(chroot_work(), Host(), dist=value)["macros"]["%dist"] == value

    def test_options_are_macros(self) -> None:
        """As rpm itself would make them of its arguments; the farm's own go before them."""
        options = Options(macros={"level": "'2'", "dist": ".x"}, with_=("docs",), without=("gui",))
        macros = told(msgspec.structs.replace(chroot_work(), options=options), Host())["macros"]
        assert macros == {
            "%level": "'2'",
            "%_with_docs": "--with-docs",
            "%_without_gui": "--without-gui",
            "%dist": ".mini12",
            "%_buildhost": "builder",
        }


class TestRootDigest:
    def test_the_same_root_has_the_same_cache(self) -> None:
        """What is only about the build makes no other root."""
        assert root_digest(chroot_work(), Host()) == root_digest(chroot_work(network=True, force=True), Host())

    def test_other_repositories_make_another_root(self) -> None:
        """No project gets what another one's repositories have put into a cache."""
        digests = {root_digest(chroot_work(repositories=repos), Host()) for repos in ((), (FARM,), (FARM, EXTERNAL))}
        assert len(digests) == 3


def test_the_command_line_of_both_runs() -> None:
    """An own root by `--uniqueext`, results in the attempt's folder, and the second run in the first one's root."""
    first = command("/usr/bin/mock", "0a" * 16, "hello-1.0-1.src.rpm", again=False)
    assert first == [
        "/usr/bin/mock",
        "--root=/var/lib/mock/chroot.cfg",
        "--uniqueext=0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
        "--resultdir=/var/lib/mock/result",
        "--no-cleanup-after",
        "--rebuild",
        "/var/lib/mock/hello-1.0-1.src.rpm",
    ]
    again = command("/usr/bin/mock", "0a" * 16, "hello-1.0-1.src.rpm", again=True)
    assert [word for word in again if word not in first] == ["--no-clean"]


def test_the_keeper_gets_mounts_in_pairs() -> None:
    """It cuts the network unless it is told not to."""
    mounts = [(Path("/a"), Path("/b"))]
    assert kept(["keeper", "1"], ["mock"], mounts, cut=True) == ["keeper", "1", "cut", "/a", "/b", "--", "mock"]
    assert kept(["keeper", "1"], ["mock"], [], cut=False) == ["keeper", "1", "open", "--", "mock"]


class TestFailure:
    def test_missing_requirement_is_the_packages_fault(self) -> None:
        """As dnf's builddep says it on the pseudo terminal that mock gives it, and as mock says it once more."""
        log = "No matching package to install: 'nothing-devel >= 2'\r\nNot all dependencies satisfied\r\n"
        log += f"ERROR: Command failed: \n # /usr/bin/dnf-3 builddep x\n{log}"
        outcome = root_failure(30, log, ("nothing-devel >= 2",), "hello-1.0-1.src.rpm").outcome
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.DEPENDENCY)
        assert outcome.reason == "no repository has nothing-devel >= 2, required to build hello-1.0-1.src.rpm"

    def test_spec_that_does_not_parse_is_the_packages_fault(self) -> None:
        """The code is rpmbuild's own, and means nothing."""
        log = "error: line 9: Unknown tag: Foo\nERROR: Command failed: \n # bash --login -c '/usr/bin/rpmbuild -bs x'\n"
        outcome = root_failure(1, log, (), "hello-1.0-1.src.rpm").outcome
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.SRPM)
        assert outcome.reason == "the spec does not parse in the build root: line 9: Unknown tag: Foo"

    @pytest.mark.parametrize("code", [3, 60, 70, 80, 137])
    def test_trouble_with_the_host_is_the_farms_fault(self, code: int) -> None:
        """In either run; the reason ends with mock's own line."""
        for ending in (
            root_failure(code, "ERROR: no room\n", (), "x"),
            failure_of_build(code, "ERROR: no room\n", "x"),
        ):
            assert ending.outcome.state is AttemptState.BROKEN
            assert ending.outcome.reason.endswith(": no room")

    def test_failing_build_is_told_with_its_line(self) -> None:
        """mock's own lines behind those of the build are no reason."""
        log = (
            "Executing(%build): /bin/sh -e /var/tmp/x\na.c:1: error: no such thing\n"
            "error: Bad exit status from /var/tmp/x (%build)\nFinish: rpmbuild x\nERROR: Exception(x) 0 minutes\n"
        )
        outcome = failure_of_build(1, log, "hello-1.0-1.src.rpm").outcome
        assert (outcome.kind, outcome.reason) == (FailureKind.COMPILE, "%build: a.c:1: error: no such thing")

    def test_what_the_build_has_made_up_is_the_packages_fault_too(self) -> None:
        """It is installed while the build runs, of which the log is full."""
        log = "Executing(%generate_buildrequires): /bin/sh\r\nNo matching package to install: 'nothing-devel >= 2'\r\n"
        outcome = failure_of_build(30, log, "hello-1.0-1.src.rpm").outcome
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.DEPENDENCY)
        assert outcome.reason == "no repository has nothing-devel >= 2, required to build hello-1.0-1.src.rpm"


class TestJanitor:
    @pytest.fixture
    def roots(self, tmp_path: Path) -> Path:
        """A cache of a root whose archive is there."""
        roots = tmp_path / "roots"
        roots.mkdir()
        (roots / "cache.tar.zst").write_text("archive")
        return roots

    def written(self, roots: Path, after: int) -> None:
        log = roots / "cache.log"
        log.touch()
        time = (roots / "cache.tar.zst").stat().st_mtime_ns + after
        os.utime(log, ns=(time, time))

    def test_whole_cache_is_kept(self, roots: Path, tmp_path: Path) -> None:
        """Its log was written when it was complete."""
        self.written(roots, after=1)
        janitor.mend(roots, tmp_path)
        assert (roots / "cache.tar.zst").exists()

    def test_torn_cache_is_removed(self, roots: Path, tmp_path: Path) -> None:
        """One that was never complete, and one that was being written anew."""
        janitor.mend(roots, tmp_path)
        assert not (roots / "cache.tar.zst").exists()
        (roots / "cache.tar.zst").write_text("archive")
        self.written(roots, after=-1)
        janitor.mend(roots, tmp_path)
        assert not (roots / "cache.tar.zst").exists()

    def test_cache_that_is_being_written_is_left_alone(self, roots: Path, tmp_path: Path) -> None:
        """mock holds a lock while it works on it."""
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            with (roots / "rootcache.lock").open("a+") as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX)
                os.write(ready[1], b"r")
                os.read(go[0], 1)
                os._exit(0)
        os.read(ready[0], 1)
        janitor.mend(roots, tmp_path)
        os.write(go[1], b"g")
        os.waitpid(child, 0)
        for descriptor in (*ready, *go):
            os.close(descriptor)
        assert (roots / "cache.tar.zst").exists()

    def test_locks_of_dnf_are_removed(self, roots: Path, tmp_path: Path) -> None:
        """They are numbers of processes that were in another namespace."""
        packages = tmp_path / "dnf.0" / "mini-12-x86_64" / "dnf_cache"
        packages.mkdir(parents=True)
        (packages / "metadata_lock.pid").write_text("7")
        (packages / "mini.solv").write_text("")
        janitor.mend(roots, tmp_path / "dnf.0")
        assert [path.name for path in packages.iterdir()] == ["mini.solv"]

    def test_what_nobody_uses_is_removed(self, tmp_path: Path) -> None:
        """After a month; what is used stays."""
        now = time.time()
        for name, age in (("old", UNUSED_AFTER + 1), ("new", 10)):
            use(tmp_path / name)
            os.utime(tmp_path / name, (now - age, now - age))
        prune(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["new"]


class TestChoice:
    def test_mock_comes_first(self) -> None:
        """It is what distributions build with."""
        assert [one.name for one in executors()] == ["mock", "chroot"]

    def test_the_configuration_may_want_one(self) -> None:
        """Then no other is looked at."""
        assert [one.name for one in executors(ExecutorName.CHROOT)] == ["chroot"]
        assert [one.name for one in executors(ExecutorName.MOCK)] == ["mock"]

    def test_runners_are_told_what_was_chosen(self) -> None:
        """But not why there is nothing."""
        assert variables("mock", Path("/opt/mock")) == {EXECUTOR: "mock", MOCK: "/opt/mock"}
        assert variables("this host cannot build", None) == {}
