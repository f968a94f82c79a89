"""Packages as manifests list them."""

import hashlib

from builder import nevra
from builder.repo import layout
from builder.repo.manifest import Listed


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
