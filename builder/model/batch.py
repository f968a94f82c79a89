"""A batch: builds that are asked for together, and begin in the order in which their packages need each other."""

from typing import Annotated

import msgspec

from builder.model import Label, Value
from builder.model.chroot import ChrootName


class BatchRequest(Value, frozen=True, kw_only=True):
    """The request of a person: the `packages` that are named, or those of a `channel`, or all; of a `project`, or any.

    `chroots` and `force` are as for a single build; a package that is not named itself is left out where it is built
    for none of the chroots.
    """

    packages: Annotated[tuple[Label, ...], msgspec.Meta(max_length=10_000)] = ()
    everything: bool = False
    channel: Label | None = None
    project: Label | None = None
    chroots: Annotated[tuple[ChrootName, ...], msgspec.Meta(max_length=50)] = ()
    force: bool = False


class PlannedPackage(Value, frozen=True, kw_only=True):
    """A package in a plan, as far as its last builds tell.

    `wave` counts from 1 and is None where a cycle keeps the package from ever beginning. `needs` are the packages
    that go before it. A package that is not `known` was never built. `seconds` is how long it takes once it begins.
    """

    project: str
    package: str
    known: bool
    wave: int | None
    needs: tuple[str, ...] = ()
    seconds: float | None = None


class Plan(Value, frozen=True, kw_only=True):
    """The plan of a batch: what would become of it if it were asked for now, wave by wave.

    Each of the `cycles` is a sentence with the packages that need each other. `seconds` is an estimate for all of it
    on the slaves that are connected; None, with `lacking` as the reason, where there is nothing to estimate from.
    """

    packages: tuple[PlannedPackage, ...]
    cycles: tuple[str, ...] = ()
    seconds: float | None = None
    lacking: str = ""
