"""A secret of a project, which opens a private git repository. Its value is shown to nobody."""

import enum
from typing import Annotated

import msgspec
from typing_extensions import override

from builder.model import Label, Value

LONGEST = 16_384
"""The most characters that a value has: two of them travel in one order."""


class SecretKind(enum.Enum):
    """The kind of a secret, which says over what it is used: a key over ssh, a token over https."""

    SSH_KEY = "ssh-key"
    TOKEN = "token"  # noqa: S105 - the word for it


class Secret(Value, frozen=True, kw_only=True):
    """A secret with its `value`: the text of a private key, or `user:token`. It is in no text that is made of it."""

    name: Label
    kind: SecretKind
    value: Annotated[str, msgspec.Meta(max_length=LONGEST)]

    @override
    def __repr__(self) -> str:
        return f"Secret(name={self.name!r}, kind={self.kind})"


class Sealed(Value, frozen=True, kw_only=True):
    """A secret as the database has it; `sealed` is its value, which nothing but the master's key opens."""

    name: Label
    kind: SecretKind
    sealed: bytes


class SecretShown(Value, frozen=True, kw_only=True):
    """A secret as it is shown: who set it last, and when, in seconds since the epoch."""

    project: Label
    name: Label
    kind: SecretKind
    set_by: str
    time: float
