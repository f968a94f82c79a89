"""The metadata of a repository: primary, filelists, other, and repomd.xml that names them with their digests.

The format is the one of createrepo_c(8), whose library writes it; what is written depends on nothing but the packages
and the time given. It is compressed with gzip, which every client reads; zstd some older ones do not.
"""

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

import createrepo_c

from builder import files
from builder.repo.index import Record

_KINDS = {
    "primary": createrepo_c.XMLFILE_PRIMARY,
    "filelists": createrepo_c.XMLFILE_FILELISTS,
    "other": createrepo_c.XMLFILE_OTHER,
}


class _Part:
    """One of the three files while it is written; only one package's text is in memory at a time."""

    def __init__(self, folder: Path, kind: str, count: int) -> None:
        self._kind = kind
        self._path = folder / f"{kind}.xml.gz"
        self._content = createrepo_c.ContentStat(createrepo_c.SHA256)
        self._file = createrepo_c.XmlFile(str(self._path), _KINDS[kind], createrepo_c.GZ, self._content)
        self._file.set_num_of_pkgs(count)

    def add(self, record: Record) -> None:
        self._file.add_chunk(getattr(record, self._kind))

    def finish(self, created: int) -> createrepo_c.RepomdRecord:
        """Close the file, put its digest into its name, and say what repomd.xml has to say about it."""
        self._file.close()
        entry = createrepo_c.RepomdRecord(self._kind, str(self._path))
        entry.load_contentstat(self._content)
        entry.fill(createrepo_c.SHA256)
        entry.rename_file()
        entry.set_timestamp(created)
        return entry


def write(folder: Path, records: Iterable[Record], count: int, created: float) -> None:
    """Write the metadata of `count` packages into the empty folder `folder`; `created` in seconds since the epoch."""
    parts = [_Part(folder, kind, count) for kind in _KINDS]
    for record in records:
        for part in parts:
            part.add(record)
    repomd = createrepo_c.Repomd()
    repomd.set_revision(str(int(created)))
    for part in parts:
        repomd.set_record(part.finish(int(created)))
    repomd.sort_records()
    (folder / "repomd.xml").write_text(repomd.xml_dump())


def faults(folder: Path, count: int) -> list[str]:
    """What is wrong with the metadata of `count` packages in `folder`: its files, digests, sizes, counts."""
    records = {record.type: record for record in createrepo_c.Repomd(str(folder / "repomd.xml")).records}
    found = [f"repomd.xml names no {kind}" for kind in _KINDS if kind not in records]
    for kind, record in records.items():
        path = folder.parent / record.location_href
        if not path.is_file() or path.stat().st_size != record.size or files.sha256(path) != record.checksum:
            found.append(f"{path.name} is not what repomd.xml says")
        elif _count(path) != count:
            found.append(f"{kind} counts {_count(path)} packages instead of {count}")
    return found


def _count(path: Path) -> int | None:
    """What the root element of a metadata file says about the number of its packages."""
    with gzip.open(path) as file:
        match = re.search(rb' packages="([0-9]+)"', file.read(4096))
    return int(match[1]) if match else None
