"""The slave's daemon as a process over real TLS, with the master played by the test."""

import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.config import Address
from builder.model.attempt import AttemptState
from builder.model.work import SourceWork
from builder.protocol import PeerFactory
from builder.tls import listen
from builder.wire import CancelJob, Role, StartJob
from tests.support.certificates import Pki
from tests.support.master import MemoryMaster
from tests.support.orders import order, source_work
from tests.support.packages import packaging
from tests.support.waiting import until

CONFIG = """\
state = "{state}"
architectures = ["x86_64"]
capacity = 2
[master]
host = "127.0.0.1"
port = {port}
[credentials]
ca = "{credentials.ca}"
certificate = "{credentials.certificate}"
key = "{credentials.key}"
"""


class SlaveDaemonTests(TestCase):
    """Each test has one master, which is there, and a slave's folder, in which daemons come and go."""

    timeout = 120

    @override
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.state = self.folder / "slave"
        self.attempt = secrets.token_hex(16)
        self.master = MemoryMaster(self.attempt)

    async def _listen(self) -> None:
        pki = Pki(self.folder / "pki")
        master = pki.right(Role.MASTER, "master", hosts=("127.0.0.1",))
        factory = PeerFactory(reactor, frozenset({Role.SLAVE}), self.master.session_for, now=time.time)
        port = await listen(reactor, Address(host="127.0.0.1", port=0), master, factory)
        self.addCleanup(port.stopListening)
        credentials = pki.right(Role.SLAVE, "anvil")
        number: int = port.getHost().port  # type: ignore[attr-defined]  # a TCP port's address has one
        config = CONFIG.format(state=self.state, port=number, credentials=credentials)
        (self.folder / "slave.toml").write_text(config)

    async def _start(self) -> subprocess.Popen[bytes]:
        """A daemon that has said hello."""
        hellos = len(self.master.hellos)
        daemon = self._spawn()
        self.addCleanup(self._end, daemon)
        await until("the slave says hello", lambda: len(self.master.hellos) > hellos)
        return daemon

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "builder.cli.daemons", "slave", "--config", str(self.folder / "slave.toml")]
        with (self.folder / "slave.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    async def _end(self, daemon: subprocess.Popen[bytes]) -> None:
        """Stop it, and see the connection end."""
        daemon.kill()
        daemon.wait(30)
        await until("the connection has ended", lambda: self.master.newest.reason is not None)

    async def _order(self, work: SourceWork) -> None:
        await self.master.newest.peer.ask(StartJob(order=order(work, attempt=self.attempt)))

    def _sleeping(self, seconds: float) -> SourceWork:
        """A source job whose spec takes this long to parse."""
        return source_work(packaging(self.folder / "git", "hello", requires=(f"gcc\n%(sleep {seconds})",)))

    async def test_an_order_is_carried_out_and_delivered(self) -> None:
        """From the order to the last answer: records, log, SRPM, listing, end; then nothing is left."""
        await self._listen()
        await self._start()
        await self._order(self._sleeping(0))
        mine = self.master.attempts[self.attempt]
        await until("the attempt has ended", lambda: mine.outcome is not None)
        assert mine.outcome
        assert mine.outcome.state is AttemptState.SUCCEEDED, mine.log
        assert mine.steps == [
            "started", "fetch begins", "fetch ends", "srpm begins", "srpm ends", "upload begins", "upload ends"
        ]  # fmt: skip
        assert {"hello-1.0-1.src.rpm", "listing.json"} < set(mine.files)
        await until("nothing is left", lambda: not list((self.state / "attempts").iterdir()))

    async def test_a_killed_slave_takes_up_its_runner(self) -> None:
        """The slave is killed in the middle; its next life finds the runner at work and reports all of it, once."""
        await self._listen()
        first = await self._start()
        await self._order(self._sleeping(1.5))
        mine = self.master.attempts[self.attempt]
        await until("the runner is at work", lambda: b"packaging:" in mine.log)
        first.send_signal(signal.SIGKILL)
        first.wait(30)
        await until("the connection has ended", lambda: self.master.newest.reason is not None)
        await self._start()
        assert self.master.hellos[-1].held == (self.attempt,)
        await until("the attempt has ended", lambda: mine.outcome is not None)
        assert mine.outcome
        assert mine.outcome.state is AttemptState.SUCCEEDED, mine.log
        assert mine.steps.count("fetch begins") == mine.steps.count("started") == 1
        assert mine.log.count(b"packaging:") == 1

    async def test_a_stopped_slave_leaves_its_runner(self) -> None:
        """SIGTERM ends the slave at once; what the runner did meanwhile is delivered by the next life."""
        await self._listen()
        first = await self._start()
        await self._order(self._sleeping(1.5))
        mine = self.master.attempts[self.attempt]
        await until("the runner is at work", lambda: b"packaging:" in mine.log)
        first.terminate()
        first.wait(30)
        result = self.state / "attempts" / self.attempt / "result.json"
        await until("the runner has ended", result.exists)
        await self._start()
        await until("the attempt has ended", lambda: mine.outcome is not None)
        assert mine.outcome
        assert mine.outcome.state is AttemptState.SUCCEEDED, mine.log

    async def test_an_attempt_is_cancelled(self) -> None:
        """The master's word ends the runner, and its end is reported."""
        await self._listen()
        await self._start()
        await self._order(self._sleeping(1000))
        mine = self.master.attempts[self.attempt]
        await until("the runner is at work", lambda: b"packaging:" in mine.log)
        await self.master.newest.peer.ask(CancelJob(attempt=self.attempt))
        await until("the attempt has ended", lambda: mine.outcome is not None)
        assert mine.outcome
        assert mine.outcome.state is AttemptState.CANCELLED
