"""Promises: which packages may be built from a source package, by its own word, and for which machines.

rpm writes into a source package what its spec provides, among it each binary package with its version, and the spec's
ExclusiveArch, ExcludeArch and BuildArch. rpm before 4.16 says nothing of the packages; then nothing is held against it.
"""

from builder.model import Value
from builder.nevra import Nevra

_DEBUG = "-debuginfo"


class Promise(Value, frozen=True, kw_only=True):
    """The packages that a source package provides, written `name-[epoch:]version-release`, and its architectures.

    `only` has those of ExclusiveArch, `never` those of ExcludeArch, `built_as` those of BuildArch: `noarch`, mostly.
    """

    packages: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    built_as: tuple[str, ...] = ()


def broken(promise: Promise, package: Nevra) -> str | None:
    """Return the reason why a source package with this promise cannot have produced the package, None if it can."""
    if promise.packages and not _names(package) & set(promise.packages):
        return f"its spec has no package {package.name}-{package.evr.text}"
    architecture = package.architecture
    if promise.built_as and architecture not in promise.built_as:
        return f"its spec says BuildArch: {' '.join(promise.built_as)}"
    if architecture == "noarch":
        return None
    if promise.only and architecture not in promise.only:
        return f"its spec says ExclusiveArch: {' '.join(promise.only)}"
    if architecture in promise.never:
        return f"its spec says ExcludeArch: {' '.join(promise.never)}"
    return None


def _names(package: Nevra) -> set[str]:
    """Return the names of a package in a promise; rpm makes the debuginfo of a subpackage without being told to."""
    return {f"{name}-{package.evr.text}" for name in (package.name, package.name.removesuffix(_DEBUG))}
