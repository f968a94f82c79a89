"""The manifest of a generation: the truth about what a repository holds.

A manifest says everything that its repository's folder must contain, so that what was left by an interrupted
publish is whatever the current manifest does not name. The lists that outlive a generation are carried from one
manifest to the next; no decision needs an older one.
"""

import enum
from typing import Annotated

import msgspec

from builder.model import Sha256, Value
from builder.model.findings import Findings
from builder.model.operation import CarriedKind
from builder.model.repository import CauseKind


class Listed(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package of a repository: its file there, who made it, and since when (seconds since the epoch) it is listed.

    `sha256` and `size` (in bytes) are those of the file that is served, `built` is the digest of what was delivered:
    a signature makes them differ. `source` is the file name of the SRPM that a binary package was made from, `package`
    the farm's name for what was built, `inputs` the digest of the commits and sources of that. `key` is the fingerprint
    of the key that signed it, empty if none has. `operation` is what brought it here, `first` the first generation that
    lists it.
    """

    nevra: str
    location: str
    sha256: Sha256
    built: Sha256
    size: int
    source: str | None
    package: str
    build: int
    since: float
    inputs: Sha256 | None = None
    key: str = ""
    operation: int = 0
    first: int = 0

    def same_source(self, other: "Listed") -> bool:
        """Tell if these two SRPMs of one name differ in nothing but the time and the host that are in them.

        The architectures of a build each make an SRPM, and so does a build of the same sources for another
        architecture.
        """
        alike = self.build == other.build or (self.inputs is not None and self.inputs == other.inputs)
        return self.source is None and other.source is None and alike


class Leaving(Listed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package that left the metadata at the time `left`; `last` is the last generation that lists it.

    Its file stays while a generation from `first` to `last` can be read.
    """

    left: float
    last: int


class Past(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An older generation that can still be read; it was current until the time `until`, and is signed with `key`."""

    generation: int
    until: float
    key: str = ""


class Pinned(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A generation that can be read until somebody unpins it, with who pinned it, and why."""

    generation: int
    who: str
    reason: str


class Cause(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operation that changes a repository: its number and kind, who asked for it, and why.

    `who` and `reason` are empty where the farm itself asked. `about` is the operation that an undo takes back, or the
    generation that a rollback goes back to or a pin keeps.
    """

    number: int
    kind: CauseKind
    who: str = ""
    reason: str = ""
    about: int | None = None


class Further(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further file of the metadata: its record's kind in repomd.xml, and its digest, None if there is no file."""

    kind: CarriedKind
    sha256: Sha256 | None


class Entered(Cause, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operation that this repository has applied at the time `at`, and the first generation that held it.

    `published` are the NEVRAs that it brought, `withdrawn` those that it took out for good, `carried` is what it did to
    the further files of the metadata, and `findings` is what was known of what it would do.
    """

    generation: int
    at: float
    published: tuple[str, ...]
    withdrawn: tuple[str, ...] = ()
    carried: Further | None = None
    findings: Findings = Findings()


class AdvisoryKind(enum.Enum):
    """The kinds of advisories, as updateinfo.xml calls them."""

    BUGFIX = "bugfix"
    NEW_PACKAGE = "newpackage"
    SECURITY = "security"


class Advisory(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The advisory of a promotion: what it brought, in words; `issued` in seconds since the epoch.

    `references` are the vulnerabilities that the advisory tells of, by their CVE names.
    """

    id: str
    kind: AdvisoryKind
    issued: float
    title: str
    description: str
    references: tuple[str, ...] = ()
    packages: tuple[str, ...]


class Carried(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further file of the metadata: its record's kind in repomd.xml, its digest, and itself, packed with gzip."""

    kind: CarriedKind
    sha256: Sha256
    packed: bytes


class Manifest(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`manifest.json` of one generation, created at that many seconds since the epoch.

    `operations` are the newest that this repository has applied, in the order in which it did; packages are in the
    order of their NEVRAs. `excluded` are the NEVRAs that a person has withdrawn, which do not come back by themselves.
    A field or a word that this version does not know is refused: the next manifest would be without it.
    """

    format: Annotated[int, msgspec.Meta(ge=2, le=2)] = 2
    repository: str
    generation: int
    created: float
    operations: tuple[Entered, ...] = ()
    packages: tuple[Listed, ...] = ()
    leaving: tuple[Leaving, ...] = ()
    past: tuple[Past, ...] = ()
    excluded: tuple[str, ...] = ()
    key: str = ""
    pins: tuple[Pinned, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    carried: tuple[Carried, ...] = ()

    def files(self) -> dict[str, Listed]:
        """Return the packages whose files must be below the repository's folder, by their path there."""
        return {package.location: package for package in (*self.leaving, *self.packages)}

    def digests(self) -> frozenset[str]:
        """Return the digests of these files."""
        return frozenset(package.sha256 for package in self.files().values())

    def generations(self) -> frozenset[int]:
        """Return the numbers of the generations that can be read."""
        return frozenset({self.generation, *(past.generation for past in self.past)})

    def entered(self, number: int) -> Entered | None:
        """Return the entry of an operation in this repository, or None if the repository has not applied it."""
        return next((entered for entered in reversed(self.operations) if entered.number == number), None)

    def applied(self, cause: Cause) -> Entered | None:
        """Return the entry of just this operation, since another one may have had its number (see `Draft.has`)."""
        entered = self.entered(cause.number)
        same = entered is not None and all(
            getattr(entered, name) == getattr(cause, name) for name in Cause.__struct_fields__
        )
        return entered if same else None


def nothing(repository: str) -> Manifest:
    """Return the manifest of no generation: never written, it stands before the first one."""
    return Manifest(repository=repository, generation=0, created=0.0)
