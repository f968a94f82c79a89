"""What a promotion means, and how that compares with where it goes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import nevra
from builder.errors import InvalidError, NotFoundError
from builder.model.findings import FindingKind
from builder.model.operation import AnyOperation, CarriedKind, Carry, NumberedOperation, Prepare, Promote, Undo
from builder.repo.layout import Repository
from builder.repo.manifest import Listed
from builder.repo.selection import coming, newest, selected
from builder.repo.tasks.promote import separate
from builder.wire import Operate
from tests.support.listed import listed

LONG = "\N{SLICE OF PIZZA}" * 4096

_VERSIONS = ("1", "1.2", "1.10", "1.10~rc1", "2")
_HOMES = tuple(
    Repository(project="p", stage="testing", distribution=distribution, tree=tree)
    for distribution in ("a-1", "b-2")
    for tree in ("x86_64", "source")
)


def _package(name: str, number: int, tree: str) -> Listed:
    """What build `number` of a package brought into a tree."""
    version = _VERSIONS[(number * 7) % len(_VERSIONS)]
    file = listed(f"{name}-{version}-{number}.{'src' if tree == 'source' else 'x86_64'}", build=number)
    return msgspec.structs.replace(file, package=name)


@st.composite
def _stages(draw: st.DrawFn) -> dict[Repository, tuple[Listed, ...]]:
    """A stage with builds of a few packages, each in one distribution or in both."""
    builds = draw(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, 20)), unique_by=lambda build: build[1]))
    where = {number: draw(st.sampled_from([("a-1",), ("b-2",), ("a-1", "b-2")])) for _, number in builds}
    return {
        home: tuple(_package(name, number, home.tree) for name, number in builds if home.distribution in where[number])
        for home in _HOMES
    }


def _order(**meant: object) -> Promote:
    return Promote(project="p", source="testing", target="stable", **meant)  # type: ignore[arg-type]  # what a test says


@given(_stages())
def test_everything_is_the_newest_build_of_each_package(stage: dict[Repository, tuple[Listed, ...]]) -> None:
    """Per distribution and package just one build is meant, that of the highest version, in all its trees."""
    chosen = selected(_order(everything=True), stage)
    for home, packages in stage.items():
        for name in {package.package for package in packages}:
            meant = [package for package in chosen.get(home, ()) if package.package == name]
            there = [package.nevra for package in packages if package.package == name]
            assert [package.nevra for package in meant] == [newest(there)[name]]


@given(_stages(), st.data())
def test_naming_selects_that_and_nothing_else(stage: dict[Repository, tuple[Listed, ...]], data: st.DataObject) -> None:
    """Of everything, a package's name selects its share, and the number of a build exactly that build."""
    every = [package for packages in stage.values() for package in packages]
    if not every:
        return
    package = data.draw(st.sampled_from(every))
    whole = selected(_order(everything=True), stage)
    part = selected(_order(packages=(package.package,)), stage)
    assert part == {
        home: share
        for home, packages in whole.items()
        if (share := tuple(one for one in packages if one.package == package.package))
    }
    built = selected(_order(builds=(package.build,)), stage)
    assert {one.nevra for packages in built.values() for one in packages} == {
        one.nevra for one in every if one.build == package.build
    }


@given(_stages(), _stages(), st.booleans(), st.data())
def test_what_comes_and_what_is_told(
    source: dict[Repository, tuple[Listed, ...]],
    target: dict[Repository, tuple[Listed, ...]],
    force: bool,
    data: st.DataObject,
) -> None:
    """Each package comes or is told to be there or withdrawn; a downgrade just when something newer is there."""
    packages, there = source[_HOMES[0]], {package.nevra: package for package in target[_HOMES[0]]}
    excluded = set(data.draw(st.lists(st.sampled_from([package.nevra for package in packages] or [""]))))
    come, findings = coming(packages, there, excluded, force=force)
    skipped = [finding.subject for finding in findings if finding.kind in {FindingKind.PRESENT, FindingKind.EXCLUDED}]
    assert sorted([*skipped, *(package.nevra for package in come)]) == sorted(package.nevra for package in packages)
    assert not {package.nevra for package in come} & there.keys()
    assert force or not {package.nevra for package in come} & excluded
    lower = {
        package.nevra
        for package in come
        for other in there
        if nevra.parse(other).name == package.package and nevra.compare(_evr(package.nevra), _evr(other)) < 0
    }
    assert {finding.subject for finding in findings if finding.kind is FindingKind.DOWNGRADED} == lower


def _evr(text: str) -> str:
    return nevra.parse(text).evr.text


def test_a_package_of_another_architecture_takes_the_place_of_an_older_one() -> None:
    """What a client uses is told by the name alone: noarch may become x86_64."""
    assert newest(["a-1-1.noarch", "a-2-1.x86_64", "b-1-1.noarch"]) == {"a": "a-2-1.x86_64", "b": "b-1-1.noarch"}


@pytest.mark.parametrize("meant", [{}, {"everything": True, "target": "testing"}])
def test_an_order_that_means_nothing_is_refused(meant: dict[str, object]) -> None:
    """It names something and goes somewhere else."""
    with pytest.raises(InvalidError):
        selected(msgspec.structs.replace(_order(), **meant), {_HOMES[0]: (_package("x", 1, "x86_64"),)})


def test_what_is_not_there_is_named() -> None:
    """All that is missing is told at once."""
    with pytest.raises(NotFoundError, match="nothing of package no, build 8, build 9"):
        selected(_order(packages=("no", "x"), builds=(8, 9, 1)), {_HOMES[0]: (_package("x", 1, "x86_64"),)})


_PREPARE = Prepare(project="p", stages=(), chroots=())
_DEPENDING = (
    _order(everything=True),
    Undo(project="p", number=1),
    Carry(project="p", stage="s", distribution="d", kind=CarriedKind.GROUP, packed=b""),
)


@given(st.lists(st.sampled_from([_PREPARE, *_DEPENDING])))
def test_what_depends_on_the_others_is_the_first_of_its_part(orders: list[AnyOperation]) -> None:
    """Nothing is lost or changes places, and nothing that looks at what was done before has that in its part."""
    operations = [NumberedOperation(number=number, operation=order) for number, order in enumerate(orders)]
    parts = list(separate(reversed(operations)))
    assert [operation for part in parts for operation in part] == operations
    assert all(operation.operation is _PREPARE for part in parts for operation in part[1:])


@pytest.mark.parametrize(
    "order",
    [
        _order(packages=("x" * 128,) * 200, builds=(2**63 - 1,) * 500, who=LONG, reason=LONG),
        Carry(
            project="p",
            stage="s",
            distribution="d",
            kind=CarriedKind.GROUP,
            packed=b"x" * 30_000,
            who=LONG,
            reason=LONG,
        ),
    ],
)
def test_the_largest_order_can_be_sent(order: AnyOperation) -> None:
    """What the API takes has room in one value of a box, however many bytes its letters have, and comes back."""
    sent = msgspec.json.decode(msgspec.json.encode(order), type=AnyOperation)
    assert sent == order
    assert len(msgspec.msgpack.encode(Operate(operation=NumberedOperation(number=2**63 - 1, operation=sent)))) < 65_535


@pytest.mark.parametrize("meant", [{"packages": ("x",)}, {"builds": (1, 3)}, {"everything": True}])
def test_an_architecture_that_was_built_later_is_of_the_same_version(meant: dict[str, object]) -> None:
    """Its SRPM is that of the first build, and comes along with either of them."""
    source = "x-1-1.src.rpm"
    x86, arm, shared = (
        msgspec.structs.replace(listed(f"x-1-1.{arch}", build=build), source=srpm)
        for arch, build, srpm in (("x86_64", 1, source), ("aarch64", 3, source), ("src", 1, None))
    )
    older = msgspec.structs.replace(listed("x-0-1.x86_64", build=2), source="x-0-1.src.rpm")
    trees = {"x86_64": (older, x86), "aarch64": (arm,), "source": (shared,)}
    stage = {
        Repository(project="p", stage="testing", distribution="a-1", tree=tree): packages
        for tree, packages in trees.items()
    }
    chosen = selected(_order(**meant), stage)
    assert {home.tree: packages for home, packages in chosen.items()} == trees | {"x86_64": (x86,)}
    alone = selected(_order(builds=(3,)), stage)
    assert {home.tree: packages for home, packages in alone.items()} == {"aarch64": (arm,), "source": (shared,)}
