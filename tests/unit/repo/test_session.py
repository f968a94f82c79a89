from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder import __version__
from builder.certificates import Identity
from builder.errors import NotFoundError, VersionError
from builder.model.findings import Finding, FindingKind, Findings
from builder.model.operation import NumberedOperation, Prepare, PublishedIn
from builder.protocol import Peer
from builder.repo.answer import OperationAnswer
from builder.repo.session import MasterSession
from builder.wire import PROTOCOL_VERSION, Applied, Done, Operate, Rejected, RepoHello, Role, Welcome
from tests.support.wire import MemorySessions, MemoryWire, connected_pair

MASTER = Identity(role=Role.MASTER, name="master")
REPO = Identity(role=Role.REPO, name="repo")
OPERATION = NumberedOperation(
    number=3, operation=Prepare(project="hello", stages=("testing",), chroots=("fedora-43-x86_64",))
)


class MasterSessionTests(SynchronousTestCase):
    """The repository builder's side of a real session, with the master played by the test."""

    @override
    def setUp(self) -> None:
        self.heard: list[object] = []
        self.submitted: list[NumberedOperation] = []
        self.welcome: Exception | None = None

    def _connect(self) -> MemoryWire:
        self.master = MemorySessions({RepoHello: self._hello, Applied: self._answered, Rejected: self._answered})
        wire = connected_pair(self.master.session_for, MASTER, self._session_for, REPO)
        wire.flush()
        return wire

    def _session_for(self, peer: Peer) -> MasterSession:
        self.session = MasterSession(peer, self.submitted.append)
        return self.session

    async def _hello(self, hello: RepoHello) -> Welcome:
        self.heard.append(hello)
        if self.welcome:
            raise self.welcome
        return Welcome(protocol=PROTOCOL_VERSION, version=__version__, lease=20.0)

    async def _answered(self, answer: Applied | Rejected) -> Done:
        self.heard.append(answer)
        if answer.number == 99:
            message = "no such operation"
            raise NotFoundError(message)
        return Done()

    def _ask(self, wire: MemoryWire) -> None:
        answer = self.master.newest.peer.ask(Operate(operation=OPERATION))
        wire.flush()
        assert self.successResultOf(answer) == Done()

    def test_it_says_hello(self) -> None:
        """The first thing that the master hears is who is there, in which versions."""
        self._connect()
        assert self.heard == [RepoHello(protocol=PROTOCOL_VERSION, version=__version__)]

    def test_an_answer_that_is_too_long_is_shortened(self) -> None:
        """One that has no room in a box comes with fewer findings and packages, and says how many are left out."""
        wire = self._connect()
        name = "ž" * 200
        finding = Finding(kind=FindingKind.UNINSTALLABLE, subject=name, text="ž" * 300)
        home = PublishedIn(repository=name * 2, generation=1)
        self.session.tell(
            Applied(
                number=3,
                generations=(home,) * 200,
                published=(name,) * 300,
                findings=Findings(first=(finding,) * 50),
            )
        )
        self.session.tell(Rejected(number=4, reason="ž" * 4000, findings=Findings(first=(finding,) * 50, more=7)))
        wire.flush()
        applied, rejected = self.heard[1:]
        assert isinstance(applied, Applied)
        assert isinstance(rejected, Rejected)
        assert (len(applied.findings.first), applied.findings.more) == (0, 50)
        assert applied.generations
        assert len(rejected.findings.first) + rejected.findings.more == 57
        assert rejected.findings.first

    def test_an_operation_is_taken_in(self) -> None:
        """Operate is answered as soon as the operation is seen, before it is carried out."""
        self._ask(self._connect())
        assert self.submitted == [OPERATION]

    def test_an_answer_reaches_the_master(self) -> None:
        """What became of an operation is told, and one that the master does not know harms nothing."""
        wire = self._connect()
        answers: list[OperationAnswer] = [Applied(number=99, generations=()), Rejected(number=3, reason="it is empty")]
        for answer in answers:
            self.session.tell(answer)
        wire.flush()
        assert self.heard[1:] == answers
        self._ask(wire)

    def test_an_answer_without_a_connection_is_dropped(self) -> None:
        """Nothing is kept for a master that is away: it asks again after the next hello."""
        wire = self._connect()
        wire.cut()
        wire.flush()
        self.session.tell(Rejected(number=3, reason="it is empty"))
        self._ask(self._connect())
        assert [type(heard) for heard in self.heard] == [RepoHello, RepoHello]

    def test_an_answer_on_a_connection_that_dies_harms_nothing(self) -> None:
        """A connection lost before the master takes the answer is no failure here."""
        wire = self._connect()
        self.session.tell(Rejected(number=3, reason="it is empty"))
        wire.cut()
        wire.flush()
        self._ask(self._connect())

    def test_a_master_of_another_version(self) -> None:
        """Where the versions do not fit the connection is closed; the dialler tries again later."""
        self.welcome = VersionError("the master speaks version 2")
        self._connect()
        assert self.master.newest.reason is not None
