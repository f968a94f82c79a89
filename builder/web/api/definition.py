"""The farm's definition over the API: text in, differences out."""

from builder.master.definitions import Definitions
from builder.model import Label, Value
from builder.model.difference import Change
from builder.web import answers
from builder.web.answers import Answer
from builder.web.visit import Visit

YAML = "application/yaml"


class ApplyDefinition(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Make the farm as the text says, or only tell what that would change."""

    dry_run: bool = False
    body: str


class ExportDefinition(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The definition of one project, or of all."""

    project: Label | None = None


class DefinitionApi:
    """`/api/v1/definition`."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    async def apply(self, asked: ApplyDefinition, visit: Visit) -> tuple[Change, ...]:
        """Apply the definition and tell what it changed."""
        return await self._definitions.apply(asked.body, asked.dry_run, visit.visitor)

    async def export(self, asked: ExportDefinition, _: Visit) -> Answer:
        """The definition as text that `apply` takes."""
        return answers.text(await self._definitions.export(asked.project), YAML)
