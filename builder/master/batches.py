"""Batches: many builds at once, and the order in which they would begin, seen beforehand."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from builder.errors import BuilderError, ConflictError, InvalidError, NotFoundError
from builder.master.builds import chosen, lacking, mistakes, supersede
from builder.master.decisions import waves
from builder.master.decisions.assignment import ANY, Offer
from builder.master.decisions.estimate import Work, estimate
from builder.master.decisions.permission import require
from builder.master.decisions.waiting import explained
from builder.master.sequence import found_or_guessed, place
from builder.master.slaves import Slaves
from builder.master.store import batches, builds, dependencies, projects, requests
from builder.master.store.database import Store
from builder.master.store.projects import KnownPackage
from builder.master.store.requests import Wanted
from builder.model.batch import BatchRequest, Plan, PlannedPackage
from builder.model.build import Build
from builder.model.chroot import architecture_of
from builder.model.job import SOURCE
from builder.model.package import Style
from builder.model.visitor import Act, Visitor


class Node(NamedTuple):
    """A chroot job of the batch that there would be."""

    wanted: Wanted
    chroot: str


class Outlook(NamedTuple):
    """The outlook on a batch before it begins: its chroot jobs, who needs whom, and which package was ever built."""

    nodes: tuple[Node, ...]
    needed: waves.Needs
    known: frozenset[int]

    @property
    def cycles(self) -> tuple[str, ...]:
        """The packages that need each other, as sentences."""
        loops = waves.loops(self.needed).values()
        return tuple(sorted({waves.named(self.nodes[key].wanted.known.name for key in loop) for loop in loops}))


class Batches:
    """Batches, as people ask for them."""

    def __init__(self, store: Store, slaves: Slaves) -> None:
        self._store = store
        self._slaves = slaves

    async def request(self, request: BatchRequest, visitor: Visitor) -> tuple[Build, ...]:
        """Ask for a build of each package, all or none; their sources are made at once, other jobs wait for their turn.

        Raises:
            InvalidError: With every mistake: a package that there is not, or in several projects, or not for a chroot.
            NotFoundError: There is no such project, or nothing is chosen.
            ConflictError: Packages need each other, by all that is known of them.
            ForbiddenError: The visitor may not build in the project of one of them.
        """
        outlook = await self._store.read(lambda connection: _outlook(connection, _wanted(connection, request, visitor)))
        if outlook.cycles:
            raise ConflictError(
                f"{'; '.join(outlook.cycles)}: these need each other, so that none of them can be the first; "
                "build one of them by itself, then the others"
            )
        made = await self._store.write(partial(_request, request=request, visitor=visitor))
        offers = [connection.offer for connection in self._slaves.connected]
        return tuple(explained(build, offers) for build in made)

    async def plan(self, request: BatchRequest, visitor: Visitor) -> Plan:
        """Return the plan of a batch; nothing is begun. Raises as `request`, but tells cycles in its answer."""
        offers = [connection.offer for connection in self._slaves.connected]
        return await self._store.read(partial(_plan, request=request, visitor=visitor, offers=offers))


def _request(connection: Connection, request: BatchRequest, visitor: Visitor) -> tuple[Build, ...]:
    wanted = _wanted(connection, request, visitor)
    made = builds.some(connection, requests.insert(connection, wanted, visitor.name, force=request.force, batch=True))
    for one, build in zip(wanted, made, strict=True):
        if one.known.package.style is Style.CI:
            supersede(connection, one.known.id, build)
    return made


def _wanted(connection: Connection, request: BatchRequest, visitor: Visitor) -> list[Wanted]:
    """Return the packages that a visitor asks for; every mistake in the request is told."""
    if bool(request.packages) + request.everything + (request.channel is not None) != 1:
        raise InvalidError("a batch is of packages that are named, or of a channel, or of everything: one of these")
    found, wrong = [], list[str]()
    bare = projects.every_bare(connection)
    for known in _chosen(connection, request, wrong):
        require(visitor, Act.BUILD, known.project)
        there = bare[known.project].chroots_of(known.package)
        chroots = chosen(there, request.chroots)
        if request.packages:
            wrong += mistakes(known, there, request.chroots)
        if chroots:
            wrong += lacking(connection, known)
            found.append(Wanted(known, chroots, bare[known.project]))
    if wrong:
        raise InvalidError(*wrong)
    if not found:
        raise NotFoundError(_nothing(request))
    return found


def _chosen(connection: Connection, request: BatchRequest, wrong: list[str]) -> Iterator[KnownPackage]:
    """Yield the packages by name, each once; add the mistakes in names to `wrong`."""
    if request.project is not None:
        projects.one_bare(connection, request.project)
    present = projects.present(connection, request.project)
    if not request.packages:
        yield from (known for known in present if request.channel in {None, known.package.channel})
        return
    named: dict[str, list[KnownPackage]] = defaultdict(list)
    for known in present:
        named[known.name].append(known)
    for name in dict.fromkeys(request.packages):
        if len(named[name]) == 1:
            yield named[name][0]
            continue
        try:
            yield projects.package(connection, name, request.project)
        except BuilderError as error:
            wrong.append(str(error))


def _nothing(request: BatchRequest) -> str:
    channel = f" with the channel `{request.channel}`" if request.channel is not None else ""
    project = f" in the project `{request.project}`" if request.project is not None else ""
    chroots = f" for {', '.join(request.chroots)}" if request.chroots else ""
    return f"there is no package{channel}{project}{chroots}; `builder package list` shows those there are"


def _outlook(connection: Connection, wanted: Iterable[Wanted]) -> Outlook:
    nodes = tuple(Node(one, chroot) for one in wanted for chroot in one.chroots)
    found = dependencies.known(connection, {node.wanted.known.id for node in nodes})
    members = []
    for key, node in enumerate(nodes):
        known = node.wanted.known
        own, at = found_or_guessed(known.name, found.get(known.id)), place(known.project, node.chroot)
        members.append(
            waves.Member(key=key, at=at, published=frozenset({at}), requires=own.requires, provides=own.provides)
        )
    return Outlook(nodes, waves.needs(members), frozenset(found))


def _plan(connection: Connection, request: BatchRequest, visitor: Visitor, offers: Iterable[Offer]) -> Plan:
    wanted = _wanted(connection, request, visitor)
    outlook = _outlook(connection, wanted)
    took = batches.lasting(connection, {one.known.id for one in wanted})
    packages = _planned(wanted, outlook, took)
    if outlook.cycles:
        return Plan(packages=packages, cycles=outlook.cycles, lacking="packages need each other")
    sources = [Work(one.known.package.channel, ANY, took.get((one.known.id, SOURCE))) for one in wanted]
    jobs = {key: _work(node, took) for key, node in enumerate(outlook.nodes)}
    expected = estimate(sources, jobs, outlook.needed, offers)
    return Plan(packages=packages, seconds=expected.seconds, lacking=expected.lacking)


def _work(node: Node, took: dict[tuple[int, str], float]) -> Work:
    known = node.wanted.known
    return Work(known.package.channel, architecture_of(node.chroot), took.get((known.id, node.chroot)))


def _planned(
    wanted: Iterable[Wanted], outlook: Outlook, took: dict[tuple[int, str], float]
) -> tuple[PlannedPackage, ...]:
    """Return the packages by their waves, those that can never begin last; each is as late as in its latest chroot."""
    wave_of = {key: number for number, wave in enumerate(waves.waves(outlook.needed), 1) for key in wave}
    own: dict[int, list[int]] = defaultdict(list)
    for key, node in enumerate(outlook.nodes):
        own[node.wanted.known.id].append(key)
    planned = []
    for one in wanted:
        keys = own[one.known.id]
        begin = [wave_of.get(key) for key in keys]
        before = {outlook.nodes[other].wanted.known.name for key in keys for other in outlook.needed[key]}
        planned.append(
            PlannedPackage(
                project=one.known.project,
                package=one.known.name,
                known=one.known.id in outlook.known,
                wave=None if None in begin else max(wave for wave in begin if wave),
                needs=tuple(sorted(before)),
                seconds=_whole(one, took),
            )
        )
    return tuple(sorted(planned, key=lambda one: (one.wave is None, one.wave or 0, one.project, one.package)))


def _whole(one: Wanted, took: dict[tuple[int, str], float]) -> float | None:
    """Return the seconds of the source job and the slowest of the others, if all were ever done."""
    source, others = took.get((one.known.id, SOURCE)), [took.get((one.known.id, chroot)) for chroot in one.chroots]
    known = [seconds for seconds in others if seconds is not None]
    return source + max(known) if source is not None and len(known) == len(others) else None
