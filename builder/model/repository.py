"""A repository as it is shown, with what it holds and has held."""

import enum

from builder.model import Value


class CauseKind(enum.Enum):
    """The kinds of operations that change repositories, in the words of a history, which says which way one went."""

    CARRY = "carry"
    KEY_CREATE = "key create"
    KEY_RETIRE = "key retire"
    KEY_ROTATE = "key rotate"
    PIN = "pin"
    PREPARE = "prepare"
    PROMOTE = "promote"
    PRUNE = "prune"
    PUBLISH = "publish"
    ROLLBACK = "rollback"
    UNDO = "undo"
    UNPIN = "unpin"


class GenerationStep(Value, frozen=True, kw_only=True):
    """An operation that a generation brought: its number and kind, who asked for it, and why.

    `requested_by` is empty where the farm itself did, `published` are the NEVRAs that it brought.
    """

    number: int
    kind: CauseKind
    requested_by: str
    reason: str
    published: tuple[str, ...]


class GenerationShown(Value, frozen=True, kw_only=True):
    """A generation of a repository, made at `created` in seconds since the epoch.

    `readable` says whether a client can still use it, `pinned_by` who keeps it from going (None: nobody), and why.
    """

    generation: int
    created: float
    current: bool
    readable: bool
    pinned_by: str | None
    pin_reason: str
    operations: tuple[GenerationStep, ...]


class PackageShown(Value, frozen=True, kw_only=True):
    """A package of a repository: where it is below the repository, its size in bytes, and what brought it.

    `package` is the farm's name for what was built, `since` is in seconds since the epoch.
    """

    nevra: str
    location: str
    size: int
    sha256: str
    source: str | None
    package: str
    build: int
    operation: int
    since: float


class RepositorySummary(Value, frozen=True, kw_only=True):
    """A repository in a list: its current generation, since when, and how many packages and bytes that lists.

    `fault` says why nothing is known of it, where the folder is damaged.
    """

    name: str
    generation: int = 0
    created: float = 0.0
    packages: int = 0
    size: int = 0
    pins: int = 0
    fault: str = ""


class RepositoryShown(Value, frozen=True, kw_only=True):
    """A generation of a repository, with all generations that are known, the newest first.

    `excluded` are the NEVRAs that a person has withdrawn and that do not come back by themselves.
    """

    summary: RepositorySummary
    generation: int
    created: float
    packages: tuple[PackageShown, ...]
    excluded: tuple[str, ...]
    generations: tuple[GenerationShown, ...]


class PackageChangeKind(enum.Enum):
    """The kind of a change of a package between two generations."""

    ADDED = "added"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    REMOVED = "removed"


class PackageChange(Value, frozen=True, kw_only=True):
    """The difference between two generations in one package, named `name.architecture`.

    `before` is an EVR that went, `after` one that came, or None. The newest of both are one change, further ones are
    changes of their own.
    """

    name: str
    kind: PackageChangeKind
    before: str | None
    after: str | None
