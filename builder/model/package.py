"""A package as it is shown in a list; its definition is `builder.model.project.Package`."""

from builder.model import Value
from builder.model.build import BuildState
from builder.model.project import Style


class PackageSummary(Value, frozen=True, kw_only=True):
    """One line about a package: `chroots` are those it is built for, `newest` and `state` those of its newest build."""

    project: str
    package: str
    style: Style
    channel: str
    chroots: tuple[str, ...]
    newest: int | None = None
    state: BuildState | None = None
