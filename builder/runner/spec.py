"""Specs: reading one runs its code, and is always done in a sandbox with the host's programs."""

import re
from collections.abc import Sequence
from pathlib import Path

from builder import nevra
from builder.attempt.endings import failed
from builder.errors import InvalidError
from builder.model import Value
from builder.model.attempt import FailureKind
from builder.model.options import Options
from builder.runner import sandbox
from builder.runner.diagnosis import check_sandbox
from builder.runner.sources.named import Source, named_sources
from builder.runner.workspace import ProgramOutput, Workspace

TOPDIR = (
    *("--define", f"_topdir {sandbox.HOME}", "--define", "dist %{nil}"),
    *("--define", f"_buildhost {sandbox.NAME}"),
)
"""The arguments of rpm for folders and host. An SRPM goes to several chroots, and `%dist` is known in each of them
alone.
"""
ANSWER = "\\nanswer: "
"""The beginning of each line that rpm is asked for: a spec may write lines of its own among them, as `%{echo:…}` does.
"""
EVR_FORMAT = f"{ANSWER}%|EPOCH?{{%{{EPOCH}}:}}|%{{VERSION}}-%{{RELEASE}}\\n"
_NOT_OPENED = re.compile(r"[Uu]nable to open .*: No such file")
_INCLUDED = "a file that is included is named as a source too, and included by that: `%include %{SOURCE1}`"
"""The advice for a file that is not there. An SRPM holds the files that its spec names, wherever else rpm finds others.
"""
_ANSWER = re.compile(r"^answer: (.*)$", re.MULTILINE)


class Parsed(Value, frozen=True, kw_only=True):
    """A parsed spec: what it says of itself."""

    name: str
    version: str
    sources: tuple[Source, ...]


def defines(options: Options) -> list[str]:
    """Return the arguments by which rpmspec and rpmbuild are told of options."""
    return [word for name, value in options.defined.items() for word in ("--define", f"{name} {value}")]


def parse(workspace: Workspace, home: Path, name: str, options: Options) -> Parsed:
    """Return the spec `SPECS/name` below `home`, parsed.

    Raises:
        EndedError: It does not parse; the reason is rpm's line.
    """
    told = [*TOPDIR, *defines(options), f"SPECS/{name}"]
    whole = ask(workspace, home, ["rpmspec", "--parse", *told], f"{name} does not parse")
    tags = ask(
        workspace,
        home,
        ["rpmspec", "--query", "--srpm", "--queryformat", f"{ANSWER}%{{NAME}}{ANSWER}%{{VERSION}}\\n", *told],
        f"{name} does not parse",
    )
    package, version = (*answers(tags.output), "", "")[:2]
    if not package or not version:
        raise failed(FailureKind.SRPM, f"{name} does not parse: rpm says neither name nor version")
    return Parsed(name=package, version=version, sources=named_sources(whole.output))


def ask(workspace: Workspace, home: Path, command: Sequence[str], problem: str) -> ProgramOutput:
    """Return the answer of a program in the sandbox.

    Raises:
        EndedError: It failed: `problem`, and the line in which rpm says why; or it could not be confined.
    """
    answer = workspace.ask(sandbox.on_host(command, home, sandbox.host_links()))
    if answer.code:
        check_sandbox(answer.errors)
        raise failed(FailureKind.SRPM, f"{problem}: {rpm_error(answer)}")
    return answer


def answers(output: str) -> list[str]:
    """Return the lines that rpm was asked for, in formats with `ANSWER`, from all its output."""
    return _ANSWER.findall(output)


def checked_evr(output: str) -> str:
    """Return the EVR in the answer to `EVR_FORMAT`.

    Raises:
        EndedError: The answer has no EVR, or no valid one.
    """
    evr = next(iter(answers(output)), "")
    try:
        nevra.parse_evr(evr)
    except InvalidError as error:
        raise failed(FailureKind.SRPM, f"the spec gives the package no version: {error}") from error
    return evr


def regular(path: Path) -> bool:
    """Tell if a path is a file in its own place: a link may lead out of the sandbox."""
    return path.is_file() and not path.is_symlink()


def rpm_error(answer: ProgramOutput) -> str:
    """Return the first line in which rpm names an error."""
    lines = answer.errors.splitlines()
    why = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), answer.last_error)
    return f"{why}; {_INCLUDED}" if _NOT_OPENED.search(why) else why
