"""Advisories: what a promotion brought to a repository, for those who ask before they update; and updateinfo.xml."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import createrepo_c

from builder import nevra
from builder.repo import layout, selection
from builder.repo.description import ChangelogEntry, Description
from builder.repo.manifest import Advisory, AdvisoryKind, Cause, Listed, Manifest

LONGEST = 8000
"""Most characters of a description."""
_CVE = re.compile(r"\bCVE-\d{4}-\d{4,}\b")


def advisory(
    cause: Cause,
    repository: str,
    brought: Iterable[Listed],
    before: Mapping[str, Listed],
    describe: Callable[[Listed], Description],
    now: float,
) -> Advisory:
    """Return the advisory of a promotion into `repository`, which listed `before`: the changes in what it brings.

    Of each package these are the changes that the newest version from before did not tell of.
    """
    project, stage, *_ = repository.split("/")
    packages = tuple(brought)
    newest = selection.newest(before)
    told: dict[str, list[ChangelogEntry]] = {}
    known = False
    for package in packages:
        old = before.get(newest.get(nevra.parse(package.nevra).name, ""))
        known = known or old is not None
        earlier = describe(old).changes if old else ()
        told.setdefault(package.package, []).extend(
            change for change in describe(package).changes if change not in (*earlier, *told.get(package.package, ()))
        )
    text = "\n\n".join(f"{name}:\n{_text(changes)}" for name, changes in told.items())
    vulnerabilities = tuple(sorted(set(_CVE.findall(text))))
    kind = AdvisoryKind.BUGFIX if known else AdvisoryKind.NEW_PACKAGE
    return Advisory(
        id=f"{project}-{stage}-{cause.number}",
        kind=AdvisoryKind.SECURITY if vulnerabilities else kind,
        issued=now,
        title=f"{', '.join(told)} in {project} {stage}"[:200],
        description=text[:LONGEST],
        references=vulnerabilities,
        packages=tuple(package.nevra for package in packages),
    )


def _text(changes: Iterable[ChangelogEntry]) -> str:
    """Return changes as a spec writes them."""
    return "\n".join(
        f"* {datetime.fromtimestamp(change.date, UTC):%Y-%m-%d} {change.author}\n{change.text}" for change in changes
    )


def updateinfo(manifest: Manifest) -> str:
    """Return the file updateinfo.xml: the advisories of a repository, each with its packages that are listed still."""
    packages = {package.nevra: package for package in manifest.packages}
    info = createrepo_c.UpdateInfo()
    for one in manifest.advisories:
        record = createrepo_c.UpdateRecord()
        record.id, record.type = one.id, one.kind.value
        record.title, record.description = one.title, one.description
        record.status, record.version, record.fromstr = "final", "1", layout.project_of(manifest.repository)
        record.issued_date = record.updated_date = datetime.fromtimestamp(int(one.issued), UTC)
        for name in one.references:
            reference = createrepo_c.UpdateReference()
            reference.id, reference.type, reference.title = name, "cve", name
            reference.href = f"https://www.cve.org/CVERecord?id={name}"
            record.append_reference(reference)
        collection = createrepo_c.UpdateCollection()
        collection.shortname = collection.name = manifest.repository
        for name in one.packages:
            if name in packages:
                collection.append(_entry(packages[name]))
        record.append_collection(collection)
        info.append(record)
    return str(info.xml_dump())


def _entry(package: Listed) -> createrepo_c.UpdateCollectionPackage:
    name = nevra.parse(package.nevra)
    entry = createrepo_c.UpdateCollectionPackage()
    entry.name, entry.arch, entry.epoch = name.name, name.architecture, str(name.evr.epoch)
    entry.version, entry.release = name.evr.version, name.evr.release
    entry.filename = layout.file_name(name)
    entry.src = package.source or entry.filename
    return entry
