"""The session of a repository builder on one connection: it says hello, then answers operations."""

from twisted.logger import Logger

from builder import __version__
from builder.master.operations import Operations
from builder.protocol import Handlers, Peer
from builder.wire import PROTOCOL_VERSION, Applied, Rejected, RepoHello, Welcome, check_version

_log = Logger()


class RepoSession:
    """The session of the repository builder `peer` on one connection."""

    def __init__(self, peer: Peer, operations: Operations, lease: float) -> None:
        self._peer = peer
        self._operations = operations
        self._lease = lease

    def handlers(self) -> Handlers:
        """Return the commands that a repository builder may send, each with its handler."""
        return {RepoHello: self._hello, Applied: self._operations.applied, Rejected: self._operations.rejected}

    def disconnected(self, reason: str) -> None:
        """Forget the connection; operations that the peer has not answered are sent on the next one."""
        _log.info("the repository builder is not connected any more: {reason}", reason=reason)
        self._operations.part(self._peer)

    async def _hello(self, hello: RepoHello) -> Welcome:
        check_version("the repository builder", hello.protocol, hello.version)
        self._operations.admit(self._peer)
        return Welcome(protocol=PROTOCOL_VERSION, version=__version__, lease=self._lease)
