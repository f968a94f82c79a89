"""Which packages a repository goes on listing."""

from collections import defaultdict
from collections.abc import Iterable

from builder import nevra
from builder.model.project import Retention
from builder.repo.manifest import Listed

_DAY = 24 * 3600.0


def superseded(packages: Iterable[Listed], retention: Retention, now: float) -> frozenset[str]:
    """The NEVRAs that leave: not among the newest `versions` EVRs of their name, and there for more than `days`.

    What comes in at the moment `now` is never superseded, whatever its version.
    """
    by_name: defaultdict[str, defaultdict[str, list[Listed]]] = defaultdict(lambda: defaultdict(list))
    for package in packages:
        name = nevra.parse(package.nevra)
        by_name[name.name][name.evr.text].append(package)
    return frozenset(
        package.nevra
        for versions in by_name.values()
        for evr in _older(versions, retention.versions)
        for package in versions[evr]
        if now - package.since > retention.days * _DAY
    )


def _older(evrs: Iterable[str], versions: int) -> list[str]:
    """The EVRs after the newest `versions`."""
    known = list(evrs)
    return sorted(known, key=nevra.newest_last, reverse=True)[versions:] if len(known) > versions else []
