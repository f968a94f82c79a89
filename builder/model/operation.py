"""An operation: a numbered order to the repository builder."""

from typing import Annotated

import msgspec

from builder.model import Label, Text, Value
from builder.model.chroot import ChrootName
from builder.model.project import Retention


class Publish(Value, frozen=True, kw_only=True, tag="publish"):
    """Take the artifacts of one attempt and put them into the project's repositories.

    The attempt is named by build, job and fence, from which the folder in `incoming/` follows. `package` is the
    package's name and `chroots` are the chroots whose repositories get the result (several for noarch). `srpm` is the
    file name of the SRPM that the job was built from, `evr` what the slave said that it has built: what is delivered
    has to agree with both.
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


class Prepare(Value, frozen=True, kw_only=True, tag="prepare"):
    """Make the repositories of a project exist, so that a client can read them before anything is published."""

    project: Label
    stages: tuple[Label, ...]
    chroots: tuple[ChrootName, ...]


class Operation(Value, frozen=True, kw_only=True):
    """An order and its number; numbers only grow, and each is applied once."""

    number: int
    order: Publish | Prepare


class PublishedIn(Value, frozen=True, kw_only=True):
    """The generation of one repository (`project/stage/distribution-version/arch`) that first holds an operation."""

    repository: Text
    generation: int
