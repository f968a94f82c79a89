"""Builds: asking for them, showing them, cancelling them."""

from collections.abc import Collection, Iterable, Iterator
from functools import partial

from sqlalchemy import Connection

from builder.errors import ConflictError, InvalidError
from builder.lifecycle import JOB_ENDS
from builder.master import sequence
from builder.master.decisions import secret_needs
from builder.master.decisions.permission import require
from builder.master.decisions.waiting import explained
from builder.master.kinds import kind
from builder.master.slaves import Slaves
from builder.master.store import builds, events, jobs, projects, requests, secrets
from builder.master.store.database import Store
from builder.master.store.projects import KnownPackage
from builder.master.store.requests import Wanted
from builder.mistakes import guess
from builder.model.build import Build, BuildRequest
from builder.model.event import EventKind, Subject
from builder.model.job import JobKind, JobState
from builder.model.package import Style
from builder.model.visitor import Act, Visitor


class Builds:
    """Builds, as people ask for, see and cancel them; every answer is the build as it is afterwards."""

    def __init__(self, store: Store, slaves: Slaves) -> None:
        self._store = store
        self._slaves = slaves

    async def request(self, request: BuildRequest, visitor: Visitor) -> Build:
        """Ask for a build: its source job is queued, its chroot jobs wait for that.

        A build of the style `ci` takes the place of older ones of its package whose source job is queued, unless they
        ask for more: these are cancelled.

        Raises:
            NotFoundError: There is no such package or project.
            ConflictError: Several projects have such a package, and none is named.
            InvalidError: The package is not built for a chroot that was named, or its project lacks a secret.
            ForbiddenError: The visitor may not build in the project.
        """
        return self._explained(await self._store.write(partial(_request, request=request, visitor=visitor)))

    async def show(self, number: int) -> Build:
        """Return a build with its jobs, their attempts and steps.

        Raises:
            NotFoundError: There is no build of that number.
        """
        return self._explained(await self._store.read(partial(builds.one, number=number)))

    async def listing(
        self, limit: int = 50, before: int | None = None, package: str | None = None
    ) -> tuple[Build, ...]:
        """Return the newest builds with jobs, without attempts: at most `limit`, older than `before`, of one package.

        Raises:
            NotFoundError: There never was a package of that name.
        """
        return await self._store.read(partial(builds.newest_first, limit=limit, before=before, package=package))

    async def unfinished(self, limit: int = 50) -> tuple[Build, ...]:
        """Return the builds that have not ended, with their jobs and attempts: the oldest, at most `limit`."""
        found = await self._store.read(partial(builds.unfinished, limit=limit))
        return tuple(self._explained(build) for build in found)

    async def unfinished_jobs(self) -> dict[JobState, int]:
        """Return the number of jobs in each state that is no end."""
        return await self._store.read(jobs.unfinished)

    async def cancel(self, number: int, job: str | None, visitor: Visitor) -> Build:
        """Cancel a build, or one of its jobs: it is cancelled at once, and its slave is told afterwards.

        Without its source job a build can't go on, so that cancelling that one cancels the jobs that wait for it.

        Raises:
            NotFoundError: There is no such build or job.
            ConflictError: It has ended, or is being published.
            ForbiddenError: The visitor may not cancel builds of the project.
        """
        return await self._store.write(partial(_cancel, number=number, job=job, visitor=visitor))

    def _explained(self, build: Build) -> Build:
        return explained(build, [connection.offer for connection in self._slaves.connected])


def _request(connection: Connection, request: BuildRequest, visitor: Visitor) -> Build:
    known = projects.package(connection, request.package, request.project)
    require(visitor, Act.BUILD, known.project)
    project = projects.one_bare(connection, known.project)
    there = project.chroots_of(known.package)
    chroots = chosen(there, request.chroots)
    if sentences := (*mistakes(known, there, request.chroots), *lacking(connection, known)):
        raise InvalidError(*sentences)
    (number,) = requests.insert(connection, [Wanted(known, chroots, project)], visitor.name, force=request.force)
    build = builds.one(connection, number)
    if known.package.style is Style.CI:
        supersede(connection, known.id, build)
    return build


def mistakes(known: KnownPackage, there: Collection[str], asked: Collection[str]) -> Iterator[str]:
    """Yield a mistake for each chroot asked for that is not `there`: those that the package is built for."""
    for chroot in asked:
        if chroot not in there:
            yield f"the package `{known.name}` is not built for `{chroot}`{guess(chroot, there)}"


def lacking(connection: Connection, known: KnownPackage) -> Iterator[str]:
    """Yield a mistake for each secret that a package is fetched with and its project has not; most need none."""
    if secret_needs.named(known.package):
        kinds = secrets.kinds(connection, known.project)
        yield from secret_needs.mistakes(known.project, known.name, known.package, kinds)


def chosen(there: Iterable[str], asked: Collection[str]) -> tuple[str, ...]:
    """Return the chroots to build for, in the project's order: those that are asked for, or all."""
    return tuple(chroot for chroot in there if chroot in asked or not asked)


def supersede(connection: Connection, package_id: int, newer: Build) -> None:
    """Cancel the builds of a package that are still queued and ask for nothing that the newer one does not."""
    for number in builds.with_queued_source(connection, package_id):
        older = builds.one(connection, number)
        less = {job.name for job in older.jobs} <= {job.name for job in newer.jobs}
        if number != newer.number and less and (newer.force or not older.force):
            for job in older.jobs:
                jobs.cancel(connection, number, job.name, f"superseded by build {newer.number}")


def _cancel(connection: Connection, number: int, job: str | None, visitor: Visitor) -> Build:
    build = builds.one(connection, number)
    require(visitor, Act.CANCEL, build.project)
    subject = Subject(project=build.project, build=number, job=job, who=visitor.name)
    events.record(connection, EventKind.CANCEL_REQUESTED, subject)
    reason = f"cancelled by {visitor.name}"
    if job is None:
        cancelled = [jobs.cancel(connection, number, one.name, reason) for one in build.jobs]
        if not any(cancelled):
            raise ConflictError(_too_late(f"build {number}", [one.state for one in build.jobs]))
    else:
        one = build.job(job)
        if not jobs.cancel(connection, number, job, reason):
            raise ConflictError(_too_late(f"{number}/{job}", [one.state]))
        kind.kind_of(one.kind).cancelled(connection, number)
    unmade = any(one.kind is JobKind.SOURCE and one.state not in JOB_ENDS for one in build.jobs)
    if build.batch is not None and unmade:
        sequence.settle(connection, build.batch)
    return builds.one(connection, number)


def _too_late(what: str, states: list[JobState]) -> str:
    if set(states) <= JOB_ENDS:
        return f"{what} has already ended ({', '.join(sorted({state.value for state in states}))})"
    return f"{what} is being published and can't be cancelled any more"
