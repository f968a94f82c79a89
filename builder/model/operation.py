"""An operation: what the repository builder can be told to do."""

import enum
from typing import Annotated

import msgspec

from builder.model import Label, Sha256, Size, Text, Value
from builder.model.chroot import ChrootName
from builder.model.findings import Findings
from builder.model.project import Retention


class Operation(Value, frozen=True, kw_only=True):
    """An operation on the repositories of a project.

    `who` asks for it, empty where the farm itself does, and `reason` says why.
    """

    project: Label
    who: Text = ""
    reason: Text = ""


class Publish(Operation, frozen=True, kw_only=True, tag="publish"):
    """Take the artifacts of one attempt and put them into the project's repositories.

    The attempt is named by build, job and fence, from which the folder in `incoming/` follows. `package` is the
    package's name and `chroots` are the chroots whose repositories get the result (several for noarch). `srpm` is the
    file name of the SRPM that the job was built from, `evr` what the slave said that it has built: what is delivered
    has to agree with both. `inputs` is the digest of the commits and sources, which tells SRPMs of one name apart.
    """

    stage: Label
    package: Label
    build: int
    job: Label
    fence: int
    chroots: Annotated[tuple[ChrootName, ...], msgspec.Meta(min_length=1, max_length=50)]
    retention: Retention
    srpm: str
    evr: str | None = None
    inputs: Sha256 | None = None


class Prepare(Operation, frozen=True, kw_only=True, tag="prepare"):
    """Make the repositories of a project exist, so that a client can read them before anything is published."""

    stages: tuple[Label, ...]
    chroots: tuple[ChrootName, ...]


class Rollback(Operation, frozen=True, kw_only=True, tag="rollback"):
    """Let one repository hold again what it held in an older generation; what has come since is withdrawn.

    `repository` is written `project/stage/distribution-version/tree`; `who` asks for it, and `reason` says why.
    """

    repository: Text
    generation: int


class Undo(Operation, frozen=True, kw_only=True, tag="undo"):
    """Take back what the operation `number` has brought, in all its repositories at once."""

    number: int


class Pin(Operation, frozen=True, kw_only=True, tag="pin"):
    """Let a generation of a repository be readable until it is unpinned, or unpin it."""

    repository: Text
    generation: int
    pinned: bool = True


class KeyAction(enum.Enum):
    """What can be done about the keys that a project signs with."""

    CREATE = "create"
    ROTATE = "rotate"
    RETIRE = "retire"


class Key(Operation, frozen=True, kw_only=True, tag="key"):
    """Give a project its first key or the next one, which signs everything anew, or retire all but the current one."""

    action: KeyAction


class Verify(Operation, frozen=True, kw_only=True, tag="verify"):
    """Look at everything that a project's repositories hold, and say what is wrong and how it is mended."""


class Rebuild(Operation, frozen=True, kw_only=True, tag="rebuild"):
    """Make the metadata and the links of a repository anew, from the pool and the manifests, where they are damaged."""

    repository: Text


class Drop(Operation, frozen=True, kw_only=True, tag="drop"):
    """Remove what an attempt of the project has delivered and was rejected; `rejected` is its name."""

    rejected: Text


class Prune(Operation, frozen=True, kw_only=True, tag="prune"):
    """Let leave all stages of a project what `retention` does not keep, or the project's own one if there is none.

    With `plan` nothing changes: the findings say what would go, and why.
    """

    retention: Retention | None = None
    plan: bool = False


class Promote(Operation, frozen=True, kw_only=True, tag="promote"):
    """Let packages come from the stage `source` into the stage `target`, as they were built.

    Of `packages`, by the farm's names, the newest builds are meant, and so of all if it is of `everything`; of `builds`
    these very ones. A `plan` tells what would happen, and nothing does. What would break something is refused, and what
    was withdrawn is skipped, unless it is done by `force`.
    """

    source: Label
    target: Label
    packages: Annotated[tuple[Label, ...], msgspec.Meta(max_length=200)] = ()
    builds: Annotated[tuple[Size, ...], msgspec.Meta(max_length=500)] = ()
    everything: bool = False
    plan: bool = False
    force: bool = False


class CarriedKind(enum.Enum):
    """A kind of file in the metadata, as repomd.xml calls it: comps groups, or a catalog of AppStream."""

    GROUP = "group"
    APPSTREAM = "appstream"


class Carry(Operation, frozen=True, kw_only=True, tag="carry"):
    """Let the metadata of a stage's packages for one distribution have this file, packed with gzip; empty: none."""

    stage: Label
    distribution: Label
    kind: CarriedKind
    packed: Annotated[bytes, msgspec.Meta(max_length=30_000)] = b""


AnyOperation = Carry | Promote | Prune | Drop | Verify | Rebuild | Key | Publish | Prepare | Rollback | Undo | Pin
"""Any operation; `type` says which, in JSON and on the wire."""


class NumberedOperation(Value, frozen=True, kw_only=True):
    """An operation and its number; numbers only grow, and each is applied once."""

    number: int
    operation: AnyOperation


class PublishedIn(Value, frozen=True, kw_only=True):
    """The generation of one repository (`project/stage/distribution-version/arch`) that first holds an operation."""

    repository: Text
    generation: int


class OperationState(enum.Enum):
    """An operation waits until the repository builder has applied or rejected it."""

    WAITING = "waiting"
    APPLIED = "applied"
    REJECTED = "rejected"


class OperationShown(Value, frozen=True, kw_only=True):
    """An operation as it is shown; times in seconds since the epoch.

    `kind` is the operation's (`publish`, `rollback` …), `requested_by` is empty where the farm itself asked for it.
    """

    number: int
    kind: str
    project: str
    state: OperationState
    reason: str
    requested_by: str
    requested: float
    finished: float | None
    generations: tuple[PublishedIn, ...]
    findings: Findings
