"""How a step ends the attempt it belongs to before the last step is done."""

from builder.model.attempt import AttemptState, FailureKind, Outcome


class EndedError(Exception):
    """The attempt is over, with this outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def failed(kind: FailureKind, reason: str) -> EndedError:
    """The package is at fault."""
    return EndedError(Outcome(state=AttemptState.FAILED, kind=kind, reason=_line(reason)))


def broken(reason: str) -> EndedError:
    """The farm is at fault; the job is tried again."""
    return EndedError(Outcome(state=AttemptState.BROKEN, kind=FailureKind.INFRASTRUCTURE, reason=_line(reason)))


def skipped(evr: str, reason: str) -> EndedError:
    """There is nothing to build; `evr` is what was found published."""
    return EndedError(Outcome(state=AttemptState.SKIPPED, evr=evr, reason=_line(reason)))


def cancelled() -> EndedError:
    """Somebody wants the attempt to stop."""
    return EndedError(Outcome(state=AttemptState.CANCELLED, reason="cancelled"))


def timed_out(reason: str) -> EndedError:
    """One of the order's limits is over."""
    return EndedError(Outcome(state=AttemptState.TIMED_OUT, kind=FailureKind.TIMEOUT, reason=reason))


def _line(reason: str) -> str:
    """`reason` as one line of bounded length, in letters that can be written down; the log has the rest."""
    return " ".join(reason.split())[:500].encode(errors="replace").decode()
