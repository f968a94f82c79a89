"""Definitions: the projects of the farm, as people write them down and apply them."""

from collections.abc import Collection
from functools import partial

from sqlalchemy import Connection

from builder.master.decisions import event
from builder.master.decisions.permission import require
from builder.master.definition.difference import difference
from builder.master.definition.text import parse
from builder.master.definition.write import dump
from builder.master.store import builds, events, operations, projects
from builder.master.store.database import Store
from builder.model.difference import DefinitionChange
from builder.model.event import EventKind, Subject
from builder.model.operation import Prepare
from builder.model.package import PackageSummary
from builder.model.project import Project
from builder.model.visitor import Act, Visitor


class Definitions:
    """Definitions, applied and exported; `chroots` and `channels` are the names of those that the farm knows."""

    def __init__(self, store: Store, chroots: Collection[str], channels: Collection[str]) -> None:
        self._store = store
        self._chroots = chroots
        self._channels = channels

    async def apply(self, text: str, dry_run: bool, visitor: Visitor) -> tuple[DefinitionChange, ...]:
        """Make the farm's projects as `text` describes them; a project that it leaves out stays as it is.

        With `dry_run`, only return what would change.

        Raises:
            InvalidError: With every mistake and its line; nothing is changed.
            TooLargeError: The text is too long to be looked at.
            ForbiddenError: The visitor may not define one of the projects; nothing is changed.
        """
        described, changes = await self._store.read(partial(self._compared, text=text))
        for project in described:
            require(visitor, Act.DEFINE, project.project)
        if dry_run:
            return changes
        return await self._store.write(partial(_apply, described=described, who=visitor.name))

    async def export(self, project: str | None) -> str:
        """Return the definition of one project, or of all, as text that `apply` takes.

        Raises:
            NotFoundError: There is no such project.
        """

        def exported(connection: Connection) -> str:
            every = projects.every(connection).values()
            return dump(every if project is None else [projects.one(connection, project)])

        return await self._store.read(exported)

    async def project(self, name: str) -> Project:
        """Return a project without its packages.

        Raises:
            NotFoundError: There is no such project.
        """
        return await self._store.read(partial(projects.one_bare, name=name))

    async def packages(self, project: str | None) -> tuple[PackageSummary, ...]:
        """Return the packages of one project, or of all, with the newest build of each.

        Raises:
            NotFoundError: There is no such project.
        """
        return await self._store.read(partial(_summaries, project=project))

    def _compared(self, connection: Connection, text: str) -> tuple[tuple[Project, ...], tuple[DefinitionChange, ...]]:
        """Return the projects that `text` describes and what would change.

        A long text takes its time, beside the reactor.
        """
        described = parse(text, self._chroots, self._channels)
        there = projects.every(connection)
        changes = [difference(there.get(project.project), project) for project in described]
        return described, tuple(change for own in changes for change in own)


def _apply(connection: Connection, described: tuple[Project, ...], who: str) -> tuple[DefinitionChange, ...]:
    there = projects.every(connection)
    changes: list[DefinitionChange] = []
    for after in described:
        before = there.get(after.project)
        own = difference(before, after)
        if own:
            projects.save(connection, after)
            subject = Subject(project=after.project, who=who)
            events.record(connection, EventKind.DEFINITION_APPLIED, subject, event.changes(own))
        if _needs_repositories(before, after):
            prepare = Prepare(project=after.project, stages=after.stages, chroots=after.chroots)
            operations.insert(connection, prepare)
        changes += own
    return tuple(changes)


def _needs_repositories(before: Project | None, after: Project) -> bool:
    if before is None:
        return True
    return not (set(after.stages) <= set(before.stages) and set(after.chroots) <= set(before.chroots))


def _summaries(connection: Connection, project: str | None) -> tuple[PackageSummary, ...]:
    owners = projects.every_bare(connection) if project is None else {project: projects.one_bare(connection, project)}
    newest = builds.newest_states(connection, project)
    summaries = []
    for known in projects.present(connection, project):
        number, state = newest.get(known.id, (None, None))
        summary = PackageSummary(
            project=known.project,
            package=known.name,
            style=known.package.style,
            channel=known.package.channel,
            chroots=owners[known.project].chroots_of(known.package),
            newest=number,
            state=state,
        )
        summaries.append(summary)
    return tuple(summaries)
