"""What dpkg knows of this host: the installed packages, their dependencies and their files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

DATABASE = Path("/var/lib/dpkg")


@dataclass(frozen=True)
class Package:
    """An installed Debian package, as far as it matters here.

    Each item of `depends` is one dependency, given as its alternatives in the packager's order of preference.
    `conffiles` are configuration files with the MD5 that they had when they were delivered.
    """

    name: str
    version: str
    architecture: str
    summary: str
    essential: bool
    depends: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]
    conffiles: Mapping[str, str]

    def paths(self) -> list[str]:
        """Every path the package owns, as dpkg lists it: `/bin/sh` even where `/bin` is a link."""
        for name in (self.name, f"{self.name}:{self.architecture}"):
            listing = DATABASE / "info" / f"{name}.list"
            if listing.exists():
                return listing.read_text().splitlines()
        return []


@dataclass(frozen=True)
class Installed:
    """The installed packages of the host's own architecture, by name."""

    packages: Mapping[str, Package]

    @cached_property
    def _providers(self) -> dict[str, str]:
        return {virtual: package.name for package in self.packages.values() for virtual in package.provides}

    def find(self, name: str) -> Package | None:
        """The package of that name, or one that provides it."""
        return self.packages.get(name) or self.packages.get(self._providers.get(name, ""))

    def without(self, names: re.Pattern[str]) -> "Installed":
        """The same host with the packages of these names taken away, and nothing put in their place."""
        return Installed({name: package for name, package in self.packages.items() if not names.fullmatch(name)})

    def essential(self) -> list[str]:
        """The names of the packages that Debian calls essential, which others need without saying so."""
        return [package.name for package in self.packages.values() if package.essential]

    def requirements(self, package: Package) -> set[str]:
        """The packages that satisfy the dependencies of `package`: of each, the first alternative that is there."""
        chosen = (next(filter(None, map(self.find, choice)), package) for choice in package.depends)
        return {other.name for other in chosen} - {package.name}

    def closure(self, seeds: Iterable[str]) -> dict[str, Package]:
        """The packages named in `seeds` and all that they depend on, sorted by name."""
        found: dict[str, Package] = {}
        wanted = list(seeds)
        while wanted:
            package = self.find(wanted.pop())
            if package is not None and package.name not in found:
                found[package.name] = package
                wanted += self.requirements(package)
        return dict(sorted(found.items()))


def installed() -> Installed:
    """Read dpkg's database; nothing is installed where there is none."""
    status = DATABASE / "status"
    records = list(_records(status.read_text(errors="replace"))) if status.exists() else []
    here = [record for record in records if record.get("Status", "").endswith(" installed")]
    # dpkg itself is always of the host's own architecture; what is of another one stands beside it.
    native = next((record["Architecture"] for record in here if record["Package"] == "dpkg"), "")
    ours = (record for record in here if record["Architecture"] in {native, "all"})
    return Installed({record["Package"]: _package(record) for record in ours})


def _records(text: str) -> Iterator[dict[str, str]]:
    """The paragraphs of a Debian control file as fields by name (deb822(5)); further lines keep their line feeds."""
    for paragraph in text.split("\n\n"):
        fields = re.findall(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)", paragraph, re.MULTILINE)
        if fields:
            yield dict(fields)


def _package(record: Mapping[str, str]) -> Package:
    choices = [*_items(record.get("Pre-Depends", "")), *_items(record.get("Depends", ""))]
    conffiles = (line.split() for line in record.get("Conffiles", "").splitlines())
    return Package(
        name=record["Package"],
        version=record["Version"],
        architecture=record["Architecture"],
        summary=record.get("Description", record["Package"]).partition("\n")[0],
        essential=record.get("Essential") == "yes",
        depends=tuple(tuple(map(_bare, choice.split("|"))) for choice in choices),
        provides=tuple(map(_bare, _items(record.get("Provides", "")))),
        conffiles={words[0]: words[1] for words in conffiles if len(words) > 1},
    )


def _items(field: str) -> list[str]:
    return [item for item in (part.strip() for part in field.split(",")) if item]


def _bare(dependency: str) -> str:
    """The name alone, without version, architecture qualifier and restrictions: `perl` of ` perl:any (>= 5.36)`."""
    return re.split(r"[\s(:\[]", dependency.strip())[0]
