"""Orders to the repository builder: given, waited for, and their outcomes.

Ctrl-C ends the waiting and not the operation.
"""

import sys
import threading
import time
from typing import Any

from builder.cli import tables
from builder.cli.answers import Operation
from builder.cli.client import Farm, Patience
from builder.cli.exits import Exit
from builder.errors import UnavailableError

FIRST, LONGEST = 0.05, 1.0
"""Seconds between two looks at an operation: each time a little longer, from the first to the longest."""
QUIET = 5.0
"""Seconds that somebody waits before they are told that they do."""

Order = dict[str, Any]
"""An order as the API takes it: its `type`, and the fields of that type."""


def carry_out(farm: Farm, order: Order, *, as_json: bool, fine: frozenset[str] | None = None) -> Exit:
    """Give an order, wait until it is carried out or refused, and tell its outcome.

    Returns:
        The exit code; with `fine`, a failure where there are findings of other kinds than these.
    """
    number = given(farm, order)
    try:
        operation = answered(farm, number)
    except KeyboardInterrupt:
        return left(number)
    outcome = told(operation, as_json=as_json)
    kinds = {finding["kind"] for finding in operation["findings"]["first"]}
    return Exit.FAILED if outcome is Exit.DONE and fine is not None and kinds - fine else outcome


def given(farm: Farm, order: Order) -> int:
    """Return the number of the operation that an order has become."""
    operation: Operation = farm.post("operations", order)
    return operation["number"]


def answered(farm: Farm, number: int) -> Operation:
    """Return the operation once it has been carried out or refused; a farm that is away meanwhile is waited for.

    Raises:
        UnavailableError: The farm was away for too long.
    """
    patience = Patience()
    pause, quiet_until, told_so = FIRST, time.monotonic() + QUIET, False
    while True:
        try:
            operation: Operation = farm.get(f"operations/{number}")
        except UnavailableError as error:
            if patience.tried and not patience.told:
                patience.told = True
                _say(f"{error}; operation {number} is looked at again as soon as it answers")
            patience.wait(error)
            continue
        patience.answered()
        if operation["finished"] is not None:
            return operation
        if not told_so and time.monotonic() > quiet_until:
            _say(f"operation {number} waits for the repository builder; Ctrl-C leaves it waiting")
            told_so = True
        threading.Event().wait(pause)
        pause = min(2 * pause, LONGEST)


def left(number: int) -> Exit:
    """Say what becomes of an operation for which nobody waits any more."""
    _say(f"operation {number} goes on: `builder repo operations` tells what comes of it")
    return Exit.INTERRUPTED


def told(operation: Operation, *, as_json: bool) -> Exit:
    """Tell the outcome of an operation: its findings first; a refusal on standard error."""
    if as_json:
        tables.as_json(operation)
    else:
        show_findings(operation)
    number = operation["number"]
    if operation["state"] == "rejected":
        _say(f"operation {number} is refused: {operation['reason']}")
        return Exit.REFUSED
    if not as_json:
        for made in operation["generations"]:
            print(f"{made['repository']} is now generation {made['generation']}")
        print(f"operation {number} is done")
    return Exit.DONE


def show_findings(operation: Operation) -> None:
    """Print the findings about an operation, a line each."""
    findings = operation["findings"]
    if findings["first"]:
        rows = [(finding["kind"], finding["subject"], finding["text"]) for finding in findings["first"]]
        tables.table(("FINDING", "SUBJECT", ""), rows)
    if findings["more"]:
        print(f"and {findings['more']} more")


def _say(sentence: str) -> None:
    for line in tables.harmless(sentence).splitlines():
        print(f"builder: {line}", file=sys.stderr, flush=True)
