"""Permissions: the one place that compares an act with the visitor's leave. Pure."""

from builder.errors import ForbiddenError, UnauthorizedError
from builder.model.visitor import Act, Nobody, Visitor


def may(visitor: Visitor, act: Act, project: str | None) -> bool:
    """Tell if a visitor may do an act in a project; without a project, if in any at all."""
    return any(act in grant.acts and (project is None or grant.project in {None, project}) for grant in visitor.grants)


def require(visitor: Visitor, act: Act, project: str | None) -> None:
    """Refuse an act that a visitor may not do; without a project, one that the visitor may do in none at all.

    Raises:
        UnauthorizedError: The visitor has not said who they are.
        ForbiddenError: The visitor has, and may not do it.
    """
    if may(visitor, act, project):
        return
    if isinstance(visitor, Nobody):
        raise UnauthorizedError("this needs a token: send it as 'Authorization: Bearer TOKEN'")
    where = "" if project is None else f" in the project `{project}`"
    raise ForbiddenError(f"`{visitor.name}` may not {act.value}{where}: ask whoever runs the farm for leave")
