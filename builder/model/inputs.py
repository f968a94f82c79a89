"""The inputs of a job's results: written down by its slave, kept as long as its log, to compare two builds by.

Nothing in them is a secret: URLs are without passwords.
"""

from typing import Annotated

import msgspec

from builder.model import Label, Sha256, Size, Text, Value
from builder.model.artifact import Artifact
from builder.model.attempt import Commit

INPUTS_NAME = "inputs.json"
INPUTS_LIMIT = 8 << 20
"""Bytes of the largest file of inputs: those of a build root of 20,000 packages need two thirds of it."""

Word = Annotated[str, msgspec.Meta(max_length=256)]


class Program(Value, frozen=True, kw_only=True):
    """A program of the slave's host that took part, with the version that it says it has."""

    name: Label
    version: Word


class SourceFile(Value, frozen=True, kw_only=True):
    """A file that an SRPM is made of; `url` is the git repository that had it, or where it was downloaded from."""

    name: Word
    size: Size
    sha256: Sha256
    url: Text


class SourceInputs(Value, frozen=True, kw_only=True):
    """The inputs of an SRPM; `spec` is as it was in the repository, `files` are its sources and patches.

    `macros` are what rpm was told beside the spec, conditionals among them.
    """

    commits: Annotated[tuple[Commit, ...], msgspec.Meta(max_length=1000)]
    spec: SourceFile
    files: Annotated[tuple[SourceFile, ...], msgspec.Meta(max_length=10_000)]
    programs: Annotated[tuple[Program, ...], msgspec.Meta(max_length=50)]
    macros: Annotated[dict[Word, Text], msgspec.Meta(max_length=500)]


class RootPackage(Value, frozen=True, kw_only=True):
    """A package of a build root, in the fields of mock's `buildroot_lock.json`, and the repository that gave it.

    `sigmd5` is the MD5 of its header and payload, `sha256header` the SHA-256 of the header, which holds the payload's;
    `signature` is the end of the id of the key that signed it.
    """

    name: Word
    epoch: Word | None = None
    version: Word
    release: Word
    arch: Word
    sigmd5: Word | None = None
    sha256header: Word | None = None
    signature: Word | None = None
    repository: Word | None = None


class UsedRepository(Value, frozen=True, kw_only=True):
    """A repository that the build root could be filled from; a lower `priority` wins."""

    name: Label
    url: Text
    priority: int


class ChrootInputs(Value, frozen=True, kw_only=True):
    """The inputs of RPMs: what they were built from, with and in.

    `chroot` is the digest of the chroot's definition, `macros` are as in `SourceInputs`.
    """

    srpm: Artifact
    dist: Word
    network: bool
    executor: Word
    programs: Annotated[tuple[Program, ...], msgspec.Meta(max_length=50)]
    macros: Annotated[dict[Word, Text], msgspec.Meta(max_length=500)]
    chroot: Sha256
    repositories: Annotated[tuple[UsedRepository, ...], msgspec.Meta(max_length=100)]
    packages: Annotated[tuple[RootPackage, ...], msgspec.Meta(max_length=20_000)]


class JobInputs(Value, frozen=True, kw_only=True):
    """The inputs of the attempt `fence` of a job, as they are shown.

    A source job has `source`, another one has `chroot`.
    """

    job: str
    fence: int
    source: SourceInputs | None = None
    chroot: ChrootInputs | None = None
