from typing import get_args

import msgspec
import pytest

from builder.model.findings import Finding
from builder.model.operation import AnyOperation, OperationKind


def test_kinds_are_those_of_operations() -> None:
    """Every operation has a kind of its own, under which JSON tells it, and no kind is without one."""
    tags = [operation.__struct_config__.tag for operation in get_args(AnyOperation)]
    assert sorted(tags) == sorted(kind.value for kind in OperationKind)


def test_finding_of_an_unknown_kind() -> None:
    """A finding of a kind that this version does not know is refused where it is read."""
    known = msgspec.json.decode(b'{"kind": "file-conflict", "subject": "/usr/bin/hello"}', type=Finding)
    assert known.kind.value == "file-conflict"
    with pytest.raises(msgspec.ValidationError, match=r"'eclipsed' - at `\$.kind`"):
        msgspec.json.decode(b'{"kind": "eclipsed", "subject": "/usr/bin/hello"}', type=Finding)
