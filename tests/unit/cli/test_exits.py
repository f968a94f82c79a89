"""Exit codes."""

from pathlib import Path

import pytest

from builder import errors
from builder.cli.exits import Exit, UsageError, exit_of

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "command-line.md"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError, 2),
        (errors.InvalidError, 3),
        (errors.NotFoundError, 3),
        (errors.ConflictError, 3),
        (errors.TooLargeError, 3),
        (errors.InternalError, 4),
        (errors.UnavailableError, 4),
        (errors.UnauthorizedError, 5),
        (errors.ForbiddenError, 5),
    ],
)
def test_each_error_has_its_exit_code(error: type[errors.BuilderError | UsageError], code: int) -> None:
    """Scripts can tell a refusal from a farm that is away."""
    assert exit_of(error("x")) == code


@pytest.mark.parametrize("code", Exit)
def test_each_exit_code_is_documented(code: Exit) -> None:
    """The guide has a row for each."""
    assert f"| {code.value} |" in GUIDE.read_text()
