"""A slave: a host that builds."""

from typing import Annotated

import msgspec

from builder.model import Label, Text, Value

Labels = Annotated[tuple[Label, ...], msgspec.Meta(min_length=1, max_length=50)]


class HostFacts(Value, frozen=True, kw_only=True):
    """Facts that a slave tells about its host, for people to read; sizes in bytes."""

    hostname: Text = ""
    system: Text = ""
    cores: int = 0
    memory: int = 0
    executor: Text = ""


class Slave(Value, frozen=True, kw_only=True):
    """A slave as it is shown; `busy` is how many attempts it holds, `seen` in seconds since the epoch."""

    name: str
    connected: bool
    channels: tuple[str, ...]
    architectures: tuple[str, ...]
    capacity: int
    busy: int
    seen: float
    facts: HostFacts
