"""The failure of mock, read from exit code and log together, since mock passes on the codes of what it runs.

A build that fails gives 1 and not the documented 10, and so do many other things. Only the codes of mock's own
troubles with its host can be believed. Source: mock's documentation, `exit codes`.
"""

import re

from builder.attempt.endings import EndedError, broken, failed
from builder.model.attempt import FailureKind
from builder.runner.diagnosis import build_failure, install_failure, srpm_reason

_HOST = {
    2: "mock was not started as root",
    3: "mock's configuration has a mistake",
    5: "mock does not know what it is asked for",
    6: "mock cannot build for this architecture",
    60: "the build root is locked",
    65: "mock's storage is locked",
    70: "mock cannot make its folder of results",
    80: "mock cannot make its namespaces",
    90: "mock cannot make the root from which it makes the build root",
    110: "mock lost count of what it does",
    137: "mock was killed",
    143: "mock was told to end",
}
_DNF = 30
"""The code when the package manager failed."""
_SAID = re.compile(r"^ERROR: (?P<line>(?!Exception\().+)", re.MULTILINE)
_PARSED = re.compile(r"^ # .*rpmbuild -bs", re.MULTILINE)


def root_failure(code: int, log: str, wanted: tuple[str, ...], source: str) -> EndedError:
    """Return the reason why there is no build root.

    `wanted` are the BuildRequires of the SRPM named `source`.
    """
    plain = log.replace("\r", "")
    if code in _HOST:
        return broken(f"{_HOST[code]}: {_said(plain)}")
    if _PARSED.search(plain):
        return failed(FailureKind.SRPM, f"the spec does not parse in the build root: {srpm_reason(plain)}")
    return install_failure(plain, wanted, source)


def failure_of_build(code: int, log: str, source: str) -> EndedError:
    """Return the reason why there are no packages, though there is a build root; `source` is the SRPM's name."""
    plain = log.replace("\r", "")
    if code == _DNF:  # by then it only installs what the build has made up that it requires
        return install_failure(plain, None, source)
    return broken(f"{_HOST[code]}: {_said(plain)}") if code in _HOST else build_failure(plain)


def _said(log: str) -> str:
    """Return the line in which mock names its error, or the last one."""
    match = _SAID.search(log)
    lines = log.strip().splitlines()
    return match["line"] if match else lines[-1] if lines else "it said nothing"
