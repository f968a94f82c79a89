"""Packages as manifests list them."""

import hashlib
from collections.abc import Iterable, Mapping

from builder import nevra
from builder.repo import layout
from builder.repo.manifest import Listed
from builder.repo.relations import Dependency, Relations


def listed(name: str, *, build: int = 1, since: float = 0.0, content: str = "") -> Listed:
    """The package with the NEVRA `name`; other `content`, other digest."""
    package = nevra.parse(name)
    digest = hashlib.sha256((name + content).encode()).hexdigest()
    return Listed(
        nevra=name,
        location=layout.location(package),
        sha256=digest,
        built=digest,
        size=1000,
        source=None if package.architecture == "src" else f"{package.name}.src.rpm",
        package=package.name,
        build=build,
        since=since,
    )


class Kin:
    """Packages that require and provide what a test says, by their NEVRAs; the others themselves alone."""

    def __init__(
        self,
        *packages: Listed,
        requires: Mapping[str, Iterable[Dependency]] | None = None,
        provides: Mapping[str, Iterable[Dependency]] | None = None,
        owned: Mapping[str, str] | None = None,
    ) -> None:
        self._names = {package.sha256: package.nevra for package in packages}
        self._requires = requires or {}
        self._provides = provides or {}
        self._owned = owned or {}

    def relations(self, sha256: str) -> Relations:
        """What it requires and provides."""
        name = self._names.get(sha256, "")
        return Relations(requires=tuple(self._requires.get(name, ())), provides=tuple(self._provides.get(name, ())))

    def owns(self, sha256: str, path: str) -> bool:
        """Whether it has this file."""
        return self._owned.get(self._names[sha256]) == path
