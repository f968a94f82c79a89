from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import BuilderError, ForbiddenError, InternalError, InvalidError
from builder.wire import (
    CHUNK,
    REQUESTS,
    ArtifactChunk,
    FilePart,
    JobStarted,
    LogChunk,
    Request,
    Role,
    StepFinished,
    StepStarted,
)
from tests.support.values import values

requests = st.sampled_from(REQUESTS).flatmap(values)


@settings(deadline=None)
@given(request=requests)
def test_every_request_survives_the_wire(request: Request[Any]) -> None:
    """What is decoded is what was encoded, for every request that can be declared."""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=type(request)) == request


@settings(deadline=None)
@given(answer=st.sampled_from(sorted({request.answer for request in REQUESTS}, key=str)).flatmap(values))
def test_every_answer_survives_the_wire(answer: msgspec.Struct) -> None:
    """The same for every answer."""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=type(answer)) == answer


@settings(deadline=None)
@given(request=requests, news=st.dictionaries(st.text(), st.booleans() | st.text(), min_size=1))
def test_a_newer_peer_may_add_fields(request: Request[Any], news: dict[str, object]) -> None:
    """Fields that this side does not know change nothing."""
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(request))
    message = msgspec.msgpack.encode({f"new_{name}": value for name, value in news.items()} | fields)
    assert msgspec.msgpack.decode(message, type=type(request)) == request


@pytest.mark.parametrize(
    "longest",
    [
        LogChunk(attempt="f" * 32, offset=2**63 - 1, data=bytes(CHUNK)),
        ArtifactChunk(attempt="f" * 32, name="n" * 128, offset=2**63 - 1, data=bytes(CHUNK)),
        FilePart(size=2**63 - 1, data=bytes(CHUNK)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_chunk_fits_into_a_box(longest: msgspec.Struct) -> None:
    """A chunk of the longest size with the longest fields stays below the end of an AMP value."""
    assert len(msgspec.msgpack.encode(longest)) <= 65_535


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0, 1e12])
def test_a_time_is_one_that_can_be_shown(time: float) -> None:
    """A step is never said to have begun or ended when no calendar has a day for it."""
    for report in (JobStarted, StepStarted, StepFinished):
        fields = {"attempt": "f" * 32, "number": 0, "step": "build", "log_offset": 0, "ok": True, "time": time}
        with pytest.raises(msgspec.ValidationError, match="time"):
            msgspec.msgpack.decode(msgspec.msgpack.encode(fields), type=report)


@pytest.mark.parametrize("request_type", REQUESTS)
def test_a_request_is_complete(request_type: type[Request[Any]]) -> None:
    """Each request says who sends it, what answers it and which errors may, all of them from the table."""
    assert request_type.__doc__
    assert request_type.senders
    assert request_type.senders <= frozenset(Role)
    assert issubclass(request_type.answer, msgspec.Struct)
    assert all(issubclass(error, BuilderError) for error in request_type.failures)
    assert not {InternalError, InvalidError, ForbiddenError} & set(request_type.failures)


def test_every_request_is_listed() -> None:
    """A request that is not listed could not be said."""

    def declared(kind: type) -> set[type]:
        return {kind}.union(*map(declared, kind.__subclasses__()))

    listed = set(REQUESTS)
    abstract = {kind for kind in declared(Request) if kind.__subclasses__()}
    ours = {kind for kind in declared(Request) - abstract if kind.__module__ == "builder.wire"}
    assert ours == listed
