"""The diagnosis of a failed program from its log: the kind of failure and the one line that shows it.

Text in, values out. rpmbuild's exit code says nothing, and the last line mostly is not the one a person looks for.
"""

import re

from builder.attempt.endings import EndedError, broken, failed
from builder.model.attempt import FailureKind

_PHASE = re.compile(r"^Executing\((%\w+)\):", re.MULTILINE)
_SCRIPT = re.compile(r"^\+ umask ", re.MULTILINE)
"""The beginning of a phase's script: mostly behind its name, but these come by two pipes and may change places."""
_UNMET = re.compile(r"^\s+(?P<need>\S.*?) is needed by (?P<by>\S+)$", re.MULTILINE)
_LACKS = "error: Failed build dependencies:"
_ERROR = re.compile(
    r"\berror\b[: ]|\bfatal\b|undefined reference|(?-i:\bFAIL(?:ED)?\b)|no such file or directory|command not found|"
    r"assertion|segmentation fault|traceback|permission denied|cannot find|no space left",
    re.IGNORECASE,
)
_CLOSE = 5
"""Most lines between two errors that belong together: a compiler shows the place of each."""
_SILENT = "it failed without a word"
_MAKE = re.compile(r"^(?:g?make|ninja)(?:\[\d+\])?: ")
_IGNORED = re.compile(r"\(ignored\)|\b0 (?:errors|failed|FAIL)|^\+", re.IGNORECASE)
_SUMMARY = re.compile(r"^(?:error: Bad exit status|RPM build errors:|RPM build warnings:|\s+Bad exit status)")
_RPM = re.compile(r"^error: (?P<line>.+)", re.MULTILINE)

_NO_MATCH = re.compile(r"^(?:No match for argument: |No matching package to install: ')(?P<need>.+?)'?$", re.MULTILINE)
_NOTHING = re.compile(r"nothing provides (?P<need>.+?) needed by (?P<by>\S+)")
_PROBLEM = re.compile(r"^\s*Problem(?: \d+)?: (?P<what>.+)$", re.MULTILINE)
_REPOSITORY = re.compile(r"Failed to download metadata for repo '(?P<name>[^']+)'")
_UNREACHABLE = re.compile(
    r"Curl error|Status code: \d+|Error downloading packages|Cannot download|All mirrors were tried"
)
_DNF_ERROR = re.compile(r"^Error: (?P<line>.+)", re.MULTILINE)


def check_sandbox(said: str) -> None:
    """Raise that the attempt is broken if the words of a confined program only say why bubblewrap did not start it."""
    line = said.partition("\n")[0]
    if line.startswith("bwrap: "):
        raise broken(f"this slave cannot confine what a package runs: {line}")


def build_failure(log: str) -> EndedError:
    """Return the reason why rpmbuild failed in a build root."""
    phases = list(_PHASE.finditer(log))
    end = log[phases[-1].end() :] if phases else log
    unmet = [match["need"] for match in _UNMET.finditer(end.rpartition(_LACKS)[2])]
    if unmet and (not phases or _LACKS in end):
        return failed(FailureKind.DEPENDENCY, f"the build root lacks {', '.join(unmet)}")
    if not phases:
        return failed(FailureKind.SRPM, srpm_reason(log))
    last = phases[-1]
    kind = FailureKind.TEST if last[1] == "%check" else FailureKind.COMPILE
    after = end.partition("\n")[2]
    if "error: Bad exit status" not in after:  # between the phases: %files, the dependencies of what was built
        return failed(kind, f"after {last[1]}: {srpm_reason(after)}")
    ahead = log[begun[-1] : last.start()] if (begun := [one.start() for one in _SCRIPT.finditer(log)]) else ""
    return failed(kind, f"{last[1]}: {telling_line(ahead + after)}")


def telling_line(log: str) -> str:
    """Return the line of a failed phase that shows why: an error of a program, or of make, or the last line.

    Of errors that follow each other closely, the first mostly is the cause of the others.
    """
    lines = []
    for line in log.splitlines():
        if _SUMMARY.match(line):
            break
        if line.strip() and not _IGNORED.search(line):
            lines.append(line.strip())
    errors = [place for place, line in enumerate(lines) if _ERROR.search(line)]
    own = [place for place in errors if not _MAKE.match(lines[place])]
    while len(own) > 1 and own[-1] - own[-2] <= _CLOSE:
        own.pop()
    return next((lines[place] for place in [*own[-1:], *errors[-1:]]), lines[-1] if lines else _SILENT)


def srpm_reason(log: str) -> str:
    """Return the first line in which rpm names an error, or the last line."""
    match = _RPM.search(log)
    lines = log.strip().splitlines()
    return match["line"] if match else lines[-1] if lines else _SILENT


def install_failure(log: str, wanted: tuple[str, ...] | None, source: str) -> EndedError:
    """Return the reason why dnf could not fill a build root.

    `wanted` are the BuildRequires of the SRPM named `source`, or None where dnf was asked for nothing else.
    """
    if match := _REPOSITORY.search(log):
        return broken(f"the repository {match['name']} cannot be read: {_detail(log)}")
    missing = list(dict.fromkeys(match["need"].strip() for match in _NO_MATCH.finditer(log)))
    required = [need for need in missing if wanted is None or need in wanted]
    if missing and not required:
        return broken(f"no repository has {', '.join(missing)}, which the chroot's definition asks for")
    if required:
        what = f"no repository has {', '.join(required)}, required to build {source}"
    elif match := _NOTHING.search(log):
        what = f"no repository has {match['need']}, which {match['by']} requires"
    elif match := _PROBLEM.search(log):
        what = match["what"]
    else:
        return broken(f"the build root cannot be filled: {_detail(log)}")
    return failed(FailureKind.DEPENDENCY, what)


def _detail(log: str) -> str:
    lines = [line.strip().lstrip("- ") for line in log.splitlines() if _UNREACHABLE.search(line)]
    return lines[0] if lines else _last_error(log)


def _last_error(log: str) -> str:
    found = [match["line"] for match in _DNF_ERROR.finditer(log)]
    lines = log.strip().splitlines()
    return found[-1] if found else lines[-1] if lines else "dnf said nothing"
