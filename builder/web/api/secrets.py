"""The projects' secrets over the API: set, listed and removed. None is ever told."""

from builder.master.secrets import Secrets
from builder.model import Label, Value
from builder.model.secret import SecretShown
from builder.web.visit import Visit


class SecretText(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A private key or a token."""

    value: str


class ListSecrets(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the secrets of one project, or of all."""

    project: Label | None = None


class SetSecret(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request to keep a secret, in place of the one that had its name."""

    project: Label
    name: Label
    body: SecretText


class RemoveSecret(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request to remove a secret."""

    project: Label
    name: Label


class SecretsApi:
    """The routes `/api/v1/secrets`."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def listing(self, asked: ListSecrets, visit: Visit) -> tuple[SecretShown, ...]:
        """Return the secrets, without values."""
        return await self._secrets.listing(asked.project, visit.visitor)

    async def set(self, asked: SetSecret, visit: Visit) -> SecretShown:
        """Keep a secret."""
        return await self._secrets.set(asked.project, asked.name, asked.body.value, visit.visitor)

    async def remove(self, asked: RemoveSecret, visit: Visit) -> tuple[SecretShown, ...]:
        """Remove a secret, and return those that the project still has."""
        return await self._secrets.remove(asked.project, asked.name, visit.visitor)
