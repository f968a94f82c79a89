"""Templates of the pages, with times, sizes and durations as people read them on the pages."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from builder import __version__
from builder.model.job import Job
from builder.model.slave import HostFacts

FOLDER = Path(__file__).parent.parent / "templates"


class Templates:
    """Templates that turn values into HTML; all text is escaped, and a name that is not there is an error."""

    def __init__(self, address_of_asset: Callable[[str], str]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(asset=address_of_asset, version=__version__)
        self._environment.filters.update(moment=moment, day=day, span=span, amount=amount, host=host, counted=counted)

    def render(self, name: str, **values: Any) -> str:
        """Return the template called `name` with `values`, rendered."""
        return self._environment.get_template(name).render(values)


def moment(seconds: float) -> Markup:
    """Return a moment in UTC, which the script turns into the reader's own time; `seconds` since the epoch."""
    time = datetime.fromtimestamp(seconds, UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(f"{time:%Y-%m-%dT%H:%M:%SZ}", f"{time:%Y-%m-%d %H:%M}")


def day(seconds: float) -> str:
    """Return a day in UTC; `seconds` since the epoch."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def amount(size: int) -> str:
    """Return a number of bytes: `812 B`, `4.2 KiB`, `1.3 GiB`."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{size} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def counted(jobs: Iterable[Job]) -> str:
    """Return the counts of these jobs by state: `2 succeeded, 1 skipped`."""
    return ", ".join(f"{count} {state.value}" for state, count in Counter(job.state for job in jobs).items())


def span(seconds: float) -> str:
    """Return a duration: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def host(facts: HostFacts) -> str:
    """Return a slave's host in words, as far as it says: `Debian 12, 2 cores, 24.0 GiB, chroot`."""
    parts = (
        facts.system,
        f"{facts.cores} cores" if facts.cores else "",
        f"{facts.memory / 2**30:.1f} GiB" if facts.memory else "",
        facts.executor,
    )
    return ", ".join(part for part in parts if part)
