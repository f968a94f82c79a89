"""`builder log`: the log of a job, as far as it is written or as it is being written."""

import argparse
import codecs
import sys
from collections.abc import Iterator
from urllib.parse import quote

from builder.cli.answers import Build, Job
from builder.cli.arguments import build_number
from builder.cli.client import Farm, Patience
from builder.cli.exits import Exit
from builder.cli.tables import harmless
from builder.errors import NotFoundError, UnavailableError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("number", metavar="BUILD", type=build_number, help="the build's number")
    parser.add_argument(
        "job", metavar="JOB", nargs="?", help="the job: `source` or a chroot (default: what matters most)"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the job's attempt has ended")
    parser.set_defaults(run=_log)


def _log(options: argparse.Namespace) -> int:
    farm = Farm.from_environment()
    build: Build = farm.get(f"builds/{options.number}")
    job = options.job
    if job is None:
        job = interesting(build)["name"]
        print(f"builder: this is the log of {build['number']}/{job}", file=sys.stderr)
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode if sys.stdout.isatty() else None
    for piece in pieces(farm, options.number, job, fence=_newest(build, job), follow=options.follow):
        if decode:
            sys.stdout.write(harmless(decode(piece)))
        else:
            sys.stdout.buffer.write(piece)
        if options.follow:
            sys.stdout.flush()
    return Exit.DONE


def _newest(build: Build, job: str) -> int | None:
    """Return the fence of a job's newest attempt: whoever follows it stays with it, also over a cut."""
    return max(
        (attempt["fence"] for one in build["jobs"] if one["name"] == job for attempt in one["attempts"]), default=None
    )


def interesting(build: Build) -> Job:
    """Return the job whose log a person wants: the first that failed, else one at work, else the last that has a log.

    Raises:
        NotFoundError: No job of the build has been started.
    """
    started = [job for job in build["jobs"] if job["attempts"]]
    for state in ("failed", "running"):
        for job in started:
            if job["state"] == state:
                return job
    if not started:
        raise NotFoundError(f"build {build['number']} is {build['state']}: no job of it has a log yet")
    return started[-1]


def pieces(farm: Farm, number: int, job: str, *, fence: int | None = None, follow: bool = False) -> Iterator[bytes]:
    """Yield the log of a job's attempt, the newest unless `fence` names one; after a cut it goes on where it was.

    Raises:
        NotFoundError: There is no such job, or it has no log.
        UnavailableError: The farm has not answered for too long.
    """
    patience = Patience()
    offset = 0
    while True:
        query = {"offset": offset, "follow": follow, "fence": fence}
        try:
            for piece in farm.stream(f"builds/{number}/jobs/{quote(job, safe='')}/log", query):
                patience.answered()
                offset += len(piece)
                yield piece
        except UnavailableError as error:
            if offset == 0 and not follow:
                raise
            patience.wait(error)
        else:
            return
