from pathlib import Path

import pytest

from builder.errors import UnavailableError
from builder.repo import headers
from builder.repo.index import PackageRecord
from builder.repo.relations import Dependency, relations, satisfies
from tests.support.rpms import rpms


def _lib(version: str = "", release: str = "", sense: str = "EQ", epoch: int = 0) -> Dependency:
    return Dependency(name="lib", sense=sense if version else "", epoch=epoch, version=version, release=release)


@pytest.mark.parametrize(
    ("provided", "required", "expected"),
    [
        (_lib("1", "1"), _lib(), True),
        (_lib(), _lib("2", "1"), True),
        (_lib("1", "1"), _lib("1", "1"), True),
        (_lib("1", "1"), _lib("1", "2"), False),
        (_lib("1", "1"), _lib("1"), True),
        (_lib("1", "1", epoch=1), _lib("1"), False),
        (_lib("2", "1"), _lib("1", "1", "GE"), True),
        (_lib("1", "1"), _lib("1", "1", "GT"), False),
        (_lib("1", "1"), _lib("2", "1", "LT"), True),
        (_lib("3", "1"), _lib("2", "1", "LE"), False),
        (_lib("what?"), _lib("2", "1", "LE"), True),
        (_lib("1", "1"), Dependency(name="other"), False),
    ],
)
def test_satisfying(provided: Dependency, required: Dependency, expected: bool) -> None:
    """As rpm compares them: without a release where one side has none, and in doubt it is satisfied."""
    assert satisfies(provided, required) is expected


def _record(requires: tuple[str, ...] = ()) -> tuple[PackageRecord, PackageRecord]:
    binary, source = (headers.read(path) for path in rpms("hello", requires=requires))
    return binary, source


def test_the_relations_of_a_package() -> None:
    """What rpm wrote into it, without what only rpm itself provides; a source package requires nothing here."""
    binary, source = _record(requires=("lib >= 2:1.0-3", "/usr/bin/tool", "((one or two(x86-64)) if three)"))
    found = relations(binary)
    assert set(found.requires) == {
        Dependency(name="lib", sense="GE", epoch=2, version="1.0", release="3"),
        Dependency(name="/usr/bin/tool"),
        *(Dependency(name=name) for name in ("one", "two(x86-64)", "three")),
    }
    assert found.provides == (Dependency(name="hello", sense="EQ", version="1.0", release="1"),)
    assert relations(source).requires == ()


def test_a_damaged_record(tmp_path: Path) -> None:
    """It is named, and is no reason to remove anything."""
    binary, _ = _record()
    damaged = PackageRecord(
        nevra=binary.nevra, sha256=binary.sha256, source=None, primary="<", filelists="", other=str(tmp_path)
    )
    with pytest.raises(UnavailableError, match=r"the record of hello-1\.0-1\.noarch is damaged"):
        relations(damaged)
