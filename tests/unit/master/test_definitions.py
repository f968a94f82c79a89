import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.errors import InvalidError, NotFoundError
from builder.master.builds import Builds
from builder.master.definitions import Definitions
from builder.master.slaves import Slaves
from builder.master.store.database import Store
from builder.master.store.schema import operations, packages
from builder.model.build import BuildRequest, BuildState
from builder.model.difference import ChangeKind, DefinitionChange
from builder.model.package import Style
from tests.support.people import ADA
from tests.support.store import MemoryStore, answer

X86, ARM = "fedora-43-x86_64", "fedora-43-aarch64"
TEXT = f"""\
project: hello
chroots: [{X86}]
packages:
  hello:
    style: release
    packaging: {{git: "https://git.example.org/hello.git"}}
"""
LIB = """\
  hellolib:
    style: ci
    upstream: {git: "https://git.example.org/lib.git"}
    packaging: {git: "https://git.example.org/lib-rpm.git"}
"""


@pytest.fixture(name="store")
def _store() -> Store:
    return MemoryStore()


@pytest.fixture(name="definitions")
def _definitions(store: Store) -> Definitions:
    return Definitions(store, {X86, ARM}, {"package", "release"})


def apply(definitions: Definitions, text: str, *, dry_run: bool = False) -> tuple[DefinitionChange, ...]:
    return answer(definitions.apply(text, dry_run, ADA))


def prepared(store: Store) -> int:
    """How many orders there are to make repositories."""
    count = sa.select(sa.func.count()).select_from(operations).where(operations.c.operation.contains('"prepare"'))

    def unit(connection: Connection) -> int:
        return int(connection.execute(count).scalar_one())

    return answer(store.read(unit))


def ids(store: Store) -> dict[str, int]:
    """The rows of all packages, removed ones too."""
    query = sa.select(packages.c.name, packages.c.id)
    return answer(store.read(lambda connection: {row.name: row.id for row in connection.execute(query)}))


def names(definitions: Definitions, project: str | None = None) -> list[str]:
    return [summary.package for summary in answer(definitions.packages(project))]


def test_what_is_applied_is_exported(definitions: Definitions) -> None:
    """The exported text describes the same farm: applying it changes nothing."""
    apply(definitions, TEXT + LIB)
    exported = answer(definitions.export(None))
    assert answer(definitions.export("hello")) == exported
    assert apply(definitions, exported) == ()


def test_an_empty_farm_is_exported_as_nothing(definitions: Definitions) -> None:
    """Without any project there is no text, and no error."""
    assert answer(definitions.export(None)) == ""


def test_changes_are_told(definitions: Definitions) -> None:
    """The answer names what was added, changed and removed."""
    kinds = {change.what: change.kind for change in apply(definitions, TEXT + LIB)}
    assert kinds == dict.fromkeys(("project hello", "package hello/hello", "package hello/hellolib"), ChangeKind.ADDED)
    (removed,) = apply(definitions, TEXT)
    assert (removed.what, removed.kind) == ("package hello/hellolib", ChangeKind.REMOVED)
    (changed,) = apply(definitions, TEXT + "    channel: release\n")
    assert (changed.what, changed.after) == ("package hello/hello: channel", "release")


def test_a_dry_run_changes_nothing(definitions: Definitions, store: Store) -> None:
    """It tells what would happen, and nothing of it happens."""
    rung = store.changed.wait()
    assert apply(definitions, TEXT, dry_run=True) == apply(definitions, TEXT, dry_run=True) != ()
    assert names(definitions) == []
    assert prepared(store) == 0
    assert not rung.called


def test_a_mistake_changes_nothing(definitions: Definitions, store: Store) -> None:
    """Every mistake is named with its line, and the right half of a wrong text is not applied."""
    with pytest.raises(InvalidError) as refused:
        apply(definitions, TEXT + "---\nproject: other\nchroots: [fedora-43-s390x]\npackages: {x: {style: ci}}\n")
    assert any("line 9" in mistake and "fedora-43-s390x" in mistake for mistake in refused.value.mistakes)
    assert len(refused.value.mistakes) >= 2
    assert names(definitions) == []
    assert prepared(store) == 0


def test_a_removed_package_comes_back_as_itself(definitions: Definitions, store: Store) -> None:
    """A package that is described again has its old row, and with it its builds."""
    apply(definitions, TEXT + LIB)
    before = ids(store)
    apply(definitions, TEXT)
    assert names(definitions) == ["hello"]
    apply(definitions, TEXT + LIB)
    assert names(definitions) == ["hello", "hellolib"]
    assert ids(store) == before


def test_a_project_that_is_left_out_stays(definitions: Definitions) -> None:
    """Applying one project's text leaves the others alone."""
    apply(definitions, TEXT)
    apply(definitions, f"project: other\nchroots: [{X86}]\n")
    assert names(definitions) == ["hello"]


def test_repositories_are_prepared_when_they_are_new(definitions: Definitions, store: Store) -> None:
    """A new project, stage or chroot orders repositories; nothing else does, not even less of them."""
    apply(definitions, TEXT)
    assert prepared(store) == 1
    apply(definitions, TEXT + LIB)
    assert prepared(store) == 1
    apply(definitions, TEXT.replace(X86, f"{X86}, {ARM}"))
    assert prepared(store) == 2
    apply(definitions, TEXT)
    assert prepared(store) == 2
    apply(definitions, TEXT + "stages: [testing, stable, old]\n")
    assert prepared(store) == 3


def test_summaries_tell_of_the_newest_build(definitions: Definitions, store: Store) -> None:
    """Each package is listed with its chroots and with the number and state of its newest build, if it has one."""
    apply(definitions, (TEXT + LIB).replace(X86, f"{X86}, {ARM}"))
    builds = Builds(store, Slaves(store))
    first = answer(builds.request(BuildRequest(package="hello"), ADA))
    newest = answer(builds.request(BuildRequest(package="hello"), ADA))
    answer(builds.cancel(newest.number, None, ADA))
    assert newest.number > first.number
    hello, lib = answer(definitions.packages("hello"))
    assert (hello.package, hello.newest, hello.state) == ("hello", newest.number, BuildState.CANCELLED)
    assert (lib.package, lib.newest, lib.state) == ("hellolib", None, None)
    assert lib.style is Style.CI
    assert lib.chroots == (X86, ARM)
    assert answer(definitions.packages(None)) == (hello, lib)


def test_a_project_is_shown_without_its_packages(definitions: Definitions) -> None:
    """Its settings are there; packages are listed apart."""
    apply(definitions, TEXT)
    project = answer(definitions.project("hello"))
    assert (project.project, project.chroots, project.packages) == ("hello", (X86,), {})


def test_an_unknown_project_is_not_found(definitions: Definitions) -> None:
    """The sentence proposes the project that was probably meant."""
    apply(definitions, TEXT)
    with pytest.raises(NotFoundError, match="no project `helo`; did you mean `hello`"):
        answer(definitions.export("helo"))
    with pytest.raises(NotFoundError, match="no project `helo`"):
        answer(definitions.packages("helo"))
    with pytest.raises(NotFoundError, match="no project `helo`"):
        answer(definitions.project("helo"))
