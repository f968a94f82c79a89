"""The page `/packages`: what the farm builds, by project, and the repositories that it publishes it in."""

from collections import defaultdict
from itertools import groupby
from pathlib import Path

from builder.master.definitions import Definitions
from builder.master.delivery import Aside
from builder.model import Value
from builder.repo.archive import repositories
from builder.web import answers
from builder.web.answers import Answer
from builder.web.pages.templates import Templates
from builder.web.visit import Visit

Places = dict[str, list[str]]
"""The trees (`x86_64`, `debug/x86_64` …) at each stage and distribution (`testing/fedora-43`) of a project."""


class AskPackages(Value, frozen=True, kw_only=True):
    """The request for all packages."""


class PackagesPage:
    """The page of the packages; `repos` is the folder of the repositories."""

    def __init__(self, definitions: Definitions, repos: Path, aside: Aside, templates: Templates) -> None:
        self._definitions = definitions
        self._repos = repos
        self._aside = aside
        self._templates = templates

    async def show(self, _: AskPackages, __: Visit) -> Answer:
        """Return the page of the packages with their newest builds."""
        packages = await self._definitions.packages(None)
        places = await self._aside(self._places)
        projects = [
            (project, list(own), places.get(project, {}))
            for project, own in groupby(packages, lambda package: package.project)
        ]
        return answers.page(self._templates.render("packages.html", here="/packages", projects=projects))

    def _places(self) -> dict[str, Places]:
        """Return the places of all projects, in the order of their names."""
        found: defaultdict[str, Places] = defaultdict(dict)
        for name in repositories(self._repos):
            project, stage, distribution, tree = name.split("/", 3)
            found[project].setdefault(f"{stage}/{distribution}", []).append(tree)
        return found
