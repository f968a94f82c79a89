"""Signing with real gpg and rpmsign: what is signed, with which key, and what clients see while keys change."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder.errors import UnavailableError
from builder.model.findings import Finding, FindingKind
from builder.model.operation import Key, KeyAction, NumberedOperation, Prepare
from builder.model.project import Retention
from builder.repo.manifest import Manifest
from builder.repo.signing import public_keys, sign
from builder.repo.thinning import GRACE
from builder.wire import Applied, Rejected
from tests.integration.test_interrupted_publish import killed
from tests.support.repositories import Workbench, names, packages
from tests.support.rpms import deliver, order_of, rpms

TESTING = "repos/hello/testing/fedora-43"
SUBPACKAGES = ("devel", "debuginfo")
CREATE, ROTATE, RETIRE = KeyAction.CREATE, KeyAction.ROTATE, KeyAction.RETIRE


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a project with one package, published before there was a key, and one after; made once."""
    bench = Workbench(tmp_path_factory.mktemp("signing") / "state")
    publish(bench, 1, *rpms("hello", arch="x86_64", subpackages=SUBPACKAGES))
    order(bench, 2, CREATE)
    publish(bench, 3, *rpms("later", arch="x86_64"), package="later")
    return bench.state


@pytest.fixture
def bench(signing: Path, tmp_path: Path) -> Workbench:
    """A copy of it."""
    subprocess.run(["cp", "-a", signing, tmp_path / "state"], check=True)
    return Workbench(tmp_path / "state")


def publish(bench: Workbench, number: int, *files: Path, **changes: Any) -> Applied:
    order = order_of(number, **changes)
    deliver(bench.state, order, files)
    (answer,) = bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
    assert isinstance(answer, Applied), answer
    return answer


def order(bench: Workbench, number: int, action: KeyAction) -> Applied | Rejected:
    (answer,) = bench.operations.carry_out(
        [NumberedOperation(number=number, operation=Key(project="hello", action=action))]
    )
    return answer


def trees(bench: Workbench) -> Iterator[Path]:
    """The repositories of the project."""
    for tree in ("x86_64", "source", "debug/x86_64"):
        yield bench.state / TESTING / tree


def manifest_of(tree: Path) -> Manifest:
    return msgspec.json.decode((tree / "repodata/../manifest.json").read_bytes(), type=Manifest)


def check(bench: Workbench, tree: Path, keys: Path) -> None:
    """A client that trusts these keys finds metadata and packages signed; rpm and gpgv say so, not we."""
    folder = bench.state / "client"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    subprocess.run(["gpg", "--dearmor", "--output", folder / "keyring.gpg", keys], check=True)
    repomd = tree / "repodata/repomd.xml"
    gpgv: list[str | Path] = ["gpgv", "--ignore-time-conflict", "--keyring", folder / "keyring.gpg"]
    subprocess.run([*gpgv, f"{repomd}.asc", repomd], check=True, capture_output=True)
    rpmkeys: list[str | Path] = ["rpmkeys", "--dbpath", folder / "rpmdb"]
    subprocess.run([*rpmkeys, "--import", keys], check=True)
    for package in packages(tree).values():
        command = [*rpmkeys, "--define", "_pkgverify_level all", "-K", tree / package.location_href]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stdout.rpartition(": ")[2]) == (0, "digests signatures OK\n"), said


def public(bench: Workbench) -> Path:
    return public_keys.path(bench.state / "repos", "hello")


def key_of(bench: Workbench, number: int = 0) -> str:
    return public_keys.read(bench.state / "repos", "hello")[number].fingerprint


def test_everything_is_signed_when_there_is_a_key(bench: Workbench) -> None:
    """What was published before the key existed is signed with it, and what comes later; the metadata, too."""
    for tree in trees(bench):
        check(bench, tree, public(bench))
        assert manifest_of(tree).key == key_of(bench)
    assert names(bench.state / TESTING / "x86_64") == [
        "hello-1.0-1.x86_64",
        "hello-devel-1.0-1.x86_64",
        "later-1.0-1.x86_64",
    ]


def test_both_digests_are_recorded(bench: Workbench) -> None:
    """The manifest says what was built and what is served, and the payload of both is the same."""
    built = {
        file.name: file
        for file in (*rpms("hello", arch="x86_64", subpackages=SUBPACKAGES), *rpms("later", arch="x86_64"))
    }
    for tree in trees(bench):
        for listed in manifest_of(tree).packages:
            file, delivered = tree / listed.location, built[Path(listed.location).name]
            assert sign.content(file) == sign.content(delivered)
            assert (listed.sha256, listed.built) == (_digest(file), _digest(delivered))
            assert listed.sha256 != listed.built
            assert (listed.size, listed.key) == (file.stat().st_size, key_of(bench))


def _digest(file: Path) -> str:
    return subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout[:64]


def test_what_was_served_before_stays_as_it_is(bench: Workbench) -> None:
    """A client in the middle of the generation from before the key finds all of its files, and they stay a day."""
    tree = bench.state / TESTING / "x86_64"
    assert names(tree / "generations/1") == ["hello-1.0-1.x86_64", "hello-devel-1.0-1.x86_64"]
    assert len(packages(tree / "generations/2")) == 2
    assert (tree / "Packages/h/hello-1.0-1.x86_64.rpm").read_bytes() == rpms(
        "hello", arch="x86_64", subpackages=SUBPACKAGES
    )[0].read_bytes()


def test_a_name_that_is_known_is_known_wherever_its_file_is(bench: Workbench) -> None:
    """A rebuild with other content is refused, though the file with its usual name has another place now."""
    other = order_of(4)
    deliver(bench.state, other, rpms("hello", arch="x86_64", subpackages=SUBPACKAGES, content="other"))
    (answer,) = bench.operations.carry_out([NumberedOperation(number=4, operation=other)])
    assert isinstance(answer, Rejected)
    assert "with other content" in answer.reason


def test_the_same_package_again_is_not_signed_again(bench: Workbench) -> None:
    """What another build delivers unchanged keeps the file that is served, also when it had left in between."""
    tree = bench.state / TESTING / "x86_64"
    before = {listed.nevra: listed.sha256 for listed in manifest_of(tree).packages}
    publish(bench, 4, *rpms("later", arch="x86_64"), package="later")
    assert {listed.nevra: listed.sha256 for listed in manifest_of(tree).packages} == before
    publish(
        bench,
        5,
        *rpms("later", "2.0", arch="x86_64"),
        package="later",
        retention=Retention(versions=1),
        srpm="later-2.0-1.src.rpm",
    )
    bench.now += 1
    publish(bench, 6, *rpms("later", arch="x86_64"), package="later")
    assert {listed.nevra: listed.sha256 for listed in manifest_of(tree).packages}.items() >= before.items()
    check(bench, tree, public(bench))


def test_a_rotation(bench: Workbench) -> None:
    """The new key signs everything, both are trusted until the old one is retired, and what is old stays readable."""
    old = key_of(bench)
    bench.now += 60
    answer = order(bench, 4, ROTATE)
    assert isinstance(answer, Applied)
    new = key_of(bench)
    assert [(key.fingerprint, key.until) for key in public_keys.read(bench.state / "repos", "hello")] == [
        (new, None),
        (old, bench.now),
    ]
    assert answer.findings.first == (
        Finding(kind=FindingKind.KEY, subject=new, text="signs"),
        Finding(kind=FindingKind.KEY, subject=old, text="old; trusted until it is retired"),
    )
    for tree in trees(bench):
        check(bench, tree, public(bench))
        assert manifest_of(tree).operations[-1].kind.value == "key rotate"
        assert {listed.key for listed in manifest_of(tree).packages} == {new} == {manifest_of(tree).key}
        for past in manifest_of(tree).past:
            packages(tree / "generations" / str(past.generation))
    retired = order(bench, 5, RETIRE)
    assert isinstance(retired, Applied)
    assert retired.findings.first[0] == Finding(kind=FindingKind.KEY, subject=new, text="signs")
    untrusted = [finding.subject for finding in retired.findings.first[1:]]
    assert "hello/testing/fedora-43/x86_64 generation 3" in untrusted
    assert [key.fingerprint for key in public_keys.read(bench.state / "repos", "hello")] == [new]
    assert not (bench.state / "keys/hello" / old).exists()
    for tree in trees(bench):
        check(bench, tree, public(bench))


def test_old_files_go_when_nobody_can_read_them_any_more(bench: Workbench) -> None:
    """A fortnight and a day later the pool has each package once, as the new key signed it."""
    order(bench, 4, ROTATE)
    bench.now += 16 * GRACE
    publish(bench, 5, *rpms("last", arch="x86_64", subpackages=SUBPACKAGES), package="last")
    bench.now += 16 * GRACE
    publish(bench, 6, *rpms("very-last", arch="x86_64", subpackages=SUBPACKAGES), package="very-last")
    kept = {listed.sha256 for tree in trees(bench) for listed in manifest_of(tree).packages}
    assert {path.stem for path in (bench.state / "pool").rglob("*.rpm")} == kept
    for tree in trees(bench):
        check(bench, tree, public(bench))


@pytest.mark.parametrize(
    ("orders", "reason"),
    [
        ([(4, CREATE)], "hello has a key already: rotate it"),
        ([(4, RETIRE)], "hello has no old key: rotate"),
    ],
)
def test_what_cannot_be_done(bench: Workbench, orders: list[tuple[int, KeyAction]], reason: str) -> None:
    """A second first key, and retiring the only one, are refused with what to do instead; nothing changes."""
    before = key_of(bench)
    for number, action in orders:
        answer = order(bench, number, action)
        assert isinstance(answer, Rejected)
        assert reason in answer.reason
    assert key_of(bench) == before


def test_keys_of_a_project_without_one(tmp_path: Path) -> None:
    """There is nothing to rotate or to retire before the first key."""
    bench = Workbench(tmp_path)
    for number, action in ((1, ROTATE), (2, RETIRE)):
        answer = order(bench, number, action)
        assert isinstance(answer, Rejected)
        assert "hello has no key: create one first" in answer.reason


def test_an_operation_on_keys_is_applied_once(bench: Workbench) -> None:
    """Given again, also after later ones, an operation is answered and makes no further key."""
    first = order(bench, 2, CREATE)
    assert isinstance(first, Applied)
    rotated = order(bench, 4, ROTATE)
    key = key_of(bench)
    for number, action in ((2, CREATE), (4, ROTATE)):
        assert isinstance(order(bench, number, action), Applied)
    assert order(bench, 4, ROTATE) == rotated
    assert key_of(bench) == key


def test_a_key_before_the_first_repository(tmp_path: Path) -> None:
    """A project may get its key first: its repositories are signed from their first generation on."""
    bench = Workbench(tmp_path)
    assert isinstance(order(bench, 1, CREATE), Applied)
    prepare = Prepare(project="hello", stages=("testing",), chroots=("fedora-43-x86_64",))
    (answer,) = bench.operations.carry_out([NumberedOperation(number=2, operation=prepare)])
    assert isinstance(answer, Applied)
    publish(bench, 3, *rpms("hello"))
    for tree in (bench.state / TESTING / "x86_64", bench.state / TESTING / "source"):
        check(bench, tree, public(bench))
        assert names(tree / "generations/1") == []


def test_lost_keys_are_told(bench: Workbench) -> None:
    """Where the keys are gone that clients trust, nothing is published unsigned; what was lost can be put back."""

    (bench.state / "keys/hello").rename(bench.state / "elsewhere")
    order = order_of(4, package="more")
    deliver(bench.state, order, rpms("more", arch="x86_64"))
    with pytest.raises(UnavailableError, match="the keys of hello are missing"):
        bench.operations.carry_out([NumberedOperation(number=4, operation=order)])
    (bench.state / "elsewhere").rename(bench.state / "keys/hello")
    (answer,) = bench.operations.carry_out([NumberedOperation(number=4, operation=order)])
    assert isinstance(answer, Applied)


@pytest.mark.parametrize("action", [None, ROTATE])
def test_killed_while_it_signs(bench: Workbench, tmp_path: Path, action: KeyAction | None) -> None:
    """Killed ahead of a change, and started again: what can be read is signed with a key that is served, and once the
    operation is given again it is done, as it would have been."""
    if action is None:
        delivery = order_of(4, package="more")
        deliver(bench.state, delivery, rpms("more", arch="x86_64"))
        operation = NumberedOperation(number=4, operation=delivery)
    else:
        operation = NumberedOperation(number=4, operation=Key(project="hello", action=action))
    point = 1
    while True:
        state = tmp_path / f"state-{point}"
        subprocess.run(["cp", "-a", bench.state, state], check=True)
        if not killed(lambda state=state: Workbench(state, bench.now).operations.carry_out([operation]), point):  # type: ignore[misc]  # bound now
            break
        again = Workbench(state, bench.now)
        for tree in trees(again):
            check(again, tree, public(again))
        (answer,) = again.operations.carry_out([operation])
        assert isinstance(answer, Applied)
        for tree in trees(again):
            check(again, tree, public(again))
            assert manifest_of(tree).key == key_of(again)
        assert len(list((state / "keys/hello").iterdir())) == 1 + len(public_keys.read(state / "repos", "hello"))
        assert not list((state / "staging").iterdir())
        shutil.rmtree(state)
        point += 59
    assert point > 59
