"""What is made of what rpmlint says."""

from builder.model.lint import LONGEST_FINDING, MOST_FINDINGS, Lint
from builder.runner.steps.lint import LIMIT, summary
from builder.runner.workspace import ProgramOutput

SAID = """\
============================ rpmlint session starts ============================
rpmlint: 2.4.0
checks: 26, packages: 2

hello.noarch: W: no-url-tag
hello.src:12: E: hardcoded-library-path in /usr/lib
hello.spec: W: no-%prep-section
 2 packages and 0 specfiles checked; 1 errors, 2 warnings, 1 badness; has taken 0.1 s
"""


def test_errors_come_before_warnings() -> None:
    """Counted as rpmlint does; its exit code, which is 64 after an error, is none of ours."""
    assert summary(ProgramOutput(64, SAID, "")) == Lint(
        errors=1,
        warnings=2,
        first=(
            "hello.src:12: E: hardcoded-library-path in /usr/lib",
            "hello.noarch: W: no-url-tag",
            "hello.spec: W: no-%prep-section",
        ),
    )


def test_a_summary_is_short() -> None:
    """Whatever a package has in it."""
    many = "".join(f"hello.noarch: W: {'x' * 1000}{number}\n" for number in range(1000))
    found = summary(ProgramOutput(0, f"{many} 1 packages and 0 specfiles checked; 0 errors, 1000 warnings\n", ""))
    assert (found.warnings, len(found.first)) == (1000, MOST_FINDINGS)
    assert {len(line) for line in found.first} == {LONGEST_FINDING}


def test_what_comes_last_is_read_of_a_long_one_too() -> None:
    """Of what is in between, nothing."""
    found = summary(ProgramOutput(64, SAID.rpartition(" 2 packages")[0], "", end=SAID[-100:]))
    assert (found.errors, found.warnings, found.note) == (1, 2, "")


def test_a_crash_is_a_note() -> None:
    """With its last line, and what was found until then."""
    found = summary(ProgramOutput(1, SAID.rpartition(" 2 packages")[0], "Traceback …\nValueError: no such tag"))
    assert (found.errors, found.warnings) == (1, 2)
    assert found.note == "rpmlint did not come to its end: ValueError: no such tag"


def test_who_takes_too_long_is_stopped() -> None:
    """The note says so."""
    assert (
        summary(ProgramOutput(137, "", "")).note
        == f"rpmlint did not come to its end: it took longer than {LIMIT} seconds"
    )
