"""Chroot jobs: their orders, their deliveries, and how these are published."""

import msgspec
from sqlalchemy import Connection

from builder.master.decisions.order import Claimed, Supplies, chroot_work, last_built
from builder.master.store import artifacts, builds, operations, orders, projects
from builder.master.store.attempts import KnownAttempt
from builder.model.artifact import Listing
from builder.model.attempt import Outcome
from builder.model.inputs import ChrootInputs, JobInputs
from builder.model.job import JobState
from builder.model.operation import Publish
from builder.model.work import ChrootWork
from builder.nevra import is_evr


class ChrootKind:
    """A job that builds the SRPM of its build in a chroot, for one repository or several."""

    publishes = True

    def gathered(self, connection: Connection, claimed: Claimed) -> Claimed:
        """Add the SRPM, and the versions that the gate compares with."""
        source = claimed.source
        if source is None:
            return claimed
        made = artifacts.srpm_of(connection, claimed.build)
        built = orders.built(connection, claimed.package_id, claimed.targets)
        return msgspec.structs.replace(
            claimed,
            srpm=None if made is None else made.artifact,
            last_built=last_built(built, source.inputs, claimed.targets, force=claimed.force),
        )

    def work(self, claimed: Claimed, supplies: Supplies) -> ChrootWork:
        """Return the work; see `chroot_work`."""
        return chroot_work(claimed, supplies.chroots, supplies.url)

    def lacking(self, outcome: Outcome, _: Listing | None) -> str:
        """Return the name of what a success has not told: the EVR that it built."""
        return "" if is_evr(outcome.evr or "") else "the EVR of what it built"

    def ended(
        self, connection: Connection, known: KnownAttempt, end: JobState, outcome: Outcome, _: Listing | None
    ) -> None:
        """Order the repository builder to take what a success has delivered, if it is what was ordered."""
        if end is not JobState.PUBLISHING:
            return
        project = projects.one_bare(connection, known.project)
        srpm = artifacts.srpm_of(connection, known.build)
        source = builds.source(connection, known.build)
        publish = Publish(
            project=known.project,
            stage=project.first_stage,
            package=known.package,
            build=known.build,
            job=known.job,
            fence=known.fence,
            chroots=known.targets,
            retention=project.retention,
            srpm="" if srpm is None else srpm.artifact.name,
            inputs=None if source is None else source.inputs,
            evr=outcome.evr,
        )
        operations.insert(connection, publish, known.job_id)

    def cancelled(self, connection: Connection, build: int) -> None:
        """Do nothing more: no other job of its build needs it."""

    def inputs(self, text: bytes, job: str, fence: int) -> JobInputs:
        """Return the inputs of the packages of a chroot from their text."""
        return JobInputs(job=job, fence=fence, chroot=msgspec.json.decode(text, type=ChrootInputs))
