"""Mutual TLS 1.3 between the daemons of one farm."""

from twisted.python.failure import Failure


def explain(reason: Failure) -> str:
    """Why a connection was lost, in words for a person."""
    return reason.getErrorMessage()
