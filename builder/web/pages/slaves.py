"""The page `/slaves`: the hosts that build."""

from builder.master.slaves import Slaves
from builder.model import Value
from builder.web import answers
from builder.web.answers import Answer
from builder.web.pages.templates import Templates
from builder.web.visit import Visit


class AskSlaves(Value, frozen=True, kw_only=True):
    """The request for all slaves."""


class SlavesPage:
    """The page of the slaves."""

    def __init__(self, slaves: Slaves, templates: Templates) -> None:
        self._slaves = slaves
        self._templates = templates

    async def show(self, _: AskSlaves, __: Visit) -> Answer:
        """Return the page of the slaves, what they take and what they are."""
        slaves = await self._slaves.listing()
        return answers.page(self._templates.render("slaves.html", here="/slaves", slaves=slaves))
