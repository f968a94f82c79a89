"""The page `/repositories/hello/testing/fedora-43/x86_64`: what a repository holds, and how to enable it."""

import shlex
from functools import partial
from urllib.parse import quote

from builder.errors import UnavailableError
from builder.master.delivery import Aside
from builder.model import Label, Value
from builder.model.repository import PackageShown, RepositoryShown
from builder.repo import card
from builder.repo.card import Card
from builder.repo.history import History
from builder.repo.layout import DEBUG, SOURCE
from builder.state import StateFolder
from builder.web import answers
from builder.web.answers import Answer
from builder.web.pages.listing import Page, listing
from builder.web.pages.templates import Templates
from builder.web.visit import Visit


class AskRepository(Value, frozen=True, kw_only=True):
    """The request for one repository, with its packages whose names come after one."""

    project: Label
    stage: Label
    distribution: Label
    tree: tuple[str, ...]
    after: str = ""


class RepositoryPage:
    """The page of a repository, made in another thread where it reads files; the packages' cards are in the pool."""

    def __init__(self, history: History, state: StateFolder, aside: Aside, templates: Templates) -> None:
        self._history = history
        self._state = state
        self._aside = aside
        self._templates = templates

    async def show(self, asked: AskRepository, visit: Visit) -> Answer:
        """Return the page of the repository's current generation; it needs no script."""
        name = "/".join((asked.project, asked.stage, asked.distribution, *asked.tree))
        repository, packages = await self._aside(partial(self._read, name, asked.after))
        body = self._templates.render(
            "repository.html",
            here="",
            repository=repository.summary,
            distribution=asked.distribution,
            address=f"{visit.origin}/repos/{quote(name, safe='/+~')}",
            commands=_commands(asked, visit.origin),
            after=asked.after,
            rows=packages.rows,
            next=packages.next,
        )
        return answers.page(body)

    def _read(self, name: str, after: str) -> tuple[RepositoryShown, Page]:
        repository = self._history.show(name)
        return repository, listing(repository.packages, self._card, after)

    def _card(self, package: PackageShown) -> Card | None:
        """Return the card of a package; None where it has just gone, or is damaged."""
        try:
            return card.load(self._state.package(package.sha256).with_suffix(card.SUFFIX))
        except (OSError, UnavailableError):
            return None


def _commands(asked: AskRepository, origin: str) -> tuple[str, ...]:
    """Return the commands for a person; sources and debuginfo are in the same file, switched off."""
    section = name = f"{asked.project}-{asked.stage}"
    if asked.tree[0] in {SOURCE, DEBUG}:
        section = f"{name}-{asked.tree[0]}"
    address = f"{origin}/repos/{asked.project}/{asked.stage}/{asked.distribution}/{name}.repo"
    fetch = shlex.join(["curl", "-fo", f"/etc/yum.repos.d/{name}.repo", address])
    if section == name:
        return fetch, f"dnf --repo={name} list --available"
    return fetch, f"dnf config-manager --set-enabled {section}"
