"""One connection of a repository builder: it says hello, then answers operations."""

from twisted.logger import Logger

from builder import __version__
from builder.master.operations import Operations
from builder.protocol import Handlers, Peer
from builder.wire import PROTOCOL_VERSION, Applied, Rejected, RepoHello, Welcome, check_version

_log = Logger()


class RepoSession:
    """One connection of a repository builder."""

    def __init__(self, operations: Operations, lease: float) -> None:
        self._operations = operations
        self._lease = lease
        self._peer: Peer | None = None

    def handlers(self) -> Handlers:
        """What a repository builder may say."""
        return {RepoHello: self._hello, Applied: self._operations.applied, Rejected: self._operations.rejected}

    def connected(self, peer: Peer) -> None:
        """Wait for it to say hello."""
        self._peer = peer

    def disconnected(self, reason: str) -> None:
        """What it has not answered is sent to the next one."""
        _log.info("the repository builder is not connected any more: {reason}", reason=reason)
        if self._peer is not None:
            self._operations.part(self._peer)

    async def _hello(self, hello: RepoHello) -> Welcome:
        check_version("the repository builder", hello.protocol, hello.version)
        if self._peer is not None:
            self._operations.admit(self._peer)
        return Welcome(protocol=PROTOCOL_VERSION, version=__version__, lease=self._lease)
