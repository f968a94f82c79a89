"""The connection with the master: it says what this slave is and has, and takes verdicts and orders."""

from twisted.logger import Logger

from builder import __version__
from builder.clock import background
from builder.config import SlaveConfig
from builder.errors import BuilderError
from builder.model.slave import HostFacts
from builder.protocol import Handlers, Peer
from builder.slave.attempts import Attempts
from builder.wire import PROTOCOL_VERSION, CancelJob, Done, Hello, StartJob

_log = Logger()


class Connection:
    """The session of one connection, which says hello as soon as it is made; a newer one takes the attempts over."""

    def __init__(self, peer: Peer, config: SlaveConfig, facts: HostFacts, attempts: Attempts) -> None:
        self._peer = peer
        self._config = config
        self._facts = facts
        self._attempts = attempts
        background("Hello", self._greet())

    def handlers(self) -> Handlers:
        """Return the commands that the master may send, each with its handler."""
        return {StartJob: self._start, CancelJob: self._cancel}

    def disconnected(self, reason: str) -> None:
        """Report nothing more; attempts that are at work work on."""
        _log.debug("the session has ended: {reason}", reason=reason)
        self._attempts.disconnected()

    async def _greet(self) -> None:
        hello = Hello(
            protocol=PROTOCOL_VERSION,
            version=__version__,
            channels=self._config.channels,
            architectures=self._config.architectures,
            capacity=self._config.capacity,
            facts=self._facts,
            held=self._attempts.held(),
        )
        try:
            welcome = await self._peer.ask(hello)
        except BuilderError as error:
            self._peer.close(f"the master does not take this slave: {error}")
            return
        _log.info("connected with the master, version {version}", version=welcome.version)
        for verdict in welcome.verdicts:
            self._attempts.judged(verdict, self._peer)

    async def _start(self, request: StartJob) -> Done:
        self._attempts.start(request.order, self._peer)
        return Done()

    async def _cancel(self, request: CancelJob) -> Done:
        self._attempts.cancel(request.attempt)
        return Done()
