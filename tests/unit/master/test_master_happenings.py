"""Whatever happens, in whatever order: each result is taken exactly once, each log is exactly what was written."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override

from builder.errors import ConflictError, SupersededError, UnavailableError
from builder.lifecycle import ATTEMPT_ENDS
from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, Outcome, Position
from builder.model.build import BuildState
from builder.model.job import SOURCE, JobState
from builder.model.operation import Publish
from builder.model.step import StepName
from builder.model.work import WorkOrder
from builder.wire import Done, Request, StartJob, Verdict
from tests.support.headless import DEFINITION, GRACE, LEASE, HeadlessMaster
from tests.support.people import ADA
from tests.support.scripted import BUILT, MADE, ScriptedRepo, ScriptedSlave, artifact, listed
from tests.support.store import answer

MANY = 1000
CANCELLED = Outcome(state=AttemptState.CANCELLED, reason="cancelled")
PACKAGES = ("hello", "both")


class Work:
    """An attempt on a slave: all that there will be to report, and how far the master is known to have it."""

    def __init__(self, order: WorkOrder) -> None:
        self.order = order
        self.log = b"".join(b"%s line %d\n" % (order.attempt[-4:].encode(), number) for number in range(4))
        self.at = Position(records=0, log=0)
        self.cancelled = False

    @property
    def source(self) -> bool:
        """Whether it is a source job."""
        return self.order.job == SOURCE


class Worker(ScriptedSlave):
    """A slave with a journal: it keeps what it was ordered until the master has everything of it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 2, ("x86_64", "aarch64"))
        self.journal: dict[str, Work] = {}

    @property
    def connected_now(self) -> bool:
        """Whether the master can be asked something."""
        return bool(self.made) and self.closed is None

    @override
    async def _answer(self, request: Request[Any]) -> Done:
        if isinstance(request, StartJob):
            self.journal.setdefault(request.order.attempt, Work(request.order))
        elif request.attempt in self.journal:  # type: ignore[attr-defined] # the only other request is CancelJob
            self.journal[request.attempt].cancelled = True  # type: ignore[attr-defined] # as above
        return await super()._answer(request)

    def greet(self) -> None:
        """Say hello and do what the verdicts say; the master never takes an attempt for unknown."""
        held = [work.order for work in self.journal.values()]
        for judgement in answer(self.hello(*held)).verdicts:
            assert judgement.verdict is not Verdict.UNKNOWN
            if judgement.verdict is Verdict.CONTINUE:
                self.journal[judgement.attempt].at = judgement.position
            else:
                del self.journal[judgement.attempt]


def said(asked: Deferred[Any]) -> Any:
    """The answer, or the error that is one; None when the connection is gone."""
    heard: list[Any] = []
    _ = asked.addBoth(heard.append)
    if not heard:
        return None
    if not isinstance(heard[0], Failure):
        return heard[0]
    assert heard[0].check(SupersededError, ConflictError, UnavailableError), heard[0]
    return heard[0].value


class Happenings(RuleBasedStateMachine):
    """A master, two slaves and a repository builder, to whom anything may happen at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="master-"))
        self.master = HeadlessMaster(self.folder, tries=MANY)
        answer(self.master.farm.definitions.apply(DEFINITION, dry_run=False, visitor=ADA))
        self.repo = ScriptedRepo()
        self.workers = {name: Worker(name) for name in ("a", "b")}
        self.written: dict[str, bytes] = {}
        self.builds: list[int] = []
        self.cancelled: set[int] = set()
        self.reconnect_repo()

    @override
    def teardown(self) -> None:
        """In the end everything that was asked for is done, or was cancelled."""
        try:
            self.settle()
        finally:
            self.master.end()
            shutil.rmtree(self.folder)

    def settle(self) -> None:
        """Let nothing bad happen any more, and see where it ends."""
        for _ in range(40 * (1 + len(self.builds))):
            for worker in self.workers.values():
                if not worker.connected_now:
                    self.connect(worker.identity.name)
                for work in tuple(worker.journal.values()):
                    self.deliver(worker, work)
                    self.end(worker, work)
            self.reconnect_repo() if self.repo.closed is not None else self.publish()
            if all(self.master.show(number).finished is not None for number in self.builds):
                break
            self.master.wait(10)
        for number in self.builds:
            build = self.master.show(number)
            assert build.finished is not None, build
            assert build.state is BuildState.SUCCEEDED or number in self.cancelled, build
        assert all(slave.busy == 0 for slave in answer(self.master.farm.slaves.listing()))

    # -- what happens

    @precondition(lambda self: len(self.builds) < 4)
    @rule(package=st.sampled_from(PACKAGES))
    def build(self, package: str) -> None:
        """Somebody asks for a build."""
        self.builds.append(self.master.build(package))

    @precondition(lambda self: self.builds)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Somebody cancels one that can be cancelled."""
        number = data.draw(st.sampled_from(self.builds))
        if any(job.state in {JobState.QUEUED, JobState.RUNNING} for job in self.master.show(number).jobs):
            self.cancelled.add(number)
            self.master.cancel(number)

    @rule(name=st.sampled_from(("a", "b")))
    def connect(self, name: str) -> None:
        """A slave connects, whether or not it is connected already."""
        worker = self.workers[name]
        self.master.connect(worker)
        worker.greet()
        self.master.flush()

    @rule(name=st.sampled_from(("a", "b")))
    def cut(self, name: str) -> None:
        """A connection is lost."""
        if self.workers[name].connected_now:
            self.workers[name].cut()

    @rule()
    def restart(self) -> None:
        """The master is killed and started again."""
        self.master.restart()

    @rule(name=st.sampled_from(("a", "b")))
    def reinstall(self, name: str) -> None:
        """A slave's host loses everything."""
        self.cut(name)
        self.workers[name].journal.clear()

    @rule(seconds=st.sampled_from((1, 8, int(LEASE + GRACE) + 2)))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.master.wait(seconds)

    @rule(name=st.sampled_from(("a", "b")), data=st.data())
    def report(self, name: str, data: st.DataObject) -> None:
        """A slave reports something: what is next, something once more, or something that is not its turn yet."""
        worker = self.workers[name]
        if not worker.connected_now or not worker.journal:
            return
        work = data.draw(st.sampled_from(list(worker.journal.values())))
        if data.draw(st.booleans()):
            start = data.draw(st.integers(0, len(work.log)))
            stop = data.draw(st.integers(start, len(work.log)))
            self.heard(worker, work, worker.log(work.order, start, work.log[start:stop]))
        else:
            self.heard(worker, work, self.record(worker, work, data.draw(st.integers(0, 2))))

    @rule(name=st.sampled_from(("a", "b")), data=st.data())
    def begin(self, name: str, data: st.DataObject) -> None:
        """A slave delivers part of an artifact."""
        worker = self.workers[name]
        if worker.connected_now and worker.journal:
            work = data.draw(st.sampled_from(list(worker.journal.values())))
            (wanted, content), *_ = self.results(work)
            offset = said(worker.begin(work.order, wanted))
            if offset is not None and not isinstance(offset, Exception):
                stop = data.draw(st.integers(offset.offset, len(content)))
                said(worker.chunk(work.order, wanted.name, offset.offset, content[offset.offset : stop]))

    @rule(name=st.sampled_from(("a", "b")), data=st.data(), whole=st.booleans(), twice=st.booleans())
    def finish(self, name: str, data: st.DataObject, *, whole: bool, twice: bool) -> None:
        """A slave reports an end, with or without all that has to come before it, perhaps twice."""
        worker = self.workers[name]
        if worker.connected_now and worker.journal:
            work = data.draw(st.sampled_from(list(worker.journal.values())))
            if whole:
                self.deliver(worker, work)
            self.end(worker, work, twice=twice)

    @rule()
    def reconnect_repo(self) -> None:
        """The repository builder connects, whether or not it is connected already."""
        self.master.connect(self.repo)
        answer(self.repo.hello())
        self.master.flush()

    @rule()
    def publish(self) -> None:
        """The repository builder has applied all that it was ever told, and says so, once more where it has before."""
        if self.repo.closed is None:
            for operation in tuple(self.repo.operations):
                self.repo.apply(operation, f"hello-{operation.number}")

    # -- what slaves do

    def record(self, worker: Worker, work: Work, number: int) -> Deferred[Position]:
        """The record with this number."""
        if number == 0:
            return worker.started(work.order)
        if number == 1:
            return worker.step(work.order, 1, StepName.BUILD)
        return worker.stepped(work.order, 2, StepName.BUILD)  # type: ignore[no-any-return] # a position as well

    def results(self, work: Work) -> list[tuple[Any, bytes]]:
        """What a success delivers, the listing last."""
        content = f"made by {work.order.attempt}".encode()
        name, kind = ("hello-1.0-1.src.rpm", ArtifactKind.SRPM) if work.source else ("hello.rpm", ArtifactKind.RPM)
        made = artifact(name, content, kind)
        return [(made, content), listed(work.order.attempt, made)]

    def deliver(self, worker: Worker, work: Work) -> None:
        """Report everything but the end, from where the master is."""
        for _ in range(10):
            if work.order.attempt not in worker.journal or work.cancelled:
                return
            if work.at.records < 3:
                self.heard(worker, work, self.record(worker, work, work.at.records))
            elif work.at.log < len(work.log):
                self.heard(worker, work, worker.log(work.order, work.at.log, work.log[work.at.log :]))
        for wanted, content in self.results(work):
            offset = said(worker.begin(work.order, wanted))
            if isinstance(offset, Exception) or offset is None:
                return
            if offset.offset < wanted.size:
                said(worker.chunk(work.order, wanted.name, offset.offset, content[offset.offset :]))

    def heard(self, worker: Worker, work: Work, asked: Deferred[Position]) -> None:
        """Believe the master about how far it is, and drop what it does not want."""
        position = said(asked)
        if isinstance(position, SupersededError):
            worker.journal.pop(work.order.attempt, None)
        elif isinstance(position, Position):
            assert position.records >= work.at.records
            assert position.log >= work.at.log
            work.at = position
            self.written[work.order.attempt] = work.log[: position.log]

    def end(self, worker: Worker, work: Work, *, twice: bool = False) -> None:
        """Report the end, and forget the attempt once the master has taken it."""
        success = MADE if work.source else BUILT
        outcome = CANCELLED if work.cancelled else success
        for _ in range(1 + twice):
            if work.order.attempt in worker.journal or twice:
                accepted = said(worker.finish(work.order, outcome, work.at.records, work.at.log))
                if accepted is not None and not isinstance(accepted, Exception):
                    worker.journal.pop(work.order.attempt, None)

    # -- what always holds

    @invariant()
    def each_result_is_taken_once(self) -> None:
        """No job has two attempts at once or two successes, none is published twice, and ends agree."""
        for number in self.builds:
            for job in self.master.show(number).jobs:
                states = Counter(attempt.state for attempt in job.attempts)
                live = [state for state in states.elements() if state not in ATTEMPT_ENDS]
                assert len(live) <= 1, job
                assert states[AttemptState.SUCCEEDED] <= 1, job
                taken = job.state in {JobState.SUCCEEDED, JobState.PUBLISHING}
                assert taken == (states[AttemptState.SUCCEEDED] == 1), job
                assert [attempt.fence for attempt in job.attempts] == list(range(1, len(job.attempts) + 1))
        orders = {operation.number: operation.operation for operation in self.repo.operations}.values()
        published = Counter((order.build, order.job) for order in orders if isinstance(order, Publish))
        assert all(times == 1 for times in published.values())

    @invariant()
    def logs_are_exact(self) -> None:
        """The stored log is what the slave was told is stored."""
        for number in self.builds:
            for job in self.master.show(number).jobs:
                for attempt in job.attempts:
                    stored = self.master.farm.logs.read(number, job.name, attempt.fence, 0, 10_000)
                    assert stored == self.written.get(attempt.attempt, b"")

    @invariant()
    def no_slave_is_overfilled(self) -> None:
        """A slave never has more in hand than it has room for."""
        assert all(slave.busy <= slave.capacity for slave in answer(self.master.farm.slaves.listing()))


HappeningsTest = Happenings.TestCase
HappeningsTest.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
