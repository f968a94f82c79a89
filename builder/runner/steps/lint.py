"""Lint: rpmlint's look at what a build has made, in the step collect where the project asks for it; it decides nothing.

The packages are of unknown origin, and rpmlint unpacks them: in a sandbox, on the disk, and for a limited time.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from builder import files
from builder.model.lint import LONGEST_FINDING, MOST_FINDINGS, Lint
from builder.runner import sandbox
from builder.runner.workspace import ProgramOutput, Workspace

LIMIT = 60
"""Seconds that rpmlint may take."""
_KILLED = 137
_SYSTEM = Path("/etc/xdg/rpmlint")
"""The folder of a distribution's own settings of rpmlint."""
_SETTINGS, _ROOM = ".config/rpmlint", "unpacked"
_UNSIGNED = 'Filters = [" no-signature$"]\n'
"""The filter for signatures: the farm signs what it publishes, later."""
_FINDING = re.compile(r"^\S+: (?P<level>[EW]): \S.*$", re.MULTILINE)
_SUMMARY = re.compile(
    r"^\s*\d+ packages and \d+ specfiles checked; (?P<errors>\d+) errors, (?P<warnings>\d+) warnings", re.MULTILINE
)


def lint(workspace: Workspace, folder: Path, names: Sequence[str]) -> Lint:
    """Return rpmlint's findings in the packages `names` of `folder`; any error of rpmlint is a note in the summary."""
    if shutil.which("rpmlint") is None:
        return Lint(note="this slave has no rpmlint")
    try:
        answer = workspace.ask(_command(_home(workspace, folder, names), names), quiet=True)
    except OSError as error:
        return Lint(note=f"rpmlint could not be started: {error}"[:4096])
    workspace.say(answer.output.strip())
    if answer.end:
        last = answer.end.partition("\n")[2].strip()
        workspace.say(f"[…]\n{last}")
    return summary(answer)


def summary(answer: ProgramOutput) -> Lint:
    """Return rpmlint's answer in short; its exit code only says if it found errors."""
    found = [(match["level"], match[0][:LONGEST_FINDING]) for match in _FINDING.finditer(answer.output)]
    first = tuple(line for _, line in sorted(found, key=lambda finding: finding[0]))[:MOST_FINDINGS]
    match = _SUMMARY.search(answer.end or answer.output)  # it is what comes last
    if match:
        return Lint(errors=int(match["errors"]), warnings=int(match["warnings"]), first=first)
    errors = sum(level == "E" for level, _ in found)
    late = f"it took longer than {LIMIT} seconds"
    why = late if answer.code == _KILLED else answer.last_error
    note = f"rpmlint did not come to its end: {why}"[:4096]
    return Lint(errors=errors, warnings=len(found) - errors, first=first, note=note)


def _home(workspace: Workspace, folder: Path, names: Sequence[str]) -> Path:
    """Make a home for rpmlint with the packages, the host's settings and ours, and a place to unpack in."""
    home = workspace.folder("rpmlint")
    (home / _ROOM).mkdir()
    settings = home / _SETTINGS
    settings.mkdir(parents=True)
    for path in _SYSTEM.glob("*.toml"):
        shutil.copy(path, settings)
    (settings / "unsigned.toml").write_text(_UNSIGNED)
    for name in names:
        files.link(folder / name, home / name)
    return home


def _command(home: Path, names: Sequence[str]) -> list[str]:
    limited = ["timeout", "--signal=KILL", str(LIMIT), "env", f"TMPDIR={sandbox.HOME}/{_ROOM}", "rpmlint", *names]
    return sandbox.on_host(limited, home, sandbox.host_links(), [_ROOM])
