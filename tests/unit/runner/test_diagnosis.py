import pytest

from builder.model.attempt import AttemptState, FailureKind
from builder.runner.diagnosis import build_failure, install_failure

BUILD = """\
Executing(%prep): /bin/sh -e /var/tmp/rpm-tmp.a
+ cd /builddir/BUILD
Executing(%build): /bin/sh -e /var/tmp/rpm-tmp.b
+ umask 022
+ make
cc -O2 -Werror -c hello.c
hello.c: In function 'main':
hello.c:3:5: error: 'retrun' undeclared (first use in this function)
make: *** [Makefile:3: hello.o] Error 1
error: Bad exit status from /var/tmp/rpm-tmp.b (%build)

RPM build errors:
    Bad exit status from /var/tmp/rpm-tmp.b (%build)
"""


UNREACHABLE = """\
Errors during downloading metadata for repository 'farm':
  - Curl error (7): Couldn't connect to server for http://127.0.0.1:9/ []
Error: Failed to download metadata for repo 'farm': Cannot download repomd.xml
"""


def check(lines: str) -> str:
    return (
        "Executing(%build): /bin/sh\nerror: this one was harmless\nExecuting(%check): /bin/sh\n"
        f"{lines}\nerror: Bad exit status from /var/tmp/rpm-tmp.c (%check)\n"
    )


def test_what_a_phase_says_may_come_before_its_name() -> None:
    """rpmbuild names a phase on standard output, and what it says comes on standard error: by two pipes."""
    head, name, rest = BUILD.partition("Executing(%build): /bin/sh -e /var/tmp/rpm-tmp.b\n")
    said, end, summary = rest.partition("error: Bad exit status")
    outcome = build_failure(f"{head}{said}{name}{end}{summary}").outcome
    assert outcome.reason == "%build: hello.c:3:5: error: 'retrun' undeclared (first use in this function)"


def test_a_compilers_error_comes_before_makes() -> None:
    """The line that a person looks for is the reason."""
    outcome = build_failure(BUILD).outcome
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.COMPILE)
    assert outcome.reason == "%build: hello.c:3:5: error: 'retrun' undeclared (first use in this function)"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("ok 1\nFAIL: sum\n1 of 2 failed", "%check: FAIL: sum"),
        ("make: *** [Makefile:9: check] Error 1", "%check: make: *** [Makefile:9: check] Error 1"),
        ("+ ./check\nAssertion `a == b' failed.", "%check: Assertion `a == b' failed."),
        ("the end is silent", "%check: the end is silent"),
        ("ERROR: no automake.\n\nERROR: automake 1.6 is needed.\n\nInstall it.", "%check: ERROR: no automake."),
        (
            "a.c:1:2: error: unknown type\n  1 | x\n    | ^\na.c:9:1: error: no such function",
            "%check: a.c:1:2: error: unknown type",
        ),
        ("error: harmless\n" + "more\n" * 5 + "error: the end", "%check: error: the end"),
        ("", "%check: it failed without a word"),
    ],
)
def test_a_failing_check_has_the_telling_line(lines: str, reason: str) -> None:
    """Errors of programs, the first of those at the end; then of make; then the last line."""
    outcome = build_failure(check(lines)).outcome
    assert (outcome.kind, outcome.reason) == (FailureKind.TEST, reason)


def test_what_rpm_finds_after_the_phases_is_rpms_line() -> None:
    """A file that is not packaged is told with rpm's own words."""
    log = "Executing(%install): /bin/sh\n+ exit 0\nProcessing files: a\nerror: File not found: /x/usr/bin/a\n"
    assert build_failure(log).outcome.reason == "after %install: File not found: /x/usr/bin/a"


def test_unmet_build_requires_are_named() -> None:
    """What the root lacks is the reason, all of it."""
    log = "error: Failed build dependencies:\n\tfoo-devel >= 2 is needed by a-1-1.src\n\tbar is needed by a-1-1.src\n"
    outcome = build_failure(log).outcome
    assert (outcome.kind, outcome.reason) == (FailureKind.DEPENDENCY, "the build root lacks foo-devel >= 2, bar")


def test_a_spec_that_does_not_parse_is_rpms_line() -> None:
    """Before the first phase, rpm's first error counts."""
    outcome = build_failure("error: line 7: Unknown tag: Foo\nerror: query failed\n").outcome
    assert (outcome.kind, outcome.reason) == (FailureKind.SRPM, "line 7: Unknown tag: Foo")


@pytest.mark.parametrize(
    ("log", "state", "kind", "words"),
    [
        (
            "No match for argument: nothing >= 2\nError: Unable to find a match: nothing >= 2\n",
            AttemptState.FAILED,
            FailureKind.DEPENDENCY,
            "no repository has nothing >= 2, required to build hello-1-1.src.rpm",
        ),
        (
            "No match for argument: buildroot\nError: Unable to find a match: buildroot\n",
            AttemptState.BROKEN,
            FailureKind.INFRASTRUCTURE,
            "no repository has buildroot, which the chroot's definition asks for",
        ),
        (
            "Error: \n Problem: conflicting requests\n  - nothing provides libz >= 3 needed by lib-1-1.src from farm\n",
            AttemptState.FAILED,
            FailureKind.DEPENDENCY,
            "no repository has libz >= 3, which lib-1-1.src requires",
        ),
        (
            "Error: \n Problem: package a-1-1.noarch conflicts with b provided by b-1-1.noarch\n  - conflicting\n",
            AttemptState.FAILED,
            FailureKind.DEPENDENCY,
            "package a-1-1.noarch conflicts with b provided by b-1-1.noarch",
        ),
        (
            UNREACHABLE,
            AttemptState.BROKEN,
            FailureKind.INFRASTRUCTURE,
            "the repository farm cannot be read: Curl error (7): Couldn't connect to server for http://127.0.0.1:9/ []",
        ),
        (
            "Error: Error downloading packages:\n  Status code: 503 for http://x/a.rpm\n",
            AttemptState.BROKEN,
            FailureKind.INFRASTRUCTURE,
            "the build root cannot be filled: Error: Error downloading packages:",
        ),
        ("", AttemptState.BROKEN, FailureKind.INFRASTRUCTURE, "the build root cannot be filled: dnf said nothing"),
    ],
)
def test_dnfs_failures_are_told_apart(log: str, state: AttemptState, kind: FailureKind, words: str) -> None:
    """What the package wants and nobody has is its fault; what cannot be reached is the farm's."""
    outcome = install_failure(log, ("gcc", "nothing >= 2"), "hello-1-1.src.rpm").outcome
    assert (outcome.state, outcome.kind, outcome.reason) == (state, kind, words)


def test_what_a_build_has_made_up_and_nobody_has_is_a_dependency() -> None:
    """Though a phase has been carried out before; what a phase says of needs is none of rpm's business."""
    unmet = "error: Failed build dependencies:\n\tfoo >= 2 is needed by x-1-1.noarch\n"
    log = f"Executing(%generate_buildrequires): /bin/sh\n\tbar is needed by y\n+ exit 0\n{unmet}"
    outcome = build_failure(log).outcome
    assert (outcome.kind, outcome.reason) == (FailureKind.DEPENDENCY, "the build root lacks foo >= 2")
    outcome = build_failure("Executing(%build): /bin/sh\n\tbar is needed by y\nerror: Bad exit status from x\n").outcome
    assert outcome.kind is FailureKind.COMPILE
