"""SQL for the dependencies of packages, as their last builds have found them."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.store.schema import dependencies
from builder.model import Value
from builder.model.dependencies import Dependencies
from builder.model.job import JobKind

_OWN = (dependencies.c.package_id == sa.bindparam("of"), dependencies.c.job == sa.bindparam("by"))
_UPDATE = sa.update(dependencies).where(*_OWN)
_INSERT = sa.insert(dependencies)
_KNOWN: Any = sa.select(dependencies).where(dependencies.c.package_id.in_(sa.bindparam("these", expanding=True)))
_DECODE = msgspec.json.Decoder(Dependencies).decode


class KnownDependencies(Value, frozen=True, kw_only=True):
    """The dependencies of a package: requirements by its newest spec, and provisions of its packages in all chroots."""

    requires: frozenset[str]
    provides: frozenset[str]


def save(connection: Connection, package_id: int, job: str, kind: JobKind, found: Dependencies) -> None:
    """Store the dependencies that a job of a package has found, in the place of those of an earlier one."""
    text = msgspec.json.encode(found).decode()
    if not connection.execute(_UPDATE, {"of": package_id, "by": job, "found": text}).rowcount:
        connection.execute(_INSERT, {"package_id": package_id, "job": job, "kind": kind.value, "found": text})


def keep_only(connection: Connection, package_id: int, chroots: Iterable[str]) -> None:
    """Forget the dependencies that jobs for other chroots have found: the package is not built for those any more."""
    of = (dependencies.c.package_id == package_id, dependencies.c.kind == JobKind.CHROOT.value)
    connection.execute(sa.delete(dependencies).where(*of, dependencies.c.job.not_in([*chroots])))


def known(connection: Connection, package_ids: Collection[int]) -> dict[int, KnownDependencies]:
    """Return the dependencies of those of these packages whose sources were ever made."""
    requires: dict[int, tuple[str, ...]] = {}
    provides: dict[int, set[str]] = defaultdict(set)
    for row in connection.execute(_KNOWN, {"these": tuple(package_ids)}):
        found = _DECODE(row.found)
        provides[row.package_id].update(found.provides)
        if row.kind == JobKind.SOURCE.value:
            requires[row.package_id] = found.requires
    return {
        package: KnownDependencies(requires=frozenset(own), provides=frozenset(provides[package]))
        for package, own in requires.items()
    }
