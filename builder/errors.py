"""Errors that a person or a peer is told about, all in one table.

Each class carries the tag it has on the wire and its HTTP status; its message is the sentence a person reads: what is
wrong, where, and what to do. An error that is not listed here is a bug: it is logged with an incident id and told as
`INTERNAL`.
"""

from typing import ClassVar


class BuilderError(Exception):
    """A failure with a sentence for the person who meets it."""

    tag: ClassVar[bytes] = b"INTERNAL"
    status: ClassVar[int] = 500


class InternalError(BuilderError):
    """A bug on the other side; the sentence carries the incident id under which its log has the details."""


class InvalidError(BuilderError):
    """The message or text that was sent is not acceptable; every mistake is named."""

    tag = b"INVALID"
    status = 422

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class NotFoundError(BuilderError):
    """The thing that was named does not exist."""

    tag = b"NOT_FOUND"
    status = 404


class MethodError(BuilderError):
    """The address exists, but this is not done with it."""

    tag = b"METHOD"
    status = 405


class ConflictError(BuilderError):
    """The thing exists, but its state does not allow this."""

    tag = b"CONFLICT"
    status = 409


class UnauthorizedError(BuilderError):
    """The visitor or peer has not proved who they are."""

    tag = b"UNAUTHORIZED"
    status = 401


class ForbiddenError(BuilderError):
    """The visitor or peer may not do this."""

    tag = b"FORBIDDEN"
    status = 403


class TooLargeError(BuilderError):
    """The message or file that was sent is over a limit."""

    tag = b"TOO_LARGE"
    status = 413


class VersionError(BuilderError):
    """The two sides speak versions of the protocol, or of a stored format, that do not fit."""

    tag = b"VERSION"
    status = 409


class SupersededError(BuilderError):
    """An attempt reports, but its job has moved on without it."""

    tag = b"SUPERSEDED"
    status = 409


class DigestError(BuilderError):
    """A file's content is not what its digest says."""

    tag = b"DIGEST"
    status = 422


class UnavailableError(BuilderError):
    """The thing that is needed is not there at the moment; trying again later may work."""

    tag = b"UNAVAILABLE"
    status = 503


ERRORS: tuple[type[BuilderError], ...] = (
    InternalError,
    InvalidError,
    NotFoundError,
    MethodError,
    ConflictError,
    UnauthorizedError,
    ForbiddenError,
    TooLargeError,
    VersionError,
    SupersededError,
    DigestError,
    UnavailableError,
)

BY_TAG: dict[bytes, type[BuilderError]] = {error.tag: error for error in ERRORS}
