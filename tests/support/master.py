"""A master as a slave sees it: keeps what it is told, as `builder.wire` says, and can be made to misbehave."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from builder.errors import ConflictError, DigestError, NotFoundError, SupersededError
from builder.model import Value
from builder.model.artifact import Artifact
from builder.model.attempt import Outcome, Position
from builder.protocol import Handlers
from builder.wire import (
    CHUNK,
    Accepted,
    ArtifactChunk,
    BeginArtifact,
    FetchFile,
    FilePart,
    HeldVerdict,
    Hello,
    JobFinished,
    JobStarted,
    LogChunk,
    Offset,
    Report,
    Request,
    StepFinished,
    StepStarted,
    Verdict,
    Welcome,
)
from tests.support.wire import MemorySessions


class MemoryAttempt:
    """What the master has of one attempt."""

    def __init__(self) -> None:
        self.records: list[Report] = []
        self.log = b""
        self.begun: dict[str, Artifact] = {}
        self.files: dict[str, bytes] = {}
        self.outcome: Outcome | None = None
        self.finishes = 0

    @property
    def position(self) -> Position:
        """How far it is."""
        return Position(records=len(self.records), log=len(self.log))

    @property
    def steps(self) -> list[str]:
        """The step records in one word each."""
        return [
            f"{report.step.value} begins" if isinstance(report, StepStarted)
            else f"{report.step.value} {'ends' if report.ok else 'fails'}" if isinstance(report, StepFinished)
            else "started"
            for report in self.records
        ]  # fmt: skip


class MemoryMaster(MemorySessions):
    """The master's side of sessions, one after the other.

    Attributes:
        attempts: What it has of each attempt; one that is not here is unknown to it.
        verdicts: What it says of an attempt in its welcome, unless that follows from what it has.
        superseded: The attempts that nobody wants any more.
        offered: The files that can be fetched, by their digest.
        deaf: Whether it takes no log, and answers as if it did.
        before: Called with each request before it is carried out; it may raise, or cut the connection.
        hellos: Every `Hello` so far.
        asked: How many requests of each kind came.
    """

    def __init__(self, *attempts: str) -> None:
        super().__init__(self._answers())
        self.attempts = {attempt: MemoryAttempt() for attempt in attempts}
        self.verdicts: dict[str, Verdict] = {}
        self.superseded: set[str] = set()
        self.offered: dict[str, bytes] = {}
        self.deaf = False
        self.before: Callable[[Request[Any]], None] = lambda _: None
        self.hellos: list[Hello] = []
        self.asked: dict[str, int] = {}

    def offer(self, content: bytes) -> None:
        """Let a file be fetched."""
        self.offered[hashlib.sha256(content).hexdigest()] = content

    # -- its sessions

    def _answers(self) -> Handlers:
        answers: dict[type[Request[Any]], Callable[[Any], Value]] = {
            Hello: self._hello,
            JobStarted: self._record,
            StepStarted: self._record,
            StepFinished: self._record,
            LogChunk: self._log,
            BeginArtifact: self._begin,
            ArtifactChunk: self._chunk,
            JobFinished: self._finish,
            FetchFile: self._fetch,
        }
        return {kind: self._answering(kind, answer) for kind, answer in answers.items()}

    def _answering(self, kind: type[Request[Any]], answer: Callable[[Any], Value]) -> Callable[[Any], Awaitable[Value]]:
        async def answered(request: Any) -> Value:
            self.asked[kind.__name__] = self.asked.get(kind.__name__, 0) + 1
            self.before(request)
            return answer(request)

        return answered

    # -- what it answers

    def _hello(self, request: Hello) -> Welcome:
        self.hellos.append(request)
        return Welcome(protocol=1, version="0", lease=20.0, verdicts=tuple(map(self._verdict, request.held)))

    def _verdict(self, attempt: str) -> HeldVerdict:
        known = self.attempts.get(attempt)
        verdict = Verdict.UNKNOWN if known is None else Verdict.ACCEPTED if known.outcome else Verdict.CONTINUE
        return HeldVerdict(
            attempt=attempt,
            verdict=self.verdicts.get(attempt, verdict),
            position=known.position if known else Position(records=0, log=0),
        )

    def _attempt(self, name: str) -> MemoryAttempt:
        if name in self.superseded:
            raise SupersededError(f"nobody wants {name}")
        if name not in self.attempts:
            raise NotFoundError(f"{name} is unknown")
        return self.attempts[name]

    def _record(self, request: Any) -> Position:
        attempt = self._attempt(request.attempt)
        if request.number == len(attempt.records):
            attempt.records.append(request)
        return attempt.position

    def _log(self, request: LogChunk) -> Position:
        attempt = self._attempt(request.attempt)
        if request.offset <= len(attempt.log) and not self.deaf:
            attempt.log += request.data[len(attempt.log) - request.offset :]
        return attempt.position

    def _begin(self, request: BeginArtifact) -> Offset:
        attempt = self._attempt(request.attempt)
        attempt.begun[request.artifact.name] = request.artifact
        return Offset(offset=len(attempt.files.setdefault(request.artifact.name, b"")))

    def _chunk(self, request: ArtifactChunk) -> Offset:
        attempt = self._attempt(request.attempt)
        have, wanted = attempt.files[request.name], attempt.begun[request.name]
        if request.offset == len(have):
            have += request.data
        if len(have) == wanted.size and hashlib.sha256(have).hexdigest() != wanted.sha256:
            attempt.files[request.name] = b""
            raise DigestError(f"{request.name} is not what it was said to be")
        attempt.files[request.name] = have
        return Offset(offset=len(have))

    def _finish(self, request: JobFinished) -> Accepted:
        if request.attempt in self.superseded:
            return Accepted(superseded=True)
        attempt = self._attempt(request.attempt)
        if attempt.position != Position(records=request.records, log=request.log):
            raise ConflictError(f"only {attempt.position} is there")
        attempt.outcome = request.outcome
        attempt.finishes += 1
        return Accepted()

    def _fetch(self, request: FetchFile) -> FilePart:
        content = self.offered.get(request.sha256)
        if content is None:
            raise NotFoundError(f"no file {request.sha256}")
        return FilePart(size=len(content), data=content[request.offset : request.offset + CHUNK])
