"""The names below a state folder, and that nobody else knows them."""

import ast
from pathlib import Path

import pytest

from builder.state import SlaveFolder, StateFolder, slave_of
from tests.support.distribution import ROOT

FARM, SLAVE = StateFolder(Path("/var/lib/builder")), SlaveFolder(Path("/var/lib/builder-slave"))
NAMES: dict[StateFolder | SlaveFolder, dict[str, str]] = {
    FARM: {
        "database": "builder.db",
        "incoming": "incoming",
        "keys": "keys",
        "logs": "logs",
        "master_lock": "master.lock",
        "pool": "pool",
        "rejected": "rejected",
        "repo_lock": "repo.lock",
        "repos": "repos",
        "seal": "secrets.key",
        "staging": "staging",
        "switching": "switching",
    },
    SLAVE: {
        "attempts": "attempts",
        "dnf": "cache/dnf",
        "git": "git",
        "mock": "cache/mock",
        "next": "next",
        "parked": "parked",
        "sources": "cache/sources",
        "ssh": "ssh",
        "trust": "trust.pem",
    },
}
OWNERS = {"state", "_state"}
OWN = {name for folder in NAMES.values() for name in folder.values()} - {"git", "mock", "next", "ssh"}
"""What is called so is below a state folder, whatever it is joined onto; a `git` may be anywhere."""


def joins(node: ast.AST) -> bool:
    """Whether this joins a name onto a state folder, or one of the folder's names onto any other."""
    match node:
        case ast.BinOp(op=ast.Div(), left=ast.Name(id=owner) | ast.Attribute(attr=owner)) if owner in OWNERS:
            return True
        case ast.BinOp(op=ast.Div(), right=ast.Constant(value=str(text))):
            return text.partition("/")[0] in OWN
        case ast.Call(func=ast.Attribute(attr="joinpath", value=ast.Name(id=owner) | ast.Attribute(attr=owner))):
            return owner in OWNERS
        case ast.Call(func=ast.Name(id="Path"), args=[_, *others]):
            return any(isinstance(other, ast.Constant) and other.value in OWN for other in others)
        case _:
            return False


def names(node: ast.AST) -> bool:
    """Whether this makes one of the folder's names a constant."""
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value in OWN


def known(source: str) -> list[int]:
    """The lines that know what is called how below a state folder."""
    tree = ast.parse(source)
    return [node.lineno for node in tree.body if names(node)] + [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr) and joins(node)
    ]


@pytest.mark.parametrize("folder", NAMES)
def test_the_names(folder: StateFolder | SlaveFolder) -> None:
    """They are part of what an operator may rely on: backups, units and guides name them. Each stands in this test."""
    paths = [name for name, value in vars(type(folder)).items() if isinstance(value, property)]
    assert {name: str(getattr(folder, name).relative_to(folder.path)) for name in paths} == NAMES[folder]


def test_the_places_below_them() -> None:
    """What an attempt delivers, a package in the pool, and the slave that an attempt belongs to."""
    assert FARM.delivery(17, "fedora-43-x86_64", 2) == FARM.path / "incoming/17/fedora-43-x86_64/2"
    assert FARM.package("ab" + "0" * 62) == FARM.path / "pool/ab" / f"ab{'0' * 62}.rpm"
    assert slave_of(SLAVE.attempts / "0123456789abcdef") == SLAVE


@pytest.mark.parametrize(
    "line",
    [
        'config.state / "x"',
        "state / name",
        "self._state / name / other",
        'root.parent / "pool"',
        'home / "repos/hello"',
        'state.joinpath("x")',
        'self.state.joinpath("x")',
        'Path(home, "builder.db")',
        'INCOMING = "incoming"',
        'FILE = "secrets.key"',
    ],
)
def test_a_join_is_found(line: str) -> None:
    """The check below sees each way in which somebody may know a name of the folder."""
    assert known(f"\n{line}\n") == [2]


def test_nobody_else_joins_names_onto_a_state_folder() -> None:
    """Where something is stands in one module; the product, the benchmarks and the tests' support ask it."""
    places = (path for folder in ("builder", "benchmarks", "tests/support") for path in (ROOT / folder).rglob("*.py"))
    modules = {str(path.relative_to(ROOT)): path.read_text() for path in places}
    del modules["builder/state.py"]
    found = [f"{name}:{line}" for name, text in modules.items() for line in known(text)]
    assert found == []
