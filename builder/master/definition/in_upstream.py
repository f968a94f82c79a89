"""Packages whose spec lives upstream: the keys that their `packaging` leaves out are those of `upstream`."""

from typing import Any

from builder.mistakes import Place
from builder.model.package import Style

_PLACE = ("git", "ref", "secret")
"""The keys by which a repository and a commit in it are named."""


def with_packaging(data: Any) -> tuple[Any, frozenset[Place]]:
    """Return a project's data where each package of style `ci` has its spec's place, and the places that were copied.

    Where `packaging` names no repository, it is upstream's; and then, unless it says another ref, the same commit.
    """
    packages = data.get("packages") if isinstance(data, dict) else None
    if not isinstance(packages, dict):
        return data, frozenset()
    whole, copied = dict(packages), set()
    for name, package in packages.items():
        for key, part in _missing(package).items():
            packaging = whole[name].get("packaging") or {}
            whole[name] = {**whole[name], "packaging": {key: part, **packaging}}
            copied.add(("packages", name, "packaging", key))
    return {**data, "packages": whole}, frozenset(copied)


def _missing(package: Any) -> dict[str, Any]:
    """Return the keys that a package's packaging has from its upstream."""
    if not isinstance(package, dict) or package.get("style") != Style.CI.value:
        return {}
    packaging, upstream = package.get("packaging") or {}, package.get("upstream")
    if not isinstance(packaging, dict) or not isinstance(upstream, dict) or "git" in packaging:
        return {}
    return {key: upstream[key] for key in _PLACE if key in upstream and key not in packaging}
