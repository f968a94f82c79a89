"""Relations: what packages require and provide, by their records, and if one provides what another requires.

The comparison is rpm's own for what packages declare; see "Dependencies" in rpm's reference manual. A rich dependency
is taken for each of its parts, in any version, and so is any declaration that is not known here: in doubt, a package
is held to be needed.
"""

import re
from collections.abc import Callable, MutableMapping
from xml.sax.saxutils import escape

import createrepo_c

from builder import nevra
from builder.errors import InvalidError, UnavailableError
from builder.model import Value
from builder.repo.index import PackageRecord

_HELD = 100_000
"""Number of packages whose relations are kept in memory: a kilobyte each, or two."""
_SENSES = {"EQ": (0,), "LT": (-1,), "GT": (1,), "LE": (-1, 0), "GE": (0, 1)}
_RICH = re.compile(r"[^\s()]+(?:\([^\s()]*\))*")
_NO_NAMES = frozenset({"and", "or", "if", "else", "unless", "with", "without", "=", "<", ">", "<=", ">="})


class Dependency(Value, frozen=True, kw_only=True):
    """A requirement, or a provision: `sense` is LT, LE, EQ, GE or GT where it is in versions, else empty."""

    name: str
    sense: str = ""
    epoch: int = 0
    version: str = ""
    release: str = ""


class Relations(Value, frozen=True, kw_only=True):
    """A package's requirements and provisions. A source package's requirements are for builds, and are left out."""

    requires: tuple[Dependency, ...] = ()
    provides: tuple[Dependency, ...] = ()


class Kinship:
    """The relations of packages, whose records `record` reads by their digests; `known` remembers them meanwhile."""

    def __init__(self, record: Callable[[str], PackageRecord], known: MutableMapping[str, Relations]) -> None:
        self._record = record
        self._known = known

    def relations(self, sha256: str) -> Relations:
        """Return the relations of the package with this digest."""
        found = self._known.get(sha256)
        if found is None:
            if len(self._known) >= _HELD:
                self._known.clear()
            found = self._known[sha256] = relations(self._record(sha256))
        return found

    def owns(self, sha256: str, path: str) -> bool:
        """Tell if the package has a file of this path."""
        return f">{escape(path)}</file>" in self._record(sha256).filelists


def relations(record: PackageRecord) -> Relations:
    """Return the relations in a package's record.

    Raises:
        UnavailableError: The record is damaged.
    """
    found: list[createrepo_c.Package] = []
    try:
        createrepo_c.xml_parse_primary_snippet(record.primary, None, found.append, None)
        (package,) = found
    except (ValueError, RuntimeError, createrepo_c.CreaterepoCError) as error:
        raise UnavailableError(f"the record of {record.nevra} is damaged: {error}") from error
    required = [] if record.source is None else package.requires
    requires = (part for one in required for part in _parts(_dependency(*one[:5])))
    return Relations(
        requires=tuple(one for one in requires if not one.name.startswith("rpmlib(")),
        provides=tuple(_dependency(*one[:5]) for one in package.provides),
    )


def satisfies(provided: Dependency, required: Dependency) -> bool:
    """Tell if a provision fulfils a requirement."""
    if provided.name != required.name:
        return False
    if provided.sense != "EQ" or required.sense not in _SENSES:
        return True
    whole = bool(provided.release and required.release)
    try:
        order = nevra.compare(_evr(provided, whole=whole), _evr(required, whole=whole))
    except InvalidError:
        return True
    return order in _SENSES[required.sense]


def _evr(dependency: Dependency, *, whole: bool) -> str:
    """Return the EVR of a dependency; where only one of two has a release, no release is compared."""
    return f"{dependency.epoch}:{dependency.version or '0'}-{dependency.release if whole else '0'}"


def _dependency(
    name: str, sense: str | None, epoch: str | None, version: str | None, release: str | None
) -> Dependency:
    return Dependency(name=name, sense=sense or "", epoch=int(epoch or 0), version=version or "", release=release or "")


def _parts(dependency: Dependency) -> list[Dependency]:
    """Return the parts of a rich dependency, or the dependency itself."""
    if not dependency.name.startswith("("):
        return [dependency]
    words = set(_RICH.findall(dependency.name)) - _NO_NAMES
    return [Dependency(name=word) for word in sorted(words)]
