"""The secrets that a package needs to reach its repositories, and if its project has them. Values in, values out."""

from collections.abc import Iterator, Mapping

from builder.model.package import Package
from builder.model.secret import SecretKind

_WANTED = {SecretKind.TOKEN: "https takes a token", SecretKind.SSH_KEY: "ssh takes an ssh key"}


def named(package: Package) -> tuple[str, ...]:
    """Return the names of the secrets that a package is fetched with."""
    places = (package.packaging, package.upstream)
    return tuple(dict.fromkeys(place.secret for place in places if place and place.secret))


def mistakes(project: str, name: str, package: Package, kinds: Mapping[str, SecretKind]) -> Iterator[str]:
    """Yield the reasons why the package `name` cannot be fetched with the project's secrets, given by their names."""
    for key, place in (("packaging", package.packaging), ("upstream", package.upstream)):
        if place is None or place.secret is None:
            continue
        needed = SecretKind.TOKEN if place.git.startswith("https://") else SecretKind.SSH_KEY
        command = f"`builder secret set {project} {place.secret} --file FILE` sets it"
        who = f"which the {key} of `{name}` names"
        kind = kinds.get(place.secret)
        if kind is None:
            yield f"the project `{project}` has no secret `{place.secret}`, {who}; {command}"
        elif kind is not needed:
            what = f"is of kind {kind.value}, but {_WANTED[needed]}"
            yield f"the secret `{place.secret}` of the project `{project}`, {who}, {what}; {command}"
