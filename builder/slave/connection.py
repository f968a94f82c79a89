"""One session with the master: says what this slave is and has, carries out its verdicts, takes its orders."""

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
    """The session of one connection; a newer one takes the attempts over."""

    def __init__(self, config: SlaveConfig, facts: HostFacts, attempts: Attempts) -> None:
        self._config = config
        self._facts = facts
        self._attempts = attempts
        self._peer: Peer | None = None

    def handlers(self) -> Handlers:
        """What the master may ask."""
        return {StartJob: self._start, CancelJob: self._cancel}

    def connected(self, peer: Peer) -> None:
        """Say hello."""
        self._peer = peer
        background("Hello", self._greet(peer))

    def disconnected(self, reason: str) -> None:
        """What is at work works on."""
        _log.debug("the session has ended: {reason}", reason=reason)
        self._peer = None
        self._attempts.disconnected()

    async def _greet(self, peer: Peer) -> None:
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
            welcome = await peer.ask(hello)
        except BuilderError as error:
            peer.close(f"the master does not take this slave: {error}")
            return
        _log.info("connected with the master, version {version}", version=welcome.version)
        for verdict in welcome.verdicts:
            self._attempts.judged(verdict, peer)

    async def _start(self, request: StartJob) -> Done:
        assert self._peer  # noqa: S101 - a handler runs in a session
        self._attempts.start(request.order, self._peer)
        return Done()

    async def _cancel(self, request: CancelJob) -> Done:
        self._attempts.cancel(request.attempt)
        return Done()
