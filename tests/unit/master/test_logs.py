"""Logs: files that only grow."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from builder.errors import UnavailableError
from builder.master.logs import Logs
from tests.support.disk import no_file_larger_than

ATTEMPT = (17, "fedora-43-x86_64", 1)


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    """Logs in a folder of their own."""
    return Logs(tmp_path)


def test_what_is_appended_is_read(logs: Logs) -> None:
    """Any part of it, from any offset; behind its end there is nothing."""
    assert logs.append(*ATTEMPT, 0, b"one\n") == 4
    assert logs.append(*ATTEMPT, 4, b"two\n") == 8
    assert logs.read(*ATTEMPT, 0, 100) == b"one\ntwo\n"
    assert logs.read(*ATTEMPT, 2, 3) == b"e\nt"
    assert logs.read(*ATTEMPT, 8, 100) == b""
    assert logs.read(*ATTEMPT, 99, 100) == b""


def test_there_is_no_log_yet(logs: Logs) -> None:
    """Its length is 0 and it reads as empty."""
    assert logs.length(*ATTEMPT) == 0
    assert logs.read(*ATTEMPT, 0, 100) == b""
    logs.sync(*ATTEMPT)


def test_attempts_have_logs_of_their_own(logs: Logs) -> None:
    """Another fence is another log."""
    logs.append(17, "source", 1, 0, b"first")
    logs.append(17, "source", 2, 0, b"second")
    assert logs.read(17, "source", 1, 0, 100) == b"first"


def test_a_full_disk_loses_nothing(logs: Logs) -> None:
    """What did not fit as a whole leaves nothing behind, and fits when there is room again."""
    logs.append(*ATTEMPT, 0, b"12345")
    with no_file_larger_than(8), pytest.raises(UnavailableError, match="the master cannot use"):
        logs.append(*ATTEMPT, 5, b"67890")
    assert logs.length(*ATTEMPT) == 5
    assert logs.append(*ATTEMPT, 5, b"67890") == 10


def test_nobody_waits_for_ever(logs: Logs) -> None:
    """Who waits is woken by more of that log, or by its end, and may stop to wait."""
    woken: list[str] = []

    def follow(who: str) -> Deferred[None]:
        wait = logs.changed(*ATTEMPT)
        return wait.addCallbacks(lambda _: woken.append(who), lambda _: None)

    _ = follow("one")
    follow("who leaves").cancel()
    logs.append(17, "source", 1, 0, b"another log")
    logs.append(*ATTEMPT, 3, b"a gap")
    assert woken == []
    logs.append(*ATTEMPT, 0, b"x")
    assert woken == ["one"]
    _ = follow("two")
    logs.closed(*ATTEMPT)
    assert woken == ["one", "two"]


@given(st.data())
def test_however_the_pieces_come(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Pieces twice, overlapping or too early: the log is always a beginning of the whole, and what was answered."""
    logs = Logs(tmp_path_factory.mktemp("logs"))
    whole = data.draw(st.binary(max_size=60))
    for _ in range(data.draw(st.integers(0, 15))):
        start = data.draw(st.integers(0, len(whole)))
        stop = data.draw(st.integers(start, len(whole)))
        length = logs.append(*ATTEMPT, start, whole[start:stop])
        assert logs.read(*ATTEMPT, 0, 100) == whole[:length]
        assert length >= stop or start > length
