"""The metadata of a repository: primary, filelists, other, and repomd.xml that names them with their digests.

The format is the one of createrepo_c(8), whose library writes it; what is written depends on nothing but the packages
and the time given. It is compressed with gzip, which every client reads; zstd some older ones do not.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import createrepo_c

from builder import files
from builder.errors import UnavailableError
from builder.model.operation import CarriedKind
from builder.repo.index import PackageRecord

_KINDS = {
    "primary": createrepo_c.XMLFILE_PRIMARY,
    "filelists": createrepo_c.XMLFILE_FILELISTS,
    "other": createrepo_c.XMLFILE_OTHER,
}


class _Part:
    """A file of the metadata while it is written; only one package's text is in memory at a time."""

    def __init__(self, folder: Path, kind: str, count: int) -> None:
        self._kind = kind
        self._path = folder / f"{kind}.xml.gz"
        self._content = createrepo_c.ContentStat(createrepo_c.SHA256)
        self._file = createrepo_c.XmlFile(str(self._path), _KINDS[kind], createrepo_c.GZ, self._content)
        self._file.set_num_of_pkgs(count)

    def add(self, record: PackageRecord) -> None:
        self._file.add_chunk(getattr(record, self._kind))

    def finish(self, created: int) -> createrepo_c.RepomdRecord:
        """Close the file, and return its entry for repomd.xml."""
        self._file.close()
        entry = createrepo_c.RepomdRecord(self._kind, str(self._path))
        entry.load_contentstat(self._content)
        return _finished(entry, self._path, created)


def _finished(entry: createrepo_c.RepomdRecord, path: Path, created: int) -> createrepo_c.RepomdRecord:
    """Put the digest of the file `path`, which is complete, into its name and all else into its entry."""
    entry.fill(createrepo_c.SHA256)
    named = path.with_name(f"{entry.checksum}-{path.name}")
    files.rename(path, named)
    entry.location_real = str(named)
    entry.location_href = f"repodata/{named.name}"
    entry.set_timestamp(created)
    return entry


def _carried(folder: Path, kind: str, text: str, created: int) -> createrepo_c.RepomdRecord:
    """Write one of the files that are not made of the packages' records.

    Groups are not packed, since clients take a packed file for another kind of record.
    """
    plain = kind == CarriedKind.GROUP.value
    path = folder / (f"{kind}.xml" if plain else f"{kind}.xml.gz")
    content = text.encode()
    path.write_bytes(content if plain else gzip.compress(content, mtime=0))
    return _finished(createrepo_c.RepomdRecord(kind, str(path)), path, created)


def write(
    folder: Path, records: Iterable[PackageRecord], count: int, created: float, carried: Mapping[str, str] | None = None
) -> None:
    """Write the metadata of `count` packages into the empty folder `folder`; `created` in seconds since the epoch.

    `carried` are the contents of further files by the kinds of their records in repomd.xml.

    Raises:
        UnavailableError: It cannot be written, because the disk is full, say.
        OSError: The same, or a record is not there.
    """
    try:
        _write(folder, records, count, int(created), carried or {})
    except createrepo_c.CreaterepoCError as error:
        raise UnavailableError(f"the metadata cannot be written to {folder}: {error}") from error


def _write(
    folder: Path, records: Iterable[PackageRecord], count: int, created: int, carried: Mapping[str, str]
) -> None:
    parts = [_Part(folder, kind, count) for kind in _KINDS]
    for record in records:
        for part in parts:
            part.add(record)
    repomd = createrepo_c.Repomd()
    repomd.set_revision(str(created))
    for part in parts:
        repomd.set_record(part.finish(created))
    for kind, text in carried.items():
        repomd.set_record(_carried(folder, kind, text, created))
    repomd.sort_records()
    (folder / "repomd.xml").write_text(repomd.xml_dump())


def faults(folder: Path, packages: Sequence[str], carried: Collection[str] = ()) -> list[str]:
    """Return the faults of the metadata in `folder`, which lists the packages with these digests, in this order.

    Every file has to be what repomd.xml says, packed and unpacked. The files that list packages have to list these.
    Further files have to be there of the kinds `carried`, and of no others.
    """
    records = {record.type: record for record in createrepo_c.Repomd(str(folder / "repomd.xml")).records}
    found = [f"repomd.xml names no {kind}" for kind in _KINDS if kind not in records]
    found += [f"repomd.xml names no {kind}" for kind in carried if kind not in records]
    found += [f"repomd.xml names {kind}" for kind in records if kind not in {*_KINDS, *carried}]
    for kind, record in records.items():
        path = folder.parent / record.location_href
        if not path.is_file() or path.stat().st_size != record.size or files.sha256(path) != record.checksum:
            found.append(f"{path.name} is not what repomd.xml says")
        elif kind in _KINDS:
            found.extend(f"{kind} {fault}" for fault in _contents(path, record.checksum_open, packages))
    return found


_PACKAGE = re.compile(
    rb'<package pkgid="([^"]*)"|<checksum type="sha256" pkgid="YES">([^<]*)<|<[a-z]+ xmlns=[^>]* packages="(\d+)">'
)
"""The beginning of a package in filelists and other, its digest in primary, and the root element of all three."""


def _contents(path: Path, digest: str, packages: Sequence[str]) -> Iterator[str]:
    """Yield the faults in the content of a file that lists packages."""
    unpacked = hashlib.sha256()
    listed: list[str] = []
    counts: list[int] = []
    try:
        for text in _whole_lines(path):
            unpacked.update(text)
            for match in _PACKAGE.finditer(text):
                if match[3]:
                    counts.append(int(match[3]))
                else:
                    listed.append((match[1] or match[2]).decode())
    except (EOFError, OSError, zlib.error) as error:
        yield f"cannot be unpacked: {error}"
        return
    if unpacked.hexdigest() != digest:
        yield "has not the content that repomd.xml says"
    if counts != [len(packages)]:
        yield f"counts {counts} packages instead of {len(packages)}"
    if listed != list(packages):
        yield f"lists {len(listed)} packages, and not the {len(packages)} that it should"


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the content of a packed file, in large pieces that end where a line does."""
    rest = b""
    with gzip.open(path) as file:
        while piece := file.read(1 << 20):
            lines, end, rest = (rest + piece).rpartition(b"\n")
            yield lines + end
    yield rest
