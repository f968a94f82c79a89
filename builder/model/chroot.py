"""A chroot: distribution, version and architecture, and the definition of its build root."""

from typing import Annotated

import msgspec

from builder.model import Label, Text, Value

RepositoryUrl = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\S+\Z",
        max_length=4096,
        description="the URL of a repository, without spaces",
    ),
]
"""The URL of a repository, on a line of a configuration file, of which it must not be able to make two."""

ChrootName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9_+]*(-[A-Za-z0-9._+]+)+-[a-z0-9_]+\Z",
        max_length=128,
        description="a chroot's name, such as `fedora-43-x86_64`",
    ),
]


class BaseRepository(Value, frozen=True, kw_only=True):
    """A repository that dnf reads while it fills a build root.

    `url` may hold dnf's `$releasever` and `$basearch`; a lower `priority` wins. Packages must be signed by `key`, the
    URL of an OpenPGP key, where there is one.
    """

    name: Label
    url: RepositoryUrl
    priority: int = 99
    key: RepositoryUrl | None = None


class Chroot(Value, frozen=True, kw_only=True):
    """A chroot: the content of one file of `mock-configs/`, from which a build root of this name is made.

    `dist` is the value of `%dist`; `packages` is what every build root holds before BuildRequires.
    """

    distribution: Label
    version: Label
    architecture: Label
    dist: str
    packages: Annotated[tuple[Text, ...], msgspec.Meta(max_length=200)]
    repositories: Annotated[tuple[BaseRepository, ...], msgspec.Meta(max_length=20)]

    @property
    def name(self) -> str:
        """The name as people and mock write it: `distribution-version-architecture`."""
        return f"{self.distribution}-{self.version}-{self.architecture}"


def architecture_of(name: str) -> str:
    """Return the last part of a chroot's name."""
    return name.rpartition("-")[2]
