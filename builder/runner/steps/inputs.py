"""Inputs of a result, written down for the master to keep: part of the steps srpm and collect."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from builder import files
from builder.model.attempt import Commit
from builder.model.chroot import BaseRepository
from builder.model.inputs import INPUTS_NAME, ChrootInputs, Program, SourceFile, SourceInputs, UsedRepository
from builder.model.work import ChrootWork, SourceWork
from builder.runner.executors.executor import BuildRoot
from builder.runner.sources.access import public
from builder.runner.workspace import Workspace

HOST = {"rpm": "RPM version", "bwrap": "bubblewrap"}
"""The programs of the host by which SRPMs are made, each with the words before its version."""


def of_source(
    workspace: Workspace,
    work: SourceWork,
    commits: Iterable[Commit],
    spec: SourceFile,
    given: Iterable[SourceFile],
) -> Path:
    """Write a file with the inputs of the SRPM; return its path."""
    inputs = SourceInputs(
        commits=tuple(commits),
        spec=spec,
        files=tuple(sorted(given, key=lambda file: file.name)),
        programs=versions(workspace, HOST),
        macros=work.options.defined,
    )
    return _written(workspace, inputs)


def of_chroot(workspace: Workspace, work: ChrootWork, executor: str, root: BuildRoot, dist: str) -> Path:
    """Write a file of what was built from, with and in, with this value of `%dist`; return its path."""
    definition = msgspec.json.encode(work.chroot, order="sorted")
    inputs = ChrootInputs(
        srpm=work.srpm,
        dist=dist,
        network=work.network,
        executor=executor,
        programs=tuple(sorted((*root.programs(), *versions(workspace, HOST)), key=lambda program: program.name)),
        macros=work.options.defined,
        chroot=hashlib.sha256(definition).hexdigest(),
        repositories=tuple(map(_used, (*work.chroot.repositories, *work.repositories))),
        packages=tuple(root.packages()),
    )
    return _written(workspace, inputs)


def source_file(path: Path, url: str) -> SourceFile:
    """Return the description of a file that came from `url`."""
    return SourceFile(name=path.name, size=path.stat().st_size, sha256=files.sha256(path), url=public(url)[:4096])


def versions(workspace: Workspace, programs: Mapping[str, str]) -> tuple[Program, ...]:
    """Return the versions of programs of the host, by their answers to `--version`.

    A version stands behind the words given for its program, on the first line.
    """
    said = {name: workspace.ask([name, "--version"], quiet=True).output.partition("\n")[0] for name in programs}
    return tuple(
        Program(name=name, version=said[name].removeprefix(words).strip()[:256]) for name, words in programs.items()
    )


def _used(repository: BaseRepository) -> UsedRepository:
    return UsedRepository(name=repository.name, url=public(repository.url), priority=repository.priority)


def _written(workspace: Workspace, inputs: SourceInputs | ChrootInputs) -> Path:
    path = workspace.work / INPUTS_NAME
    path.write_bytes(msgspec.json.encode(inputs))
    return path
