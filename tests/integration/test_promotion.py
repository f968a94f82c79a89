"""Packages go from one stage to another, with real packages, and what would break there is told before."""

from pathlib import Path
from typing import Any

import pytest

from builder.model.operation import AnyOperation, NumberedOperation, Promote, PublishedIn, Undo
from builder.model.project import Retention
from builder.repo.archive import Archive
from builder.repo.history import History
from builder.wire import Applied, Rejected
from tests.support.histories import ordered, published, told
from tests.support.repositories import Workbench, names, picture
from tests.support.rpms import deliver, order_of, rpms

STABLE = "hello/stable/fedora-43"
ALL = Retention(versions=9)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A state folder where nothing is published."""
    return Workbench(tmp_path / "state")


def _build(bench: Workbench, number: int, name: str, version: str, stage: str = "testing", **rpm: Any) -> None:
    """A build of a package is published in a stage."""
    files = rpms(name, version, **rpm)
    srpm = f"{name}-{version}-1.src.rpm"
    answer = published(bench, number, *files, package=name, srpm=srpm, stage=stage, retention=ALL)
    assert isinstance(answer, Applied), answer
    bench.now += 60


def _promote(*packages: str, **changes: Any) -> Promote:
    given = {"project": "hello", "source": "testing", "target": "stable", "packages": packages, "who": "alice"}
    return Promote(**{**given, "reason": "it is good", **changes})


def _tree(bench: Workbench, tree: str = "x86_64", stage: str = "stable") -> Path:
    return bench.state / f"repos/hello/{stage}/fedora-43/{tree}"


def test_a_package_comes_into_all_trees_in_one_switch(bench: Workbench) -> None:
    """Binaries, debug packages and sources are there at once, in a generation each, by the build that made them; who
    wanted it and why is in the manifests."""
    _build(bench, 7, "hello", "1", subpackages=("debuginfo",), arch="x86_64")
    answer = ordered(bench, 8, _promote("hello"))
    assert isinstance(answer, Applied)
    trees = ("debug/x86_64", "source", "x86_64")
    assert sorted(answer.generations, key=lambda one: one.repository) == [
        PublishedIn(repository=f"{STABLE}/{tree}", generation=1) for tree in trees
    ]
    found = [names(_tree(bench, tree)) for tree in trees]
    assert found == [["hello-debuginfo-1-1.x86_64"], ["hello-1-1.src"], ["hello-1-1.x86_64"]]
    manifest = Archive(f"{STABLE}/x86_64", _tree(bench)).current()
    (package,) = manifest.packages
    assert (package.package, package.build, package.operation) == ("hello", 7, 8)
    (entered,) = manifest.operations
    assert (entered.kind.value, entered.who, entered.reason) == ("promote", "alice", "it is good")
    assert names(_tree(bench, stage="testing")) == ["hello-1-1.x86_64"]


def test_the_newest_build_of_a_package_is_meant(bench: Workbench) -> None:
    """Of a package only what its newest build brought comes, also where older ones brought more."""
    _build(bench, 1, "hello", "1", subpackages=("old",))
    _build(bench, 2, "hello", "2")
    ordered(bench, 3, _promote("hello"))
    assert names(_tree(bench)) == ["hello-2-1.noarch"]


def test_a_build_is_promoted_whole(bench: Workbench) -> None:
    """What a build brought comes, with all its packages, also where a newer one is there."""
    _build(bench, 1, "hello", "1", subpackages=("more",))
    _build(bench, 2, "hello", "2")
    ordered(bench, 3, _promote(builds=(1,)))
    assert names(_tree(bench)) == ["hello-1-1.noarch", "hello-more-1-1.noarch"]
    assert names(_tree(bench, "source")) == ["hello-1-1.src"]


def test_everything_comes_but_what_is_there(bench: Workbench) -> None:
    """All packages' newest builds come; how many are there already is said once."""
    _build(bench, 1, "hello", "1")
    ordered(bench, 2, _promote("hello"))
    _build(bench, 3, "other", "1")
    answer = ordered(bench, 4, _promote(everything=True))
    assert names(_tree(bench)) == ["hello-1-1.noarch", "other-1-1.noarch"]
    assert told(answer)[0] == "present stable 2 packages are there already"


def test_a_plan_tells_and_changes_nothing(bench: Workbench) -> None:
    """What would come is told, and no file anywhere is another one."""
    _build(bench, 1, "hello", "1")
    before = picture(bench.state)
    answer = ordered(bench, 2, _promote("hello", plan=True))
    assert isinstance(answer, Applied)
    assert answer.generations == ()
    assert set(told(answer)) == {
        f"promoted hello-1-1.noarch {STABLE}/x86_64",
        f"promoted hello-1-1.src {STABLE}/source",
    }
    assert picture(bench.state) == before


def _refused(bench: Workbench, number: int, order: Promote) -> list[tuple[str, str, str]]:
    """The findings for which an order is refused; the plan tells the same, and no file changes."""
    before = picture(bench.state)
    answer = ordered(bench, number, order)
    assert isinstance(answer, Rejected), answer
    assert answer.reason.startswith("the promotion to stable is refused unless it is forced: ")
    found = [(finding.kind.value, finding.subject, finding.text) for finding in answer.findings.first]
    planned = ordered(bench, number, _promote(*order.packages, builds=order.builds, plan=True))
    assert told(planned)[0] == f"refused stable {answer.reason}"
    assert [(one.kind.value, one.subject, one.text) for one in planned.findings.first][1 : len(found) + 1] == found
    assert picture(bench.state) == before
    return found


def test_a_soname_that_disappears_is_told_with_what_needs_it(bench: Workbench) -> None:
    """A library whose soname changes is refused with the package that cannot be installed any more; forced, it comes,
    and the manifest keeps what was known."""
    _build(bench, 1, "libfoo", "1", head=("Provides: libfoo.so.1()(64bit)",))
    _build(bench, 2, "app", "1", requires=("libfoo.so.1()(64bit)", "libc.so.6()(64bit)"))
    ordered(bench, 3, _promote("libfoo", "app"))
    _build(bench, 4, "libfoo", "2", head=("Provides: libfoo.so.2()(64bit)",))
    found = _refused(bench, 5, _promote("libfoo"))
    assert found == [
        (
            "uninstallable",
            "app-1-1.noarch",
            "fedora-43/x86_64: nothing provides libfoo.so.1()(64bit) needed by app-1-1.noarch",
        ),
        ("disappears", "libfoo.so.1()(64bit)", "fedora-43/x86_64: it was provided by libfoo-1-1.noarch"),
    ]
    answer = ordered(bench, 5, _promote("libfoo", force=True))
    assert isinstance(answer, Applied)
    assert names(_tree(bench)) == ["app-1-1.noarch", "libfoo-1-1.noarch", "libfoo-2-1.noarch"]
    entered = Archive(f"{STABLE}/x86_64", _tree(bench)).current().operations[-1]
    assert [(one.kind.value, one.subject, one.text) for one in entered.findings.first] == found


def test_what_needs_something_that_only_the_source_stage_has_is_told(bench: Workbench) -> None:
    """A package without the library that it was built with is refused, and together with it is not."""
    _build(bench, 1, "libfoo", "1", head=("Provides: libfoo.so.1()(64bit)",))
    _build(bench, 2, "app", "1", requires=("libfoo.so.1()(64bit)",))
    ((kind, subject, _),) = _refused(bench, 3, _promote("app"))
    assert (kind, subject) == ("uninstallable", "app-1-1.noarch")
    assert isinstance(ordered(bench, 3, _promote("app", "libfoo")), Applied)


def test_what_only_the_distribution_has_is_its_business(bench: Workbench) -> None:
    """Requirements that no package of either stage provides are no finding, whatever their form."""
    requires = (
        "libc.so.6()(64bit)",
        "/usr/bin/nothing",
        "(python(abi) = 3.14 or pypy)",
        "(extra if base)",
        "tar >= 2:9",
    )
    _build(bench, 1, "app", "1", requires=requires)
    answer = ordered(bench, 2, _promote("app"))
    assert isinstance(answer, Applied)
    assert {line.split()[0] for line in told(answer)} == {"promoted"}


def test_a_rich_requirement_that_breaks_is_told(bench: Workbench) -> None:
    """What was provided within the project is missed in a boolean dependency too."""
    _build(bench, 1, "lib", "1", head=("Provides: feature(x) = 1",))
    _build(bench, 2, "app", "1", requires=("(feature(x) >= 1 and tar)",))
    ordered(bench, 3, _promote("lib", "app"))
    _build(bench, 4, "lib", "2")
    found = _refused(bench, 5, _promote("lib"))
    assert [(kind, subject) for kind, subject, _ in found] == [
        ("uninstallable", "app-1-1.noarch"),
        ("disappears", "feature(x)"),
    ]


def test_what_was_broken_before_is_no_finding(bench: Workbench) -> None:
    """A forced promotion is not told of again with the next one."""
    _build(bench, 1, "libfoo", "1", head=("Provides: libfoo.so.1",))
    _build(bench, 2, "app", "1", requires=("libfoo.so.1",))
    ordered(bench, 3, _promote("app", force=True))
    _build(bench, 4, "other", "1")
    assert isinstance(ordered(bench, 5, _promote("other")), Applied)


def test_files_that_conflict_are_told(bench: Workbench) -> None:
    """Two packages of different builds with one file are refused; folders are shared, and so are files of one build."""
    _build(bench, 1, "one", "1", paths=("/usr/share/common/file", "/usr/share/common/own"))
    _build(bench, 2, "two", "1", paths=("/usr/share/common/file",))
    ordered(bench, 3, _promote("one"))
    assert _refused(bench, 4, _promote("two")) == [
        (
            "file-conflict",
            "/usr/share/common/file",
            "fedora-43/x86_64: one-1-1.noarch and two-1-1.noarch both have this file",
        )
    ]


def test_files_of_packages_that_exclude_each_other_do_not_conflict(bench: Workbench) -> None:
    """Packages that are never installed together, since one says so or takes the other's place, may have one file."""
    for number, (name, tag) in enumerate({"two": "Conflicts: one", "three": "Obsoletes: one"}.items()):
        here = Workbench(bench.state / name)
        _build(here, 1, "one", "1", paths=("/usr/share/file",))
        _build(here, 2, name, "1", paths=("/usr/share/file",), head=(tag, "Provides: one"))
        ordered(here, 3, _promote("one"))
        assert isinstance(ordered(here, 4 + number, _promote(name)), Applied)


def test_a_lower_version_is_refused(bench: Workbench) -> None:
    """What is older than what is there is told as a downgrade; forced, it comes beside the newer one."""
    _build(bench, 1, "hello", "1")
    _build(bench, 2, "hello", "2")
    ordered(bench, 3, _promote("hello"))
    found = _refused(bench, 4, _promote(builds=(1,)))
    assert found == [
        ("downgraded", "hello-1-1.noarch", "hello-2-1.noarch is there, and stays the newest"),
        ("downgraded", "hello-1-1.src", "hello-2-1.src is there, and stays the newest"),
    ]
    assert isinstance(ordered(bench, 4, _promote(builds=(1,), force=True)), Applied)
    assert names(_tree(bench)) == ["hello-1-1.noarch", "hello-2-1.noarch"]


def test_other_content_under_a_name_that_is_there_is_refused_always(bench: Workbench) -> None:
    """A NEVRA never gets other content, by no force."""
    _build(bench, 1, "hello", "1", stage="stable", content="other")
    _build(bench, 2, "hello", "1")
    answer = ordered(bench, 3, _promote("hello", force=True))
    assert isinstance(answer, Rejected)
    assert "already in hello/stable/fedora-43" in answer.reason


def test_an_undo_takes_a_promotion_back_and_it_does_not_return_unforced(bench: Workbench) -> None:
    """One command takes it back from all trees; what was withdrawn is skipped with a finding, and comes by force."""
    _build(bench, 1, "hello", "1")
    ordered(bench, 2, _promote("hello"))
    ordered(bench, 3, Undo(project="hello", number=2, who="bob"))
    assert [names(_tree(bench, tree)) for tree in ("x86_64", "source")] == [[], []]
    answer = ordered(bench, 4, _promote("hello"))
    assert isinstance(answer, Rejected)
    assert answer.reason == "there is nothing to promote from testing to stable"
    assert [finding.kind.value for finding in answer.findings.first] == ["excluded", "excluded"]
    assert isinstance(ordered(bench, 4, _promote("hello", force=True)), Applied)
    assert names(_tree(bench)) == ["hello-1-1.noarch"]


def test_a_promotion_knows_what_was_ordered_right_before(bench: Workbench) -> None:
    """Given together with a publish and with another promotion, each sees what came before."""
    order = order_of(1)
    deliver(bench.state, order, rpms("hello"))
    orders: tuple[AnyOperation, ...] = (order, _promote("hello"), _promote("hello", target="archive", source="stable"))
    operations = [NumberedOperation(number=number, operation=one) for number, one in enumerate(orders, start=1)]
    answers = bench.operations.carry_out(operations)
    assert [type(answer) for answer in answers] == [Applied] * 3
    assert names(_tree(bench, stage="archive")) == ["hello-1.0-1.noarch"]
    assert bench.operations.carry_out(operations[1:]) == answers[1:]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"target": "testing"}, "a promotion goes from one stage to another, not from testing to itself"),
        ({}, "a promotion names packages or builds, or is of everything"),
        ({"packages": ("hallo",), "builds": (9,)}, "testing of hello holds nothing of package hallo, build 9"),
        ({"everything": True, "source": "nowhere"}, "there is nothing to promote from nowhere to stable"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    bench: Workbench, changes: dict[str, Any], sentence: str
) -> None:
    """The reason says what is wrong with the order."""
    _build(bench, 1, "hello", "1")
    answer = ordered(bench, 2, _promote(**changes))
    assert isinstance(answer, Rejected)
    assert answer.reason == sentence
    assert History(bench.state / "repos").summaries("hello")
