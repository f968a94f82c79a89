"""The operation `Carry`: a file of groups or of AppStream comes into the metadata of a stage, or leaves it."""

import hashlib
import zlib
from collections.abc import Mapping
from xml.parsers import expat

from builder.errors import InvalidError, NotFoundError
from builder.model.operation import CarriedKind, Carry
from builder.model.repository import CauseKind
from builder.repo import answer, layout
from builder.repo.answer import OperationAnswer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Carried, Cause, Entered, Manifest

LARGEST = 8 << 20
"""Bytes of the largest file: that of a whole distribution has half of it."""
_GZIP = 16 + zlib.MAX_WBITS
"""The number that zlib has for the format of gzip."""
_ROOTS = {CarriedKind.GROUP: "comps", CarriedKind.APPSTREAM: "components"}
"""The root element of each kind of file."""


class Carrying:
    """The operation `number`; see `builder.repo.tasks.task.Task`. `homes` are all repositories of its project."""

    def __init__(self, number: int, operation: Carry, homes: tuple[Repository, ...]) -> None:
        self._operation = operation
        self._cause = Cause(number=number, kind=CauseKind.CARRY, who=operation.who, reason=operation.reason)
        self._homes = tuple(
            home
            for home in homes
            if (home.stage, home.distribution) == (operation.stage, operation.distribution)
            and home.tree != layout.SOURCE
            and not home.tree.startswith(f"{layout.DEBUG}/")
        )

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return the answer if a manifest says that the operation was applied."""
        entered = {home: drafts.of(home).before.applied(self._cause) for home in self._homes}
        return self._applied(entered) if any(entered.values()) else None

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Put the file into all repositories of the distribution's packages, or take it out of them."""
        operation = self._operation
        homes = [home for home in self._homes if drafts.of(home).before.generation]
        if not homes:
            raise NotFoundError(
                f"{operation.project} has no repositories of {operation.distribution} in {operation.stage}"
            )
        carried = None
        if operation.packed:
            text = unpacked(operation.packed, _ROOTS[operation.kind])
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            carried = Carried(kind=operation.kind, sha256=sha256, packed=operation.packed)
        for home in homes:
            drafts.of(home).carry(self._cause, operation.kind, carried)
        return {}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Return the answer from the manifests; a file that is carried leaves nothing to put away."""
        return self._applied({home: manifests[home].applied(self._cause) for home in self._homes if home in manifests})

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal; a file that is carried leaves nothing to put away."""
        return answer.rejected(self._cause.number, reason)

    def _applied(self, entered: Mapping[Repository, Entered | None]) -> OperationAnswer:
        return answer.applied(self._cause.number, answer.generations(entered))


def unpacked(packed: bytes, root: str) -> str:
    """Return the text of a file of XML with this root element.

    Raises:
        InvalidError: The file is no such file, and why.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = unpacker.decompress(packed, LARGEST)
        text = content.decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise InvalidError(f"the file is not packed with gzip, or no text in UTF-8: {error}") from error
    if unpacker.unconsumed_tail:
        raise InvalidError(f"the file has more than {LARGEST} bytes")
    if not unpacker.eof:
        raise InvalidError("the file is packed with gzip, but is not whole")
    if unpacker.unused_data:
        raise InvalidError("the file is packed with gzip, and something follows behind that: pack it once, as a whole")
    found = _root(content)
    if found != root:
        raise InvalidError(f"the file begins with <{found}>, and has to with <{root}>")
    return text


def _root(content: bytes) -> str:
    """Return the name of the root element of a file of XML that is whole and declares no entities."""
    names: list[str] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _attributes: names.append(name) if not names else None
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InvalidError(f"the file is no XML: {error}") from error
    return names[0]


def _refuse_entity(name: str, *_: object) -> None:
    raise InvalidError(f"the file declares the entity {name}, which is not read")
