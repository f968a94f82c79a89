"""Slow programs that are run once for each input: asked the same again, they are not run, and do what they did.

The programs are the real ones. gpg and rpmsign take a second for what they would do alike a thousand times, since the
time is an argument of theirs; only a key would be another one each time, and now is the same.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import pytest

from builder.model.findings import Finding
from builder.repo import closure
from builder.repo.signing import gnupg

Content = Mapping[str, tuple[bytes, int]] | tuple[bytes, int] | None
"""A file with its mode, a folder's files by their names, or nothing."""


class Remembered:
    """What programs have said, and made of the files that they were given."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._programs: dict[object, tuple[str, Sequence[Content]]] = {}
        self._findings: dict[object, list[Finding]] = {}
        self._running = False
        self._run, self._run_with_agent, self._broken = gnupg.run, gnupg.run_with_agent, closure.broken_apart
        patch.setattr(gnupg, "run", self.run)
        patch.setattr(gnupg, "run_with_agent", self.run_with_agent)
        patch.setattr(closure, "broken_apart", self.broken_apart)

    def run(self, command: gnupg.Command, seconds: float, environment: Mapping[str, str] | None = None) -> str:
        """As `builder.repo.signing.gnupg.run`."""
        return self._once(command, [], lambda: self._run(command, seconds, environment))

    def run_with_agent(self, home: Path, command: gnupg.Command, seconds: float) -> str:
        """As `builder.repo.signing.gnupg.run_with_agent`."""
        return self._once(command, [home], lambda: self._run_with_agent(home, command, seconds))

    def broken_apart(self, target: Sequence[Path], source: Sequence[Path], promoted: Collection[str]) -> list[Finding]:
        """As `builder.repo.closure.broken_apart`."""
        metadata = [[(folder / "repodata/repomd.xml").read_bytes() for folder in stage] for stage in (target, source)]
        question = repr((metadata, sorted(promoted)))
        if question not in self._findings:
            self._findings[question] = self._broken(target, source, promoted)
        return self._findings[question]

    def _once(self, command: gnupg.Command, folders: Sequence[Path], work: Callable[[], str]) -> str:
        paths = [*folders, *(word for word in command if isinstance(word, Path))]
        words = [word for word in command if isinstance(word, str)]
        question = hashlib.sha256(repr((words, [_content(path) for path in paths])).encode()).digest()
        if self._running:
            return work()  # a part of one that is to be remembered
        if question not in self._programs:
            self._running = True
            try:
                self._programs[question] = work(), [_content(path) for path in paths]
            finally:
                self._running = False
        said, contents = self._programs[question]
        for path, content in zip(paths, contents, strict=True):
            _put(path, content)
        return said


def _content(path: Path) -> Content:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return {str(file.relative_to(path)): (file.read_bytes(), file.stat().st_mode) for file in files}
    return (path.read_bytes(), path.stat().st_mode) if path.exists() else None


def _put(path: Path, content: Content) -> None:
    """Let a file or folder have this content; what it has already is left alone."""
    if isinstance(content, tuple):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _content(path) != content:
            path.write_bytes(content[0])
            path.chmod(content[1])
    elif content is not None:
        for file in path.rglob("*"):
            if file.is_file() and str(file.relative_to(path)) not in content:
                file.unlink()
        for name, file_content in content.items():
            _put(path / name, file_content)
