"""Artifacts on their way into `incoming/`."""

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail

from builder import files
from builder.errors import ConflictError, DigestError, InvalidError, TooLargeError, UnavailableError
from builder.master import delivery as delivery_module
from builder.master.delivery import LARGEST, Delivery
from builder.model.artifact import LISTING_LIMIT, LISTING_NAME, Artifact, ArtifactKind, Listing
from tests.support.aside import aside
from tests.support.disk import no_file_larger_than
from tests.support.store import answer

T = TypeVar("T")
ATTEMPT = "a" * 32
CONTENT = b"0123456789" * 10


def artifact(content: bytes = CONTENT, name: str = "x.rpm", kind: ArtifactKind = ArtifactKind.RPM) -> Artifact:
    """A file with this content."""
    return Artifact(name=name, kind=kind, size=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the attempt delivers to; it is not there yet."""
    return tmp_path / "17" / "fedora-43-x86_64" / "1"


@pytest.fixture
def delivery(folder: Path) -> Delivery:
    """A delivery of which nothing has come."""
    return Delivery(folder, aside)


def deliver(
    delivery: Delivery, content: bytes = CONTENT, name: str = "x.rpm", kind: ArtifactKind = ArtifactKind.RPM
) -> None:
    """Let a whole file come."""
    answer(delivery.begin(artifact(content, name, kind)))
    answer(delivery.append(name, 0, content))


def close(delivery: Delivery, *listed: Artifact, attempt: str = ATTEMPT) -> None:
    """Let the listing come."""
    content = msgspec.json.encode(Listing(attempt=attempt, artifacts=listed))
    deliver(delivery, content, LISTING_NAME, ArtifactKind.LISTING)


def test_a_file_gets_its_name_when_it_is_whole(delivery: Delivery, folder: Path) -> None:
    """Before that it has a name that no artifact can have; its answers say where to go on."""
    assert answer(delivery.begin(artifact())) == 0
    assert answer(delivery.append("x.rpm", 0, CONTENT[:40])) == 40
    assert [path.name for path in folder.iterdir()] == [".x.rpm.part"]
    assert answer(delivery.append("x.rpm", 40, CONTENT[40:])) == 100
    assert (folder / "x.rpm").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["x.rpm"]


def test_what_is_there_is_hashed_in_pieces(delivery: Delivery, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A master that stops in the middle of a large file waits for one piece of it, not for the whole."""
    answer(delivery.begin(artifact()))
    answer(delivery.append("x.rpm", 0, CONTENT[:95]))
    monkeypatch.setattr(delivery_module, "PIECE", 10)
    pieces: list[int] = []

    def stopping(work: Callable[[], T]) -> Deferred[T]:
        pieces.append(1)
        return fail(UnavailableError("the master stops")) if len(pieces) == 5 else aside(work)

    with pytest.raises(UnavailableError, match="stops"):
        answer(Delivery(folder, stopping).begin(artifact()))
    assert answer(Delivery(folder, aside).begin(artifact())) == 95


def test_a_file_that_is_begun_again_goes_on(delivery: Delivery, folder: Path) -> None:
    """Where this master has received it, it knows how far it is, and does not look at what there is once more."""
    answer(delivery.begin(artifact()))
    answer(delivery.append("x.rpm", 0, CONTENT[:40]))
    (folder / ".x.rpm.part").unlink()
    assert answer(delivery.begin(artifact())) == 40


def test_a_whole_file_that_could_not_get_its_name(delivery: Delivery, folder: Path) -> None:
    """It gets it when it is begun again, without another byte."""

    def refuse(operation: str, _: Path) -> None:
        if operation == "move":
            raise OSError(errno.EIO, "Input/output error")

    answer(delivery.begin(artifact()))
    files.before.append(refuse)
    try:
        with pytest.raises(UnavailableError):
            answer(delivery.append("x.rpm", 0, CONTENT))
    finally:
        files.before.clear()
    assert answer(delivery.begin(artifact())) == 100
    assert (folder / "x.rpm").read_bytes() == CONTENT


def test_a_delivery_has_bounds(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their number nor their size together may be more than that of any honest delivery."""
    large = msgspec.structs.replace(artifact(), size=LARGEST - 100)
    assert answer(delivery.begin(large)) == 0
    assert answer(delivery.begin(artifact(name="y.rpm"))) == 0
    with pytest.raises(TooLargeError, match=r"z\.rpm"):
        answer(delivery.begin(artifact(name="z.rpm")))
    assert answer(delivery.begin(msgspec.structs.replace(large, size=100))) == 0
    monkeypatch.setattr(delivery_module, "MOST_FILES", 3)
    assert answer(delivery.begin(artifact(name="z.rpm"))) == 0
    with pytest.raises(TooLargeError, match=r"w\.rpm"):
        answer(delivery.begin(artifact(name="w.rpm")))


def test_a_file_is_on_the_disk_before_it_has_its_name(delivery: Delivery) -> None:
    """Its content is synced, then it is renamed."""
    answer(delivery.begin(artifact()))
    done: list[tuple[str, str]] = []
    files.before.append(lambda operation, path: done.append((operation, path.name)))
    try:
        answer(delivery.append("x.rpm", 0, CONTENT))
    finally:
        files.before.clear()
    assert done[:2] == [("sync", ".x.rpm.part"), ("move", "x.rpm")]


def test_bytes_may_come_twice_or_too_early(delivery: Delivery) -> None:
    """What is there already is left out, what leaves a gap is not taken, and what is whole stays as it is."""
    answer(delivery.begin(artifact()))
    assert answer(delivery.append("x.rpm", 50, CONTENT[50:])) == 0
    answer(delivery.append("x.rpm", 0, CONTENT[:40]))
    assert answer(delivery.append("x.rpm", 0, CONTENT[:40])) == 40
    assert answer(delivery.append("x.rpm", 30, CONTENT[30:60])) == 60
    assert answer(delivery.append("x.rpm", 60, CONTENT[60:])) == 100
    assert answer(delivery.append("x.rpm", 60, CONTENT[60:])) == 100
    assert answer(delivery.begin(artifact())) == 100


def test_an_empty_file_is_whole_at_once(delivery: Delivery, folder: Path) -> None:
    """No bytes have to come for it."""
    assert answer(delivery.begin(artifact(b"", "empty.log", ArtifactKind.LOG))) == 0
    assert (folder / "empty.log").read_bytes() == b""
    close(delivery, artifact(b"", "empty.log", ArtifactKind.LOG))
    answer(delivery.complete(ATTEMPT))


def test_what_is_not_what_it_should_be_is_thrown_away(delivery: Delivery, folder: Path) -> None:
    """It can come once more, and then be right."""
    answer(delivery.begin(artifact()))
    with pytest.raises(DigestError, match=r"x\.rpm"):
        answer(delivery.append("x.rpm", 0, b"?" * 100))
    assert list(folder.iterdir()) == []
    deliver(delivery)
    assert (folder / "x.rpm").exists()


def test_more_than_was_announced_is_refused(delivery: Delivery) -> None:
    """Whoever sends too much is told so, and what came before is kept."""
    answer(delivery.begin(artifact()))
    answer(delivery.append("x.rpm", 0, CONTENT[:90]))
    with pytest.raises(InvalidError, match="longer than the 100 bytes"):
        answer(delivery.append("x.rpm", 90, b"12345678901"))
    assert answer(delivery.append("x.rpm", 90, CONTENT[90:])) == 100


def test_bytes_of_nothing(delivery: Delivery) -> None:
    """What was not announced is not taken."""
    with pytest.raises(InvalidError, match="before it was begun"):
        answer(delivery.append("x.rpm", 0, b"x"))


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [("x.rpm", ArtifactKind.RPM, LARGEST + 1), (LISTING_NAME, ArtifactKind.LISTING, LISTING_LIMIT + 1)],
)
def test_what_is_too_large_is_refused(delivery: Delivery, name: str, kind: ArtifactKind, size: int) -> None:
    """Before a byte of it is sent."""
    with pytest.raises(TooLargeError, match=name):
        answer(delivery.begin(Artifact(name=name, kind=kind, size=size, sha256="0" * 64)))


@pytest.mark.parametrize(("name", "kind"), [("x.rpm", ArtifactKind.LISTING), (LISTING_NAME, ArtifactKind.RPM)])
def test_a_listing_is_called_so(delivery: Delivery, name: str, kind: ArtifactKind) -> None:
    """Nothing else has its name, and it has no other."""
    with pytest.raises(InvalidError, match=LISTING_NAME):
        answer(delivery.begin(artifact(name=name, kind=kind)))


def test_a_changed_file_replaces_what_is_there(delivery: Delivery, folder: Path) -> None:
    """A name that comes again with another digest begins from nothing, in this life and in the next."""
    deliver(delivery, b"old")
    assert answer(delivery.begin(artifact(b"newer"))) == 0
    answer(delivery.append("x.rpm", 0, b"newer"))
    assert (folder / "x.rpm").read_bytes() == b"newer"
    later = Delivery(folder, aside)
    assert answer(later.begin(artifact(b"newest!"))) == 0
    assert not (folder / "x.rpm").exists()


def test_a_part_that_is_longer_than_the_file(delivery: Delivery, folder: Path) -> None:
    """It is of something else, and begins anew."""
    answer(delivery.begin(artifact()))
    answer(delivery.append("x.rpm", 0, CONTENT[:90]))
    assert answer(Delivery(folder, aside).begin(artifact(b"short"))) == 0


def test_a_part_that_was_whole_but_not_renamed(folder: Path) -> None:
    """The last life ended in between: the file is there without another byte, if it is right."""
    folder.mkdir(parents=True)
    (folder / ".x.rpm.part").write_bytes(CONTENT)
    assert answer(Delivery(folder, aside).begin(artifact())) == 100
    (folder / ".y.rpm.part").write_bytes(b"?" * 100)
    with pytest.raises(DigestError):
        answer(Delivery(folder, aside).begin(artifact(name="y.rpm")))
    assert answer(Delivery(folder, aside).begin(artifact(name="y.rpm"))) == 0


def test_a_full_disk_loses_nothing(delivery: Delivery, folder: Path) -> None:
    """What did not fit is answered as unavailable, and the same bytes are taken when there is room again."""
    answer(delivery.begin(artifact()))
    answer(delivery.append("x.rpm", 0, CONTENT[:40]))
    with no_file_larger_than(60), pytest.raises(UnavailableError, match="the master cannot use"):
        answer(delivery.append("x.rpm", 40, CONTENT[40:]))
    assert (folder / ".x.rpm.part").read_bytes() == CONTENT[:40]
    assert answer(delivery.append("x.rpm", 40, CONTENT[40:])) == 100


def test_a_failed_rename_is_made_up_for(delivery: Delivery, folder: Path) -> None:
    """A file that is whole but could not get its name gets it when its last bytes come again."""
    answer(delivery.begin(artifact()))

    def refuse(operation: str, _: Path) -> None:
        if operation == "move":
            raise OSError(5, "Input/output error")

    files.before.append(refuse)
    try:
        with pytest.raises(UnavailableError, match="Input/output error"):
            answer(delivery.append("x.rpm", 0, CONTENT))
    finally:
        files.before.clear()
    assert answer(delivery.append("x.rpm", 0, CONTENT)) == 100
    assert (folder / "x.rpm").exists()


def test_completeness(delivery: Delivery, folder: Path) -> None:
    """The listing is needed, and all that it names; what it does not name goes away."""
    with pytest.raises(ConflictError, match="listing"):
        answer(delivery.complete(ATTEMPT))
    deliver(delivery, name="stray.rpm")
    close(delivery, artifact())
    with pytest.raises(ConflictError, match=r"x\.rpm"):
        answer(delivery.complete(ATTEMPT))
    deliver(delivery)
    assert answer(delivery.complete(ATTEMPT)).artifacts == (artifact(),)
    assert sorted(path.name for path in folder.iterdir()) == [LISTING_NAME, "x.rpm"]


def test_completeness_in_another_life(delivery: Delivery, folder: Path) -> None:
    """Files that an earlier life received are hashed anew: one that changed since is found out."""
    deliver(delivery)
    close(delivery, artifact())
    answer(Delivery(folder, aside).complete(ATTEMPT))
    (folder / "x.rpm").write_bytes(b"?" * 100)
    with pytest.raises(ConflictError, match=r"x\.rpm"):
        answer(Delivery(folder, aside).complete(ATTEMPT))


@pytest.mark.parametrize(
    ("attempt", "listed", "complaint"),
    [("b" * 32, (artifact(),), "is that of"), (ATTEMPT, (artifact(), artifact()), "twice")],
)
def test_listings_that_are_nonsense(
    delivery: Delivery, attempt: str, listed: tuple[Artifact, ...], complaint: str
) -> None:
    """One of another attempt, or one that names a file twice, is not going to be one."""
    deliver(delivery)
    close(delivery, *listed, attempt=attempt)
    with pytest.raises(InvalidError, match=complaint):
        answer(delivery.complete(ATTEMPT))


class KilledError(BaseException):
    """The process is gone."""


def test_killed_at_any_point(tmp_path: Path) -> None:
    """Wherever a life ends, the next one takes the same files to the same end."""
    for point in range(100):
        folder, left = tmp_path / str(point), point

        def count(_operation: str, _path: Path) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KilledError

        files.before.append(count)
        try:
            whole(Delivery(folder, aside))
        except KilledError:
            pass
        finally:
            files.before.clear()
        whole(Delivery(folder, aside))
        assert sorted(path.name for path in folder.iterdir()) == [LISTING_NAME, "x.rpm", "y.log"]
        if left >= 0:
            return
    raise AssertionError


def whole(delivery: Delivery) -> None:
    """Let everything come that is not there yet, as a slave does, and see that it is complete."""
    log = artifact(b"a log", "y.log", ArtifactKind.LOG)
    listing = msgspec.json.encode(Listing(attempt=ATTEMPT, artifacts=(artifact(), log)))
    last = artifact(listing, LISTING_NAME, ArtifactKind.LISTING)
    for wanted, content in ((artifact(), CONTENT), (log, b"a log"), (last, listing)):
        offset = answer(delivery.begin(wanted))
        if offset < wanted.size:
            answer(delivery.append(wanted.name, offset, content[offset:]))
    answer(delivery.complete(ATTEMPT))


@settings(deadline=None)
@given(st.data())
def test_however_the_bytes_come(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Pieces in any order and of any length, with new lives in between: in the end the file is what it should be."""
    folder = tmp_path_factory.mktemp("delivery")
    content = data.draw(st.binary(max_size=60))
    delivery, there = Delivery(folder, aside), 0
    there = answer(delivery.begin(artifact(content)))
    for _ in range(data.draw(st.integers(0, 12))):
        if data.draw(st.booleans()):
            delivery = Delivery(folder, aside)
            assert answer(delivery.begin(artifact(content))) == there
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, len(content)))
        now = answer(delivery.append("x.rpm", start, content[start:stop]))
        assert now == max(there, stop if start <= there else 0)
        there = now
    answer(delivery.append("x.rpm", there, content[there:]))
    assert (folder / "x.rpm").read_bytes() == content
