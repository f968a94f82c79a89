"""A farm's CA in a folder of a test's own, and every wrong certificate there is."""

import time
from collections.abc import Sequence
from pathlib import Path

from builder.certificates import Identity, create_authority, issue
from builder.config import Credentials
from builder.wire import Role

DAY = 86400.0


class Pki:
    """A CA, and another one whose certificates must not be believed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "farm"
        self._other = folder / "other"
        create_authority(self.folder, "farm", time.time())
        create_authority(self._other, "other", time.time())
        self._issued: dict[Identity, Credentials] = {}

    def right(self, role: Role, name: str = "one", hosts: Sequence[str] = ()) -> Credentials:
        """Good credentials; the same ones when asked for again."""
        identity = Identity(role=role, name=name)
        if identity not in self._issued:
            self._issued[identity] = issue(self.folder, identity, hosts, now=time.time())
        return self._issued[identity]

    def expired(self, role: Role) -> Credentials:
        """Their time is over."""
        return issue(self.folder, Identity(role=role, name="expired"), now=time.time() - 2 * DAY, days=1)

    def future(self, role: Role) -> Credentials:
        """Their time has not come."""
        return issue(self.folder, Identity(role=role, name="future"), now=time.time() + DAY, days=2)

    def of_another_farm(self, role: Role) -> Credentials:
        """Another CA made them; their owner believes ours."""
        return self._believing_us(issue(self._other, Identity(role=role, name="stranger"), now=time.time()))

    def self_signed(self) -> Credentials:
        """A certificate that its owner has signed itself."""
        return self._believing_us(
            Credentials(ca=self._other / "ca.pem", certificate=self._other / "ca.pem", key=self._other / "ca.key")
        )

    def _believing_us(self, credentials: Credentials) -> Credentials:
        return Credentials(ca=self.folder / "ca.pem", certificate=credentials.certificate, key=credentials.key)
