"""The page `/packages`: what the farm builds, by project."""

from itertools import groupby

from builder.master.definitions import Definitions
from builder.model import Value
from builder.web import answers
from builder.web.answers import Answer
from builder.web.pages.templates import Templates
from builder.web.visit import Visit


class AskPackages(Value, frozen=True, kw_only=True):
    """All packages."""


class PackagesPage:
    """Makes the page."""

    def __init__(self, definitions: Definitions, templates: Templates) -> None:
        self._definitions = definitions
        self._templates = templates

    async def show(self, _: AskPackages, __: Visit) -> Answer:
        """The packages with their newest builds."""
        packages = await self._definitions.packages(None)
        projects = [(project, list(own)) for project, own in groupby(packages, lambda package: package.project)]
        return answers.page(self._templates.render("packages.html", here="/packages", projects=projects))
