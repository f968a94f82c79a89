"""Dependencies: the requirements and provisions of a package, written down for the order of batches.

They are a part of the steps srpm and collect. The source job asks the spec, which knows its packages by their names;
the chroot job asks the packages, which know what rpm has found in them too: sonames, pkgconfig files. Of their files
only those count that repositories list first.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from builder.model.dependencies import CAPABILITY_PATTERN, DEPENDENCIES_NAME, MOST_CAPABILITIES, Dependencies
from builder.runner import sandbox, spec
from builder.runner.steps.fetch import Gathered
from builder.runner.workspace import Workspace

_PROVIDES = f"[{spec.ANSWER}%{{PROVIDENAME}}]\\n"
_FILES = f"[{spec.ANSWER}%{{FILENAMES}}]\\n"
_CAPABILITY = re.compile(CAPABILITY_PATTERN)
_LISTED = re.compile(r"/etc/|.*bin/|/usr/lib/sendmail\Z")
"""The files in the primary metadata of a repository, by which packages require others."""
_COMPARISONS = frozenset({"<", "<=", "=", ">=", ">"})
_OPERATORS = frozenset({"and", "or", "if", "unless", "else", "with", "without"})


def of_source(workspace: Workspace, gathered: Gathered, requires: Iterable[str]) -> Path:
    """Write a file of what the SRPM requires, and of what its packages provide by the spec; return its path.

    Raises:
        EndedError: The spec does not say.
    """
    told = [*spec.TOPDIR, *spec.defines(gathered.options), f"SPECS/{gathered.spec}"]
    query = ["rpmspec", "--query", "--queryformat", _PROVIDES, *told]
    answer = spec.ask(workspace, gathered.home, query, "the packages of the spec cannot be listed")
    named = (name for requirement in requires for name in names(requirement))
    return _written(workspace, requires=named, provides=spec.answers(answer.output))


def of_packages(workspace: Workspace, folder: Path, packages: Sequence[str]) -> Path:
    """Write a file with the provisions of these packages in a folder; return its path.

    A file that is no package is somebody else's to refuse.
    """
    capabilities = _of_packages(workspace, folder, packages, "capabilities", _PROVIDES)
    paths = _of_packages(workspace, folder, packages, "files", _FILES)
    return _written(workspace, requires=(), provides=filter(_counts, (*capabilities, *paths)))


def _of_packages(workspace: Workspace, folder: Path, packages: Sequence[str], what: str, wanted: str) -> Sequence[str]:
    """Return the packages' answers in a format; of more than is read, as much as there is whole."""
    query = ["rpm", "--query", "--package", "--nosignature", "--queryformat", wanted, *packages]
    answer = workspace.ask(sandbox.on_host(query, folder, sandbox.host_links()), quiet=True)
    if not answer.end:
        return spec.answers(answer.output)
    found = spec.answers(answer.output.rpartition("\n")[0])
    workspace.say(f"the packages have so many {what} that the order of builds knows the first {len(found)} alone")
    return found


def names(requirement: str) -> Iterator[str]:
    """Yield the capabilities in a requirement.

    They are the requirement itself, or all that are named in a boolean one such as `(a >= 2 or b)`.
    """
    if not requirement.startswith("("):
        yield requirement
        return
    words = iter(requirement.split())
    for word in words:
        if word in _COMPARISONS:
            next(words, None)  # the version
        elif word not in _OPERATORS:
            name = word.lstrip("(")
            while name.endswith(")") and name.count(")") > name.count("("):
                name = name[:-1]
            yield name


def _counts(name: str) -> bool:
    return not name.startswith("/") or _LISTED.match(name) is not None


def _written(workspace: Workspace, requires: Iterable[str], provides: Iterable[str]) -> Path:
    found = Dependencies(
        requires=_bounded(workspace, "requires", requires), provides=_bounded(workspace, "provides", provides)
    )
    path = workspace.work / DEPENDENCIES_NAME
    path.write_bytes(msgspec.json.encode(found))
    return path


def _bounded(workspace: Workspace, what: str, found: Iterable[str]) -> tuple[str, ...]:
    """Return each capability once, in order, without rpm's own and what is none; not more than there is room for."""
    fit = sorted({name for name in found if not name.startswith("rpmlib(") and _CAPABILITY.match(name)})
    if len(fit) > MOST_CAPABILITIES:
        workspace.say(f"the package {what} {len(fit)} capabilities; the order of builds knows {MOST_CAPABILITIES}")
    return tuple(fit[:MOST_CAPABILITIES])
