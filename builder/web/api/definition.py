"""The farm's definition over the API: text in, differences out."""

from builder.master.definitions import Definitions
from builder.model import Label, Value
from builder.model.difference import DefinitionChange
from builder.web import answers
from builder.web.answers import Answer
from builder.web.visit import Visit

YAML = "application/yaml"


class ApplyDefinition(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request to make the farm as the text says, or only to tell what that would change."""

    dry_run: bool = False
    body: str


class ExportDefinition(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the definition of one project, or of all."""

    project: Label | None = None


class DefinitionApi:
    """The routes `/api/v1/definition`."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    async def apply(self, asked: ApplyDefinition, visit: Visit) -> tuple[DefinitionChange, ...]:
        """Apply the definition and tell what it changed."""
        return await self._definitions.apply(asked.body, asked.dry_run, visit.visitor)

    async def export(self, asked: ExportDefinition, _: Visit) -> Answer:
        """Return the definition as text that `apply` takes."""
        return answers.text(await self._definitions.export(asked.project), YAML)
