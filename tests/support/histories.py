"""Repositories with a past: one version of a package after the other, and what persons then ask for."""

from pathlib import Path
from typing import Any

from builder.model.operation import AnyOperation, NumberedOperation
from builder.wire import Applied, Rejected
from tests.support.repositories import Workbench
from tests.support.rpms import deliver, order_of

NAME = "hello/testing/fedora-43/x86_64"
SOURCE = "hello/testing/fedora-43/source"
TREE = f"repos/{NAME}"


def published(bench: Workbench, number: int, *files: Path, **changes: Any) -> Applied | Rejected:
    """Deliver the files as build `number` and carry out the operation `number` on them."""
    order = order_of(number, **changes)
    deliver(bench.state, order, files)
    return ordered(bench, number, order)


def ordered(bench: Workbench, number: int, order: AnyOperation) -> Applied | Rejected:
    """What is answered to the operation `number`."""
    (answer,) = bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
    assert isinstance(answer, Applied | Rejected)
    return answer


def told(answer: Applied | Rejected) -> list[str]:
    """What is found out about an operation, as lines; the reason of one that was rejected."""
    if isinstance(answer, Rejected):
        return [answer.reason]
    return [f"{finding.kind.value} {finding.subject} {finding.text}" for finding in answer.findings.first]
