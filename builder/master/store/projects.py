"""SQL for projects and their packages."""

from collections import defaultdict
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.errors import ConflictError, NotFoundError
from builder.master.store.schema import packages, projects
from builder.mistakes import guess
from builder.model.package import Package
from builder.model.project import Project

_DEFINITION = sa.select(projects.c.definition).where(projects.c.name == sa.bindparam("wanted"))
_PRESENT = (
    sa.select(packages.c.id, packages.c.project, packages.c.name, packages.c.definition)
    .where(~packages.c.removed)
    .order_by(packages.c.project, packages.c.name)
)
_NAMED = _PRESENT.where(packages.c.name == sa.bindparam("wanted"))
_DECODE = msgspec.json.Decoder(Package).decode


class KnownPackage(NamedTuple):
    """A package of the farm: its row's id, its names and its definition."""

    id: int
    project: str
    name: str
    package: Package


def every(connection: Connection) -> dict[str, Project]:
    """Return all projects by their names, in the order of the names."""
    own: dict[str, dict[str, Package]] = defaultdict(dict)
    for known in present(connection):
        own[known.project][known.name] = known.package
    bare = every_bare(connection)
    return {name: msgspec.structs.replace(project, packages=own[name]) for name, project in bare.items()}


def every_bare(connection: Connection) -> dict[str, Project]:
    """Return all projects as `every`, without their packages."""
    rows = connection.execute(sa.select(projects).order_by(projects.c.name))
    return {row.name: msgspec.json.decode(row.definition, type=Project) for row in rows}


def one(connection: Connection, name: str) -> Project:
    """Return the project of that name.

    Raises:
        NotFoundError: There is no project of that name.
    """
    bare = one_bare(connection, name)
    return msgspec.structs.replace(bare, packages={known.name: known.package for known in present(connection, name)})


def one_bare(connection: Connection, name: str) -> Project:
    """Return a project as `one`, without its packages."""
    definition = connection.execute(_DEFINITION, {"wanted": name}).scalar()
    if definition is None:
        names = connection.execute(sa.select(projects.c.name)).scalars().all()
        raise NotFoundError(f"there is no project `{name}`{guess(name, names)}")
    return msgspec.json.decode(definition, type=Project)


def present(connection: Connection, project: str | None = None) -> list[KnownPackage]:
    """Return the packages that were not removed, by project and name: of one project, or all."""
    query = _PRESENT if project is None else _PRESENT.where(packages.c.project == project)
    return [_known(row) for row in connection.execute(query)]


def package(connection: Connection, name: str, project: str | None = None) -> KnownPackage:
    """Return the package of that name; of that project, if one is named.

    Raises:
        NotFoundError: There is no such package, or no such project.
        ConflictError: No project is named, and several have such a package.
    """
    where = f" in the project `{one_bare(connection, project).project}`" if project is not None else ""
    named = [_known(row) for row in connection.execute(_NAMED, {"wanted": name})]
    found = [known for known in named if project in {None, known.project}]
    if not found:
        names = {known.name for known in present(connection, project)}
        raise NotFoundError(f"there is no package `{name}`{where}{guess(name, names)}")
    if len(found) > 1:
        owners = ", ".join(f"`{known.project}`" for known in found)
        raise ConflictError(f"the projects {owners} each have a package `{name}`; say which project is meant")
    return found[0]


def require(connection: Connection, name: str) -> None:
    """Check that there is a package of that name, even a removed one.

    Raises:
        NotFoundError: There never was one.
    """
    if not connection.execute(sa.select(sa.exists().where(packages.c.name == name))).scalar_one():
        package(connection, name)


def save(connection: Connection, project: Project) -> None:
    """Store a project as it is now: packages that it no longer has are marked as removed, returning ones revived."""
    row = {"definition": msgspec.json.encode(msgspec.structs.replace(project, packages={})).decode()}
    change = sa.update(projects).where(projects.c.name == project.project).values(row)
    if not connection.execute(change).rowcount:
        connection.execute(sa.insert(projects).values(row | {"name": project.project}))
    _save_packages(connection, project)


def _save_packages(connection: Connection, project: Project) -> None:
    own = sa.select(packages).where(packages.c.project == project.project)
    there: dict[str, Row[Any]] = {row.name: row for row in connection.execute(own)}
    added, changed = [], []
    for name, definition in project.packages.items():
        row = {"definition": msgspec.json.encode(definition).decode(), "removed": False}
        if name not in there:
            added.append(row | {"project": project.project, "name": name})
        else:
            changed.append(row | {"row": there[name].id})
    gone = [row for name, row in there.items() if name not in project.packages]
    changed += [{"definition": row.definition, "removed": True, "row": row.id} for row in gone]
    if added:
        connection.execute(sa.insert(packages), added)
    if changed:
        connection.execute(sa.update(packages).where(packages.c.id == sa.bindparam("row")), changed)


def _known(row: Row[Any, Any, Any, Any]) -> KnownPackage:
    return KnownPackage(row.id, row.project, row.name, _DECODE(row.definition))
