"""Exit codes of the command line, and which error leads to which, as `docs/guides/command-line.md` has it."""

import enum

from builder.errors import BuilderError, ForbiddenError, InternalError, UnauthorizedError, UnavailableError


class Exit(enum.IntEnum):
    """The exit codes of `builder`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    UNAUTHORIZED = 5
    INTERRUPTED = 130


class UsageError(Exception):
    """An error in how the command was typed, or set up; nothing was asked of the farm."""


def exit_of(error: BuilderError | UsageError) -> Exit:
    """Return the exit code after an error."""
    match error:
        case UsageError():
            return Exit.USAGE
        case UnavailableError() | InternalError():
            return Exit.UNREACHABLE
        case UnauthorizedError() | ForbiddenError():
            return Exit.UNAUTHORIZED
        case _:
            return Exit.REFUSED
