"""Endings: by them a step ends its attempt before the last step is done."""

from builder.model.attempt import AttemptState, FailureKind, Outcome


class EndedError(Exception):
    """The end of the attempt, with this outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def failed(kind: FailureKind, reason: str) -> EndedError:
    """Return the ending of an attempt whose package is at fault."""
    return EndedError(Outcome(state=AttemptState.FAILED, kind=kind, reason=_line(reason)))


def broken(reason: str) -> EndedError:
    """Return the ending of an attempt where the farm is at fault; the job is tried again."""
    return EndedError(Outcome(state=AttemptState.BROKEN, kind=FailureKind.INFRASTRUCTURE, reason=_line(reason)))


def skipped(evr: str, reason: str) -> EndedError:
    """Return the ending of an attempt with nothing to build; `evr` is what was found published."""
    return EndedError(Outcome(state=AttemptState.SKIPPED, evr=evr, reason=_line(reason)))


def cancelled() -> EndedError:
    """Return the ending of an attempt that somebody wants to stop."""
    return EndedError(Outcome(state=AttemptState.CANCELLED, reason="cancelled"))


def timed_out(reason: str) -> EndedError:
    """Return the ending of an attempt of which a limit is over."""
    return EndedError(Outcome(state=AttemptState.TIMED_OUT, kind=FailureKind.TIMEOUT, reason=reason))


def _line(reason: str) -> str:
    """Return `reason` as one line of bounded length, in letters that can be written down; the log has the rest."""
    return " ".join(reason.split())[:500].encode(errors="replace").decode()
