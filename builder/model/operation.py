"""An operation: an order to the repository builder."""

import enum
from typing import Annotated

import msgspec

from builder.model import Label, Sha256, Size, Text, Value
from builder.model.chroot import ChrootName
from builder.model.findings import Findings
from builder.model.project import Retention


class OperationKind(enum.Enum):
    """The kinds of operations: what `type` says of each, in JSON and on the wire."""

    CARRY = "carry"
    DROP = "drop"
    KEY = "key"
    PIN = "pin"
    PREPARE = "prepare"
    PROMOTE = "promote"
    PRUNE = "prune"
    PUBLISH = "publish"
    REBUILD = "rebuild"
    ROLLBACK = "rollback"
    UNDO = "undo"
    VERIFY = "verify"


class Operation(Value, frozen=True, kw_only=True):
    """An operation on the repositories of a project.

    `who` asks for it, empty where the farm itself does, and `reason` says why.
    """

    project: Label
    who: Text = ""
    reason: Text = ""


class Publish(Operation, frozen=True, kw_only=True, tag=OperationKind.PUBLISH.value):
    """The operation that puts the artifacts of one attempt into the project's repositories.

    The attempt is named by build, job and fence, from which the folder in `incoming/` follows. `package` is the
    package's name and `chroots` are the chroots whose repositories get the result (several for noarch). `srpm` is the
    file name of the SRPM that the job was built from, `evr` is what the slave said that it has built: the delivery
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


class Prepare(Operation, frozen=True, kw_only=True, tag=OperationKind.PREPARE.value):
    """The operation that makes a project's repositories, so that clients can read them before anything is published."""

    stages: tuple[Label, ...]
    chroots: tuple[ChrootName, ...]


class Rollback(Operation, frozen=True, kw_only=True, tag=OperationKind.ROLLBACK.value):
    """The operation that lists in a repository what an older generation held; packages that came since are withdrawn.

    `repository` is written `project/stage/distribution-version/tree`; `who` asks for it, and `reason` says why.
    """

    repository: Text
    generation: int


class Undo(Operation, frozen=True, kw_only=True, tag=OperationKind.UNDO.value):
    """The operation that takes back what the operation `number` has brought, in all its repositories at once."""

    number: int


class Pin(Operation, frozen=True, kw_only=True, tag=OperationKind.PIN.value):
    """The operation that keeps a generation of a repository readable until it is unpinned, or that unpins it."""

    repository: Text
    generation: int
    pinned: bool = True


class KeyAction(enum.Enum):
    """The action on the keys that a project signs with."""

    CREATE = "create"
    ROTATE = "rotate"
    RETIRE = "retire"


class Key(Operation, frozen=True, kw_only=True, tag=OperationKind.KEY.value):
    """The operation that gives a project its first key or the next one, or retires all but the current one.

    A new key signs everything anew.
    """

    action: KeyAction


class Verify(Operation, frozen=True, kw_only=True, tag=OperationKind.VERIFY.value):
    """The operation that looks at all that a project's repositories hold, and tells each fault and how it is mended."""


class Rebuild(Operation, frozen=True, kw_only=True, tag=OperationKind.REBUILD.value):
    """The operation that makes damaged metadata and links of a repository anew.

    They are made from the pool and the manifests.
    """

    repository: Text


class Drop(Operation, frozen=True, kw_only=True, tag=OperationKind.DROP.value):
    """The operation that removes the rejected delivery of an attempt of the project; `rejected` is its name."""

    rejected: Text


class Prune(Operation, frozen=True, kw_only=True, tag=OperationKind.PRUNE.value):
    """The operation that removes, from every stage of the project, the packages that `retention` does not keep.

    Without `retention`, the project's own one counts. With `plan` nothing changes: the findings say what would go,
    and why.
    """

    retention: Retention | None = None
    plan: bool = False


class Promote(Operation, frozen=True, kw_only=True, tag=OperationKind.PROMOTE.value):
    """The operation that brings packages from the stage `source` into the stage `target`, as they were built.

    `packages` (by the farm's names) and `everything` mean the newest build of each package, `builds` these very
    builds. With `plan` nothing changes: the findings say what would happen. Without `force`, a promotion that would
    break something is refused, and a withdrawn package is skipped.
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


class Carry(Operation, frozen=True, kw_only=True, tag=OperationKind.CARRY.value):
    """The operation that puts a file into the metadata of a stage's packages for one distribution, or removes it.

    `packed` is the file, packed with gzip; empty removes it.
    """

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
    """The state of an operation: it waits until the repository builder has applied or rejected it."""

    WAITING = "waiting"
    APPLIED = "applied"
    REJECTED = "rejected"


class OperationShown(Value, frozen=True, kw_only=True):
    """An operation as it is shown; times in seconds since the epoch.

    `requested_by` is empty where the farm itself asked for it.
    """

    number: int
    kind: OperationKind
    project: str
    state: OperationState
    reason: str
    requested_by: str
    requested: float
    finished: float | None
    generations: tuple[PublishedIn, ...]
    findings: Findings
