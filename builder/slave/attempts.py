"""The attempts that this slave has, from order to acknowledged end."""

from collections.abc import Callable
from functools import partial

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from builder.attempt.folder import AttemptFolder
from builder.clock import after_sending
from builder.errors import InvalidError, NotFoundError, UnavailableError
from builder.model.attempt import Position
from builder.model.work import WorkOrder
from builder.protocol import Peer
from builder.slave.journal import Journal
from builder.slave.relay import Relay
from builder.wire import HeldVerdict, Verdict

_log = Logger()
_BEGINNING = Position(records=0, log=0)


class Attempts:
    """The attempts of this slave, each with a relay that `relay_for` makes, which is told whom to call at its end."""

    def __init__(
        self, clock: IReactorTime, journal: Journal, relay_for: Callable[[AttemptFolder, Callable[[str], None]], Relay]
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._relay_for = relay_for
        self._relays: dict[str, Relay] = {}

    def begin(self) -> None:
        """Continue with the attempts that an earlier life of this slave has left."""
        for folder in self._journal.held():
            try:
                self._take_up(folder)
            except Exception:  # noqa: BLE001 - the slave is there for the others
                _log.failure("what is in {folder} cannot be taken up", folder=folder.path)
        self._journal.prepare()

    def stop(self) -> None:
        """Stop relaying, since the slave ends; runners work on."""
        for relay in self._relays.values():
            relay.stop()

    def held(self) -> tuple[str, ...]:
        """Return the ids of the attempts that the slave has and somebody may want."""
        return tuple(relay.attempt for relay in self._relays.values() if not relay.dropped)

    def start(self, order: WorkOrder, peer: Peer) -> None:
        """Record an order durably; once that is answered begin with it, and report to `peer`.

        An order that came before is not begun anew.

        Raises:
            UnavailableError: It cannot be written down.
        """
        if order.attempt in self._relays:
            return
        try:
            folder = self._journal.record(order)
        except OSError as error:
            raise UnavailableError(f"attempt {order.attempt} cannot be written down: {error.strerror}") from error
        after_sending(self._clock, partial(self._begin, self._add(folder), peer))

    def cancel(self, attempt: str) -> None:
        """Stop an attempt; its end is reported like any other.

        Raises:
            NotFoundError: The attempt is not here.
        """
        if attempt not in self._relays:
            raise NotFoundError(f"attempt {attempt} is not on this slave")
        self._relays[attempt].cancel()

    def judged(self, judgement: HeldVerdict, peer: Peer) -> None:
        """Carry out the master's verdict on an attempt."""
        relay = self._relays.get(judgement.attempt)
        if relay is None:
            return
        match judgement.verdict:
            case Verdict.CONTINUE:
                relay.connected(peer, judgement.position)
            case Verdict.ACCEPTED | Verdict.SUPERSEDED:
                relay.forget()
            case Verdict.UNKNOWN:
                relay.park()

    def disconnected(self) -> None:
        """Report nothing until the next connection."""
        for relay in self._relays.values():
            relay.disconnected()

    def _take_up(self, folder: AttemptFolder) -> None:
        try:
            self._add(folder).begin()
        except InvalidError as error:
            _log.error("{error}; the attempt is parked", error=error)
            self._journal.park(folder)

    def _add(self, folder: AttemptFolder) -> Relay:
        relay = self._relay_for(folder, self._gone)
        self._relays[relay.attempt] = relay
        return relay

    def _begin(self, relay: Relay, peer: Peer) -> None:
        if relay.attempt in self._relays:  # it was not told to forget it meanwhile
            relay.begin()
            relay.connected(peer, _BEGINNING)
        self._journal.prepare()

    def _gone(self, attempt: str) -> None:
        del self._relays[attempt]
