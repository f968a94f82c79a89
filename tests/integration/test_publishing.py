"""Operations on real packages: what is where afterwards, and what is answered."""

from pathlib import Path
from typing import Any

import pytest

from builder.model.operation import NumberedOperation, Prepare, PublishedIn
from builder.model.project import Retention
from builder.repo.rejected import KEPT
from builder.repo.thinning import DAILY, GRACE
from builder.wire import Applied, Rejected
from tests.support.repositories import Workbench, names, picture
from tests.support.rpms import deliver, order_of, rpms

TESTING = "repos/hello/testing/fedora-43"


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def publish(bench: Workbench, number: int, *files: Path, **changes: Any) -> Applied | Rejected:
    """Deliver the files as build `number` and carry out the operation `number` on them."""
    order = order_of(number, **changes)
    deliver(bench.state, order, files)
    return bench.operations.carry_out([NumberedOperation(number=number, operation=order)])[0]


def test_each_package_goes_to_its_tree(bench: Workbench) -> None:
    """Binaries, sources and debug packages of one build are in repositories of their own, and the answer says which."""
    answer = publish(bench, 7, *rpms("hello", arch="x86_64", subpackages=("devel", "debuginfo", "debugsource")))
    tree = "hello/testing/fedora-43"
    assert answer == Applied(
        number=7,
        generations=tuple(
            PublishedIn(repository=f"{tree}/{name}", generation=1) for name in ("x86_64", "source", "debug/x86_64")
        ),
        published=(
            "hello-1.0-1.x86_64",
            "hello-devel-1.0-1.x86_64",
            "hello-1.0-1.src",
            "hello-debuginfo-1.0-1.x86_64",
            "hello-debugsource-1.0-1.x86_64",
        ),
    )
    assert names(bench.state / TESTING / "x86_64") == ["hello-1.0-1.x86_64", "hello-devel-1.0-1.x86_64"]
    assert names(bench.state / TESTING / "source") == ["hello-1.0-1.src"]
    assert names(bench.state / TESTING / "debug/x86_64") == [
        "hello-debuginfo-1.0-1.x86_64",
        "hello-debugsource-1.0-1.x86_64",
    ]


def test_the_layout(bench: Workbench) -> None:
    """A repository looks as the documentation says: packages once in the pool, generations, a pointer."""
    (rpm, _) = files = rpms("hello")
    publish(bench, 7, *files)
    tree = bench.state / TESTING / "x86_64"
    assert (tree / "repodata").readlink() == Path("generations/1/repodata")
    assert (tree / "generations/1/Packages").readlink() == Path("../../Packages")
    served = tree / "generations/1/Packages/h" / rpm.name
    assert served.read_bytes() == rpm.read_bytes()
    assert [path for path in (bench.state / "pool").rglob("*.rpm") if path.samefile(served)]
    assert not (bench.state / "incoming/7/fedora-43-x86_64/1").exists()
    assert not list((bench.state / "staging").iterdir())


def test_noarch_is_published_to_every_chroot(bench: Workbench) -> None:
    """What was built once for all architectures is in each of their repositories, its source once per distribution."""
    chroots = ("fedora-43-x86_64", "fedora-43-aarch64", "fedora-44-x86_64")
    answer = publish(bench, 1, *rpms("hello"), chroots=chroots)
    assert isinstance(answer, Applied)
    assert [there.repository.removeprefix("hello/testing/") for there in answer.generations] == [
        "fedora-43/x86_64",
        "fedora-43/source",
        "fedora-43/aarch64",
        "fedora-44/x86_64",
        "fedora-44/source",
    ]
    for there in answer.generations:
        kind = "src" if there.repository.endswith("source") else "noarch"
        assert names(bench.state / "repos" / there.repository) == [f"hello-1.0-1.{kind}"]
    assert len(list((bench.state / "pool").rglob("*.rpm"))) == 2


def test_an_architecture_stays_in_its_chroot(bench: Workbench) -> None:
    """A package for one machine is never published to another one's repository."""
    answer = publish(bench, 1, *rpms("hello", arch="x86_64"), chroots=("fedora-43-x86_64", "fedora-43-aarch64"))
    assert isinstance(answer, Rejected)
    assert "hello-1.0-1.x86_64 does not belong into hello/testing/fedora-43/aarch64" in answer.reason
    assert not list((bench.state / "repos").iterdir())


def test_prepared_repositories_can_be_read(bench: Workbench) -> None:
    """After Prepare every stage has its repositories, empty and readable; again it changes nothing."""
    order = Prepare(project="hello", stages=("testing", "stable"), chroots=("fedora-43-x86_64", "fedora-43-aarch64"))
    (answer,) = bench.operations.carry_out([NumberedOperation(number=1, operation=order)])
    assert isinstance(answer, Applied)
    assert len(answer.generations) == 2 * 5
    for there in answer.generations:
        assert names(bench.state / "repos" / there.repository) == []
    before = picture(bench.state)
    (again,) = bench.operations.carry_out([NumberedOperation(number=2, operation=order)])
    assert again == Applied(number=2, generations=answer.generations)
    assert picture(bench.state) == before


def test_a_chroot_that_cannot_be(bench: Workbench) -> None:
    """A Prepare that would write into another tree is refused, and nothing is made."""
    order = Prepare(project="hello", stages=("testing",), chroots=("fedora-43-source",))
    (answer,) = bench.operations.carry_out([NumberedOperation(number=1, operation=order)])
    assert isinstance(answer, Rejected)
    assert "fedora-43-source" in answer.reason
    assert not list((bench.state / "repos").iterdir())


def test_what_waits_together_shares_a_generation(bench: Workbench) -> None:
    """Three builds that are given together make one generation, and one that is refused does not disturb the others."""
    orders = [order_of(number, package=name) for number, name in enumerate(("a", "b", "c"), start=1)]
    deliver(bench.state, orders[0], rpms("a"))
    deliver(bench.state, orders[1], rpms("b"))
    deliver(bench.state, orders[2], rpms("c"))
    (bench.state / "incoming/2/fedora-43-x86_64/1/b-1.0-1.noarch.rpm").write_bytes(b"cut")
    answers = bench.operations.carry_out(
        [
            NumberedOperation(number=number, operation=order)
            for number, order in zip((3, 2, 1), reversed(orders), strict=True)
        ]
    )
    assert {answer.number: type(answer) for answer in answers} == {1: Applied, 2: Rejected, 3: Applied}
    tree = bench.state / TESTING / "x86_64"
    assert names(tree) == ["a-1.0-1.noarch", "c-1.0-1.noarch"]
    assert [path.name for path in (tree / "generations").iterdir()] == ["1"]


def test_an_operation_is_applied_once(bench: Workbench) -> None:
    """Given again, an operation is answered from the manifests, word for word, and nothing changes."""
    first = publish(bench, 1, *rpms("hello"))
    publish(bench, 2, *rpms("hello", "2.0"))
    before = picture(bench.state)
    (again,) = bench.operations.carry_out([NumberedOperation(number=1, operation=order_of(1))])
    assert again == first
    assert picture(bench.state) == before


def test_a_known_name_with_other_bytes_is_rejected(bench: Workbench) -> None:
    """A rebuild that changed a package under its old name is set aside as a whole, with the reason, for a person."""
    publish(bench, 1, *rpms("hello", subpackages=("data",)))
    before = picture(bench.state / "repos")
    other = rpms("hello", subpackages=("data",), content="other")
    answer = publish(bench, 2, *other)
    assert isinstance(answer, Rejected)
    assert "hello-1.0-1.noarch is already in hello/testing/fedora-43/x86_64 with other content" in answer.reason
    assert picture(bench.state / "repos") == before
    aside = bench.state / "rejected/2-2-fedora-43-x86_64-1"
    assert {path.name for path in (aside / "files").iterdir()} == {*(file.name for file in other), "listing.json"}
    assert answer.reason in (aside / "reason.json").read_text()
    (again,) = bench.operations.carry_out([NumberedOperation(number=2, operation=order_of(2))])
    assert again == answer


def test_a_number_may_come_again_for_something_else(bench: Workbench) -> None:
    """After the master's database was set back to a backup its numbers mean new operations, and none is lost."""
    publish(bench, 1, *rpms("hello"))
    publish(bench, 2, *rpms("hello", content="other"))
    for number, name in ((1, "a"), (2, "b")):
        order = order_of(10 + number, package=name)
        deliver(bench.state, order, rpms(name))
        for _ in range(2):
            (answer,) = bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
            assert isinstance(answer, Applied)
            assert answer.published == (f"{name}-1.0-1.noarch", f"{name}-1.0-1.src")
    assert names(bench.state / TESTING / "x86_64") == ["a-1.0-1.noarch", "b-1.0-1.noarch", "hello-1.0-1.noarch"]


def test_a_refused_number_may_come_again_for_something_else(bench: Workbench) -> None:
    """Numbers that are the same in everything, but of another delivery, are looked at anew, and set aside anew."""
    publish(bench, 1, *rpms("hello"))
    refused = publish(bench, 2, *rpms("hello", content="other"))
    assert isinstance(refused, Rejected)
    again = publish(bench, 2, *rpms("hello", content="third"))
    assert isinstance(again, Rejected)
    taken = publish(bench, 2, *rpms("hello", "2.0"))
    assert isinstance(taken, Applied)
    name = "2-2-fedora-43-x86_64-1"
    for place, content in ((name, "other"), (f"{name}.2", "third")):
        kept = bench.state / "rejected" / place / "files/hello-1.0-1.noarch.rpm"
        assert kept.read_bytes() == rpms("hello", content=content)[0].read_bytes()


def test_what_came_after_a_refusal_is_taken(bench: Workbench) -> None:
    """An operation that was refused because nothing was there is taken when it is given again with a delivery."""
    order = order_of(1)
    (refused,) = bench.operations.carry_out([NumberedOperation(number=1, operation=order)])
    assert isinstance(refused, Rejected)
    assert isinstance(publish(bench, 1, *rpms("hello")), Applied)


def test_what_was_refused_goes_after_a_while(bench: Workbench) -> None:
    """What was set aside is kept for a person, and removed long after: at a start, or with the next refusal."""
    for number in (1, 2):
        publish(bench, number, *rpms("hello", content=f"content {number}"))
    bench.now += KEPT
    publish(bench, 3, *rpms("hello", content="content 3"))
    kept = {path.name.partition("-")[0] for path in (bench.state / "rejected").iterdir()}
    assert kept == {"2", "3"}
    bench.now += 1
    publish(bench, 4, *rpms("hello", content="content 4"))
    assert {path.name.partition("-")[0] for path in (bench.state / "rejected").iterdir()} == {"3", "4"}
    Workbench(bench.state, bench.now + KEPT + 1)
    assert not list((bench.state / "rejected").iterdir())
    assert not list((bench.state / "staging").iterdir())


def test_a_chroot_that_cannot_be_published_to(bench: Workbench) -> None:
    """An impossible chroot is the order's fault and is answered, whether or not something came in for it."""
    order = order_of(3, chroots=("fedora-43-source",))
    for number in (1, 2):
        (answer,) = bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
        assert isinstance(answer, Rejected)
        assert "fedora-43-source" in answer.reason
        deliver(bench.state, order, rpms("hello"))


def test_the_same_bytes_again_are_welcome(bench: Workbench) -> None:
    """A package that another build delivers unchanged is there once, and the operation counts as applied."""
    publish(bench, 1, *rpms("hello"))
    answer = publish(bench, 2, *rpms("hello"))
    assert isinstance(answer, Applied)
    assert answer.published == ("hello-1.0-1.noarch", "hello-1.0-1.src")
    assert names(bench.state / TESTING / "x86_64") == ["hello-1.0-1.noarch"]


def test_superseded_versions_leave_in_two_steps(bench: Workbench) -> None:
    """A version too many leaves the metadata at once; its file, generations and pool entry leave weeks later."""
    tree = bench.state / TESTING / "x86_64"
    for number, version in enumerate(("1", "2", "3"), start=1):
        publish(bench, number, *rpms("hello", version), retention=Retention(versions=1))
        bench.now += 60
    assert names(tree) == ["hello-3-1.noarch"]
    assert names(tree / "generations/1") == ["hello-1-1.noarch"]
    assert names(tree / "generations/2") == ["hello-2-1.noarch"]
    bench.now += GRACE + DAILY
    publish(bench, 4, *rpms("hello", "4"), retention=Retention(versions=1))
    assert {path.name for path in (tree / "generations").iterdir()} == {"3", "4"}
    assert {path.name for path in (tree / "Packages/h").iterdir()} == {"hello-3-1.noarch.rpm", "hello-4-1.noarch.rpm"}
    assert len(list((bench.state / "pool").rglob("*.rpm"))) == 2 * 2
    assert len(list((bench.state / "pool").rglob("*.index-1"))) == 2 * 2
    assert len(list((bench.state / "pool").rglob("*.card-1"))) == 2 * 2


def test_a_package_elsewhere_keeps_its_file(bench: Workbench) -> None:
    """The pool keeps what any repository has, though another one has dropped it."""
    publish(bench, 1, *rpms("hello", "1"), chroots=("fedora-43-x86_64", "fedora-44-x86_64"))
    publish(bench, 2, *rpms("hello", "2"), retention=Retention(versions=1))
    bench.now += GRACE + DAILY
    publish(bench, 3, *rpms("hello", "3"), retention=Retention(versions=1))
    assert names(bench.state / "repos/hello/testing/fedora-44/x86_64") == ["hello-1-1.noarch"]


def test_two_architectures_of_a_build_share_its_source(bench: Workbench) -> None:
    """The SRPMs that two chroots of one build deliver differ in time and host only; the first one is served."""
    one = rpms("hello", arch="x86_64")
    other = rpms("hello", arch="aarch64", content="as if on another host")
    for number, (job, files) in enumerate([("fedora-43-x86_64", one), ("fedora-43-aarch64", other)], start=1):
        order = order_of(5, job=job, chroots=(job,))
        deliver(bench.state, order, files)
        (answer,) = bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
        assert isinstance(answer, Applied)
    (served,) = (bench.state / TESTING / "source/Packages/h").iterdir()
    assert served.read_bytes() == one[-1].read_bytes() != other[-1].read_bytes()


def test_a_build_for_another_architecture_shares_the_source_of_an_earlier_one(bench: Workbench) -> None:
    """If it was made from the same commits and sources; from others, the name is taken, and nothing is published."""
    one = rpms("hello", arch="x86_64")
    assert isinstance(publish(bench, 1, *one, inputs="1" * 64), Applied)
    other = {"job": "fedora-43-aarch64", "chroots": ("fedora-43-aarch64",)}
    files = rpms("hello", arch="aarch64", content="as if on another host")
    refused = publish(bench, 2, *files, **other, inputs="2" * 64)
    assert isinstance(refused, Rejected)
    assert "hello-1.0-1.src is already in hello/testing/fedora-43/source with other content" in refused.reason
    assert not (bench.state / TESTING / "aarch64").exists()
    assert isinstance(publish(bench, 3, *files, **other, inputs="1" * 64), Applied)
    assert names(bench.state / TESTING / "aarch64") == ["hello-1.0-1.aarch64"]
    (served,) = (bench.state / TESTING / "source/Packages/h").iterdir()
    assert served.read_bytes() == one[-1].read_bytes()


def test_nothing_came_in(bench: Workbench) -> None:
    """An order to publish what is not there is refused, and says what is missing."""
    (answer,) = bench.operations.carry_out([NumberedOperation(number=4, operation=order_of(12))])
    assert answer == Rejected(number=4, reason="incoming has nothing of attempt 12/fedora-43-x86_64, fence 1")
