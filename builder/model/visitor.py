"""A visitor: the sender of a request, with what the sender may do."""

import enum
from typing import Protocol

from builder.model import Label, Value


class Act(enum.Enum):
    """An act that a visitor asks for; every route names the one that it needs."""

    READ = "read"
    BUILD = "build"
    CANCEL = "cancel"
    DEFINE = "define"
    OPERATE = "operate"
    KEEP_SECRETS = "keep-secrets"


class Grant(Value, frozen=True, kw_only=True):
    """Leave to do these acts: in one project, or in all of them where `project` is None."""

    acts: frozenset[Act]
    project: Label | None = None


READING = (Grant(acts=frozenset({Act.READ})),)
"""Leave to read, which everybody has."""
EVERYTHING = (Grant(acts=frozenset(Act)),)
"""Leave to do every act in every project."""


class Visitor(Protocol):
    """A sender of requests of any kind: a new kind needs these two and somebody who recognises it (`web.identity`)."""

    @property
    def name(self) -> str:
        """The name that is written beside the visitor's acts."""

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The visitor's leave; `master.decisions.permission` alone asks for it."""


class Nobody(Value, frozen=True, kw_only=True):
    """A visitor who does not say who it is."""

    name: str = ""
    grants: tuple[Grant, ...] = READING


class Person(Value, frozen=True, kw_only=True):
    """A person, known by a token."""

    name: str
    grants: tuple[Grant, ...]
