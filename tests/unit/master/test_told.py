"""What makes events, and what each says: everything that people do or want to hear about."""

import re
from typing import Any

import pytest

from builder.errors import ConflictError, InvalidError, NotFoundError
from builder.master.decisions.event import changes, few
from builder.master.lease import LOOK
from builder.model.attempt import AttemptState, Outcome
from builder.model.difference import ChangeKind, DefinitionChange
from builder.model.event import Event, EventFilter, EventKind, Subject
from builder.model.operation import AnyOperation, Pin, Promote, PublishedIn, Rollback, Undo, Verify
from builder.model.step import StepName
from builder.model.visitor import Person
from builder.wire import Applied, Rejected
from tests.support.distribution import ROOT
from tests.support.headless import DEFINITION, GRACE, LEASE, X86, MasterCase
from tests.support.people import ADA, BOB, person
from tests.support.scripted import BUILT
from tests.support.store import answer

REPO = "hello/testing/fedora-43/x86_64"
NEVRA = "hello-1.0-1.fc43.x86_64"
SECRET = "a-token-of-a-test"
PROMOTE = Promote(project="hello", source="testing", target="stable", everything=True)


def test_every_kind_is_documented() -> None:
    """The table in docs/api.md has every kind of event, and no other."""
    table = (ROOT / "docs/api.md").read_text().partition("## Events\n")[2].partition("### `GET")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(kind.value for kind in EventKind)


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (list("abcde"), "a, b, c, d, e"), (list("abcdef"), "a, b, c, d, e and others")],
)
def test_a_text_names_a_few(names: list[str], text: str) -> None:
    """However many there are, the text of an event stays short."""
    assert few(names) == text


def test_a_change_is_told_by_its_name() -> None:
    """The values before and after are for those who ask for them."""
    made = DefinitionChange(what="package p/x: timeout", kind=ChangeKind.CHANGED, before="1h", after="2h")
    assert changes([made]) == "package p/x: timeout changed"


class TellingCase(MasterCase):
    """A master whose events a test reads from now on."""

    def told(self, *kinds: EventKind) -> list[Event]:
        """What was told since the last time, of these kinds or of all."""
        events = answer(self.master.farm.events.since(self._read))
        self._read = events[-1].number if events else self._read
        return [event for event in events if not kinds or event.kind in kinds]

    _read = 0

    def order(self, operation: AnyOperation) -> int:
        """Ada asks for an operation."""
        return answer(self.master.farm.operations.request(operation, ADA)).number

    def applied(self, number: int, *published: str, generation: int | None = 4) -> None:
        """The repository builder has carried it out, in a repository unless there is no generation."""
        places = () if generation is None else (PublishedIn(repository=REPO, generation=generation),)
        answer(self.repo.ask(Applied(number=number, generations=places, published=published)))

    def rejected(self, number: int, reason: str) -> None:
        """The repository builder has refused it."""
        answer(self.repo.ask(Rejected(number=number, reason=reason)))

    def define(self, text: str, who: Person = ADA) -> None:
        """Somebody applies a definition."""
        answer(self.master.farm.definitions.apply(text, dry_run=False, visitor=who))


def essence(event: Event) -> tuple[EventKind, Subject, str]:
    """Kind, subject and text of an event."""
    about: dict[str, Any] = {name: getattr(event, name) for name in Subject.__struct_fields__}
    return event.kind, Subject(**about), event.text


class EveryKind(TellingCase):
    """All that can happen, happens."""

    def test_every_kind_is_made_by_something(self) -> None:
        """For each kind something makes the event that is in the table, with its subject and text."""
        slave = self.slave()
        self.define(DEFINITION.replace("chroots: {exclude: [fedora-43-aarch64]}", "timeout: 2h"))
        answer(self.master.farm.secrets.set("hello", "deploy", SECRET, BOB))
        answer(self.master.farm.secrets.remove("hello", "deploy", BOB))
        answer(self.master.farm.people.issue("eve"))
        answer(self.master.farm.people.revoke("eve"))
        order = self.package_order(slave, "hello", X86)
        answer(slave.started(order))
        answer(slave.step(order, 1, StepName.BUILD))
        answer(slave.stepped(order, 2, StepName.BUILD))
        slave.deliver(order)
        answer(slave.finish(order, BUILT, 3))
        self.repo.apply(self.repo.operations[-1], NEVRA)
        failing = self.package_order(slave, "both", X86)
        answer(slave.finish(failing, Outcome(state=AttemptState.FAILED, reason="%build failed")))
        skipped = self.package_order(slave, "both", X86)
        answer(slave.finish(skipped, Outcome(state=AttemptState.SKIPPED, reason="is there already")))
        self.master.build("both")
        self.master.cancel(4)
        promotion = self.order(PROMOTE)
        self.applied(promotion, NEVRA)
        rollback = self.order(Rollback(project="hello", repository=REPO, generation=3, reason="it crashes"))
        self.applied(rollback)
        self.applied(self.order(Undo(project="hello", number=promotion)))
        self.rejected(self.order(Verify(project="hello")), "the pool is gone")
        slave.cut()
        self.master.wait(LEASE + GRACE + LOOK)
        self.again(slave)
        first: dict[EventKind, tuple[Subject, str]] = {}
        for kind, subject, text in map(essence, reversed(self.told())):
            first[kind] = subject, text
        build, source = Subject(project="hello", build=1), Subject(project="hello", build=1, job="source")
        package = Subject(project="hello", build=1, job=X86)
        own = Subject(project="hello", who="bob")
        step = Subject(project="hello", build=1, job=X86, slave="a")

        def ordered(number: int) -> Subject:
            return Subject(project="hello", operation=number, who="ada")

        def chroot_job(number: int) -> Subject:
            return Subject(project="hello", build=number, job=X86)

        host, lost = "a.example.org", "slave a is lost: nothing was heard of it for 30 seconds"
        assert first == {
            EventKind.BUILD_QUEUED: (Subject(project="hello", build=1, who="ada"), "hello"),
            EventKind.BUILD_FINISHED: (build, ""),
            EventKind.CANCEL_REQUESTED: (Subject(project="hello", build=4, who="ada"), ""),
            EventKind.JOB_QUEUED: (source, ""),
            EventKind.JOB_RUNNING: (Subject(project="hello", build=1, job="source", slave="a"), "on a"),
            EventKind.JOB_PUBLISHING: (package, ""),
            EventKind.JOB_SUCCEEDED: (source, ""),
            EventKind.JOB_FAILED: (chroot_job(2), "%build failed"),
            EventKind.JOB_SKIPPED: (chroot_job(3), "is there already"),
            EventKind.JOB_CANCELLED: (Subject(project="hello", build=4, job="source"), "cancelled by ada"),
            EventKind.STEP_STARTED: (step, "build"),
            EventKind.STEP_FINISHED: (step, "build"),
            EventKind.DEFINITION_APPLIED: (
                Subject(project="hello", who="ada"),
                "project hello added, package hello/hello added, package hello/both added",
            ),
            EventKind.SECRET_SET: (own, "deploy"),
            EventKind.SECRET_REMOVED: (own, "deploy"),
            EventKind.TOKEN_ISSUED: (Subject(who="eve"), ""),
            EventKind.TOKENS_REVOKED: (Subject(who="eve"), ""),
            EventKind.OPERATION_REQUESTED: (ordered(promotion), "promote"),
            EventKind.OPERATION_APPLIED: (Subject(project="hello", operation=1), "prepare"),
            EventKind.OPERATION_REJECTED: (ordered(rollback + 2), "verify: the pool is gone"),
            EventKind.PACKAGES_PROMOTED: (ordered(promotion), f"from testing to stable: {NEVRA}"),
            EventKind.REPOSITORY_ROLLED_BACK: (ordered(rollback), f"{REPO} to generation 3 (it crashes)"),
            EventKind.OPERATION_UNDONE: (ordered(rollback + 1), f"operation {promotion}"),
            EventKind.SLAVE_SEEN: (Subject(slave="a"), host),
            EventKind.SLAVE_LOST: (Subject(slave="a"), lost),
            EventKind.SLAVE_RETURNED: (Subject(slave="a"), host),
        }
        assert set(first) == set(EventKind)


class People(TellingCase):
    """What people do."""

    def test_a_definition_is_told_for_each_project_that_it_changes(self) -> None:
        """With who applied it; one that changes nothing, is only tried or is refused makes no event."""
        both = DEFINITION + "---\nproject: other\nchroots: [fedora-43-x86_64]\n"
        self.told()
        answer(self.master.farm.definitions.apply(both, dry_run=True, visitor=BOB))
        with pytest.raises(InvalidError):
            self.define("project: other\nchroots: [nowhere-1-x86_64]\n", BOB)
        self.define(DEFINITION, BOB)
        assert self.told() == []
        self.define(both, BOB)
        (event,) = self.told()
        assert essence(event) == (
            EventKind.DEFINITION_APPLIED,
            Subject(project="other", who="bob"),
            "project other added",
        )
        self.define(both.replace("chroots: [fedora-43-x86_64]\n", "chroots: [fedora-43-aarch64]\n"), person("eve"))
        (event,) = self.told()
        assert (event.project, event.who, event.text) == ("other", "eve", "project other: chroots changed")

    def test_no_event_has_the_value_of_a_secret(self) -> None:
        """Setting one and removing it tells its name, each once; what is not there makes no event."""
        self.told()
        answer(self.master.farm.secrets.set("hello", "deploy", SECRET, ADA))
        answer(self.master.farm.secrets.remove("hello", "deploy", BOB))
        with pytest.raises(NotFoundError):
            answer(self.master.farm.secrets.remove("hello", "deploy", BOB))
        events = self.told()
        assert [(event.kind, event.who, event.text) for event in events] == [
            (EventKind.SECRET_SET, "ada", "deploy"),
            (EventKind.SECRET_REMOVED, "bob", "deploy"),
        ]
        assert SECRET not in repr(events)

    def test_what_was_refused_makes_no_event(self) -> None:
        """An event is written with its change or not at all."""
        number = self.master.build()
        self.master.cancel(number)
        assert [event.who for event in self.told(EventKind.CANCEL_REQUESTED)] == ["ada"]
        with pytest.raises(ConflictError):
            self.master.cancel(number)
        with pytest.raises(NotFoundError):
            self.master.cancel(number, "nowhere-1-x86_64")
        assert self.told() == []

    def test_one_job_that_is_cancelled_is_named(self) -> None:
        """Who hears of it knows that the others of its build go on."""
        number = self.master.build("both")
        self.told()
        self.master.cancel(number, X86)
        (event,) = self.told(EventKind.CANCEL_REQUESTED)
        assert essence(event)[1] == Subject(project="hello", build=number, job=X86, who="ada")


class Repositories(TellingCase):
    """What is done to repositories."""

    def test_an_operation_is_told_when_it_is_asked_for_and_when_it_is_done(self) -> None:
        """With who asked, and why; an answer that comes twice is told once."""
        self.told()
        number = self.order(Pin(project="hello", repository=REPO, generation=2, reason="the release"))
        for _ in range(2):
            self.applied(number)
        of = Subject(project="hello", operation=number, who="ada")
        assert [essence(event) for event in self.told()] == [
            (EventKind.OPERATION_REQUESTED, of, "pin (the release)"),
            (EventKind.OPERATION_APPLIED, of, "pin (the release)"),
        ]

    def test_what_only_planned_or_found_nothing_to_do_promoted_nothing(self) -> None:
        """A plan, and a promotion of what is there already, leave every repository as it is."""
        for operation in (
            Promote(project="hello", source="testing", target="testing", everything=True, plan=True),
            Rollback(project="hello", repository=REPO, generation=3),
        ):
            self.told()
            self.applied(self.order(operation), generation=None)
            assert [event.kind for event in self.told()] == [
                EventKind.OPERATION_REQUESTED,
                EventKind.OPERATION_APPLIED,
            ]

    def test_a_publication_is_told_with_its_job(self) -> None:
        """The farm asks for it itself, so that nobody requested it; its job ends after it."""
        slave = self.slave()
        slave.make_package(self.package_order(slave))
        self.told()
        publish = self.repo.operations[-1]
        self.repo.apply(publish, NEVRA)
        of = Subject(project="hello", build=1, job=X86)
        operation = Subject(project="hello", build=1, job=X86, operation=publish.number)
        assert [essence(event) for event in self.told()] == [
            (EventKind.OPERATION_APPLIED, operation, "publish"),
            (EventKind.JOB_SUCCEEDED, of, ""),
            (EventKind.BUILD_FINISHED, Subject(project="hello", build=1), ""),
        ]

    def test_a_publication_that_is_refused_is_told_with_its_job(self) -> None:
        """The reason is the repository builder's."""
        slave = self.slave()
        slave.make_package(self.package_order(slave))
        self.told()
        self.rejected(self.repo.operations[-1].number, "a file is missing")
        rejected, failed = self.told()[:2]
        assert (rejected.kind, rejected.job, rejected.text) == (
            EventKind.OPERATION_REJECTED,
            X86,
            "publish: a file is missing",
        )
        assert (failed.kind, failed.text) == (EventKind.JOB_FAILED, "not published: a file is missing")


class Slaves(TellingCase):
    """Slaves that come and go."""

    KINDS = (EventKind.SLAVE_SEEN, EventKind.SLAVE_LOST, EventKind.SLAVE_RETURNED)

    def kinds(self) -> list[EventKind]:
        """What was told of slaves since the last time."""
        return [event.kind for event in self.told(*self.KINDS)]

    def test_a_slave_is_seen_once(self) -> None:
        """The first time that it says hello; neither a later hello nor a restart of the master is news."""
        slave = self.slave()
        assert self.kinds() == [EventKind.SLAVE_SEEN]
        self.again(slave)
        self.master.restart()
        self.again(slave)
        assert self.kinds() == []

    def test_a_slave_that_flaps_makes_no_events(self) -> None:
        """One that comes back within its lease was never lost, however often that is."""
        slave = self.slave()
        self.told()
        for _ in range(20):
            slave.cut()
            self.master.wait(LEASE + GRACE - 1)
            self.again(slave)
        assert self.kinds() == []

    def test_a_slave_is_lost_once_and_returns_once(self) -> None:
        """Whether it had work or not, and however long it stays away."""
        slave = self.slave()
        self.told()
        slave.cut()
        self.master.wait(LEASE + GRACE + LOOK)
        assert self.kinds() == [EventKind.SLAVE_LOST]
        self.master.wait(3 * (LEASE + GRACE))
        assert self.kinds() == []
        self.again(slave)
        self.again(slave)
        assert self.kinds() == [EventKind.SLAVE_RETURNED]

    def test_the_master_remembers_which_slaves_are_lost(self) -> None:
        """Over restarts: one that went while the master was away is told as lost, one that was lost is not again."""
        away, lost = self.slave("away"), self.slave("lost")
        lost.cut()
        self.master.wait(LEASE + GRACE + LOOK)
        self.master.restart()
        self.told()
        self.master.wait(LEASE + GRACE - 1)
        assert self.kinds() == []
        self.master.wait(1 + LOOK)
        assert [(event.kind, event.slave) for event in self.told(*self.KINDS)] == [(EventKind.SLAVE_LOST, "away")]
        self.master.restart()
        self.master.wait(LEASE + GRACE + LOOK)
        for slave in (lost, away):
            self.again(slave)
        assert [(event.kind, event.slave) for event in self.told(*self.KINDS)] == [
            (EventKind.SLAVE_RETURNED, "lost"),
            (EventKind.SLAVE_RETURNED, "away"),
        ]


class OfAProject(TellingCase):
    """Projects' events."""

    def test_every_event_of_a_build_has_its_project(self) -> None:
        """Whoever wants to hear of one project hears of all its builds, jobs and steps."""
        slave = self.slave()
        order = self.package_order(slave)
        answer(slave.started(order))
        answer(slave.step(order, 1))
        self.master.cancel(1)
        events = self.told()
        of_build = [event for event in events if event.build is not None]
        assert {event.project for event in of_build} == {"hello"}
        assert of_build
        found = answer(self.master.farm.events.since(0, EventFilter(project="hello")))
        assert list(found) == [event for event in events if event.project == "hello"]
