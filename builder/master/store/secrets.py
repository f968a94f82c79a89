"""SQL for the projects' secrets, whose values are sealed before they come here."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.store import events, projects
from builder.master.store.schema import secrets
from builder.master.store.stamp import now
from builder.model.event import EventKind, Subject
from builder.model.secret import Sealed, SecretKind, SecretShown


def save(connection: Connection, project: str, secret: Sealed, who: str) -> SecretShown:
    """Store a secret of a project, in place of an older one of its name.

    Raises:
        NotFoundError: There is no such project.
    """
    projects.one_bare(connection, project)
    shown = SecretShown(project=project, name=secret.name, kind=secret.kind, set_by=who, time=now(connection))
    row = {"kind": secret.kind.value, "sealed": secret.sealed, "set_by": who, "time": shown.time}
    own = (secrets.c.project == project, secrets.c.name == secret.name)
    if not connection.execute(sa.update(secrets).where(*own).values(row)).rowcount:
        connection.execute(sa.insert(secrets).values(row | {"project": project, "name": secret.name}))
    events.record(connection, EventKind.SECRET_SET, Subject(project=project, who=who), secret.name)
    return shown


def listing(connection: Connection, project: str | None = None) -> tuple[SecretShown, ...]:
    """Return the secrets of one project or of all, by project and name."""
    query = sa.select(secrets).order_by(secrets.c.project, secrets.c.name)
    if project is not None:
        query = query.where(secrets.c.project == projects.one_bare(connection, project).project)
    return tuple(
        SecretShown(project=row.project, name=row.name, kind=SecretKind(row.kind), set_by=row.set_by, time=row.time)
        for row in connection.execute(query)
    )


def kinds(connection: Connection, project: str) -> dict[str, SecretKind]:
    """Return the kinds of a project's secrets by their names."""
    rows = connection.execute(sa.select(secrets.c.name, secrets.c.kind).where(secrets.c.project == project))
    return {row.name: SecretKind(row.kind) for row in rows}


def sealed(connection: Connection, project: str, names: Collection[str]) -> tuple[Sealed, ...]:
    """Return those of a project's secrets that have these names."""
    if not names:
        return ()
    query = sa.select(secrets).where(secrets.c.project == project, secrets.c.name.in_(names))
    return tuple(
        Sealed(name=row.name, kind=SecretKind(row.kind), sealed=row.sealed) for row in connection.execute(query)
    )


def remove(connection: Connection, project: str, name: str, who: str) -> bool:
    """Remove a secret; return True if there was one."""
    own = (secrets.c.project == project, secrets.c.name == name)
    if not connection.execute(sa.delete(secrets).where(*own)).rowcount:
        return False
    events.record(connection, EventKind.SECRET_REMOVED, Subject(project=project, who=who), name)
    return True
