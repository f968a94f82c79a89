import re
import runpy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder import boxes, dial, protocol
from builder.errors import BuilderError
from builder.wire import CHUNK, PROTOCOL_VERSION, REQUESTS, Request, Verdict

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
BY_HAND = PAGE.partition("## Requests\n")[0]


def section(title: str) -> str:
    """What stands below one heading of the third level."""
    (text,) = re.findall(rf"^### {title}\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return str(text)


def test_the_page_is_current() -> None:
    """docs/protocol.md says what is declared; if this fails, run `python scripts/protocol.py`."""
    assert runpy.run_path(str(ROOT / "scripts" / "protocol.py"))["page"]() == PAGE


@pytest.mark.parametrize("request_type", REQUESTS)
def test_every_request_and_field_is_named(request_type: type[Request[Any]]) -> None:
    """Each request has a section that names its fields, its answer and its errors, and the answer has one too."""
    text = section(request_type.__name__)
    fields = [field.encode_name for field in msgspec.structs.fields(request_type)]
    errors = [error.tag.decode() for error in request_type.failures]
    for word in (*fields, *errors, request_type.answer.__name__):
        assert f"`{word}`" in text
    answer = section(request_type.answer.__name__)
    for field in msgspec.structs.fields(request_type.answer):
        assert f"`{field.encode_name}`" in answer


ERRORS: set[type[BuilderError]] = {*protocol.ALWAYS}.union(*(request.failures for request in REQUESTS))
TAGS = {error.tag.decode() for error in ERRORS}


@pytest.mark.parametrize("word", [*sorted(TAGS), *(verdict.value for verdict in Verdict)])
def test_every_tag_and_verdict_is_explained(word: str) -> None:
    """The table of errors has every tag, the table of verdicts every verdict."""
    assert f"\n| `{word}` | " in BY_HAND


@pytest.mark.parametrize(
    "row",
    [
        f"| pairs in a box | {boxes.MAX_KEYS} |",
        f"| bytes of a box | {boxes.MAX_BOX:,} |",
        f"| time from the first byte of a box to its last | {boxes.BOX_SECONDS:g} seconds, ",
        f"| bytes of log or file in one request or answer | {CHUNK:,} |",
        f"| unanswered questions, in each direction | {protocol.MAX_ASKS:,} |",
        f"| bytes that wait because the other side does not read | {boxes.MAX_UNSENT:,} |",
        f"`_ask`: any 1 to {protocol.MAX_TAG} bytes",
        f"takes longer than {protocol.HANDSHAKE_SECONDS:g} seconds is cut",
        f"This is version {PROTOCOL_VERSION}.",
    ],
)
def test_bounds_are_the_ones_that_hold(row: str) -> None:
    """The figures in the prose are those of the code."""
    assert row in BY_HAND


def test_waits_are_the_ones_that_hold() -> None:
    """So are the waits of a dialler, which stand there in words."""
    assert (dial.FIRST_WAIT, dial.LONGEST_WAIT) == (0.5, 30.0)
    assert "half a second at first,\nhalf a minute at most" in BY_HAND
