from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as RefusedError
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from zope.interface import implementer

from builder.certificates import Identity
from builder.dial import FIRST_WAIT, LONGEST_WAIT, Dialler, wait_after
from builder.protocol import Peer, PeerFactory
from builder.wire import Role
from tests.support.wire import MemorySession, MemorySessions, joined

MASTER = Identity(role=Role.MASTER, name="master")
SLAVE = Identity(role=Role.SLAVE, name="builder-1")
HOUR = 3600.0
REFUSED = str(RefusedError())


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """A master in memory: refuses while it is down, and rejects certificates if it is told to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.down = False
        self.rejects = False
        self.hangs = False
        self.cancelled = False
        self.dialled: list[float] = []
        self.master = MemorySessions()

    async def _connected(self, factory: PeerFactory) -> Peer:
        now = self._clock.seconds
        ours = PeerFactory(self._clock, frozenset(Role), self.master.session_for, now=now, refused=lambda *_: None)
        dialler, master = joined(self._clock, factory.buildProtocol(None), ours.buildProtocol(None))
        dialler.authenticated(MASTER, HOUR)
        if self.rejects:
            master.close("its certificate is refused: it has expired")
        else:
            master.authenticated(SLAVE, HOUR)
        return dialler

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """One attempt."""
        assert isinstance(protocolFactory, PeerFactory)
        self.dialled.append(self._clock.seconds())
        if self.hangs:
            return Deferred(lambda _: setattr(self, "cancelled", True))
        if self.down:
            return Deferred.fromCoroutine(self._refused())
        return Deferred.fromCoroutine(self._connected(protocolFactory))

    async def _refused(self) -> Peer:
        raise RefusedError


class DiallerTests(SynchronousTestCase):
    """A dialler with a clock that the test advances."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = MemoryEndpoint(self.clock)
        self.sessions: list[MemorySession] = []
        self.events = self.enterContext(capturedLogs())
        self.dialler = Dialler(
            self.clock, "farm:8442", self.endpoint, self._session, Random(17), ping_every=10.0, now=self.clock.seconds
        )

    @property
    def told(self) -> list[str]:
        """The reasons in the log."""
        return [event["why"] for event in self.events if event["log_namespace"] == "builder.dial"]

    def _session(self, peer: Peer) -> MemorySession:
        assert peer.identity == MASTER
        self.sessions.append(MemorySession(peer))
        return self.sessions[-1]

    def let_pass(self, seconds: float) -> None:
        self.clock.pump([0.25] * int(seconds * 4))

    def _stop(self) -> None:
        stopped = self.dialler.stopService()
        self.clock.advance(0)
        self.successResultOf(stopped)
        assert self.clock.getDelayedCalls() == []

    def test_connected(self) -> None:
        """A session begins, and goes on for as long as the master answers."""
        self.dialler.startService()
        self.let_pass(500)
        (session,) = self.sessions
        before = session.reason
        self._stop()
        assert (before, session.reason) == (None, "this daemon stops")
        assert self.told == []

    def test_again_after_a_loss(self) -> None:
        """A connection that is lost is made again soon, each time with a new session; the log has each loss."""
        self.dialler.startService()
        for _ in range(5):
            self.let_pass(2)
            self.endpoint.master.newest.peer.abort("the test cuts")
        self.let_pass(2)
        assert len(self.sessions) == 6
        assert [session.reason is None for session in self.sessions] == [False] * 5 + [True]
        assert self.told == ["the connection broke"] * 5
        self._stop()

    def test_master_is_down(self) -> None:
        """A master that does not answer is dialled less and less often, but never given up; the log says so once."""
        self.endpoint.down = True
        self.dialler.startService()
        self.let_pass(600)
        waits = [
            after - before for before, after in zip(self.endpoint.dialled, self.endpoint.dialled[1:], strict=False)
        ]
        assert waits[0] < 2
        assert all(LONGEST_WAIT / 2 <= wait <= LONGEST_WAIT + 0.25 for wait in waits[8:])
        assert len(set(waits[8:])) > 1
        assert self.told == [REFUSED]
        self.endpoint.down = False
        self.let_pass(LONGEST_WAIT + 1)
        assert len(self.sessions) == 1
        self._stop()

    def test_refused_certificate(self) -> None:
        """Who is refused after its handshake waits longer and longer too: being connected is no success."""
        self.endpoint.rejects = True
        self.dialler.startService()
        self.let_pass(600)
        assert 20 <= len(self.endpoint.dialled) <= 60
        assert self.told == ["it closed the connection"]
        self._stop()

    def test_another_reason_is_told(self) -> None:
        """The log has each reason anew when it changes, and after the master was there."""
        self.endpoint.down = True
        self.dialler.startService()
        self.let_pass(1)
        self.endpoint.down = False
        self.let_pass(10)
        self.endpoint.down = True
        self.endpoint.master.newest.peer.close("restart")
        self.let_pass(60)
        assert self.told == [REFUSED, "it closed the connection", REFUSED]
        self._stop()

    def test_silent_master(self) -> None:
        """A connection on which nothing is heard any more is cut and made anew."""
        self.dialler.startService()
        self.let_pass(1)
        self.endpoint.master.newest.peer.pause()
        self.let_pass(25)
        assert self.sessions[0].reason == "nothing was heard for 10 seconds"
        assert len(self.sessions) == 2
        assert self.sessions[1].reason is None
        self._stop()

    def _assert_stops(self, prepare: Callable[[], None]) -> None:
        prepare()
        self.dialler.startService()
        self.let_pass(5)
        self._stop()
        self.let_pass(100)
        assert self.clock.getDelayedCalls() == []

    def test_stopped_while_it_waits(self) -> None:
        """Stopping ends the wait for the next try."""
        self.endpoint.down = True
        self._assert_stops(lambda: None)

    def test_stopped_while_it_dials(self) -> None:
        """Stopping ends the try, which is not told as a failure."""
        self.endpoint.hangs = True
        self._assert_stops(lambda: None)
        assert self.endpoint.cancelled
        assert self.told == []


@given(failures=st.integers(0, 10_000), seed=st.integers())
def test_wait(failures: int, seed: int) -> None:
    """The wait has an end, a beginning, and something random, whatever came before."""
    assert FIRST_WAIT / 2 <= wait_after(failures, Random(seed)) <= LONGEST_WAIT
    assert wait_after(failures, Random(seed)) == wait_after(failures, Random(seed))
    assert wait_after(failures, Random(seed)) != wait_after(failures, Random(seed + 1))
