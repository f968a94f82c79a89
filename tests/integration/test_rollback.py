"""A repository goes back to what it held, with real packages, and real dnf reads it."""

import re
import subprocess
from pathlib import Path

import pytest

from builder.model.operation import (
    AnyOperation,
    Key,
    KeyAction,
    NumberedOperation,
    Pin,
    PublishedIn,
    Rollback,
    Undo,
    Verify,
)
from builder.model.project import Retention
from builder.repo.archive import Archive
from builder.repo.history import History
from builder.repo.thinning import DAILY, GRACE
from builder.wire import Applied, Rejected
from tests.support.histories import NAME, SOURCE, TREE, ordered, published, told
from tests.support.repositories import Workbench, names, picture
from tests.support.rpms import deliver, order_of, rpms

ONE = Retention(versions=1)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """Three generations of a repository, of which each has a newer version only."""
    bench = Workbench(tmp_path / "state")
    for number in (1, 2, 3):
        published(bench, number, *rpms("hello", str(number)), retention=ONE)
        bench.now += 60
    return bench


def _back(generation: int, repository: str = NAME, project: str = "hello") -> Rollback:
    return Rollback(project=project, repository=repository, generation=generation, who="alice", reason="it crashes")


def _dnf_sees(tree: Path, folder: Path) -> list[str]:
    """The packages that dnf offers from a repository."""
    command = ["dnf", "--disablerepo=*", f"--repofrompath=here,file://{tree}", "--enablerepo=here", "--nogpgcheck"]
    command += [
        f"--setopt=cachedir={folder}",
        f"--installroot={folder}",
        "--releasever=43",
        "--setopt=reposdir=/nowhere",
    ]
    command += ["--quiet", "repoquery", "--available"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_rollback_is_a_new_generation_with_older_content(bench: Workbench, tmp_path: Path) -> None:
    """What came since is withdrawn and what had gone is back, in a generation of its own that clients can read."""
    answer = ordered(bench, 4, _back(1))
    assert isinstance(answer, Applied)
    assert answer.generations == (PublishedIn(repository=NAME, generation=4),)
    assert told(answer) == [f"withdrawn hello-3-1.noarch {NAME}", f"restored hello-1-1.noarch {NAME}"]
    assert names(bench.state / TREE) == ["hello-1-1.noarch"]
    assert names(bench.state / TREE / "generations/3") == ["hello-3-1.noarch"]
    assert _dnf_sees(bench.state / TREE, tmp_path / "client") == ["hello-0:1-1.noarch"]


def test_what_was_withdrawn_does_not_come_back(bench: Workbench) -> None:
    """The next publish brings its own packages only, and the withdrawn version itself is refused, whoever built it."""
    ordered(bench, 4, _back(1))
    answer = published(bench, 5, *rpms("other"), package="other", srpm="other-1.0-1.src.rpm")
    assert isinstance(answer, Applied)
    assert names(bench.state / TREE) == ["hello-1-1.noarch", "other-1.0-1.noarch"]
    again = published(bench, 6, *rpms("hello", "3"))
    assert isinstance(again, Rejected)
    assert "hello-3-1.noarch was in hello/testing/fedora-43/x86_64 already and has been withdrawn" in again.reason
    assert isinstance(published(bench, 7, *rpms("hello", "4"), retention=ONE), Applied)
    assert names(bench.state / TREE) == ["hello-4-1.noarch", "other-1.0-1.noarch"]


def test_a_rollback_can_be_rolled_back(bench: Workbench) -> None:
    """Going forward again takes back the exclusions of what is listed again."""
    ordered(bench, 4, _back(1))
    answer = ordered(bench, 5, _back(3))
    assert told(answer) == [f"withdrawn hello-1-1.noarch {NAME}", f"restored hello-3-1.noarch {NAME}"]
    assert names(bench.state / TREE) == ["hello-3-1.noarch"]
    assert History(bench.state / "repos").show(NAME).excluded == ("hello-1-1.noarch",)


def test_a_generation_that_cannot_be_read_any_more_comes_back(bench: Workbench) -> None:
    """As long as another generation keeps its files, the manifest that stays is enough."""
    ordered(bench, 4, Pin(project="hello", repository=NAME, generation=2, who="alice"))
    ordered(bench, 5, _back(2))
    bench.now += GRACE + DAILY
    published(bench, 6, *rpms("other"), package="other", srpm="other-1.0-1.src.rpm")
    assert {path.name for path in (bench.state / TREE / "generations").iterdir()} == {"2", "5", "6"}
    assert isinstance(ordered(bench, 7, _back(4)), Rejected)
    assert isinstance(ordered(bench, 8, _back(5)), Applied)
    assert names(bench.state / TREE) == ["hello-2-1.noarch"]


def test_a_generation_without_its_files_cannot_come_back(bench: Workbench) -> None:
    """The refusal names what is gone, and nothing changes."""
    bench.now += GRACE + DAILY
    published(bench, 4, *rpms("hello", "4"), retention=ONE)
    before = picture(bench.state)
    answer = ordered(bench, 5, _back(2))
    assert told(answer) == [f"generation 2 of {NAME} cannot come back: the files of hello-2-1.noarch are gone"]
    assert picture(bench.state) == before


def test_a_name_that_has_another_content_by_now(bench: Workbench) -> None:
    """Where an older generation's file has another content by now, clients would see two contents of one name."""
    bench.now += GRACE + DAILY
    published(bench, 4, *rpms("hello", "4"), retention=ONE)
    published(bench, 5, *rpms("hello", "1", content="other"), retention=Retention(versions=2))
    (sentence,) = told(ordered(bench, 6, _back(1)))
    assert "hello-1-1.noarch.rpm of hello/testing/fedora-43/x86_64 is that of build 5 by now" in sentence


def test_back_to_before_another_key(bench: Workbench) -> None:
    """What comes back is signed with the key of today, whichever key, or none, had signed it then."""
    ordered(bench, 4, Key(project="hello", action=KeyAction.CREATE))
    ordered(bench, 5, _back(1))
    ordered(bench, 6, Key(project="hello", action=KeyAction.ROTATE))
    assert isinstance(ordered(bench, 7, _back(2)), Applied)
    assert isinstance(ordered(bench, 8, _back(1)), Applied)
    assert names(bench.state / TREE) == ["hello-1-1.noarch"]
    (package,) = Archive(NAME, bench.state / TREE).current().packages
    key = Archive(NAME, bench.state / TREE).current().key
    assert package.key == key
    assert told(ordered(bench, 9, Verify(project="hello"))) == ["verified hello 2 repositories: no faults"]


REFUSED = {
    "no such generation": (_back(9), "has no generation 9"),
    "none before the first": (_back(0), "has no generation 0"),
    "nothing to do": (_back(3), "holds what generation 3 held already"),
    "no such repository": (
        _back(1, "hello/testing/fedora-99/x86_64"),
        "there is no repository hello/testing/fedora-99",
    ),
    "of another project": (_back(1, project="other"), "is no repository of the project other"),
    "no name": (_back(1, "../../etc/passwd/x"), "is no repository: it is written PROJECT/STAGE/"),
    "nothing of that number": (Undo(project="hello", number=77), "no repository of hello knows of an operation 77"),
    "nothing in this project": (Undo(project="other", number=1), "no repository of other knows of an operation 1"),
    "taken over": (Undo(project="hello", number=1), "nothing that operation 1 brought is there any more"),
    "a pin on nothing": (Pin(project="hello", repository=NAME, generation=9), "generation 9 of .* cannot be read"),
    "a pin nowhere": (
        Pin(project="hello", repository="hello/testing/fedora-99/x86_64", generation=0),
        "there is no repository",
    ),
    "not pinned": (
        Pin(project="hello", repository=NAME, generation=2, pinned=False),
        "generation 2 of .* is not pinned",
    ),
}


@pytest.mark.parametrize(("order", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be(bench: Workbench, order: Rollback | Undo | Pin, sentence: str) -> None:
    """An order that makes no sense gets one sentence, the same each time, and nothing changes."""
    before = picture(bench.state)
    for _ in range(2):
        answer = ordered(bench, 4, order)
        assert isinstance(answer, Rejected)
        assert re.search(sentence, answer.reason)
    assert picture(bench.state) == before


@pytest.mark.parametrize(
    "order",
    [_back(1), Undo(project="hello", number=3), Pin(project="hello", repository=NAME, generation=2)],
    ids=["rollback", "undo", "pin"],
)
def test_given_again_it_is_answered_again(bench: Workbench, order: Rollback | Undo | Pin) -> None:
    """An operation whose answer was lost is answered from the manifests, word for word, also after others."""
    first = ordered(bench, 4, order)
    assert isinstance(first, Applied)
    published(bench, 5, *rpms("other"), package="other", srpm="other-1.0-1.src.rpm")
    before = picture(bench.state)
    assert ordered(Workbench(bench.state, bench.now), 4, order) == first
    assert picture(bench.state) == before


def test_an_undo_takes_one_operation_back_from_all_its_repositories(bench: Workbench) -> None:
    """Only what it brought goes, binaries and sources in one switch, and what it had superseded is back."""
    published(bench, 4, *rpms("other"), package="other", srpm="other-1.0-1.src.rpm")
    answer = ordered(bench, 5, Undo(project="hello", number=3, who="alice"))
    assert isinstance(answer, Applied)
    assert sorted(told(answer)) == [
        f"restored hello-2-1.noarch {NAME}",
        f"restored hello-2-1.src {SOURCE}",
        f"withdrawn hello-3-1.noarch {NAME}",
        f"withdrawn hello-3-1.src {SOURCE}",
    ]
    assert names(bench.state / TREE) == ["hello-2-1.noarch", "other-1.0-1.noarch"]
    assert names(bench.state / "repos" / SOURCE) == ["hello-2-1.src", "other-1.0-1.src"]


def test_undone_one_after_the_other(bench: Workbench) -> None:
    """What was withdrawn once is not brought back by undoing what came before it, or after it."""
    ordered(bench, 4, Undo(project="hello", number=3))
    ordered(bench, 5, Undo(project="hello", number=2))
    assert names(bench.state / TREE) == ["hello-1-1.noarch"]
    ordered(bench, 6, Undo(project="hello", number=1))
    assert names(bench.state / TREE) == []
    assert "nothing that operation 3" in told(ordered(bench, 7, Undo(project="hello", number=3)))[0]


def test_what_two_operations_brought_stays_until_both_are_undone(bench: Workbench) -> None:
    """The same package of two builds stays while one of them stands, and goes with the other."""
    published(bench, 4, *rpms("hello", "3"))
    assert not told(ordered(bench, 5, Undo(project="hello", number=4)))
    assert names(bench.state / TREE) == ["hello-3-1.noarch"]
    ordered(bench, 6, Undo(project="hello", number=3))
    assert "hello-3-1.noarch" not in names(bench.state / TREE)
    assert "nothing that operation 4" in told(ordered(bench, 7, Undo(project="hello", number=4)))[0]


def test_only_what_brings_packages_is_undone(bench: Workbench) -> None:
    """A rollback is taken back by a rollback, and the sentence says to where."""
    ordered(bench, 4, _back(1))
    (sentence,) = told(ordered(bench, 5, Undo(project="hello", number=4)))
    assert sentence.startswith("operation 4 is a rollback")
    assert sentence.endswith(f"roll {NAME} back to generation 3 instead")


def test_a_pinned_generation_stays(bench: Workbench) -> None:
    """However long ago it was, it and its files stay until it is unpinned; who pinned it, and why, is told."""
    ordered(bench, 4, Pin(project="hello", repository=NAME, generation=1, who="alice", reason="shipped to ACME"))
    bench.now += 10 * DAILY
    published(bench, 5, *rpms("hello", "5"), retention=ONE)
    assert names(bench.state / TREE / "generations/1") == ["hello-1-1.noarch"]
    (pinned,) = [one for one in History(bench.state / "repos").show(NAME).generations if one.pinned_by]
    assert (pinned.generation, pinned.pinned_by, pinned.pin_reason) == (1, "alice", "shipped to ACME")
    ordered(bench, 6, Pin(project="hello", repository=NAME, generation=1, pinned=False, who="alice"))
    assert not (bench.state / TREE / "generations/1").exists()
    assert not (bench.state / TREE / "Packages/h/hello-1-1.noarch.rpm").exists()


def test_given_together_they_are_done_in_their_order(bench: Workbench) -> None:
    """A publish, a rollback and a publish that wait together make one generation, as one after the other would."""
    last = order_of(6, package="other", srpm="other-1.0-1.src.rpm")
    orders: tuple[AnyOperation, ...] = (order_of(4, retention=ONE), _back(2), last)
    deliver(bench.state, order_of(4), rpms("hello", "4"))
    deliver(bench.state, order_of(6), rpms("other"))
    operations = [
        NumberedOperation(number=number, operation=order) for number, order in zip((4, 5, 6), orders, strict=True)
    ]
    answers = bench.operations.carry_out(operations)
    assert [type(answer) for answer in answers] == [Applied] * 3
    assert names(bench.state / TREE) == ["hello-2-1.noarch", "other-1.0-1.noarch"]
    assert History(bench.state / "repos").show(NAME).excluded == ("hello-3-1.noarch", "hello-4-1.noarch")


def test_what_people_are_told(bench: Workbench) -> None:
    """List, show and difference, from the files alone, of generations that cannot be read any more, too."""
    ordered(bench, 4, _back(1))
    history = History(bench.state / "repos")
    assert [(one.name, one.generation, one.packages) for one in history.summaries("hello")] == [
        (SOURCE, 3, 1),
        (NAME, 4, 1),
    ]
    assert history.summaries("other") == ()
    bench.now += GRACE + DAILY
    published(bench, 5, *rpms("hello", "5"), retention=ONE)
    shown = history.show(NAME, 2)
    assert [package.nevra for package in shown.packages] == ["hello-2-1.noarch"]
    assert [(one.generation, one.readable) for one in shown.generations] == [
        (5, True),
        (4, True),
        (3, False),
        (2, False),
        (1, False),
    ]
    assert [(one.before, one.after) for one in history.difference(NAME, 2, 4)] == [("2-1", "1-1")]


def test_a_damaged_repository_does_not_hide_the_others(bench: Workbench) -> None:
    """The list says what is wrong with it."""
    (bench.state / TREE / "repodata").unlink()
    broken, whole = sorted(History(bench.state / "repos").summaries(), key=lambda one: one.generation)
    assert "repodata is missing" in broken.fault
    assert (whole.name, whole.fault) == (SOURCE, "")
