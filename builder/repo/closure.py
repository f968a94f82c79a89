"""The damage that a promotion would do: a client's repositories before it and after it, compared by libsolv.

It is a program of its own, `python -m builder.repo.closure`: what packages say of themselves comes from outside,
so a process with limits looks at it. A `ClosureRequest` comes in as JSON on standard input, findings go out on standard
output.

A client that is up to date uses the highest version of each name that nothing else obsoletes; that is what is compared.
What it needs and nothing in either stage provides is the business of the distribution, whose packages are not known
here: it is taken for provided. Files that are in packages of one build are the same file, and others under one
name are a conflict: metadata has no digests of files.
"""

import itertools
import re
import signal
import subprocess  # noqa: TID251 - the worker thread waits for this child, where builder.process needs the reactor
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import createrepo_c
import msgspec
import solv

from builder.errors import ConflictError, UnavailableError
from builder.model import Value
from builder.model.findings import Finding, FindingKind
from builder.repo import headers, selection

SECONDS = 300
"""Seconds that the program may take: 20,000 packages with 400,000 files take 11 of them."""
MOST = 1000
"""Most findings that are passed on."""
_FILES = "FL"
"""The name that libsolv has for the part of the metadata with the names of the files."""
_ATOM = re.compile(r"(?P<name>\S+)(?: (?P<relation>[<>=]+) (?P<evr>\S+))?")
_WORDS = frozenset({"and", "or", "if", "else", "unless", "with", "without"})
"""The words between the parts of a rich dependency; see "Boolean Dependencies" in rpm's reference manual."""
_RELATIONS = {
    "=": solv.REL_EQ,
    "<": solv.REL_LT,
    ">": solv.REL_GT,
    "<=": solv.REL_LT | solv.REL_EQ,
    ">=": solv.REL_GT | solv.REL_EQ,
}
_NAMED = 3
"""Most packages that a finding names beside the one that it is about."""


class ClosureRequest(Value, frozen=True, kw_only=True):
    """The arguments of `broken`, for the program."""

    target: tuple[str, ...]
    source: tuple[str, ...]
    promoted: tuple[str, ...]


def broken_apart(target: Sequence[Path], source: Sequence[Path], promoted: Collection[str]) -> list[Finding]:
    """Call `broken` in a child process, and return its findings.

    Raises:
        ConflictError: The child gives no answer.
    """
    request = ClosureRequest(
        target=tuple(map(str, target)), source=tuple(map(str, source)), promoted=tuple(sorted(promoted))
    )
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "builder.repo.closure"],
            input=msgspec.json.encode(request),
            capture_output=True,
            timeout=2 * SECONDS,
            check=False,
            start_new_session=True,  # who stops this process means this process
        )
    except subprocess.TimeoutExpired as slow:
        raise ConflictError(f"what it would break was not found out in {2 * SECONDS} s") from slow
    if child.returncode:
        complaint = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        end = signal.strsignal(-child.returncode) if child.returncode < 0 else complaint
        raise ConflictError(f"what it would break cannot be found out: libsolv's process ended: {end}")
    return msgspec.json.decode(child.stdout, type=list[Finding])


def broken(target: Sequence[Path], source: Sequence[Path], promoted: Collection[str]) -> list[Finding]:
    """Return the faults in the repositories `target` once the packages `promoted` of `source` have come into them.

    The repositories are given as folders with `repodata`, all that one client of a stage uses together.

    Raises:
        UnavailableError: Their metadata cannot be read.
    """
    if not promoted:
        return []
    try:
        stages = _Stages(target, source, promoted)
        before, after = stages.view(stages.before), stages.view(stages.after)
        found = [_uninstallable(stages, before, after), _disappearing(before, after), _clashes(stages, before, after)]
        return [finding for findings in found for finding in findings]
    except createrepo_c.CreaterepoCError as error:
        raise UnavailableError(f"the metadata of {target or source} cannot be read: {error}") from error


class _Stages:
    """The two stages in one pool of libsolv, of which a part is looked at."""

    def __init__(self, target: Sequence[Path], source: Sequence[Path], promoted: Collection[str]) -> None:
        self.folders = (*target, *source)
        self.pool = solv.Pool()
        self.pool.setdisttype(solv.Pool.DISTTYPE_RPM)
        there = [_load(self.pool, folder) for folder in target]
        here = [_load(self.pool, folder) for folder in source]
        self.before = [package for repository in there for package in repository.solvables]
        known = {str(package) for package in self.before}
        come = [package for repository in here for package in repository.solvables if str(package) in promoted]
        self.after = [*self.before, *(package for package in come if str(package) not in known)]
        self.pool.addfileprovides()
        self.pool.createwhatprovides()
        self._distribution = _distribution(self.pool)
        self.pool.createwhatprovides()  # what was made before does not know the packages that came since

    def view(self, packages: Iterable[solv.XSolvable]) -> dict[str, solv.XSolvable]:
        """Return those of these packages that an up-to-date client uses, by NEVRA."""
        by_name = {str(package): package for package in packages}
        newest = {name: by_name[name] for name in selection.newest(by_name).values()}
        obsolete = {
            other.id
            for package in newest.values()
            for wanted in package.lookup_deparray(solv.SOLVABLE_OBSOLETES)
            for other in self.pool.whatprovides(wanted)
            if other.name != package.name and other.name == str(wanted).partition(" ")[0]
        }
        return {name: package for name, package in newest.items() if package.id not in obsolete}

    def problems(self, packages: Iterable[solv.XSolvable]) -> dict[str, str]:
        """Return the reason why each of these packages cannot be installed from these and the distribution's alone."""
        packages = tuple(packages)
        self._consider(packages)
        found = ((str(package), self._problem(package)) for package in packages)
        return {name: problem for name, problem in found if problem}

    def clash(self, packages: Iterable[solv.XSolvable], one: solv.XSolvable, other: solv.XSolvable) -> bool:
        """Tell if nothing but their files keeps two of these packages from being installed together."""
        self._consider(packages)
        return not self._problem(one, other)

    def _consider(self, packages: Iterable[solv.XSolvable]) -> None:
        self.pool.set_considered_list([package.id for package in (*packages, *self._distribution)])
        self.pool.createwhatprovides()

    def _problem(self, *packages: solv.XSolvable) -> str:
        """Return the reason why these packages cannot be installed together, empty if they can."""
        install = solv.Job.SOLVER_INSTALL | solv.Job.SOLVER_SOLVABLE
        solver = self.pool.Solver()  # what it returns can be asked as long as it is there itself
        problems = solver.solve([self.pool.Job(install, package.id) for package in packages])
        return _sentence(problems[0].findproblemrule().info()) if problems else ""


def _sentence(rule: solv.Ruleinfo) -> str:
    """Return the meaning of a rule that cannot be kept: of the most frequent in our words, of others in libsolv's."""
    if rule.type == solv.Solver.SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
        return f"nothing provides {rule.dep} needed by {rule.solvable}"
    return str(rule.problemstr())


def _load(pool: solv.Pool, folder: Path) -> solv.Repo:
    """Have libsolv read the metadata of a repository."""
    repository = pool.add_repo(str(folder))
    for kind, language, flags in (("primary", None, 0), ("filelists", _FILES, solv.Repo.REPO_EXTEND_SOLVABLES)):
        path = _part(folder, kind)
        file = solv.xfopen(str(path))
        if file is None or not repository.add_rpmmd(file, language, flags):
            raise UnavailableError(f"{path} cannot be read by libsolv: {' '.join(pool.errstr.split())}")
        file.close()
    return repository


def _part(folder: Path, kind: str) -> Path:
    """Return the file of the metadata that is of this kind."""
    repomd = createrepo_c.Repomd(str(folder / "repodata" / "repomd.xml"))
    places = {record.type: record.location_href for record in repomd.records}
    if kind not in places:
        raise UnavailableError(f"the metadata of {folder} has no {kind}")
    return folder / str(places[kind])


def _distribution(pool: solv.Pool) -> list[solv.XSolvable]:
    """Return the distribution's packages: one for each requirement that no package of the pool provides."""
    wanted = {
        str(atom): atom
        for package in pool.solvables
        for requirement in package.lookup_deparray(solv.SOLVABLE_REQUIRES)
        for atom in _atoms(pool, requirement)
        if not pool.whatprovides(atom)
    }
    repository = pool.add_repo("distribution")
    made = []
    for number, atom in enumerate(wanted.values()):
        package = repository.add_solvable()
        package.name, package.evr, package.arch = f"distribution:{number}", "0-0", "noarch"
        package.add_provides(atom)
        made.append(package)
    return made


def _atoms(pool: solv.Pool, requirement: solv.Dep) -> Iterator[solv.Dep]:
    """Yield the parts of a requirement that one package each can provide; one that is not rich is its only part."""
    text = str(requirement)
    if not text.startswith("("):
        yield requirement
        return
    for part in re.split(rf"\s+(?:{'|'.join(sorted(_WORDS))})\s+", text):
        match = _ATOM.match(_bare(part))
        if match is not None:
            name = pool.Dep(match["name"])
            yield name.Rel(_RELATIONS[match["relation"]], pool.Dep(match["evr"])) if match["relation"] else name


def _bare(part: str) -> str:
    """Return a part of a rich dependency without the parentheses that belong to the whole."""
    part = part.lstrip("(")
    while part.endswith(")") and part.count(")") > part.count("("):
        part = part[:-1]
    return part


def _uninstallable(
    stages: _Stages, before: dict[str, solv.XSolvable], after: dict[str, solv.XSolvable]
) -> Iterator[Finding]:
    """Yield a finding for each package that cannot be installed after the promotion, unless it could not before."""
    known = stages.problems(before.values())
    for name, reason in sorted(stages.problems(after.values()).items()):
        if name not in known:
            yield _finding(FindingKind.UNINSTALLABLE, name, reason)


def _disappearing(before: dict[str, solv.XSolvable], after: dict[str, solv.XSolvable]) -> Iterator[Finding]:
    """Yield a finding for each soname or other Provides that no package has any more."""
    old, new = _provides(before), _provides(after)
    for name in sorted(old.keys() - new.keys()):
        yield _finding(FindingKind.DISAPPEARS, name, f"it was provided by {_some(old[name])}")


def _provides(packages: dict[str, solv.XSolvable]) -> dict[str, list[str]]:
    """Return the packages that provide each name, of whatever version."""
    provides: defaultdict[str, list[str]] = defaultdict(list)
    for name, package in packages.items():
        for provided in {str(one).partition(" ")[0] for one in package.lookup_deparray(solv.SOLVABLE_PROVIDES)}:
            provides[provided].append(name)
    return provides


def _clashes(stages: _Stages, before: dict[str, solv.XSolvable], after: dict[str, solv.XSolvable]) -> Iterator[Finding]:
    """Yield a finding for each file of two packages that could be installed together, and of which one has come.

    The two are of different builds.
    """
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for folder in stages.folders:
        for name, path in _files(folder, after.keys()):
            owners[path].append(name)
    shared: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path, names in owners.items():
        for one, other in itertools.combinations(sorted(set(names)), 2):
            if (one not in before or other not in before) and _origin(after[one]) != _origin(after[other]):
                shared[one, other].append(path)
    for (one, other), paths in sorted(shared.items()):
        if stages.clash(after.values(), after[one], after[other]):
            more = f", and {len(paths) - 1} more" if len(paths) > 1 else ""
            yield _finding(FindingKind.FILE_CONFLICT, min(paths), f"{one} and {other} both have this file{more}")


def _origin(package: solv.XSolvable) -> str:
    """Return the SRPM that a package was built from."""
    return str(package.lookup_sourcepkg() or package)


def _files(folder: Path, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each file (not folder) of the packages with these names in a repository, with the package's name."""
    packages: list[createrepo_c.Package] = []
    createrepo_c.xml_parse_filelists(str(_part(folder, "filelists")), None, packages.append, None)
    for package in packages:
        name = package.nevra().replace("-0:", "-")
        if name in names:
            for kind, parent, base in package.files:
                if not kind:
                    yield name, f"{parent}{base}"


def _some(names: Sequence[str]) -> str:
    """Return names as a sentence lists them."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _finding(kind: FindingKind, subject: str, text: str) -> Finding:
    return Finding(kind=kind, subject=subject[:200], text=text[:300])


def main() -> None:
    """Carry out the request on standard input."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=ClosureRequest)
    headers.confine(SECONDS)
    found = broken([Path(path) for path in request.target], [Path(path) for path in request.source], request.promoted)
    sys.stdout.buffer.write(msgspec.json.encode(found[:MOST]))


if __name__ == "__main__":
    main()
