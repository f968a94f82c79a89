"""The keys that a project signs with, over the API: which they are, and the keys themselves."""

from functools import partial
from pathlib import Path

from builder.errors import NotFoundError
from builder.master.definitions import Definitions
from builder.master.delivery import Aside
from builder.model import Label, Value
from builder.model.key import SigningKey
from builder.repo.signing import public_keys
from builder.web import answers
from builder.web.answers import Answer
from builder.web.visit import Visit


class AskKeys(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the keys of one project."""

    project: Label


class KeysApi:
    """The routes `/api/v1/keys`; `repos` is the folder of the repositories, where the public keys are."""

    def __init__(self, definitions: Definitions, repos: Path, aside: Aside) -> None:
        self._definitions = definitions
        self._repos = repos
        self._aside = aside

    async def listing(self, asked: AskKeys, _: Visit) -> tuple[SigningKey, ...]:
        """Return the keys that clients are to trust, the current one first; none where the project does not sign."""
        await self._definitions.project(asked.project)
        return await self._aside(partial(public_keys.read, self._repos, asked.project))

    async def export(self, asked: AskKeys, _: Visit) -> Answer:
        """Answer with the public keys, armored."""
        await self._definitions.project(asked.project)
        try:
            return answers.text(await self._aside(public_keys.path(self._repos, asked.project).read_text))
        except FileNotFoundError:
            sentence = f"`{asked.project}` has no keys: `builder repo key create {asked.project}` makes the first"
            raise NotFoundError(sentence) from None
