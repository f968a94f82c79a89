"""The run of one attempt on this host: its runner is started, watched, told to stop, and missed when it dies.

The folder on disk decides, whatever happened before: a run that finds an attempt of the slave's earlier life goes on
with it.
"""

import signal
from collections.abc import Callable
from contextlib import suppress

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from builder.attempt import records
from builder.attempt.endings import EndedError, broken, cancelled
from builder.attempt.folder import AttemptFolder
from builder.model.attempt import Outcome
from builder.model.work import WorkOrder
from builder.slave.launch import Launcher
from builder.slave.order_file import OrderFile
from builder.slave.watch import Watch

LOOK_EVERY = 2.0
"""Seconds between two looks at a runner, in case that nothing was told of what it did."""
KILL_AFTER = 5.0
"""Seconds that a runner has to end when it is told to."""
LAUNCHES = 3
"""Most starts of a runner for an attempt before it is given up: once to work, then to clear up."""


_log = Logger()


class Run:
    """The run of the attempt in `folder`.

    Attributes:
        order: The order of the attempt.
        order_files: The files that the order names, which have to be there before a runner can work.
        outcome: The outcome of the attempt, once it has ended.
        changed: Called with the name of each file that changes, and now and then with none.
    """

    def __init__(self, clock: IReactorTime, launcher: Launcher, watch: Watch, folder: AttemptFolder) -> None:
        self.folder = folder
        self.order: WorkOrder = folder.order
        self.order_files = tuple(OrderFile(file, folder.order_files) for file in self.order.work.files)
        self.outcome: Outcome | None = None
        self.changed: Callable[[str], None] = lambda _: None
        self._clock = clock
        self._launcher = launcher
        self._watch = watch
        self._launches = 0
        self._cancelled = False
        self._waiting: list[Deferred[Outcome]] = []
        self._next_look: IDelayedCall | None = None
        self._kill: IDelayedCall | None = None

    @property
    def begun(self) -> bool:
        """Tell if there is, was or will be a runner, or there need not be one any more."""
        return self.outcome is not None or self._launches > 0 or self.folder.lock.exists()

    def begin(self) -> None:
        """Continue with the folder as it is; if order files are missing, call `launch` once they are there."""
        self._watch.begin(self.folder.path, self._told)
        if self.folder.cancelled:
            self.cancel()
        else:
            self._told()
        if not self.begun and all(file.there for file in self.order_files):
            self.launch()

    def stop(self) -> None:
        """Stop looking after the run; the runner works on."""
        self._watch.end(self.folder.path)
        for timer in (self._next_look, self._kill):
            if timer and timer.active():
                timer.cancel()

    def launch(self) -> None:
        """Start a runner."""
        self._launches += 1
        try:
            self._launcher.start(self.folder, self.order.work.first_step, self._told)
        except OSError as error:  # it is tried again when it is looked after the next time
            _log.error("no runner can be started for {attempt}: {error}", attempt=self.order.attempt, error=error)

    def cancel(self) -> None:
        """Make the run end, now."""
        if self.outcome:
            return
        self._cancelled = True
        self.folder.cancel()
        if self._kill is None:
            self._kill = self._clock.callLater(KILL_AFTER, self._insist)
        self._told()

    def finish(self, ending: EndedError) -> None:
        """End the run without a runner."""
        with suppress(OSError):  # a full disk has room for the result alone
            self.folder.recorder().end_step(ok=False)
        self.folder.finish(ending.outcome)
        self._look()

    def ended(self) -> Deferred[Outcome]:
        """Return a Deferred that fires with the outcome."""
        waiting: Deferred[Outcome] = Deferred(self._waiting.remove)
        if self.outcome:
            waiting.callback(self.outcome)
        else:
            self._waiting.append(waiting)
        return waiting

    def _told(self, name: str = "") -> None:
        """Note a change of the file `name`, or of anything; whatever goes wrong, there is another look later."""
        try:
            if name not in {"log", records.NAME}:
                self._look()
            self.changed(name)
        except Exception:  # noqa: BLE001 - whoever tells has others to tell, or is the reactor
            _log.failure("looking after attempt {attempt} failed", attempt=self.order.attempt)

    def _look(self) -> None:
        """Look if the run has ended, and do what is needed if not."""
        if self.outcome:
            return
        self._look_again()
        self.outcome = self.folder.outcome()
        if self.outcome:
            self.stop()
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one.callback(self.outcome)
        elif self.begun:
            if not self.folder.running():
                self._died()
        elif self._cancelled:
            self.finish(cancelled())

    def _look_again(self) -> None:
        if self._next_look and self._next_look.active():
            self._next_look.reset(LOOK_EVERY)
        else:
            self._next_look = self._clock.callLater(LOOK_EVERY, self._told, "")

    def _died(self) -> None:
        """Start a new runner to clear up and write the outcome, if one may; end the run without a runner otherwise.

        Nobody kills that runner.
        """
        if self._kill and self._kill.active():
            self._kill.cancel()
        if self._launches < LAUNCHES:
            self.launch()
        else:
            self.finish(broken(f"the runner of {self.order.build}/{self.order.job} died and cannot be started again"))

    def _insist(self) -> None:
        """Kill a runner that does not end."""
        try:
            self.folder.signal(signal.SIGKILL)
        except OSError as error:
            _log.error("the runner of {attempt} cannot be killed: {error}", attempt=self.order.attempt, error=error)
            self._kill = self._clock.callLater(KILL_AFTER, self._insist)
