"""What every executor promises, by real builds in the mini distribution.

The suite runs with `chroot`, as root and as an ordinary user, with a replay of mock, and with mock itself where
BUILDER_MOCK or PATH leads to one.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from builder.attempt.variables import EXECUTOR
from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, FailureKind
from builder.model.chroot import BaseRepository, Chroot
from builder.model.dependencies import DEPENDENCIES_NAME, Dependencies
from builder.model.inputs import INPUTS_NAME, ChrootInputs
from builder.model.options import Options
from builder.model.work import ChrootWork, LastBuilt
from tests.support.attempts import DEADLINE, RealAttempt
from tests.support.executors import variables
from tests.support.hosts import mini_chroot, open_folder, ordinary_user, python_of
from tests.support.orders import INPUTS, chroot_work, order, source_work
from tests.support.packages import packaging

pytestmark = [pytest.mark.farm, pytest.mark.long]

PROOF = """\
echo the user is $(id -un) of $(id -u)
test $(id -u) != 0
test $(wc -l < /proc/net/route) = 1
if touch /usr/touched; then exit 1; fi
if test -e /root/.ssh; then exit 1; fi
if (: >> /proc/sys/vm/swappiness); then exit 1; fi
test $(stat -c %U:%G /var/mail/builder) != $(stat -c %U:%G /usr)
test -s /etc/mini-buildroot
cat /usr/share/tool/seen
echo 'int main(void) { return 0; }' > main.c && cc -o main main.c && ./main
"""
"""What a build finds: a name, no network, no way to write to tree or kernel, files of several owners, what it needs."""

SPY = """\
echo tool > %{{buildroot}}/usr/share/tool/text

%post
exec perl -e '
    open(my $seen, ">", "/usr/share/tool/seen");
    mkdir("/new");
    chroot("/new");
    chdir("..") for 1..50;
    chroot(".");
    opendir(my $top, "/");
    print $seen "escaped to: ", join(" ", grep {{!/^[.]/}} readdir($top)), "\\n";
    for (qw(/etc/shadow /root /home {folder}/secret {folder}/state-own/secret {folder}/state-builder-test/secret)) {{
        print $seen "sees $_\\n" if -e $_;
    }}
    for (qw({folder}/planted /usr/planted /proc/sys/vm/swappiness)) {{
        print $seen "opened $_\\n" if open(my $file, ">>", $_);
    }}
'
"""
"""A scriptlet that leaves the tree, as root can leave chroot(2), and looks around: it tells in a file of the tree."""


FURTHER = """\
gcc
Requires(post): perl-base

%package second
Summary: Required by what is built

%description second
Made for a test.

%package third
Summary: Required by what is built with the second

%description third
Made for a test.
"""
"""What makes the package `tool` three packages."""

DYNAMIC = """\
test -e /usr/share/tool/text
rpm -q tool-second tool-third
test '%{greeting}' = 'hello; $(id)'

%generate_buildrequires
test $(wc -l < /proc/net/route) = 1
echo tool-second
if rpm -q tool-second > /dev/null; then echo tool-third; fi
"""
"""A build that finds out twice, without network, what it requires further."""


class Bench:
    """Makes SRPMs and builds them in the mini distribution, by an executor.

    `kind` is `chroot`, `replay` or `mock`; `user` who builds (None is who runs the tests).
    """

    def __init__(self, folder: Path, chroot: Chroot, kind: str, user: str | None = None) -> None:
        self.folder = folder
        self.kind = kind
        self.variables = variables(kind, folder)
        self.state = folder / f"state-{user or ('own' if kind == 'chroot' else kind)}"
        self.chroot = chroot
        self.user = user

    def srpm(self, name: str, **spec: object) -> tuple[Path, ChrootWork]:
        """The SRPM of a package, made by a source job, and the order to build it."""
        url = packaging(self.folder / "git" / secrets.token_hex(4), name, **spec)  # type: ignore[arg-type] # passed on
        attempt = RealAttempt(self.folder / "sources", order(source_work(url), attempt=secrets.token_hex(16)))
        outcome = attempt.carry_out()
        assert outcome.source, outcome.reason
        artifact = attempt.artifacts[attempt.srpm.name]
        return attempt.srpm, chroot_work(artifact, chroot=self.chroot, inputs=outcome.source.inputs)

    def attempt(self, srpm: Path, work: ChrootWork) -> RealAttempt:
        """An attempt at it, not yet begun."""
        return RealAttempt(self.state, order(work, attempt=secrets.token_hex(16)), srpm, self.user, self.variables)

    def build(self, name: str, **spec: object) -> RealAttempt:
        """An attempt at a package, carried out."""
        attempt = self.attempt(*self.srpm(name, **spec))
        attempt.carry_out()
        return attempt


@pytest.fixture(scope="module")
def place(mini_chroots: Path) -> Iterator[tuple[Path, Chroot]]:
    """A folder for everybody, with the mini distribution in it."""
    with open_folder() as folder:
        yield folder, mini_chroot(mini_chroots, folder)


@pytest.fixture(scope="module", params=["chroot", "replay", "mock"])
def bench(place: tuple[Path, Chroot], request: pytest.FixtureRequest) -> Bench:
    """Builds by each executor, as who runs the tests."""
    return Bench(*place, request.param)


@pytest.fixture(scope="module", params=["chroot", "ordinary", "replay", "mock"])
def any_bench(place: tuple[Path, Chroot], request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Builds by each executor, and by `chroot` as an ordinary user too."""
    if request.param != "ordinary":
        yield Bench(*place, request.param)
        return
    with ordinary_user() as user:
        python_of(user)
        yield Bench(*place, "chroot", user)


def only_chroot(bench: Bench, what: str) -> None:
    """Skip for mock, which does not promise `what`."""
    if bench.kind != "chroot":
        pytest.skip(f"with mock, {what}")


@pytest.fixture(scope="module")
def tool(place: tuple[Path, Chroot]) -> BaseRepository:
    """A repository like a project's own, with the package `tool`."""
    folder, chroot = place
    spy = SPY.format(folder=folder)
    built = Bench(folder, chroot, "chroot").build(
        "tool", requires=(FURTHER,), install=spy, check="true\n\n%files second\n\n%files third"
    )
    repository = folder / "project"
    repository.mkdir()
    for path in built.folder.results.glob("*.noarch.rpm"):
        shutil.copy(path, repository)
    subprocess.run(["createrepo_c", "-q", repository], check=True, timeout=60)
    return BaseRepository(name="project", url=f"file://{repository}", priority=10)


@pytest.fixture(scope="module")
def built(any_bench: Bench, tool: BaseRepository) -> RealAttempt:
    """A package that requires `tool` to be built, and looks around while it is."""
    srpm, work = any_bench.srpm(
        "hello", requires=("tool", "gcc >= 1\n%{echo:noise}"), build=PROOF, check="echo checking"
    )
    attempt = any_bench.attempt(srpm, chroot_work(work.srpm, chroot=work.chroot, repositories=(tool,)))
    for folder in (any_bench.folder, any_bench.state):
        (folder / "secret").write_text("secret")
    (any_bench.folder / "planted").unlink(missing_ok=True)  # an executor that does not promise it may have made one
    attempt.run()
    return attempt


class TestSuccess:
    def test_the_root_is_clean_and_confined(self, any_bench: Bench, built: RealAttempt) -> None:
        """Everything that the build looked for is as it shall be."""
        outcome = built.folder.outcome()
        assert outcome
        assert outcome.state is AttemptState.SUCCEEDED, built.log
        assert any_bench.kind != "chroot" or "the user is builder of 1000" in built.log
        assert built.steps == ["chroot", "gate", "build", "collect"]

    def test_scriptlets_find_nothing_of_the_host(self, any_bench: Bench, built: RealAttempt) -> None:
        """Who leaves the tree while it is filled finds the host's programs, but neither keys nor anywhere to write."""
        only_chroot(any_bench, "scriptlets are root's and may do what root may")
        (found,) = [line.partition(": ")[2] for line in built.log.splitlines() if line.startswith("escaped to: ")]
        assert {"usr", "proc"} <= set(found.split())
        assert set(found.split()) <= {"bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "tmp", "usr", "var"}
        assert "\nsees " not in built.log
        assert "\nopened /usr" not in built.log
        assert "\nopened /proc" not in built.log
        assert not (any_bench.folder / "planted").exists()

    def test_the_evr_is_the_chroots(self, built: RealAttempt) -> None:
        """`%dist` is the chroot's own, in the outcome and in what was built; what the spec echoes is no part of it."""
        outcome = built.folder.outcome()
        assert outcome
        assert outcome.evr == "1.0-1.mini12"
        assert built.artifacts["hello-1.0-1.mini12.noarch.rpm"].nevra == "hello-1.0-1.mini12.noarch"
        assert built.artifacts["hello-1.0-1.mini12.src.rpm"].nevra == "hello-1.0-1.mini12.src"

    def test_logs_are_delivered(self, built: RealAttempt) -> None:
        """What was done can be read later."""
        kinds = {name: artifact.kind for name, artifact in built.artifacts.items()}
        assert kinds["build.log"] is kinds["root.log"] is ArtifactKind.LOG
        assert "checking" in (built.folder.results / "build.log").read_text()

    def test_what_the_packages_provide_is_delivered(self, built: RealAttempt) -> None:
        """Names for the order of batches, as rpm has found them in the packages."""
        assert built.artifacts[DEPENDENCIES_NAME].kind is ArtifactKind.DEPENDENCIES
        found = msgspec.json.decode((built.folder.results / DEPENDENCIES_NAME).read_bytes(), type=Dependencies)
        assert "hello" in found.provides
        assert found.requires == ()

    def test_what_it_was_built_from_is_delivered(self, any_bench: Bench, built: RealAttempt) -> None:
        """The SRPM, the programs by their own word, and each package of the root with the repository that had it."""
        assert built.artifacts[INPUTS_NAME].kind is ArtifactKind.INPUTS
        inputs = msgspec.json.decode((built.folder.results / INPUTS_NAME).read_bytes(), type=ChrootInputs)
        assert inputs.executor == any_bench.variables[EXECUTOR]
        versions = {program.name: program.version for program in inputs.programs}
        assert set(versions) == {"bwrap", "rpm", "dnf" if any_bench.kind in {"chroot", "ordinary"} else "mock"}
        assert all(versions.values())
        assert inputs.srpm.name == "hello-1.0-1.src.rpm"
        assert {"mini", "project"} == {repository.name for repository in inputs.repositories}
        root = {package.name: package for package in inputs.packages}
        assert (root["tool"].version, root["tool"].release, root["tool"].arch) == ("1.0", "1.mini12", "noarch")
        assert (root["tool"].repository, root["gcc"].repository) == ("project", "mini")
        assert all(package.sigmd5 and package.sha256header for package in inputs.packages)
        assert list(root) == sorted(root)

    def test_the_workspace_is_removed(self, built: RealAttempt) -> None:
        """Also what other users of the tree owned."""
        assert not built.folder.work.exists()


class TestRequirements:
    """What is required beyond what the SRPM says."""

    def test_options_and_the_build_itself_name_some(self, bench: Bench, tool: BaseRepository) -> None:
        """The chroot's conditionals and macros hold in gate and build; `%generate_buildrequires` gets what it names."""
        srpm, work = bench.srpm(
            "hello",
            version="%{?number}%{!?number:1}",
            requires=("gcc\n%bcond_with tool\n%if %{with tool}\nBuildRequires: tool\n%endif",),
            build=DYNAMIC,
        )
        options = Options(macros={"number": "2.5", "greeting": "hello; $(id)"}, with_=("tool",))
        attempt = bench.attempt(srpm, msgspec.structs.replace(work, repositories=(tool,), options=options))
        outcome = attempt.carry_out()
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log
        assert outcome.evr == "2.5-1.mini12"
        assert "hello-2.5-1.mini12.noarch.rpm" in attempt.artifacts
        inputs = msgspec.json.decode((attempt.folder.results / INPUTS_NAME).read_bytes(), type=ChrootInputs)
        assert {"tool", "tool-second", "tool-third"} <= {package.name for package in inputs.packages}

    def test_one_that_no_repository_has_is_named(self, bench: Bench) -> None:
        """Though the build has begun when it is asked for, no compiler is at fault."""
        attempt = bench.build("hello", build="true\n\n%generate_buildrequires\necho 'nothing-devel >= 2'")
        outcome = attempt.folder.outcome()
        assert outcome
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.DEPENDENCY), outcome.reason
        assert outcome.reason == "no repository has nothing-devel >= 2, required to build hello-1.0-1.src.rpm"


class TestFailure:
    def test_failing_build_is_told_with_its_line(self, bench: Bench) -> None:
        """The reason is the compiler's line, not make's or rpm's."""
        attempt = bench.build("hello", requires=("gcc",), build="echo 'int main(void) { retrun 0; }' > a.c\ncc a.c")
        outcome = attempt.folder.outcome()
        assert outcome
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.COMPILE)
        assert outcome.reason.startswith("%build: a.c:1:")
        assert "error:" in outcome.reason
        assert attempt.steps == ["chroot", "gate", "build!"]

    def test_failing_check_is_told_apart(self, bench: Bench) -> None:
        """A test that fails is no compiler's error."""
        attempt = bench.build("hello", check="echo 'FAIL: the sum is wrong'; exit 1")
        outcome = attempt.folder.outcome()
        assert outcome
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.TEST)
        assert outcome.reason == "%check: FAIL: the sum is wrong"

    def test_missing_requirement_is_named(self, bench: Bench) -> None:
        """The BuildRequires that no repository has is in the sentence."""
        attempt = bench.build("hello", requires=("nothing-devel >= 2",))
        outcome = attempt.folder.outcome()
        assert outcome
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.DEPENDENCY)
        assert "nothing-devel >= 2" in outcome.reason
        assert "hello-1.0-1.src.rpm" in outcome.reason
        assert attempt.steps == ["chroot!"]

    def test_package_from_anywhere_is_no_requirement(self, bench: Bench) -> None:
        """dnf would install, as root, whatever an address has."""
        attempt = bench.build("hello", requires=("http://127.0.0.1:9/evil.rpm",))
        outcome = attempt.folder.outcome()
        assert outcome
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.DEPENDENCY)
        assert "BuildRequires names http://127.0.0.1:9/evil.rpm, " in outcome.reason

    def test_link_in_the_place_of_products_is_not_followed(self, bench: Bench) -> None:
        """A build cannot have the host's files delivered, which would take them away, too."""
        keys = bench.folder / f"keys-{bench.kind}"
        keys.mkdir()
        (keys / "slave.key").write_text("secret")
        attempt = bench.build(
            "hello",
            install="touch %{buildroot}/usr/share/hello/text\n\n"
            f"%clean\nrm -r %{{_rpmdir}} && ln -s {keys} %{{_rpmdir}}",
        )
        assert (keys / "slave.key").exists()
        assert not (attempt.folder.results / "slave.key").exists()
        if bench.kind == "chroot":  # mock leaves out what is not there
            outcome = attempt.folder.outcome()
            assert outcome
            assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.COMPILE), attempt.log
            assert outcome.reason == "the build has replaced its folder RPMS by something else"

    def test_unreachable_repository_is_the_farms_fault(self, bench: Bench) -> None:
        """The repository is named, and the job is tried again."""
        srpm, work = bench.srpm("hello")
        away = BaseRepository(name="away", url="http://127.0.0.1:9/away")
        attempt = bench.attempt(srpm, chroot_work(work.srpm, chroot=work.chroot, repositories=(away,)))
        outcome = attempt.carry_out()
        assert (outcome.state, outcome.kind) == (AttemptState.BROKEN, FailureKind.INFRASTRUCTURE)
        assert "the repository away cannot be read" in outcome.reason

    def test_build_can_be_cancelled(self, any_bench: Bench) -> None:
        """Everything that the build started is gone, at once."""
        attempt = any_bench.attempt(*any_bench.srpm("hello", build="echo begun\nsetsid sleep 987653 &\nsleep 987653"))
        attempt.start()
        attempt.await_log("\nbegun\n")
        attempt.folder.signal(signal.SIGTERM)
        assert attempt.wait().state is AttemptState.CANCELLED
        end = time.monotonic() + DEADLINE
        while subprocess.run(["pgrep", "-f", "sleep 98765[3]"], check=False, capture_output=True).returncode == 0:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert not attempt.folder.work.exists()


class TestGate:
    def test_what_is_there_is_skipped(self, bench: Bench) -> None:
        """The same EVR once more is a success that says what it found."""
        srpm, work = bench.srpm("hello")
        last = LastBuilt(evr="1.0-1.mini12", inputs=INPUTS)
        attempt = bench.attempt(srpm, chroot_work(work.srpm, chroot=work.chroot, last_built=last, inputs="2" * 64))
        outcome = attempt.carry_out()
        assert (outcome.state, outcome.evr) == (AttemptState.SKIPPED, "1.0-1.mini12")
        assert attempt.steps == ["chroot", "gate"]

    def test_forced_rebuild_gets_a_serial(self, bench: Bench) -> None:
        """The same EVR with other bytes is never made: `%dist` is longer."""
        srpm, work = bench.srpm("hello")
        last = LastBuilt(evr="1.0-1.mini12.2", inputs=INPUTS, serial=2)
        attempt = bench.attempt(srpm, chroot_work(work.srpm, chroot=work.chroot, last_built=last, force=True))
        outcome = attempt.carry_out()
        assert (outcome.evr, outcome.serial) == ("1.0-1.mini12.3", 3), outcome.reason
        assert "hello-1.0-1.mini12.3.noarch.rpm" in attempt.artifacts


def test_network_is_there_when_it_is_asked_for(bench: Bench) -> None:
    """The project's definition decides."""
    here = os.readlink("/proc/self/ns/net")  # noqa: PTH115 - the target is no path
    srpm, work = bench.srpm("hello", build="readlink /proc/self/ns/net")
    attempt = bench.attempt(srpm, chroot_work(work.srpm, chroot=work.chroot, network=True))
    assert attempt.carry_out().state is AttemptState.SUCCEEDED, attempt.log
    assert here in attempt.log


def test_full_disk_is_the_farms_fault(bench: Bench) -> None:
    """A build that fills the disk is tried elsewhere; its result is written nevertheless."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    srpm, work = bench.srpm("hello", build="dd if=/dev/zero of=big bs=1M count=2000")
    small = bench.folder / f"small-{bench.kind}"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=800m", "none", small], check=True, timeout=60)
    try:
        attempt = RealAttempt(small, order(work, attempt=secrets.token_hex(16)), srpm, None, bench.variables)
        outcome = attempt.run()
    finally:
        subprocess.run(["umount", "--lazy", small], check=True, timeout=60)
    assert (outcome.state, outcome.kind) == (AttemptState.BROKEN, FailureKind.INFRASTRUCTURE), outcome.reason
    assert "the slave's disk is full" in outcome.reason
