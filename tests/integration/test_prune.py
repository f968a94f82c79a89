"""Pruning: what a retention does not keep leaves every stage of a project, and a plan says it before."""

from pathlib import Path
from typing import Any

import pytest

from builder.model.operation import NumberedOperation, Pin, Prune
from builder.model.project import Retention
from builder.wire import Applied
from tests.support.repositories import Workbench, names, picture
from tests.support.rpms import deliver, order_of, rpms

DAY = 24 * 3600.0
TREE = "hello/testing/fedora-43/x86_64"
MANY = Retention(versions=100)


class Pruner(Workbench):
    """A workbench whose operations are numbered."""

    number = 0

    def _next(self, order: Any) -> Applied:
        self.number += 1
        (answer,) = self.operations.carry_out([NumberedOperation(number=self.number, operation=order)])
        assert isinstance(answer, Applied), answer
        return answer

    def publish(self, version: str, name: str = "hello", stage: str = "testing", **spec: Any) -> None:
        """Publish a version, keeping all."""
        srpm = f"{name}-{version}-1.src.rpm"
        order = order_of(self.number + 1, name, srpm=srpm, retention=MANY, stage=stage)
        deliver(self.state, order, rpms(name, version, **spec))
        self._next(order)

    def prune(self, *, plan: bool = False, days: int = 0) -> list[tuple[str, str, str]]:
        """Prune to one version; returns the findings."""
        answer = self._next(Prune(project="hello", retention=Retention(versions=1, days=days), plan=plan, who="anna"))
        return [(one.kind.value, one.subject, one.text) for one in answer.findings.first]

    def pin(self, generation: int) -> None:
        """Pin a generation."""
        self._next(Pin(project="hello", repository=TREE, generation=generation))

    def tree(self) -> list[str]:
        """What a client sees."""
        return names(self.state / "repos" / TREE)


@pytest.fixture
def bench(tmp_path: Path) -> Pruner:
    return Pruner(tmp_path)


def _size(*versions: str) -> int:
    return sum(file.stat().st_size for version in versions for file in rpms("hello", version))


def test_a_plan_says_what_would_go(bench: Pruner) -> None:
    """What, why, and how much space returns; nothing changes."""
    bench.publish("1")
    bench.now += 3 * DAY
    bench.publish("2")
    bench.now += DAY
    before = picture(bench.state)
    space, *going = bench.prune(plan=True)
    assert space == (
        "space",
        "hello",
        f"{_size('1')} bytes return when no generation lists them, of 2 packages",
    )
    size = rpms("hello", "1")[0].stat().st_size
    assert ("goes", "hello-1-1.noarch", f"{TREE}: 1 newer versions, there for 4 days, {size} bytes") in going
    assert {subject for _, subject, _ in going} == {"hello-1-1.noarch", "hello-1-1.src"}
    assert picture(bench.state) == before


def test_a_prune_does_what_its_plan_says(bench: Pruner) -> None:
    """What would go has gone from the metadata; a client of the old generation still has it for a day."""
    for version in ("1", "2", "3"):
        bench.publish(version)
        bench.now += 1
    planned = bench.prune(plan=True)
    done = bench.prune()
    assert done[0] == planned[0]
    assert {one[1] for one in done[1:]} == {one[1] for one in planned[1:]}
    assert {one[0] for one in done[1:]} == {"removed"}
    assert bench.tree() == ["hello-3-1.noarch"]
    old = rpms("hello", "1")[0].name
    assert (bench.state / "repos" / TREE / "Packages/h" / old).exists()


def test_the_space_returns(bench: Pruner) -> None:
    """When no generation lists them, the files are gone from repository and pool: as many bytes as were told."""
    for version in ("1", "2", "3"):
        bench.publish(version)
        bench.now += 1
    bench.prune()
    before = _bytes(bench.state / "pool")
    bench.now += 30 * DAY
    bench.publish("4")
    assert _bytes(bench.state / "pool") == before - _size("1", "2") + _size("4")


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.rpm"))


def test_every_stage_is_pruned(bench: Pruner) -> None:
    """A project has one retention for all its stages."""
    for stage in ("testing", "stable"):
        for version in ("1", "2"):
            bench.publish(version, stage=stage)
            bench.now += 1
    bench.prune()
    assert bench.tree() == ["hello-2-1.noarch"]
    assert names(bench.state / "repos/hello/stable/fedora-43/x86_64") == ["hello-2-1.noarch"]


def test_what_another_package_needs_stays(bench: Pruner) -> None:
    """Real requirements of real RPMs: the old version stays, and the plan says for whom."""
    bench.publish("1")
    bench.publish("2")
    bench.publish("1", name="user", requires=("hello = 1-1",))
    bench.now += DAY
    findings = bench.prune(plan=True)
    assert ("needed", "hello-1-1.noarch", f"{TREE}: user-1-1.noarch needs hello of it") in findings
    bench.prune()
    assert bench.tree() == ["hello-1-1.noarch", "hello-2-1.noarch", "user-1-1.noarch"]


def test_a_publish_keeps_what_is_needed_too(bench: Pruner) -> None:
    """The retention of a publish is the same function, also for packages that the publish itself brings."""
    bench.publish("1")
    bench.now += 1
    bench.publish("1", name="user", requires=("hello = 1-1",))
    bench.now += 1
    order = order_of(50, srpm="hello-2-1.src.rpm", retention=Retention(versions=1, days=0))
    deliver(bench.state, order, rpms("hello", "2"))
    bench.operations.carry_out([NumberedOperation(number=50, operation=order)])
    assert bench.tree() == ["hello-1-1.noarch", "hello-2-1.noarch", "user-1-1.noarch"]


def test_what_is_pinned_stays_readable(bench: Pruner) -> None:
    """A pinned generation keeps its files, and they are not counted as space that returns."""
    bench.publish("1")
    bench.pin(1)
    bench.publish("2")
    bench.now += 1
    (space, *_) = bench.prune()
    source = rpms("hello", "1")[1].stat().st_size
    assert space[2] == (
        f"{source} bytes return when no generation lists them, of 2 packages; 1 files stay, which a pinned generation"
        " or another repository needs"
    )
    bench.now += 60 * DAY
    bench.publish("3")
    tree = bench.state / "repos" / TREE
    assert names(tree / "generations/1") == ["hello-1-1.noarch"]


def test_the_young_stay(bench: Pruner) -> None:
    """Everything that is younger than the days stays; a prune that removes nothing makes no generation."""
    bench.publish("1")
    bench.publish("2")
    bench.now += DAY
    before = picture(bench.state / "repos")
    assert bench.prune(days=2) == [("space", "hello", "0 bytes return when no generation lists them, of 0 packages")]
    assert picture(bench.state / "repos") == before


def test_a_prune_is_answered_again(bench: Pruner) -> None:
    """An answer that was lost is given again, and nothing is done a second time."""
    bench.publish("1")
    bench.publish("2")
    bench.now += 1
    done = bench.prune()
    before = picture(bench.state / "repos")
    bench.number -= 1
    assert bench.prune() == done
    assert picture(bench.state / "repos") == before
