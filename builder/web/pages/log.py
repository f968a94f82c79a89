"""The page `/builds/17/fedora-43-x86_64/log`: the end of a job's log, and more as it is written."""

from urllib.parse import quote, urlencode

from builder.lifecycle import ATTEMPT_ENDS, JOB_ENDS
from builder.master.builds import Builds
from builder.master.events import Events
from builder.master.logs import Logs
from builder.model import Label, Value
from builder.model.attempt import Attempt
from builder.model.job import Job
from builder.web import answers
from builder.web.answers import Answer
from builder.web.api.builds import Number
from builder.web.api.logs import removed
from builder.web.pages.tail import BYTES, Tail, tail
from builder.web.pages.templates import Templates
from builder.web.sink import PIECE
from builder.web.visit import Visit


class AskLog(Value, frozen=True, kw_only=True):
    """The request for the log of a job's newest attempt, or of an earlier one."""

    number: Number
    job: Label
    fence: int | None = None


class LogPage:
    """The page of a log."""

    def __init__(self, builds: Builds, logs: Logs, events: Events, templates: Templates) -> None:
        self._builds = builds
        self._logs = logs
        self._events = events
        self._templates = templates

    async def show(self, asked: AskLog, _: Visit) -> Answer:
        """Return the page; the script goes on where its log ends, while the attempt runs."""
        newest = await self._events.newest()
        build = await self._builds.show(asked.number)
        job = build.job(asked.job)
        attempt = job.attempt(asked.fence)
        length = 0 if attempt is None else self._logs.length(build.number, job.name, attempt.fence)
        gone = removed(attempt, build.number, self._logs)
        return answers.page(
            self._templates.render(
                "log.html",
                here="",
                newest=newest,
                build=build,
                job=job,
                attempt=attempt,
                tail=None if attempt is None or gone else self._tail(job, attempt.fence, length),
                removed=gone,
                offset=length,
                whole=_address(job, attempt),
                follow=_address(job, attempt, follow=1) if _goes_on(job, attempt) else None,
            )
        )

    def _tail(self, job: Job, fence: int, length: int) -> Tail:
        start = max(0, length - BYTES)
        data = b"".join(
            self._logs.read(job.build, job.name, fence, offset, min(PIECE, length - offset))
            for offset in range(start, length, PIECE)
        )
        return tail(data, whole=start == 0)


def _goes_on(job: Job, attempt: Attempt | None) -> bool:
    return job.state not in JOB_ENDS if attempt is None else attempt.state not in ATTEMPT_ENDS


def _address(job: Job, attempt: Attempt | None, **parameters: int) -> str:
    """Return the address of the log as it was written."""
    if attempt is not None:
        parameters["fence"] = attempt.fence
    path = f"/api/v1/builds/{job.build}/jobs/{quote(job.name)}/log"
    return f"{path}?{urlencode(parameters)}" if parameters else path
