"""An operation: a numbered order to the repository builder."""

import enum
from typing import Annotated

import msgspec

from builder.model import Label, Sha256, Size, Text, Value
from builder.model.chroot import ChrootName
from builder.model.findings import Findings
from builder.model.project import Retention


class Publish(Value, frozen=True, kw_only=True, tag="publish"):
    """Take the artifacts of one attempt and put them into the project's repositories.

    The attempt is named by build, job and fence, from which the folder in `incoming/` follows. `package` is the
    package's name and `chroots` are the chroots whose repositories get the result (several for noarch). `srpm` is the
    file name of the SRPM that the job was built from, `evr` what the slave said that it has built: what is delivered
    has to agree with both. `inputs` is the digest of the commits and sources, which tells SRPMs of one name apart.
    """

    project: Label
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


class Prepare(Value, frozen=True, kw_only=True, tag="prepare"):
    """Make the repositories of a project exist, so that a client can read them before anything is published."""

    project: Label
    stages: tuple[Label, ...]
    chroots: tuple[ChrootName, ...]


class Rollback(Value, frozen=True, kw_only=True, tag="rollback"):
    """Let one repository hold again what it held in an older generation; what has come since is withdrawn.

    `repository` is written `project/stage/distribution-version/tree`; `who` asks for it, and `reason` says why.
    """

    project: Label
    repository: Text
    generation: int
    who: Text = ""
    reason: Text = ""


class Undo(Value, frozen=True, kw_only=True, tag="undo"):
    """Take back what the operation `number` has brought, in all its repositories at once."""

    project: Label
    number: int
    who: Text = ""
    reason: Text = ""


class Pin(Value, frozen=True, kw_only=True, tag="pin"):
    """Let a generation of a repository be readable until it is unpinned, or unpin it."""

    project: Label
    repository: Text
    generation: int
    pinned: bool = True
    who: Text = ""
    reason: Text = ""


class KeyAction(enum.Enum):
    """What can be done about the keys that a project signs with."""

    CREATE = "create"
    ROTATE = "rotate"
    RETIRE = "retire"


class Key(Value, frozen=True, kw_only=True, tag="key"):
    """Give a project its first key or the next one, which signs everything anew, or retire all but the current one."""

    project: Label
    action: KeyAction
    who: Text = ""
    reason: Text = ""


class Verify(Value, frozen=True, kw_only=True, tag="verify"):
    """Look at everything that a project's repositories hold, and say what is wrong and how it is mended."""

    project: Label
    who: Text = ""
    reason: Text = ""


class Rebuild(Value, frozen=True, kw_only=True, tag="rebuild"):
    """Make the metadata and the links of a repository anew, from the pool and the manifests, where they are damaged."""

    project: Label
    repository: Text
    who: Text = ""
    reason: Text = ""


class Drop(Value, frozen=True, kw_only=True, tag="drop"):
    """Remove what an attempt of the project has delivered and was rejected; `rejected` is its name."""

    project: Label
    rejected: Text
    who: Text = ""
    reason: Text = ""


class Prune(Value, frozen=True, kw_only=True, tag="prune"):
    """Let leave all stages of a project what `retention` does not keep, or the project's own one if there is none.

    With `plan` nothing changes: the findings say what would go, and why.
    """

    project: Label
    retention: Retention | None = None
    plan: bool = False
    who: Text = ""
    reason: Text = ""


class Promote(Value, frozen=True, kw_only=True, tag="promote"):
    """Let packages come from the stage `source` into the stage `target`, as they were built.

    Of `packages`, by the farm's names, the newest builds are meant, and so of all if it is of `everything`; of `builds`
    these very ones. A `plan` tells what would happen, and nothing does. What would break something is refused, and what
    was withdrawn is skipped, unless it is done by `force`.
    """

    project: Label
    source: Label
    target: Label
    packages: Annotated[tuple[Label, ...], msgspec.Meta(max_length=200)] = ()
    builds: Annotated[tuple[Size, ...], msgspec.Meta(max_length=500)] = ()
    everything: bool = False
    plan: bool = False
    force: bool = False
    who: Text = ""
    reason: Text = ""


class CarriedKind(enum.Enum):
    """A kind of file in the metadata, as repomd.xml calls it: comps groups, or a catalog of AppStream."""

    GROUP = "group"
    APPSTREAM = "appstream"


class Carry(Value, frozen=True, kw_only=True, tag="carry"):
    """Let the metadata of a stage's packages for one distribution have this file, packed with gzip; empty: none."""

    project: Label
    stage: Label
    distribution: Label
    kind: CarriedKind
    packed: Annotated[bytes, msgspec.Meta(max_length=30_000)] = b""
    who: Text = ""
    reason: Text = ""


Order = Carry | Promote | Prune | Drop | Verify | Rebuild | Key | Publish | Prepare | Rollback | Undo | Pin
"""What the repository builder can be told to do; `type` says which, in JSON and on the wire."""


class Operation(Value, frozen=True, kw_only=True):
    """An order and its number; numbers only grow, and each is applied once."""

    number: int
    order: Order


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

    `kind` is the order's (`publish`, `rollback` …), `requested_by` is empty where the farm itself asked for it.
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
