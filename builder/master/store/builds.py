"""SQL for builds: asking for one, and showing them with all that belongs to them in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder import lifecycle
from builder.errors import NotFoundError
from builder.master.store import needs, projects
from builder.master.store.schema import attempts, builds, jobs, packages, steps
from builder.master.store.stamp import now
from builder.model.attempt import Attempt, AttemptState, Commit, FailureKind, SourceFacts
from builder.model.build import Build, BuildState
from builder.model.job import Job, JobKind, JobState
from builder.model.lint import Lint
from builder.model.project import Project
from builder.model.step import Step, StepName

_BUILDS = sa.select(builds, packages.c.project, packages.c.name.label("package")).join(packages)
_ONE = _BUILDS.where(builds.c.number == sa.bindparam("wanted"))
_THESE: sa.BindParameter[Any] = sa.bindparam("wanted", expanding=True)
_JOBS = sa.select(jobs).where(jobs.c.build.in_(_THESE)).order_by(jobs.c.id)
_ATTEMPTS = sa.select(attempts).where(attempts.c.job_id.in_(_THESE)).order_by(attempts.c.fence)
_STEPS = sa.select(steps).where(steps.c.attempt.in_(_THESE)).order_by(steps.c.number)
_QUEUED_SOURCE = sa.select(jobs.c.build).where(
    jobs.c.package_id == sa.bindparam("package_id"),
    jobs.c.kind == JobKind.SOURCE.value,
    jobs.c.state == JobState.QUEUED.value,
    jobs.c.batch.is_(None),
)
_WAITING = JobState.WAITING.value
_SHOWN = 5
"""Number of the builds that a job waits for which are named."""


def found(connection: Connection, number: int, source: SourceFacts) -> None:
    """Store the facts that the source job of a build has found."""
    text = msgspec.json.encode(source).decode()
    connection.execute(sa.update(builds).where(builds.c.number == number).values(source=text))


def source(connection: Connection, number: int) -> SourceFacts | None:
    """Return the facts that the source job of a build has found, None if there are none."""
    text = connection.execute(sa.select(builds.c.source).where(builds.c.number == number)).scalar_one()
    return None if text is None else msgspec.json.decode(text, type=SourceFacts)


def definition(connection: Connection, number: int) -> Project:
    """Return the project as it was described when the build was asked for, with the package of the build alone."""
    text = connection.execute(sa.select(builds.c.definition).where(builds.c.number == number)).scalar_one()
    return msgspec.json.decode(text, type=Project)


def over(connection: Connection, numbers: Iterable[int], age: float | None = None) -> list[int]:
    """Return those of these builds that have ended and on which no slave is at work any more.

    With `age`, return only those that ended more than so many seconds ago.
    """
    moving = [state.value for state in AttemptState if state not in lifecycle.ATTEMPT_ENDS]
    at_work = sa.exists().where(
        jobs.c.build == builds.c.number, attempts.c.job_id == jobs.c.id, attempts.c.state.in_(moving)
    )
    query = sa.select(builds.c.number).where(builds.c.number.in_(tuple(numbers)), builds.c.finished.is_not(None))
    if age is not None:
        query = query.where(builds.c.finished < now(connection) - age)
    return list(connection.execute(query.where(~at_work)).scalars())


def with_queued_source(connection: Connection, package_id: int) -> list[int]:
    """Return the builds of a package whose source job is queued, even for another try.

    None of a batch is among them, since others wait for its source job.
    """
    return list(connection.execute(_QUEUED_SOURCE, {"package_id": package_id}).scalars())


def one(connection: Connection, number: int) -> Build:
    """Return a build with its jobs, their attempts and the steps of these.

    Raises:
        NotFoundError: There is no build of that number.
    """
    rows = connection.execute(_ONE, {"wanted": number}).all()
    if not rows:
        raise NotFoundError(f"there is no build {number}; `builder build list` shows those there are")
    return _views(connection, rows, whole=True)[0]


def some(connection: Connection, numbers: Iterable[int]) -> tuple[Build, ...]:
    """Return the builds of these numbers with their jobs, without attempts, in the order of the numbers."""
    rows = connection.execute(_BUILDS.where(builds.c.number.in_(tuple(numbers))).order_by(builds.c.number)).all()
    return _views(connection, rows, whole=False)


def newest_first(
    connection: Connection, limit: int, before: int | None = None, package: str | None = None
) -> tuple[Build, ...]:
    """Return the newest builds, with their jobs but without attempts.

    They are at most `limit`, older than `before`, of one package.

    Raises:
        NotFoundError: There never was a package of that name.
    """
    query = _BUILDS.order_by(builds.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(builds.c.number < before)
    if package is not None:
        projects.require(connection, package)
        query = query.where(packages.c.name == package)
    rows = connection.execute(query).all()
    return _views(connection, rows, whole=False)


def unfinished(connection: Connection, limit: int) -> tuple[Build, ...]:
    """Return the builds that have not ended, with their jobs and attempts: the oldest, at most `limit`.

    If there are more, builds that something is done for go before builds that wait.
    """
    moving = [state.value for state in JobState if state not in lifecycle.JOB_ENDS]
    at_work = sa.func.max(sa.case((jobs.c.state.in_([JobState.RUNNING.value, JobState.PUBLISHING.value]), 1), else_=0))
    numbers = sa.select(jobs.c.build).where(jobs.c.state.in_(moving)).group_by(jobs.c.build)
    chosen = numbers.order_by(at_work.desc(), jobs.c.build).limit(limit)
    rows = connection.execute(_BUILDS.where(builds.c.number.in_(chosen)).order_by(builds.c.number)).all()
    return _views(connection, rows, whole=True)


def newest_states(connection: Connection, project: str | None = None) -> dict[int, tuple[int, BuildState]]:
    """Return the number and the state of each package's newest build, by the package's row."""
    last = sa.select(sa.func.max(builds.c.number)).where(builds.c.package_id == packages.c.id).scalar_subquery()
    newest = sa.select(last).select_from(packages)
    if project is not None:
        newest = newest.where(packages.c.project == project)
    query = sa.select(jobs.c.package_id, jobs.c.build, jobs.c.state).where(jobs.c.build.in_(newest))
    states: dict[tuple[int, int], list[JobState]] = defaultdict(list)
    for row in connection.execute(query):
        states[row.package_id, row.build].append(JobState(row.state))
    return {package: (number, lifecycle.build_state(own)) for (package, number), own in states.items()}


def _views(connection: Connection, rows: Sequence[Row[Any]], *, whole: bool) -> tuple[Build, ...]:
    """Return the builds with their jobs; `whole` ones with the attempts, and with what jobs of a batch wait for."""
    found = connection.execute(_JOBS, {"wanted": [row.number for row in rows]}).all()
    tried = _attempts(connection, [job.id for job in found if job.fence]) if whole else {}
    held = [job.id for job in found if job.batch is not None and job.state == _WAITING] if whole else []
    waits = _waits(connection, held)
    own: dict[int, list[Job]] = defaultdict(list)
    batches: dict[int, int | None] = {}
    for job in found:
        own[job.build].append(_job(job, tried.get(job.id, ()), waits.get(job.id, "")))
        batches[job.build] = job.batch
    return tuple(_build(row, own[row.number], batches.get(row.number)) for row in rows)


def _waits(connection: Connection, of: Sequence[int]) -> dict[int, str]:
    """Return what each of these jobs waits for, by its row, as far as it is decided."""
    found: dict[int, list[str]] = defaultdict(list)
    for need in needs.unmet(connection, of) if of else ():
        found[need.job_id].append(need.words)
    return {job: f"waits for {', '.join(words[:_SHOWN])}{_more(words[_SHOWN:])}" for job, words in found.items()}


def _more(words: Sequence[str]) -> str:
    return f" and {len(words)} more" if words else ""


def _build(row: Row[Any], own: Sequence[Job], batch: int | None) -> Build:
    return Build(
        number=row.number,
        project=row.project,
        package=row.package,
        state=lifecycle.build_state(job.state for job in own),
        requested_by=row.requested_by,
        requested=row.requested,
        finished=row.finished,
        force=row.force,
        reason=_reason(own),
        batch=batch,
        commits=_commits(row.source),
        jobs=tuple(own),
    )


def _reason(own: Iterable[Job]) -> str:
    """Return the reason why a build did not succeed.

    It is that of the first job that failed, or else of the first that was cancelled.
    """
    reasons = {job.state: job.reason for job in reversed(tuple(own))}
    return reasons.get(JobState.FAILED) or reasons.get(JobState.CANCELLED) or ""


def _commits(source: str | None) -> tuple[Commit, ...]:
    return () if source is None else msgspec.json.decode(source, type=SourceFacts).commits


def _job(row: Row[Any], tried: tuple[Attempt, ...], waits: str) -> Job:
    return Job(
        build=row.build,
        name=row.name,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        channel=row.channel,
        architecture=row.architecture,
        reason=row.reason or waits,
        evr=row.evr,
        published=msgspec.json.decode(row.published, type=tuple[str, ...]),
        attempts=tried,
    )


def _attempts(connection: Connection, of: Sequence[int]) -> dict[int, tuple[Attempt, ...]]:
    """Return the attempts of each job, by its row, the oldest first."""
    if not of:
        return {}
    rows = connection.execute(_ATTEMPTS, {"wanted": of}).all()
    taken = _steps(connection, [row.id for row in rows])
    found: dict[int, tuple[Attempt, ...]] = defaultdict(tuple)
    for row in rows:
        found[row.job_id] += (_attempt(row, taken[row.id]),)
    return found


def _attempt(row: Row[Any], taken: Sequence[Step]) -> Attempt:
    return Attempt(
        attempt=row.id,
        fence=row.fence,
        slave=row.slave,
        state=AttemptState(row.state),
        started=row.started,
        finished=row.finished,
        reason=row.reason,
        kind=None if row.kind is None else FailureKind(row.kind),
        lint=None if row.lint is None else msgspec.json.decode(row.lint, type=Lint),
        steps=tuple(taken),
    )


def _steps(connection: Connection, of: Sequence[str]) -> dict[str, list[Step]]:
    """Return the steps of each attempt, by its id, in order."""
    found: dict[str, list[Step]] = defaultdict(list)
    for row in connection.execute(_STEPS, {"wanted": of}):
        step = Step(
            name=StepName(row.name),
            log_offset=row.log_offset,
            started=row.started,
            finished=row.finished,
            ok=row.ok,
        )
        found[row.attempt].append(step)
    return found
