"""Answers of the API, as the command line reads them: the shapes of `builder.model` as decoded JSON.

They are written down a second time because the command line imports the standard library alone; a test compares them
with the model.
"""

from typing import TypedDict


class Step(TypedDict):
    """A named part of an attempt; times in seconds since the epoch."""

    name: str
    log_offset: int
    started: float
    finished: float | None
    ok: bool | None


class Lint(TypedDict):
    """The findings of rpmlint, in short."""

    errors: int
    warnings: int
    first: list[str]
    note: str


class Attempt(TypedDict):
    """An attempt: one try of a job."""

    attempt: str
    fence: int
    slave: str
    state: str
    started: float
    finished: float | None
    reason: str
    kind: str | None
    lint: Lint | None
    steps: list[Step]


class Job(TypedDict):
    """A job of a build."""

    build: int
    name: str
    kind: str
    state: str
    channel: str
    architecture: str
    reason: str
    evr: str | None
    published: list[str]
    attempts: list[Attempt]


class Commit(TypedDict):
    """A commit that a build is made from."""

    git: str
    ref: str
    commit: str
    date: str


class Program(TypedDict):
    """A program that took part in a build."""

    name: str
    version: str


class SourceFile(TypedDict):
    """A file that an SRPM is made of; the size in bytes."""

    name: str
    size: int
    sha256: str
    url: str


class SourceInputs(TypedDict):
    """The inputs of an SRPM."""

    commits: list[Commit]
    spec: SourceFile
    files: list[SourceFile]
    programs: list[Program]
    macros: dict[str, str]


class Artifact(TypedDict):
    """A file that an attempt has delivered."""

    name: str
    kind: str
    size: int
    sha256: str
    nevra: str | None


class RootPackage(TypedDict):
    """A package of a build root."""

    name: str
    epoch: str | None
    version: str
    release: str
    arch: str
    sigmd5: str | None
    sha256header: str | None
    signature: str | None
    repository: str | None


class UsedRepository(TypedDict):
    """A repository that a build root could be filled from."""

    name: str
    url: str
    priority: int


class ChrootInputs(TypedDict):
    """The inputs of RPMs: what they were built from, with and in."""

    srpm: Artifact
    dist: str
    network: bool
    executor: str
    programs: list[Program]
    macros: dict[str, str]
    chroot: str
    repositories: list[UsedRepository]
    packages: list[RootPackage]


class JobInputs(TypedDict):
    """The inputs of a job's result."""

    job: str
    fence: int
    source: SourceInputs | None
    chroot: ChrootInputs | None


class Build(TypedDict):
    """A build."""

    number: int
    project: str
    package: str
    state: str
    requested_by: str
    requested: float
    finished: float | None
    force: bool
    reason: str
    batch: int | None
    commits: list[Commit]
    jobs: list[Job]


class PlannedPackage(TypedDict):
    """A package of a batch that is only planned."""

    project: str
    package: str
    known: bool
    wave: int | None
    needs: list[str]
    seconds: float | None


class Plan(TypedDict):
    """The plan of a batch: what would become of it."""

    packages: list[PlannedPackage]
    cycles: list[str]
    seconds: float | None
    lacking: str


class Package(TypedDict):
    """A package in one line."""

    project: str
    package: str
    style: str
    channel: str
    chroots: list[str]
    newest: int | None
    state: str | None


class Facts(TypedDict):
    """The facts that a slave tells about its host; sizes in bytes."""

    hostname: str
    system: str
    cores: int
    memory: int
    executor: str


class Slave(TypedDict):
    """A host that builds."""

    name: str
    connected: bool
    channels: list[str]
    architectures: list[str]
    capacity: int
    busy: int
    seen: float
    facts: Facts


class Event(TypedDict):
    """An event: something that happened."""

    number: int
    time: float
    kind: str
    project: str | None
    build: int | None
    job: str | None
    operation: int | None
    slave: str | None
    release: str | None
    who: str | None
    text: str


class DefinitionChange(TypedDict):
    """A change that applying a definition makes."""

    what: str
    kind: str
    before: str | None
    after: str | None


class Finding(TypedDict):
    """A finding about an operation, in one line."""

    kind: str
    subject: str
    text: str


class Findings(TypedDict):
    """Findings about an operation; `more` is how many are left out."""

    first: list[Finding]
    more: int


class PublishedIn(TypedDict):
    """The generation of a repository that first holds an operation."""

    repository: str
    generation: int


class Operation(TypedDict):
    """An order to the repository builder, and its outcome."""

    number: int
    kind: str
    project: str
    state: str
    reason: str
    requested_by: str
    requested: float
    finished: float | None
    generations: list[PublishedIn]
    findings: Findings


class Key(TypedDict):
    """A key that a project signs with, or has signed with."""

    fingerprint: str
    since: float
    until: float | None


class Secret(TypedDict):
    """A project's secret, without its value."""

    project: str
    name: str
    kind: str
    set_by: str
    time: float


class RejectedFile(TypedDict):
    """A file in a rejected delivery; the size in bytes."""

    name: str
    size: int


class RejectedDelivery(TypedDict):
    """A delivery that was not published; in a list, without its files."""

    name: str
    operation: int
    project: str
    package: str
    build: int
    job: str
    fence: int
    reason: str
    time: float
    until: float
    files: list[RejectedFile]


class RepositorySummary(TypedDict):
    """A repository in a list; `fault` says why nothing is known of it."""

    name: str
    generation: int
    created: float
    packages: int
    size: int
    pins: int
    fault: str


class PackageInRepository(TypedDict):
    """A package of a repository."""

    nevra: str
    location: str
    size: int
    sha256: str
    source: str | None
    package: str
    build: int
    operation: int
    since: float


class GenerationStep(TypedDict):
    """An operation that a generation brought."""

    number: int
    kind: str
    requested_by: str
    reason: str
    published: list[str]


class Generation(TypedDict):
    """A generation of a repository."""

    generation: int
    created: float
    current: bool
    readable: bool
    pinned_by: str | None
    pin_reason: str
    operations: list[GenerationStep]


class Repository(TypedDict):
    """A generation of a repository, with all generations that are known."""

    summary: RepositorySummary
    generation: int
    created: float
    packages: list[PackageInRepository]
    excluded: list[str]
    generations: list[Generation]


class PackageChange(TypedDict):
    """A difference in one package between two generations."""

    name: str
    kind: str
    before: str | None
    after: str | None
