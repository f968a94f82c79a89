"""Robots: a second kind of visitor, which may build in one project alone. The product knows nothing of them."""

from collections.abc import Mapping

from builder.errors import UnauthorizedError
from builder.model import Label, Value
from builder.model.visitor import READING, Act, Grant, Visitor
from builder.web.identity import Header, Identify

PREFIX = "Bearer robot-"


class Robot(Value, frozen=True, kw_only=True):
    """A program that builds for a project and cancels what it builds."""

    project: Label

    @property
    def name(self) -> str:
        return f"robot of {self.project}"

    @property
    def grants(self) -> tuple[Grant, ...]:
        return (*READING, Grant(acts=frozenset({Act.BUILD, Act.CANCEL}), project=self.project))


class Robots:
    """Knows robots by their keys, and leaves everybody else to `others`."""

    def __init__(self, known: Mapping[str, Visitor], others: Identify) -> None:
        self._known = known
        self._others = others

    async def identify(self, header: Header) -> Visitor:
        """The robot whose key the request carries, or whoever else it is."""
        given = header("Authorization") or ""
        if not given.startswith(PREFIX):
            return await self._others(header)
        robot = self._known.get(given.removeprefix(PREFIX))
        if robot is None:
            raise UnauthorizedError("this key is no robot's")
        return robot
