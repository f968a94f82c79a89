from collections.abc import Callable
from functools import partial

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.errors import ConflictError, InvalidError, NotFoundError
from builder.master.builds import Builds
from builder.master.slaves import Slaves
from builder.master.store import builds, events, jobs, projects, schema, secrets
from builder.model.attempt import AttemptState, FailureKind, SourceFacts
from builder.model.build import Build, BuildRequest, BuildState
from builder.model.job import SOURCE, JobState
from builder.model.package import ChrootChoice, GitSource, Package, Packaging, Style
from builder.model.project import Project
from builder.model.secret import Sealed, SecretKind
from builder.model.step import StepName
from tests.support.people import ADA, BOB
from tests.support.store import MemoryStore, answer

X86, ARM = "fedora-43-x86_64", "fedora-43-aarch64"
GIT = "https://git.example.org/x.git"
RELEASE = Package(style=Style.RELEASE, packaging=Packaging(git=GIT))
CI = Package(style=Style.CI, packaging=Packaging(git=GIT), upstream=GitSource(git=GIT), channel="image")
ONE = Package(style=Style.RELEASE, packaging=Packaging(git=GIT), chroots=ChrootChoice(exclude=(ARM,)))


class Farm:
    """A store with two projects, and what the tests do to it besides the service."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.builds = Builds(self.store, Slaves(self.store))
        main = {"hello": RELEASE, "lib": CI, "one": ONE, "twin": RELEASE}
        self.save(Project(project="main", chroots=(X86, ARM), packages=main))
        self.save(Project(project="side", chroots=(X86,), packages={"twin": RELEASE}))

    def save(self, project: Project) -> None:
        answer(self.store.write(lambda connection: projects.save(connection, project)))

    def request(self, package: str, project: str | None = None, chroots: tuple[str, ...] = (), **more: bool) -> Build:
        asked = BuildRequest(package=package, project=project, chroots=chroots, **more)
        return answer(self.builds.request(asked, ADA))

    def show(self, number: int) -> Build:
        return answer(self.builds.show(number))

    def cancel(self, number: int, job: str | None = None) -> Build:
        return answer(self.builds.cancel(number, job, BOB))

    def change(self, build: int, job: str, *states: JobState, reason: str = "") -> None:
        def unit(connection: Connection) -> None:
            key = sa.select(schema.jobs.c.id).where(schema.jobs.c.build == build, schema.jobs.c.name == job)
            for state in states:
                assert jobs.change(connection, connection.execute(key).scalar_one(), state, reason=reason)

        answer(self.store.write(unit))

    def attempt(self, build: int, job: str) -> None:
        """Put a running attempt with a step under a job."""

        def unit(connection: Connection) -> None:
            key = sa.select(schema.jobs.c.id).where(schema.jobs.c.build == build, schema.jobs.c.name == job)
            job_id = connection.execute(key).scalar_one()
            row = {
                "id": f"{job_id:032x}",
                "job_id": job_id,
                "fence": 1,
                "slave": "s1",
                "state": "running",
                "started": 1.0,
            }
            connection.execute(sa.insert(schema.attempts).values(row | {"kind": "compile"}))
            connection.execute(sa.update(schema.jobs).where(schema.jobs.c.id == job_id).values(fence=1))
            step = {"attempt": row["id"], "number": 1, "name": "srpm", "log_offset": 0, "started": 2.0}
            connection.execute(sa.insert(schema.steps).values(step))

        answer(self.store.write(unit))

    def events(self) -> list[tuple[str, int | None, str | None]]:
        found = answer(self.store.read(lambda connection: events.since(connection, 0)))
        return [(event.kind.value, event.build, event.job) for event in found]

    def queries(self, work: Callable[[], object]) -> int:
        """How many statements the database is sent for `work`."""
        sent: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            sent.append(statement)

        sa.event.listen(self.store._engine, "before_cursor_execute", note)
        work()
        sa.event.remove(self.store._engine, "before_cursor_execute", note)
        return len(sent)


@pytest.fixture(name="farm")
def _farm() -> Farm:
    return Farm()


def states(build: Build) -> dict[str, JobState]:
    return {job.name: job.state for job in build.jobs}


def test_a_request_is_written_whole(farm: Farm) -> None:
    """A new build has its queued source job, a waiting job for each chroot, and the events that tell of it."""
    build = farm.request("lib", force=True)
    assert (build.project, build.package, build.requested_by, build.force) == ("main", "lib", "ada", True)
    assert build.state is BuildState.QUEUED
    assert states(build) == {SOURCE: JobState.QUEUED, X86: JobState.WAITING, ARM: JobState.WAITING}
    assert [job.architecture for job in build.jobs] == ["noarch", "x86_64", "aarch64"]
    assert {job.channel for job in build.jobs} == {"image"}
    assert farm.events() == [("build_queued", build.number, None), ("job_queued", build.number, SOURCE)]
    assert farm.show(build.number) == build


def test_only_the_chroots_asked_for_are_built(farm: Farm) -> None:
    """Without a choice it is all of the package's, which may be fewer than the project's."""
    assert states(farm.request("hello", chroots=(ARM, ARM))).keys() == {SOURCE, ARM}
    assert states(farm.request("one")).keys() == {SOURCE, X86}


def test_a_later_definition_does_not_change_a_build(farm: Farm) -> None:
    """The build keeps the definition of its package and its project as it was asked for."""
    build = farm.request("hello")
    farm.save(Project(project="main", chroots=(X86,), network=True, packages={"hello": CI}))
    kept = answer(farm.store.read(partial(builds.definition, number=build.number)))
    assert (kept.packages, kept.network, kept.chroots) == ({"hello": RELEASE}, False, (X86, ARM))


def test_an_unknown_package_is_not_found(farm: Farm) -> None:
    """The sentence proposes the package that was probably meant; a removed one is unknown."""
    with pytest.raises(NotFoundError, match="no package `helo`; did you mean `hello`"):
        farm.request("helo")
    with pytest.raises(NotFoundError, match="no package `lib` in the project `side`; there is `twin`"):
        farm.request("lib", project="side")
    farm.save(Project(project="main", chroots=(X86,)))
    with pytest.raises(NotFoundError, match="no package `hello`"):
        farm.request("hello")
    assert farm.events() == []


def test_an_unknown_project_is_not_found(farm: Farm) -> None:
    """The sentence names those there are."""
    with pytest.raises(NotFoundError, match="no project `x`; there is `main`, `side`"):
        farm.request("hello", project="x")


def test_an_ambiguous_package_is_a_conflict(farm: Farm) -> None:
    """The sentence names the projects that have it; with one of them named, it is built there."""
    with pytest.raises(ConflictError, match="`main`, `side` each have a package `twin`"):
        farm.request("twin")
    assert farm.request("twin", project="side").project == "side"


def test_every_unknown_chroot_is_named(farm: Farm) -> None:
    """Chroots that the package is not built for are refused, each with a sentence."""
    with pytest.raises(InvalidError) as refused:
        farm.request("one", chroots=(X86, ARM, "debian-12-x86_64"))
    assert [mistake.split("`")[3] for mistake in refused.value.mistakes] == [ARM, "debian-12-x86_64"]
    assert farm.events() == []


def test_a_newer_ci_build_takes_the_place_of_a_queued_one(farm: Farm) -> None:
    """The older one is cancelled with the reason, all its jobs at once."""
    older = farm.request("lib")
    newer = farm.request("lib")
    superseded = farm.show(older.number)
    assert superseded.state is BuildState.CANCELLED
    assert superseded.finished is not None
    assert superseded.reason == f"superseded by build {newer.number}"
    assert set(states(superseded).values()) == {JobState.CANCELLED}
    assert farm.show(newer.number).state is BuildState.QUEUED


def test_nothing_that_was_asked_for_is_lost_by_superseding(farm: Farm) -> None:
    """An older build stays if it has begun, is a release, is forced, or is for a chroot that the newer is not for."""
    begun = farm.request("lib")
    farm.change(begun.number, SOURCE, JobState.RUNNING)
    forced = farm.request("lib", chroots=(X86,), force=True)
    whole = farm.request("lib")
    part = farm.request("lib", chroots=(ARM,))
    release = farm.request("hello")
    farm.request("hello")
    stay = [begun, forced, whole, part, release]
    assert all(farm.show(build.number).state is not BuildState.CANCELLED for build in stay)
    last = farm.request("lib", force=True)
    gone = [farm.show(build.number).reason for build in (forced, whole, part)]
    assert gone == [f"superseded by build {last.number}"] * 3


def test_a_whole_build_is_cancelled(farm: Farm) -> None:
    """Every job that can be is cancelled at once, with who did it; a running attempt is left for its slave to stop."""
    number = farm.request("hello").number
    farm.change(number, SOURCE, JobState.RUNNING)
    farm.attempt(number, SOURCE)
    build = farm.cancel(number)
    assert build.state is BuildState.CANCELLED
    assert build.reason == "cancelled by bob"
    assert build.jobs[0].attempts[0].state is AttemptState.CANCELLING
    assert farm.events()[-1] == ("build_finished", number, None)


def test_one_job_is_cancelled(farm: Farm) -> None:
    """The other jobs go on."""
    number = farm.request("hello").number
    build = farm.cancel(number, ARM)
    assert states(build) == {SOURCE: JobState.QUEUED, X86: JobState.WAITING, ARM: JobState.CANCELLED}
    assert build.finished is None


def test_without_its_source_job_a_build_ends(farm: Farm) -> None:
    """Cancelling the source job cancels the jobs that wait for it."""
    build = farm.cancel(farm.request("hello").number, SOURCE)
    assert build.state is BuildState.CANCELLED
    assert [job.reason for job in build.jobs] == ["cancelled by bob", *["the source job was cancelled"] * 2]


def test_what_is_published_is_not_cancelled(farm: Farm) -> None:
    """A job in `publishing` is refused by itself, and left alone when its build is cancelled."""
    number = farm.request("hello").number
    farm.change(number, SOURCE, JobState.RUNNING, JobState.SUCCEEDED)
    farm.change(number, X86, JobState.QUEUED, JobState.RUNNING, JobState.PUBLISHING)
    with pytest.raises(ConflictError, match=f"{number}/{X86} is being published"):
        farm.cancel(number, X86)
    wanted = {SOURCE: JobState.SUCCEEDED, X86: JobState.PUBLISHING, ARM: JobState.CANCELLED}
    assert states(farm.cancel(number)) == wanted
    with pytest.raises(ConflictError, match=f"build {number} is being published"):
        farm.cancel(number)


def test_what_has_ended_is_not_cancelled(farm: Farm) -> None:
    """The sentence says how it has ended."""
    number = farm.request("one").number
    farm.change(number, SOURCE, JobState.RUNNING, JobState.SUCCEEDED)
    with pytest.raises(ConflictError, match=rf"{number}/source has already ended \(succeeded\)"):
        farm.cancel(number, SOURCE)
    farm.cancel(number)
    with pytest.raises(ConflictError, match=rf"build {number} has already ended \(cancelled, succeeded\)"):
        farm.cancel(number)


def test_an_unknown_build_or_job_is_not_found(farm: Farm) -> None:
    """Showing and cancelling say how to see what there is."""
    number = farm.request("one").number
    with pytest.raises(NotFoundError, match="no build 99; `builder build list`"):
        farm.show(99)
    with pytest.raises(NotFoundError, match="no build 99"):
        farm.cancel(99)
    with pytest.raises(NotFoundError, match=rf"build {number} has no job `fedora-43`; did you mean `{X86}`"):
        farm.cancel(number, "fedora-43")


def test_the_first_failed_job_says_why(farm: Farm) -> None:
    """A build's reason is that of its first failed job, in the order of the jobs."""
    number = farm.request("hello").number
    farm.change(number, SOURCE, JobState.RUNNING, JobState.SUCCEEDED)
    farm.change(number, ARM, JobState.FAILED, reason="second")
    farm.change(number, X86, JobState.FAILED, reason="first")
    build = farm.show(number)
    assert (build.state, build.reason) == (BuildState.FAILED, "first")


def test_a_build_is_shown_with_all_that_belongs_to_it(farm: Farm) -> None:
    """Commits, attempts and their steps are there."""
    number = farm.request("hello").number
    farm.change(number, SOURCE, JobState.RUNNING)
    farm.attempt(number, SOURCE)
    commit = {"git": GIT, "ref": "main", "commit": "ab" * 20, "date": "2026-01-02T03:04:05Z"}
    facts = msgspec.convert({"evr": "1-1", "inputs": "0" * 64, "commits": [commit]}, SourceFacts)
    known = sa.update(schema.builds).values(source=msgspec.json.encode(facts).decode())
    answer(farm.store.write(lambda connection: connection.execute(known).rowcount))
    build = farm.show(number)
    assert build.commits == facts.commits
    (attempt,) = build.jobs[0].attempts
    assert (attempt.slave, attempt.state, attempt.kind) == ("s1", AttemptState.RUNNING, FailureKind.COMPILE)
    assert [step.name for step in attempt.steps] == [StepName.SRPM]
    assert not any(job.attempts for job in build.jobs[1:])


def test_builds_are_listed_newest_first(farm: Farm) -> None:
    """Page by page, and of one package alone; removed packages keep their builds."""
    numbers = [farm.request(package).number for package in ("hello", "one", "hello", "one")]

    def listed(limit: int = 50, before: int | None = None, package: str | None = None) -> list[int]:
        return [build.number for build in answer(farm.builds.listing(limit, before, package))]

    assert listed() == numbers[::-1]
    assert listed(limit=2) == numbers[:1:-1]
    assert listed(limit=2, before=numbers[2]) == numbers[1::-1]
    assert listed(package="one") == [numbers[3], numbers[1]]
    assert listed(before=numbers[0]) == []
    farm.save(Project(project="main", chroots=(X86,)))
    assert listed(package="one") == [numbers[3], numbers[1]]
    with pytest.raises(NotFoundError, match="no package `on`"):
        listed(package="on")


def test_listing_many_costs_no_more_queries_than_one(farm: Farm) -> None:
    """The number of queries does not depend on the number of builds or attempts."""
    first = farm.request("hello").number
    farm.attempt(first, SOURCE)
    one = farm.queries(lambda: answer(farm.builds.listing()))
    shown = farm.queries(lambda: farm.show(first))
    for job in (X86, ARM):
        farm.attempt(first, job)
    for _ in range(10):
        farm.request("hello")
    assert farm.queries(lambda: answer(farm.builds.listing())) == one
    assert farm.queries(lambda: farm.show(first)) == shown


def test_what_has_not_ended_is_listed_oldest_first(farm: Farm) -> None:
    """Builds under way come with their attempts, at most the limit; their jobs are counted by state."""
    ended, first, second = (farm.request("one").number for _ in range(3))
    farm.cancel(ended)
    farm.change(first, SOURCE, JobState.RUNNING)
    farm.attempt(first, SOURCE)
    assert answer(farm.builds.unfinished()) == (farm.show(first), farm.show(second))
    assert answer(farm.builds.unfinished(limit=1)) == (farm.show(first),)
    counts = {JobState.WAITING: 2, JobState.QUEUED: 1, JobState.RUNNING: 1, JobState.PUBLISHING: 0}
    assert answer(farm.builds.unfinished_jobs()) == counts


def test_builds_at_work_stand_before_those_that_wait(farm: Farm) -> None:
    """Fifty builds that wait for a slave hide none that runs."""
    waiting, running = (farm.request("one").number for _ in range(2))
    farm.change(running, SOURCE, JobState.RUNNING)
    assert [build.number for build in answer(farm.builds.unfinished(limit=1))] == [running]
    assert [build.number for build in answer(farm.builds.unfinished())] == [waiting, running]


def test_a_build_that_needs_a_secret_is_refused_without_it(farm: Farm) -> None:
    """Every place that names one is told, with the command that sets it; with the secrets, the build is taken."""
    package = Package(
        style=Style.CI,
        packaging=Packaging(git=GIT, secret="deploy"),
        upstream=GitSource(git="ssh://git@git.example.org/x.git", secret="key"),
    )
    farm.save(Project(project="private", chroots=(X86,), packages={"secretive": package}))
    with pytest.raises(InvalidError) as caught:
        farm.request("secretive")
    assert caught.value.mistakes == tuple(
        f"the project `private` has no secret `{name}`, which the {place} of `secretive` names; "
        f"`builder secret set private {name} --file FILE` sets it"
        for name, place in (("deploy", "packaging"), ("key", "upstream"))
    )
    for name, kind in (("deploy", SecretKind.TOKEN), ("key", SecretKind.SSH_KEY)):
        sealed = Sealed(name=name, kind=kind, sealed=b"sealed")
        answer(farm.store.write(partial(secrets.save, project="private", secret=sealed, who="ada")))
    assert farm.request("secretive").package == "secretive"
