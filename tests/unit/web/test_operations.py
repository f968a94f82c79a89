"""Operations over the API: what people may order, and what they are told of it."""

from functools import partial
from typing import Any

import pytest

from builder.errors import NotFoundError
from builder.master.store import operations as stored_operations
from builder.model.findings import Finding, FindingKind, Findings
from builder.model.key import SigningKey
from builder.model.operation import NumberedOperation, OperationShown, OperationState, Prune, PublishedIn, Rollback
from builder.model.project import Retention
from builder.repo.signing import public_keys
from builder.wire import Applied, Rejected
from tests.support.small_farm import CHROOT
from tests.support.store import answer
from tests.support.web import WebTest

PATH = "/api/v1/operations"
REPO = "hello/testing/fedora-43/x86_64"
ROLLBACK = {"type": "rollback", "project": "hello", "repository": REPO, "generation": 3, "reason": "it burns"}


class OperationsTest(WebTest):
    """`/api/v1/operations`; the repository builder's part is played by the test."""

    def waiting(self) -> tuple[NumberedOperation, ...]:
        return answer(self.farm.store.read(partial(stored_operations.waiting, limit=10)))

    def order(self, **changes: Any) -> OperationShown:
        return self.ada.post(PATH, ROLLBACK | changes).json(OperationShown)

    def refused(self, order: object) -> tuple[int, str]:
        reply = self.ada.post(PATH, order)
        return reply.status, reply.json(dict[str, Any])["message"]

    def test_an_order_waits_in_the_name_of_whom_it_came_from(self) -> None:
        """The repository builder is told the person that the token belongs to, whatever the order itself says."""
        told = self.order(who="eve")
        assert (told.kind.value, told.project, told.state) == ("rollback", "hello", OperationState.WAITING)
        assert told.requested_by == "ada"
        (operation,) = self.waiting()[-1:]
        order = Rollback(project="hello", repository=REPO, generation=3, reason="it burns", who="ada")
        assert operation == NumberedOperation(number=told.number, operation=order)

    def test_a_prune_takes_the_projects_retention(self) -> None:
        """Unless another one is given, the repository builder is told that of the definition."""
        self.ada.post(PATH, {"type": "prune", "project": "hello"})
        self.ada.post(PATH, {"type": "prune", "project": "hello", "retention": {"versions": 7}})
        of_project, given = (operation.operation for operation in self.waiting()[-2:])
        assert of_project == Prune(project="hello", retention=Retention(), who="ada")
        assert given == Prune(project="hello", retention=Retention(versions=7), who="ada")

    def test_what_became_of_it_is_shown(self) -> None:
        """State, generations and findings are those of the repository builder's answer."""
        number = self.order().number
        finding = Finding(kind=FindingKind.RESTORED, subject="hello-1.0-1.x86_64")
        applied = Applied(
            number=number,
            generations=(PublishedIn(repository=REPO, generation=5),),
            published=(),
            findings=Findings(first=(finding,)),
        )
        answer(self.farm.farm.operations.applied(applied))
        told = self.client.get(f"{PATH}/{number}").json(OperationShown)
        assert (told.state, told.generations) == (OperationState.APPLIED, applied.generations)
        assert told.findings.first == (finding,)
        assert told.finished is not None

    def test_a_refusal_is_shown_with_its_reason(self) -> None:
        """What the repository builder refuses, it refuses in a sentence."""
        number = self.order().number
        answer(self.farm.farm.operations.rejected(Rejected(number=number, reason="generation 3 is gone")))
        told = self.client.get(f"{PATH}/{number}").json(OperationShown)
        assert (told.state, told.reason) == (OperationState.REJECTED, "generation 3 is gone")

    def test_operations_are_listed_in_parts(self) -> None:
        """The newest first; `before` goes on with older ones, `project` leaves out the others'."""
        first, second = self.order().number, self.order().number
        listed = self.client.get(f"{PATH}?limit=1").json(list[OperationShown])
        assert [one.number for one in listed] == [second]
        assert self.client.get(f"{PATH}?before={second}&limit=1").json(list[OperationShown])[0].number == first
        assert len(self.client.get(f"{PATH}?project=hello").json(list[OperationShown])) == 3
        assert self.client.get(f"{PATH}?project=hallo").status == 404

    def test_people_publish_by_building(self) -> None:
        """What the farm alone may order is refused in a sentence, and nothing waits that did not before."""
        before = self.waiting()
        status, message = self.refused(
            {
                "type": "publish",
                "project": "hello",
                "stage": "testing",
                "package": "hello",
                "build": 1,
                "job": CHROOT,
                "fence": 1,
                "chroots": [CHROOT],
                "retention": {},
                "srpm": "hello-1.0-1.src.rpm",
            }
        )
        assert (status, message) == (422, "`publish` is ordered by the farm itself, which builds before it publishes")
        assert self.refused({"type": "prepare", "project": "hello", "stages": [], "chroots": []})[0] == 422
        assert self.waiting() == before

    def test_an_order_has_to_make_sense(self) -> None:
        """Each mistake is a sentence, and nothing is ordered."""
        before = self.waiting()
        assert self.refused(ROLLBACK | {"project": "hallo"})[0] == 404
        assert "testing" in self.refused(ROLLBACK | {"repository": "hello/tasting/fedora-43/x86_64"})[1]
        status, message = self.refused(ROLLBACK | {"repository": "other/testing/fedora-43/x86_64"})
        assert (status, message) == (422, "other/testing/fedora-43/x86_64 is no repository of the project `hello`")
        assert self.refused({"type": "undo", "project": "hello", "number": 99})[0] == 404
        promote = {"type": "promote", "project": "hello", "source": "testing", "target": "stabel", "everything": True}
        assert "`stable`" in self.refused(promote)[1]
        assert self.refused(ROLLBACK | {"generation": "last"})[0] == 422
        assert self.refused({"type": "explode", "project": "hello"})[0] == 422
        assert self.waiting() == before

    def test_an_operation_nobody_knows_is_a_sentence(self) -> None:
        """As for builds."""
        assert self.client.get(f"{PATH}/99").status == 404
        assert self.client.get(f"{PATH}/soon").status == 404
        with pytest.raises(NotFoundError, match="operation 99"):
            answer(self.farm.farm.operations.show(99))


class KeysTest(WebTest):
    """`/api/v1/keys`."""

    def test_keys_are_listed_and_given_out(self) -> None:
        """Which they are, as JSON; the keys themselves, as text; and a sentence where there are none."""
        assert self.client.get("/api/v1/keys?project=hello").json(list[SigningKey]) == []
        none = self.client.get("/api/v1/keys/export?project=hello")
        assert (none.status, "builder repo key create hello" in none.text) == (404, True)
        key = SigningKey(fingerprint="A" * 40, since=1.0)
        public_keys.write(self.repos, "hello", (key,), b"-----BEGIN\n")
        assert self.client.get("/api/v1/keys?project=hello").json(list[SigningKey]) == [key]
        assert self.client.get("/api/v1/keys/export?project=hello").text == "-----BEGIN\n"
        for path in ("/api/v1/keys?project=hallo", "/api/v1/keys/export?project=hallo"):
            assert self.client.get(path).status == 404
