"""The process is killed ahead of every rename, link, removal and sync, and started again."""

import errno
import gzip
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from builder import files
from builder.model.operation import (
    CarriedKind,
    Carry,
    Drop,
    Key,
    KeyAction,
    NumberedOperation,
    Pin,
    Prepare,
    Promote,
    Prune,
    Rebuild,
    Rollback,
    Undo,
)
from builder.model.project import Retention
from builder.repo.answer import OperationAnswer
from builder.repo.archive import Archive
from builder.repo.signing import public_keys
from builder.repo.thinning import DAILY, GRACE
from builder.wire import Applied, Rejected
from tests.support.histories import NAME
from tests.support.memory import folder_in_memory
from tests.support.remembered import Remembered
from tests.support.repositories import Workbench, names, packages, picture
from tests.support.rpms import deliver, order_of, rpms

pytestmark = pytest.mark.long

START = 1_800_000_000.0
KILLED = 9
ALICE: dict[str, Any] = {"project": "hello", "who": "alice", "reason": "good"}


class Scene:
    """A state folder as it was before some operations, and what they leave and answer when nobody interrupts them."""

    def __init__(self, folder: Path, now: float, operations: tuple[NumberedOperation, ...]) -> None:
        self.before = folder / "before"
        self.now = now
        self.operations = operations
        self.end = self.copy(folder / "end")
        self.answers = self.live(self.end)
        self.after = picture(self.end)
        trees = {path.parent.relative_to(self.end) for path in self.end.glob("repos/**/repodata") if path.is_symlink()}
        self.views = {tree: (_view(self.before / tree), _view(self.end / tree)) for tree in trees}

    def copy(self, to: Path) -> Path:
        """The folder as it was before, hard links and all."""
        subprocess.run(["cp", "-a", self.before, to], check=True)
        return to

    def live(self, state: Path) -> Sequence[OperationAnswer]:
        """What a process does: clear up, then carry out what the master gives it (again)."""
        return Workbench(state, self.now).operations.carry_out(self.operations)


def _view(tree: Path) -> tuple[dict[str, str], bytes] | None:
    """What a client sees, the digests of packages and a signature; None where there is no repository yet."""
    if not (tree / "repodata").exists():
        return None
    signature = tree / "repodata" / "repomd.xml.asc"
    digests = {name: package.pkgId for name, package in packages(tree).items()}
    return digests, signature.read_bytes() if signature.exists() else b""


def killed(work: Callable[[], object], point: int) -> bool:
    """Do `work` in a process of its own that dies ahead of its `point`th change; False if it came to its end before.

    Where the change is to remove a folder, it dies when one file of it is gone.
    """
    pid = os.fork()
    if pid == 0:
        count = 0

        def die(operation: str, path: Path) -> None:
            nonlocal count
            count += 1
            if count == point:
                if operation == "remove" and path.is_dir() and not path.is_symlink():
                    _remove_one(path)
                os._exit(KILLED)

        try:
            files.before.append(die)
            work()
            os._exit(0)
        finally:
            os._exit(1)  # a failure must not run the tests of this process a second time
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in {0, KILLED}
    return status == KILLED


@contextmanager
def failing(point: int) -> Iterator[list[Path]]:
    """Let the disk fail ahead of the `point`th change; what was to be changed is then in the list."""
    count = 0
    failed: list[Path] = []

    def fail(_operation: str, path: Path) -> None:
        nonlocal count
        count += 1
        if count == point:
            failed.append(path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    files.before.append(fail)
    try:
        yield failed
    finally:
        files.before.remove(fail)


def stops(work: Callable[[], object]) -> Iterator[tuple[str, Path]]:
    """Do `work` in a process of its own, which stops ahead of each change until it is asked for the next one.

    The operation and the path that it is about to change are told. A kill there would leave what is there then.
    """
    here, there = Pipe()
    pid = os.fork()
    if pid == 0:

        def stop(operation: str, path: Path) -> None:
            there.send((operation, path))
            there.recv()

        try:
            here.close()
            files.before.append(stop)
            work()
            os._exit(0)
        finally:
            os._exit(1)  # a failure must not run the tests of this process a second time
    there.close()
    try:
        with suppress(EOFError):
            while True:
                yield here.recv()
                here.send(None)
    finally:
        here.close()
        status = os.waitpid(pid, 0)[1]
    assert status == 0


def points(scene: Scene, work: Callable[[Path], object], every: int = 1) -> Iterator[tuple[int, Path]]:
    """The state that a kill leaves behind, for each (or every so many) point of the work.

    Where the change is to remove a folder, one file of it is gone.
    """
    with tempfile.TemporaryDirectory(dir=scene.before.parent) as folder:
        alive, state = scene.copy(Path(folder) / "alive"), Path(folder) / "state"
        for number, (operation, changed) in enumerate(stops(lambda: work(alive))):
            if number % every:
                continue
            subprocess.run(["cp", "-a", alive, state], check=True)
            path = state / changed.relative_to(alive)
            if operation == "remove" and path.is_dir() and not path.is_symlink():
                _remove_one(path)
            yield number + 1, state
            shutil.rmtree(state)


def _remove_one(folder: Path) -> None:
    for part in [part for part in folder.rglob("*") if part.is_file()][:1]:
        part.unlink()


def _given(
    bench: Workbench, number: int, version: str, chroots: tuple[str, ...] = ("fedora-43-x86_64",), **rpm: Any
) -> NumberedOperation:
    """A delivery and the order to publish it."""
    order = order_of(number, retention=Retention(versions=1), chroots=chroots)
    deliver(bench.state, order, rpms("hello", version, **rpm))
    return NumberedOperation(number=number, operation=order)


def _history(bench: Workbench, **rpm: Any) -> None:
    """Two versions, weeks apart and weeks ago: the first one is to be removed now, the second one to be superseded."""
    for number in (1, 2):
        bench.operations.carry_out([_given(bench, number, str(number), **rpm)])
        bench.now += GRACE + DAILY
        Workbench(bench.state, bench.now)


def _arch(bench: Workbench) -> tuple[NumberedOperation, ...]:
    _history(bench, arch="x86_64", subpackages=("debuginfo",))
    return tuple(_given(bench, number, str(number), arch="x86_64", subpackages=("debuginfo",)) for number in (3, 4))


def _noarch(bench: Workbench) -> tuple[NumberedOperation, ...]:
    _history(bench)
    return (_given(bench, 3, "3", chroots=("fedora-43-x86_64", "fedora-43-aarch64")),)


def _rejected(bench: Workbench) -> tuple[NumberedOperation, ...]:
    _history(bench)
    return (_given(bench, 3, "2", content="other"), _given(bench, 4, "4"))


def _prepare(bench: Workbench) -> tuple[NumberedOperation, ...]:
    order = Prepare(project="hello", stages=("testing",), chroots=("fedora-43-x86_64",))
    return (NumberedOperation(number=1, operation=order),)


def _rollback(bench: Workbench) -> tuple[NumberedOperation, ...]:
    """Together with a publish, which it withdraws again."""
    _history(bench)
    back = Rollback(project="hello", repository=NAME, generation=1, who="alice", reason="it crashes")
    return (_given(bench, 3, "3"), NumberedOperation(number=4, operation=back))


def _undo(bench: Workbench) -> tuple[NumberedOperation, ...]:
    _history(bench, arch="x86_64", subpackages=("debuginfo",))
    return (NumberedOperation(number=3, operation=Undo(project="hello", number=2, who="alice")),)


def _pin(bench: Workbench) -> tuple[NumberedOperation, ...]:
    _history(bench)
    pin = Pin(project="hello", repository=NAME, generation=1, who="alice")
    return (NumberedOperation(number=3, operation=pin), _given(bench, 4, "4"))


def _promote(bench: Workbench) -> tuple[NumberedOperation, ...]:
    _history(bench, arch="x86_64", subpackages=("debuginfo",))
    order = Promote(project="hello", source="testing", target="stable", everything=True, who="alice", reason="good")
    return (NumberedOperation(number=3, operation=order),)


def _carry(bench: Workbench) -> tuple[NumberedOperation, ...]:
    _history(bench)
    packed = gzip.compress(b"<comps/>", mtime=0)
    kind = CarriedKind.GROUP
    order = Carry(project="hello", stage="testing", distribution="fedora-43", kind=kind, packed=packed)
    return (NumberedOperation(number=3, operation=order), _given(bench, 4, "4"))


def _prune(bench: Workbench) -> tuple[NumberedOperation, ...]:
    """What is to leave is in the packages' repository, in that of the sources and in that for debuggers."""
    for number in (1, 2, 3):
        order = order_of(number, retention=None)
        deliver(bench.state, order, rpms("hello", str(number), arch="x86_64", subpackages=("debuginfo",)))
        bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
        bench.now += GRACE + DAILY
    return (
        NumberedOperation(number=4, operation=Prune(retention=Retention(versions=1), **ALICE)),
        _given(bench, 5, "5"),
    )


def _drop(bench: Workbench) -> tuple[NumberedOperation, ...]:
    """Of two deliveries that were not taken, one; a third one is not taken meanwhile."""
    _history(bench)
    bench.operations.carry_out([_given(bench, number, "2", content="other") for number in (3, 4)])
    return (
        NumberedOperation(number=5, operation=Drop(rejected="3-3-fedora-43-x86_64-1", **ALICE)),
        _given(bench, 6, "2", content="x"),
    )


def _create(bench: Workbench) -> tuple[NumberedOperation, ...]:
    """The first key, with a publish: packages that are served get another file each."""
    _history(bench, arch="x86_64")
    return (
        NumberedOperation(number=3, operation=Key(action=KeyAction.CREATE, **ALICE)),
        _given(bench, 4, "4", arch="x86_64"),
    )


def _rotate(bench: Workbench) -> tuple[NumberedOperation, ...]:
    _history(bench, arch="x86_64")
    bench.operations.carry_out([NumberedOperation(number=3, operation=Key(action=KeyAction.CREATE, **ALICE))])
    bench.now += 1
    return (
        NumberedOperation(number=4, operation=Key(action=KeyAction.ROTATE, **ALICE)),
        _given(bench, 5, "5", arch="x86_64"),
    )


def _retire(bench: Workbench) -> tuple[NumberedOperation, ...]:
    bench.operations.carry_out([*_rotate(bench)])
    bench.now += 1
    return (
        NumberedOperation(number=6, operation=Key(action=KeyAction.RETIRE, **ALICE)),
        _given(bench, 7, "7", arch="x86_64"),
    )


SCENES = {
    "arch": _arch,
    "noarch": _noarch,
    "rejected": _rejected,
    "prepare": _prepare,
    "rollback": _rollback,
    "undo": _undo,
    "pin": _pin,
    "promote": _promote,
    "carry": _carry,
    "prune": _prune,
    "drop": _drop,
    "create": _create,
    "rotate": _rotate,
    "retire": _retire,
}


@pytest.fixture(scope="module", params=SCENES)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Operations that touch several repositories, with something to supersede, to thin out and to remove."""
    with folder_in_memory() as folder, pytest.MonkeyPatch.context() as patch:
        Remembered(patch)
        bench = Workbench(folder / "before", START)
        operations = SCENES[request.param](bench)
        yield Scene(folder, bench.now, operations)


def test_killed_and_started_again(scene: Scene) -> None:
    """After the restart each repository is whole, old or new, and nothing is there that none of them needs; once the
    master has asked again, its answers and every file and link are as if nothing had happened."""
    count = 0
    for count, state in points(scene, scene.live):
        bench = Workbench(state, scene.now)
        for tree, views in scene.views.items():
            assert _view(state / tree) in views, f"point {count}"
        assert _leaked(state) == [], f"point {count}"
        assert _untrusted(state) == [], f"point {count}"
        answers = bench.operations.carry_out(scene.operations)
        assert sorted(answers, key=_number) == sorted(scene.answers, key=_number), f"point {count}"
        assert picture(state) == scene.after, f"point {count}"
    assert count > 10


def test_killed_while_it_clears_up(scene: Scene) -> None:
    """A second kill, while the first one's leftovers are removed, changes nothing."""
    for point, state in points(scene, scene.live, every=5):
        for again in range(1, 200):
            if not killed(lambda state=state: Workbench(state, scene.now), again):  # type: ignore[misc]  # bound now
                break
        scene.live(state)
        assert picture(state) == scene.after, f"point {point}"


def test_failed_and_tried_again(scene: Scene) -> None:
    """A disk that fails at any point of a publish, and works again, leaves nothing that the same process trips over."""
    for point in range(1, 2000):
        with tempfile.TemporaryDirectory(dir=scene.before.parent) as folder:
            bench = Workbench(scene.copy(Path(folder) / "state"), scene.now)
            with failing(point) as failed, suppress(OSError):
                bench.operations.carry_out(scene.operations)
            if not failed:
                return
            bench.operations.carry_out(scene.operations)
            assert picture(bench.state) == scene.after, f"point {point}"
    pytest.fail("the work has no end")


def test_killed_while_it_rebuilds(tmp_path: Path) -> None:
    """A rebuild that is cut off anywhere is finished by the next one: every byte and link is what it was."""
    bench = Workbench(tmp_path / "before", START)
    _history(bench)
    whole = picture(bench.state)
    tree = bench.state / "repos" / NAME
    shutil.rmtree(tree / "generations/2")
    (tree / "generations/1/repodata/repomd.xml").write_text("<")
    (tree / "Packages/h/hello-1-1.noarch.rpm").unlink()
    (tree / "repodata").unlink()
    (tree / "repodata").mkdir()
    operation = NumberedOperation(number=3, operation=Rebuild(project="hello", repository=NAME))
    for point in range(1, 2000):
        state = tmp_path / str(point)
        subprocess.run(["cp", "-a", bench.state, state], check=True)
        again = killed(lambda state=state: Workbench(state, bench.now).operations.carry_out([operation]), point)  # type: ignore[misc]  # bound now
        Workbench(state, bench.now).operations.carry_out([operation])
        assert picture(state) == whole, f"point {point}"
        if not again:
            assert point > 10
            return
        shutil.rmtree(state)
    pytest.fail("the work has no end")


def _rivals(state: Path) -> tuple[NumberedOperation, NumberedOperation]:
    """Two builds of the same version for two architectures: only one of their SRPMs can be published."""
    operations = []
    for number, (arch, content) in enumerate([("x86_64", "one"), ("aarch64", "other")], start=1):
        chroot = f"fedora-43-{arch}"
        order = order_of(number, job=chroot, chroots=(chroot,))
        deliver(state, order, rpms("hello", arch=arch, content=content))
        operations.append(NumberedOperation(number=number, operation=order))
    return operations[0], operations[1]


def _published(state: Path) -> dict[str, list[str]]:
    trees = {tree: state / "repos/hello/testing/fedora-43" / tree for tree in ("x86_64", "aarch64", "source")}
    return {name: names(tree) for name, tree in trees.items() if (tree / "repodata").exists()}


def test_an_operation_is_in_all_its_repositories_or_in_none(tmp_path: Path) -> None:
    """Whatever fails in the middle of an operation, and whatever is carried out before it is tried again: it is refused
    only if no repository has any of it, and a repository has it only if all of them have."""
    refused = 0
    for point in range(1, 2000):
        state = tmp_path / str(point)
        bench = Workbench(state)
        (first, rival) = _rivals(state)
        with failing(point) as failed, suppress(OSError):
            bench.operations.carry_out([first])
        if not failed:
            assert 0 < refused < point - 1
            return
        answers = [*bench.operations.carry_out([rival]), *bench.operations.carry_out([first])]
        kinds = [type(answer) for answer in answers]
        if kinds == [Applied, Rejected]:
            refused += 1
            assert _published(state) == {"aarch64": ["hello-1.0-1.aarch64"], "source": ["hello-1.0-1.src"]}
        else:
            assert kinds == [Rejected, Applied], f"point {point}"
            assert _published(state) == {"x86_64": ["hello-1.0-1.x86_64"], "source": ["hello-1.0-1.src"]}
        shutil.rmtree(state)
    pytest.fail("the work has no end")


def _leaked(state: Path) -> list[Path]:
    """Files that are there for nobody; what came in and waits for its operation may have a name in the pool already."""
    served = {path for tree in ("*", "debug/*") for path in state.glob(f"repos/*/*/*/{tree}/Packages/*/*.rpm")}
    used = {path.stat().st_ino for path in (*served, *state.glob("incoming/**/*.rpm"))}
    for generation in state.glob("repos/**/generations/*"):
        served -= {generation.parents[1] / package.location_href for package in packages(generation).values()}
    pool = set(state.glob("pool/*/*"))
    read = {".index-1", ".card-1"}
    records = {path for path in pool if path.suffix in read and path.with_suffix(".rpm") in pool}
    packaged = {path for path in pool if path.suffix == ".rpm" and path.stat().st_ino in used}
    begun = {*(state / "staging").iterdir(), *state.rglob(".*")}
    return sorted(served | (pool - records - packaged) | begun)


def _untrusted(state: Path) -> list[Path]:
    """The repositories that are not signed with a key that clients trust, where clients ask for one."""
    trusted = {key.fingerprint for key in public_keys.read(state / "repos", "hello")}
    homes = [path.parent for path in state.glob("repos/**/repodata") if path.is_symlink()]
    return [home for home in homes if trusted and Archive(home.name, home).current().key not in trusted]


def _number(answer: OperationAnswer) -> int:
    return answer.number
