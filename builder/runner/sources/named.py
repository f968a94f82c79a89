"""Named sources: the files of an SRPM by its spec and the `sources` file. All of it is text in, values out."""

import enum
import hashlib
import re
from collections.abc import Iterable, Sequence

from builder.errors import InvalidError
from builder.model import Value
from builder.model.attempt import Commit

_TAG = re.compile(r"(?:source|patch)\d*\s*:\s*(?P<name>\S+)\s*", re.IGNORECASE)
_SECTION = re.compile(
    r"%(?P<name>package|sourcelist|patchlist|description|generate_buildrequires|prep|conf|build|install|check|clean|"
    r"files|changelog|verifyscript|(?:pre|post)(?:un|trans|untrans)?|(?:file|trans)?trigger\w*)\b"
)
_TAGS, _LISTS = frozenset({"", "package"}), frozenset({"sourcelist", "patchlist"})
"""The sections in which files are named by tags, of which the first has no name, and by lines of nothing else."""
_TAGGED = re.compile(r"(?P<kind>[A-Za-z0-9]+) \((?P<name>[^)]+)\) = (?P<digest>[0-9A-Fa-f]+)")
_MD5 = re.compile(r"(?P<digest>[0-9A-Fa-f]{32})\s+\*?(?P<name>\S+)")


class Source(Value, frozen=True, kw_only=True):
    """A file that the spec names: as a `url`, or just by `name`, which is what rpm looks for."""

    name: str
    url: str | None = None


class ChecksumKind(enum.Enum):
    """The kinds of checksums that `sources` can have, as hashlib calls them."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


_KINDS = {kind.value: kind for kind in ChecksumKind}


class Checksum(Value, frozen=True, kw_only=True):
    """A line of `sources` on a file."""

    name: str
    kind: ChecksumKind
    digest: str


def named_sources(spec: str) -> tuple[Source, ...]:
    """Return the sources and patches of a spec whose macros are expanded, in its order.

    rpm takes the part after the last slash for the file's name, even where that stands behind a `#`.
    """
    found, section = [], ""
    for line in map(str.strip, spec.splitlines()):
        if match := _SECTION.match(line):
            section = match["name"]
        elif section in _TAGS and (match := _TAG.fullmatch(line)):
            found.append(_source(match["name"]))
        elif section in _LISTS and line and not line.startswith("#"):
            found.append(_source(line))
    return tuple(found)


def _source(text: str) -> Source:
    return Source(name=text.rsplit("/", 1)[-1], url=text.partition("#")[0] if "://" in text else None)


def checksums(text: str) -> dict[str, Checksum]:
    """Return the lines of a `sources` file by file: `SHA512 (file) = digest`, or md5sum's older `digest  file`.

    Raises:
        InvalidError: A line is neither, or its digest is of another length than its kind has; every such line is named.
    """
    found, mistakes = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _TAGGED.fullmatch(line.strip()) or _MD5.fullmatch(line.strip())
        kind = _KINDS.get(match.groupdict().get("kind", "md5").lower()) if match else None
        if match is None or kind is None:
            mistakes.append(f"line {number} of sources is no checksum: {line.strip()[:80]}")
        elif len(match["digest"]) != (digits := 2 * hashlib.new(kind.value).digest_size):
            counts = f"{len(match['digest'])} digits, {kind.value} has {digits}"
            mistakes.append(f"line {number} of sources has a checksum of {counts}: {line.strip()[:80]}")
        else:
            found[match["name"]] = Checksum(name=match["name"], kind=kind, digest=match["digest"].lower())
    if mistakes:
        raise InvalidError(*mistakes)
    return found


def checkout(commit: Commit, short: str, build: int) -> str:
    """Return the value of `%{_checkout}`: the commit's day, the build's number, and the commit.

    The number orders two commits of one day, which their names would not.
    """
    return f"{commit.date[:10].replace('-', '')}.{build}git{short}"


def inputs_digest(commits: Iterable[Commit], digests: Iterable[tuple[str, str]], chosen: str | None = None) -> str:
    """Return one digest over commits, the name and SHA-256 of every source, and the digest of the options `chosen`.

    The same inputs give the same.
    """
    lines = sorted([f"commit {commit.git} {commit.commit}" for commit in commits])
    lines += sorted(f"{digest} {name}" for name, digest in digests)
    lines += [f"options {chosen}"] if chosen else []
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def only_spec(names: Sequence[str], wanted: str | None) -> str:
    """Return the spec among a packaging repository's files, by their paths.

    Raises:
        InvalidError: There is none, or there are several and none is wanted.
    """
    specs = sorted(name for name in names if name.endswith(".spec"))
    if wanted:
        if wanted not in names:
            raise InvalidError(f"the packaging repository has no file {wanted}; its specs are: {_listed(specs)}")
        return wanted
    highest = [name for name in specs if "/" not in name] or specs
    if len(highest) != 1:
        raise InvalidError(f"the packaging repository must have one spec, or its definition name one: {_listed(specs)}")
    return highest[0]


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:10], *(["…"] if len(names) > 10 else [])]) or "none"
