"""A YAML document as plain data, with the line of each of its parts.

Documents come from people over the network, so they are bounded before they are composed: size, depth, and no aliases
(a few of them make gigabytes), no tags. Scalars stay text as they were written; their meaning is that of the type
that they are read as, so that `ref: 1.10` is the tag 1.10 and `on:` is not a truth value.
"""

import contextlib
import re
from typing import Any

import yaml

from builder.errors import InvalidError, TooLargeError
from builder.mistakes import Place

LARGEST = 4 * 1024 * 1024
"""The most characters of a definition: 5,000 packages need about a million."""
DENSEST = 400_000
"""The most nodes, for the same reason: 5,000 packages need about 100,000."""
DEEPEST = 20

_NULL = "tag:yaml.org,2002:null"
_NOT_TAKEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that a YAML text cannot hold (YAML 1.1 §5.1): control characters, halves of surrogate pairs."""


class Document:
    """A document: its data, and the places and lines of keys that `repeated` an earlier one."""

    def __init__(self, root: yaml.Node) -> None:
        self._lines: dict[Place, int] = {(): _line(root)}
        self.repeated: list[tuple[Place, int]] = []
        self.data = self._plain(root, ())

    def line(self, place: Place) -> int:
        """Return the line where `place` stands, or the innermost part around it that is there; the first is 1."""
        while place not in self._lines:
            place = place[:-1]
        return self._lines[place]

    def _plain(self, node: yaml.Node, place: Place) -> Any:
        match node:
            case yaml.SequenceNode():
                for index, item in enumerate(node.value):
                    self._lines[*place, index] = _line(item)
                return [self._plain(item, (*place, index)) for index, item in enumerate(node.value)]
            case yaml.MappingNode():
                return self._mapping(node, place)
            case _:
                return None if node.tag == _NULL else node.value

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "[…]"
            if name in data:
                self.repeated.append(((*place, name), _line(key)))
            else:
                self._lines[*place, name] = _line(key)
                data[name] = self._plain(value, (*place, name))
        return data


def documents(text: str) -> list[Document]:
    """Parse YAML text; documents with nothing in them are left out.

    Raises:
        InvalidError: The text is not YAML, or uses what is not taken here; with the line.
        TooLargeError: The text is over a limit.
    """
    if len(text) > LARGEST:
        raise TooLargeError(f"the definition has {len(text):,} characters, more than the {LARGEST:,} that are taken")
    if wrong := _NOT_TAKEN.search(text):
        line = text.count("\n", 0, wrong.start()) + 1
        raise InvalidError(f"line {line}: this is not YAML: it cannot hold the character U+{ord(wrong[0]):04X}")
    try:
        _bound(text)
        roots = list(yaml.compose_all(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidError(f"line {line}: this is not YAML: {error.problem}") from error
    return [Document(root) for root in roots if root.tag != _NULL]


def _line(part: yaml.Node | yaml.Event) -> int:
    return part.start_mark.line + 1 if part.start_mark else 1


def _bound(text: str) -> None:
    """Refuse a text that would be dear to compose; the parser's events cost the same however the document is built."""
    try:
        _check(text)
    except yaml.MarkedYAMLError as error:
        if error.problem_mark:
            # The parser reads ahead of its events: where it stops, a mistake of ours may stand before its own.
            with contextlib.suppress(yaml.MarkedYAMLError):
                _check(text[: error.problem_mark.index])
        raise


def _check(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise InvalidError(f"line {_line(event)}: aliases (`*{event.anchor}`) are not taken; write the part out")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            raise InvalidError(f"line {_line(event)}: tags (`{event.tag}`) are not taken; leave it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise InvalidError(f"line {_line(event)}: this is nested more than {DEEPEST} deep")
        if count > DENSEST:
            raise TooLargeError(f"the definition has more than {DENSEST:,} parts")
