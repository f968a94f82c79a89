"""The way of a build through the master."""

import msgspec

from builder.model.attempt import AttemptState, Outcome
from builder.model.build import BuildState
from builder.model.job import JobState
from builder.model.operation import Publish
from builder.model.step import StepName
from builder.model.work import ChrootWork, LastBuilt, SourceWork
from builder.wire import Accepted, Rejected
from tests.support.headless import ARM, X86, MasterCase
from tests.support.scripted import FACTS
from tests.support.store import answer


class WayOfABuild(MasterCase):
    """From the request to the published package."""

    def test_from_request_to_repository(self) -> None:
        """A build runs through its source job, its chroot job and its publication, and every noun tells so."""
        slave = self.slave()
        number = self.master.build()
        (source,) = slave.orders
        assert isinstance(source.work, SourceWork)
        assert (source.build, source.job, source.fence, source.work.package) == (number, "source", 1, "hello")
        slave.make_source(source)
        package = slave.orders[-1]
        assert isinstance(package.work, ChrootWork)
        assert (package.job, package.work.chroot.name, package.work.inputs) == (X86, X86, FACTS.inputs)
        assert package.work.srpm.name == "hello-1.0-1.src.rpm"
        assert [(repository.name, repository.url) for repository in package.work.repositories] == [
            ("hello-testing", "https://farm.example.org/repos/hello/testing/fedora-43/x86_64/"),
            ("other", "https://other.example.org/$releasever"),
        ]
        slave.make_package(package)
        assert self.master.job(number, X86).state is JobState.PUBLISHING
        publish = self.repo.operations[-1]
        assert isinstance(publish.operation, Publish)
        assert (publish.operation.stage, publish.operation.fence, publish.operation.chroots) == ("testing", 1, (X86,))
        self.repo.apply(publish, "hello-1.0-1.fc43.x86_64")
        build = self.master.show(number)
        assert (build.state, build.finished is None) == (BuildState.SUCCEEDED, False)
        job = self.master.job(number, X86)
        assert (job.evr, job.published) == ("1.0-1.fc43", ("hello-1.0-1.fc43.x86_64",))
        assert sorted(path.name for path in self.master.incoming(package).iterdir()) == [
            "hello-1.0-1.fc43.x86_64.rpm",
            "listing.json",
        ]

    def test_every_time_is_the_stores(self) -> None:
        """Each thing bears the time of the transaction that wrote it down, and the wall clock has no say in it."""
        began, clock = self.master.store.now(), self.master.clock
        slave = self.slave()
        clock.advance(1)
        number = self.master.build()
        clock.advance(2)
        slave.make_source(slave.orders[-1])
        clock.advance(3)
        slave.make_package(slave.orders[-1])
        clock.advance(4)
        self.repo.apply(self.repo.operations[-1])
        build = self.master.show(number)
        source, package = (self.master.attempts(number, job)[0] for job in ("source", X86))
        published = answer(self.master.farm.operations.listing())[0]
        (shown,) = answer(self.master.farm.slaves.listing())
        last = answer(self.master.farm.events.since(0))[-1]
        times = {
            "asked for": build.requested,
            "source begun": source.started,
            "source ended": source.finished,
            "package begun": package.started,
            "package ended": package.finished,
            "publication ordered": published.requested,
            "publication applied": published.finished,
            "build ended": build.finished,
            "slave seen": shown.seen,
            "last event": last.time,
        }
        assert {what: time and round(time - began, 1) for what, time in times.items()} == {
            "asked for": 1.0,
            "source begun": 1.0,
            "source ended": 3.0,
            "package begun": 3.0,
            "package ended": 6.0,
            "publication ordered": 6.0,
            "publication applied": 10.0,
            "build ended": 10.0,
            "slave seen": 10.0,
            "last event": 10.0,
        }

    def test_steps_and_log_are_kept(self) -> None:
        """Step records become steps with their times, and the log is exactly what was reported."""
        slave = self.slave()
        number = self.master.build()
        (order,) = slave.orders
        answer(slave.started(order))
        answer(slave.step(order, 1, StepName.FETCH))
        answer(slave.log(order, 0, b"one\n"))
        answer(slave.stepped(order, 2, StepName.FETCH))
        answer(slave.step(order, 3, StepName.SRPM, 4))
        answer(slave.log(order, 4, b"two\n"))
        failed = Outcome(state=AttemptState.FAILED, reason="no spec")
        assert answer(slave.finish(order, failed, 4, 8)) == Accepted()
        (attempt,) = self.master.attempts(number, "source")
        assert [(step.name, step.log_offset, step.ok) for step in attempt.steps] == [
            (StepName.FETCH, 0, True),
            (StepName.SRPM, 4, False),
        ]
        assert self.master.stored_log(order) == b"one\ntwo\n"

    def test_a_failed_source_job_ends_the_build(self) -> None:
        """Its chroot jobs are cancelled and say why, and the build has failed with the source job's reason."""
        slave = self.slave()
        number = self.master.build()
        answer(slave.finish(slave.orders[0], Outcome(state=AttemptState.FAILED, reason="no spec")))
        build = self.master.show(number)
        assert (build.state, build.reason) == (BuildState.FAILED, "no spec")
        assert (build.jobs[1].state, build.jobs[1].reason) == (JobState.CANCELLED, "the source job failed")

    def test_the_spec_decides_about_chroots(self) -> None:
        """A chroot that the spec excludes is skipped, the other one is built."""
        slave = self.slave(architectures=("x86_64", "aarch64"))
        number = self.master.build("both")
        slave.make_source(slave.orders[0], msgspec.structs.replace(FACTS, exclude_arch=("aarch64",)))
        assert [(job.name, job.state) for job in self.master.show(number).jobs] == [
            ("source", JobState.SUCCEEDED),
            (X86, JobState.RUNNING),
            (ARM, JobState.SKIPPED),
        ]

    def test_noarch_is_published_for_every_chroot(self) -> None:
        """One job builds, and its publication names all chroots that get the result."""
        slave = self.slave()
        number = self.master.build("both")
        slave.make_source(slave.orders[0], msgspec.structs.replace(FACTS, build_arch=("noarch",)))
        slave.make_package(slave.orders[-1])
        publish = self.repo.operations[-1].operation
        assert isinstance(publish, Publish)
        assert set(publish.chroots) == {X86, ARM}
        assert self.master.show(number).jobs[2].state is JobState.SKIPPED

    def test_the_next_build_knows_what_was_built(self) -> None:
        """The order tells the highest EVR that is published or being published, its inputs and its serial."""
        slave = self.slave()
        slave.make_package(self.package_order(slave))
        self.repo.apply(self.repo.operations[-1])
        order = self.package_order(slave)
        assert isinstance(order.work, ChrootWork)
        assert order.work.last_built == LastBuilt(evr="1.0-1.fc43", inputs=FACTS.inputs)
        slave.make_package(order, Outcome(state=AttemptState.SUCCEEDED, evr="1.0-1.fc43.1", serial=1))
        self.repo.apply(self.repo.operations[-1])
        last = self.package_order(slave)
        assert isinstance(last.work, ChrootWork)
        assert last.work.last_built == LastBuilt(evr="1.0-1.fc43.1", inputs=FACTS.inputs, serial=1)

    def test_a_noarch_build_for_one_chroot_is_published_for_its_distribution(self) -> None:
        """And a build for the other one finds it there."""
        slave = self.slave(architectures=("x86_64", "aarch64"))
        for chroot in (X86, ARM):
            number = self.master.build("both", chroot)
            slave.make_source(slave.orders[-1], msgspec.structs.replace(FACTS, build_arch=("noarch",)))
            order = slave.orders[-1]
            assert order.build == number
            assert isinstance(order.work, ChrootWork)
            assert (order.work.last_built is None) == (chroot == X86)
            slave.make_package(order)
            operation = self.repo.operations[-1]
            assert isinstance(operation.operation, Publish)
            assert set(operation.operation.chroots) == {X86, ARM}
            assert operation.operation.inputs == FACTS.inputs
            self.repo.apply(operation)

    def test_what_was_not_published_does_not_count(self) -> None:
        """After a rejected publication the gate finds nothing."""
        slave = self.slave()
        slave.make_package(self.package_order(slave))
        answer(self.repo.ask(Rejected(number=self.repo.operations[-1].number, reason="known with other bytes")))
        order = self.package_order(slave)
        assert isinstance(order.work, ChrootWork)
        assert order.work.last_built is None
