"""Keys: a project's packages and metadata are signed with them."""

from typing import Annotated

import msgspec

from builder.model import Time, Value

Fingerprint = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-F]{40}\Z")]


class SigningKey(Value, frozen=True, kw_only=True):
    """A key that clients are told to trust: it signs since `since` (seconds since the epoch).

    `until` is when another one took its place, None for the current one.
    """

    fingerprint: Fingerprint
    since: Time
    until: Time | None = None
