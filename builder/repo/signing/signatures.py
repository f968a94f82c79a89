"""The packages of a generation that still need a signature, and its manifest once they have one.

Where a project has a key, every package of every generation that is made is signed with its current key. A file that a
client may be reading stays what it is: a package that is signed anew gets a place of its own, and the file from before
leaves as that of a superseded version does.
"""

from collections.abc import Mapping

import msgspec

from builder.model import Sha256, Value
from builder.repo import layout
from builder.repo.manifest import Leaving, Listed, Manifest


class Copy(Value, frozen=True, kw_only=True):
    """The signed file of a package."""

    sha256: Sha256
    size: int


def unsigned(before: Manifest, after: Manifest, key: str) -> frozenset[str]:
    """Return the digests of the packages that `after` lists, which follows `before`, and that `key` has to sign yet."""
    known = _known(before, key)
    return frozenset(package.sha256 for package in after.packages if package.key != key and package.built not in known)


def signed(before: Manifest, after: Manifest, key: str, copies: Mapping[str, Copy]) -> Manifest:
    """Return `after` with every package signed with `key`.

    `copies` are the new files by the digests of the unsigned ones.
    """
    known = _known(before, key)
    served = before.digests()
    packages: list[Listed] = []
    leaving: list[Leaving] = []
    for package in after.packages:
        if package.key == key:
            packages.append(package)
            continue
        if there := known.get(package.built):
            changes = {name: getattr(there, name) for name in ("sha256", "size", "location", "first")}
        else:
            copy = copies[package.sha256]
            changes = {"sha256": copy.sha256, "size": copy.size, "first": after.generation}
            if package.sha256 in served:
                changes["location"] = layout.signed_again(package.location, key)
        packages.append(msgspec.structs.replace(package, key=key, **changes))
        if package.sha256 in served:
            leaving.append(_leaving(before, package, after.created))
    listed = {package.sha256 for package in packages}
    stay = (package for package in after.leaving if package.sha256 not in listed)
    return msgspec.structs.replace(after, key=key, packages=tuple(packages), leaving=(*stay, *leaving))


def _known(before: Manifest, key: str) -> dict[str, Listed]:
    """Return the packages whose files this key has signed, by their digests as they were built."""
    return {package.built: package for package in before.files().values() if package.key == key}


def _leaving(before: Manifest, package: Listed, now: float) -> Leaving:
    """Return a package whose file another one replaces, as one that leaves."""
    last = next((old.last for old in before.leaving if old.sha256 == package.sha256), before.generation)
    return Leaving(**msgspec.structs.asdict(package), left=now, last=last)
