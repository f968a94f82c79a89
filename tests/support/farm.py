"""A farm in memory that speaks the API over HTTP on loopback, for tests of the command line.

It passes the contract suite of the real one. What it tells is put there by the test; what is asked of it is noted.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from typing_extensions import override

from builder.errors import BuilderError, ConflictError, InvalidError, NotFoundError, UnauthorizedError
from builder.lifecycle import ATTEMPT_ENDS, JOB_ENDS
from builder.master.decisions.event import changes
from builder.master.definition.difference import difference
from builder.master.definition.text import parse
from builder.master.definition.write import dump
from builder.model.attempt import Attempt, AttemptState
from builder.model.batch import BatchRequest
from builder.model.build import Build, BuildRequest, BuildState
from builder.model.event import Event, EventKind, Subject
from builder.model.job import SOURCE, Job, JobKind, JobState
from builder.model.package import PackageSummary
from builder.model.project import Project
from builder.model.slave import Slave
from builder.model.step import Step

TOKEN = "a-token"
PERSON = "anna"
CHROOTS = ("fedora-43-x86_64", "fedora-43-aarch64")


class MemoryFarm:
    """Builds, logs and events of a farm; every change wakes those who follow."""

    def __init__(self) -> None:
        self.builds: dict[int, Build] = {}
        self.projects: dict[str, Project] = {}
        self.slaves: tuple[Slave, ...] = ()
        self.events: list[Event] = []
        self.logs: dict[tuple[int, str, int], bytes] = {}
        self.changed = threading.Condition(threading.RLock())
        self.asked: list[str] = []
        """Method and target of each request."""
        self.cuts = 0
        """How often all connections were cut; those who follow end when it grows."""

    # -- what a test does

    def change(self, number: int, job: str, state: JobState, attempt: Attempt | None = None, **values: Any) -> None:
        """Bring a job to `state`, with its newest attempt as it is now."""
        with self.changed:
            build = self.builds[number]
            old = build.job(job)
            attempts = [one for one in old.attempts if attempt is None or one.fence != attempt.fence]
            new = msgspec.structs.replace(
                old, state=state, attempts=(*attempts, *([attempt] if attempt else [])), **values
            )
            jobs = tuple(new if one is old else one for one in build.jobs)
            self.builds[number] = msgspec.structs.replace(build, state=BuildState.RUNNING, jobs=jobs)
            self.event(EventKind(f"job_{state.value}"), build, job)

    def finish(self, number: int, state: BuildState, reason: str = "") -> None:
        """End a build."""
        with self.changed:
            build = self.builds[number]
            ended = msgspec.structs.replace(build, state=state, reason=reason, finished=build.requested + 61.0)
            self.builds[number] = ended
            self.event(EventKind.BUILD_FINISHED, build)

    def event(
        self, kind: EventKind, build: Build, job: str | None = None, who: str | None = None, text: str = ""
    ) -> None:
        """Tell that something happened to a build."""
        self.tell(kind, Subject(project=build.project, build=build.number, job=job, who=who), text)

    def tell(self, kind: EventKind, subject: Subject, text: str = "") -> None:
        """Tell that something happened."""
        with self.changed:
            about = msgspec.structs.asdict(subject)
            self.events.append(Event(number=len(self.events) + 1, time=1.0, kind=kind, text=text, **about))
            self.changed.notify_all()

    def log(self, number: int, job: str, fence: int, data: bytes) -> None:
        """A log goes on."""
        with self.changed:
            self.logs[number, job, fence] = self.logs.get((number, job, fence), b"") + data
            self.changed.notify_all()

    def cut(self) -> None:
        """End every connection in the middle."""
        with self.changed:
            self.cuts += 1
            self.changed.notify_all()

    def following(self, target: str) -> bool:
        """Whether somebody has asked to follow what is at an address that holds `target`."""
        return any(target in asked and "follow=1" in asked for asked in self.asked)

    # -- what the API does

    def request(self, asked: BuildRequest) -> Build:
        """A build of a package that is there."""
        owners = [name for name, project in self.projects.items() if asked.package in project.packages]
        if asked.project is not None:
            owners = [name for name in owners if name == asked.project]
        if not owners:
            raise NotFoundError(f"there is no package `{asked.package}`")
        if len(owners) > 1:
            raise ConflictError(f"`{asked.package}` is in {' and '.join(owners)}: name the project")
        project = self.projects[owners[0]]
        chroots = asked.chroots or project.chroots_of(project.packages[asked.package])
        for chroot in chroots:
            if chroot not in project.chroots:
                raise NotFoundError(f"`{asked.package}` is not built for `{chroot}`")
        return self.add(owners[0], asked.package, chroots, force=asked.force)

    def batch(self, asked: BatchRequest) -> list[Build]:
        """A build of each package that is named, if all are there."""
        there = {summary.package for summary in self.summaries(asked.project)}
        if wrong := [f"there is no package `{name}`" for name in asked.packages if name not in there]:
            raise InvalidError(*wrong)
        return [self.request(BuildRequest(package=name, project=asked.project)) for name in asked.packages]

    def add(self, project: str, package: str, chroots: tuple[str, ...] = CHROOTS[:1], *, force: bool = False) -> Build:
        """A new build whose jobs have not begun."""
        number = len(self.builds) + 1
        states = {SOURCE: JobState.QUEUED, **dict.fromkeys(chroots, JobState.WAITING)}
        jobs = [
            Job(
                build=number,
                name=name,
                kind=JobKind.SOURCE if name == SOURCE else JobKind.CHROOT,
                state=state,
                channel="package",
                architecture=name.rpartition("-")[2],
            )
            for name, state in states.items()
        ]
        build = Build(
            number=number,
            project=project,
            package=package,
            state=BuildState.QUEUED,
            requested_by=PERSON,
            requested=1_750_000_000.0,
            force=force,
            jobs=tuple(jobs),
        )
        with self.changed:
            self.builds[number] = build
            self.event(EventKind.BUILD_QUEUED, build, who=PERSON, text=package)
        return build

    def one(self, number: int) -> Build:
        """The build."""
        if number not in self.builds:
            raise NotFoundError(f"there is no build {number}")
        return self.builds[number]

    def cancel(self, number: int, job: str | None) -> Build:
        """Cancel what has not ended."""
        build = self.one(number)
        if build.finished is not None:
            raise ConflictError(f"build {number} is {build.state.value} already")
        wanted = build.jobs if job is None else (build.job(job),)
        self.event(EventKind.CANCEL_REQUESTED, build, job, PERSON)
        for one in wanted:
            if one.state not in JOB_ENDS:
                self.change(number, one.name, JobState.CANCELLED)
        if job is None:
            self.finish(number, BuildState.CANCELLED)
        return self.builds[number]

    def summaries(self, project: str | None) -> list[PackageSummary]:
        """One line per package."""
        if project is not None and project not in self.projects:
            raise NotFoundError(f"there is no project `{project}`")
        return [
            PackageSummary(
                project=own.project,
                package=name,
                style=package.style,
                channel=package.channel,
                chroots=own.chroots_of(package),
            )
            for own in self.projects.values()
            if project in {None, own.project}
            for name, package in own.packages.items()
        ]


def attempt(fence: int, *steps: tuple[Any, int], state: AttemptState = AttemptState.RUNNING) -> Attempt:
    """An attempt whose steps are given as name and offset in the log."""
    made = tuple(Step(name=name, log_offset=offset, started=1.0) for name, offset in steps)
    ended = 2.0 if state in ATTEMPT_ENDS else None
    return Attempt(
        attempt=f"{fence:032x}", fence=fence, slave="slave1", state=state, started=1.0, finished=ended, steps=made
    )


class _Visitor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    farm: MemoryFarm

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        self.close_connection = True
        with self.farm.changed:
            self.farm.asked.append(f"{self.command} {self.path}")
        parts = urlsplit(self.path)
        try:
            given = self.headers.get("Authorization")
            if given not in {f"Bearer {TOKEN}", None if self.command == "GET" else ""}:
                raise UnauthorizedError("this needs a token")
            path = tuple(unquote(part) for part in parts.path.removeprefix("/api/v1/").split("/"))
            self._route(path, dict(parse_qsl(parts.query)), body)
        except BuilderError as error:
            told = {"error": error.tag.decode(), "message": str(error)}
            if isinstance(error, InvalidError):
                told["mistakes"] = list(error.mistakes)  # type: ignore[assignment]  # the one list among texts
            self._send(error.status, json.dumps(told).encode())

    def _route(self, path: tuple[str, ...], query: dict[str, str], body: bytes) -> None:
        if self.command == "GET":
            self._show(path, query)
        else:
            self._change(path, query, body)

    def _show(self, path: tuple[str, ...], query: dict[str, str]) -> None:
        farm = self.farm
        match path:
            case ("builds",):
                builds = sorted(farm.builds.values(), key=lambda build: -build.number)
                wanted = [build for build in builds if query.get("package") in {None, build.package}]
                self._json(wanted[: int(query.get("limit", "50"))])
            case "builds", number:
                self._json(farm.one(int(number)))
            case "builds", number, "jobs", job, "log":
                self._log(int(number), job, query)
            case ("events",):
                self._events(query)
            case ("definition",):
                self._send(200, dump(farm.projects.values()).encode(), "application/yaml")
            case ("packages",):
                self._json(farm.summaries(query.get("project")))
            case ("slaves",):
                self._json(farm.slaves)
            case _:
                raise NotFoundError(f"there is nothing at {self.path}")

    def _change(self, path: tuple[str, ...], query: dict[str, str], body: bytes) -> None:
        match path:
            case ("builds",):
                self._json(self.farm.request(msgspec.json.decode(body, type=BuildRequest)))
            case ("batches",):
                self._json(self.farm.batch(msgspec.json.decode(body, type=BatchRequest)))
            case "builds", number, "cancel":
                self._json(self.farm.cancel(int(number), json.loads(body or b"{}").get("job")))
            case ("definition",):
                self._define(body.decode(), dry=query.get("dry_run") == "1")
            case _:
                raise NotFoundError(f"there is nothing at {self.path}")

    def _define(self, text: str, *, dry: bool) -> None:
        described = parse(text, CHROOTS, ("package", "release", "image"))
        made = {own.project: difference(self.farm.projects.get(own.project), own) for own in described}
        if not dry:
            self.farm.projects.update({own.project: own for own in described})
            for project, own in made.items():
                if own:
                    self.farm.tell(EventKind.DEFINITION_APPLIED, Subject(project=project, who=PERSON), changes(own))
        self._json([change for own in made.values() for change in own])

    def _log(self, number: int, name: str, query: dict[str, str]) -> None:
        job = self.farm.one(number).job(name)
        follow, offset = query.get("follow") == "1", int(query.get("offset", "0"))
        attempt = job.attempt(int(query["fence"]) if "fence" in query else None)
        if attempt is None and not follow:
            raise NotFoundError(f"{number}/{name} is {job.state.value} and has no log")
        fence = attempt.fence if attempt else None

        def news() -> tuple[bytes, bool]:
            nonlocal offset, fence
            now = self.farm.one(number).job(name)
            attempt = now.attempt(fence)
            if attempt is None:
                return b"", now.state in JOB_ENDS
            fence = attempt.fence
            data = self.farm.logs.get((number, name, fence), b"")[offset:]
            offset += len(data)
            return data, attempt.state in ATTEMPT_ENDS

        self._stream(news, follow=follow)

    def _events(self, query: dict[str, str]) -> None:
        after, build, project = int(query.get("after", "0")), query.get("build"), query.get("project")
        if (kind := query.get("kind")) not in {None, *(kind.value for kind in EventKind)}:
            raise InvalidError(f"there is no kind of events `{kind}`")

        def wanted(one: Event) -> bool:
            about = (build in {None, str(one.build)}, project in {None, one.project}, kind in {None, one.kind.value})
            return one.number > after and all(about)

        def news() -> tuple[bytes, bool]:
            nonlocal after
            new = [one for one in self.farm.events if wanted(one)]
            after = max([after, *(one.number for one in new)])
            return msgspec.json.Encoder().encode_lines(new), False

        self._stream(news, follow=query.get("follow") == "1")

    def _stream(self, news: Any, *, follow: bool) -> None:
        """Send what `news` has until it says that it was all; a cut ends it without the last chunk."""
        self.send_response(200)
        self.send_header("Builder-Version", "1")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with self.farm.changed, suppress(OSError):
            cuts = self.farm.cuts
            while self.farm.cuts == cuts:
                data, over = news()
                if data:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                    self.wfile.flush()
                if over or not follow:
                    self.wfile.write(b"0\r\n\r\n")
                    return
                self.farm.changed.wait(20.0)

    def _json(self, value: Any) -> None:
        self._send(200, msgspec.json.encode(value))

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Builder-Version", "1")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)


@contextmanager
def served(farm: MemoryFarm, port: int = 0) -> Iterator[str]:
    """The farm on a port of loopback; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", port), type("_Visitor", (_Visitor,), {"farm": farm}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        farm.cut()
        server.server_close()
        thread.join()


def client_toml(folder: Path, url: str, token: str = TOKEN) -> Path:
    """A person's settings for a farm."""
    path = folder / "client.toml"
    path.write_text(f'url = "{url}"\ntoken = "{token}"\n')
    return path
