"""The history of dnf: the repository that each package of a tree was installed from, told by a program for the sandbox.

    python3 -c "$(cat dnf_history.py)" HISTORY

HISTORY is dnf's database `history.sqlite`, which scriptlets may have changed: so it is read where it can do no harm. On
standard output comes a line for each package: name, epoch, version, release, architecture and repository, with tabs
between them. It imports the standard library only. Source: the tables of libdnf 0.69, as `sqlite3 .schema` shows them.
"""

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

_LARGEST = 64 << 20
"""Bytes of the largest database that is read: that of a root of 200 packages has half a million."""
_ORIGINS = """
    SELECT rpm.name, rpm.epoch, rpm.version, rpm.release, rpm.arch, repo.repoid
    FROM trans_item JOIN rpm USING (item_id) JOIN repo ON repo.id = trans_item.repo_id
    ORDER BY trans_item.id
"""


def origins(history: Path, room: Path) -> Iterator[tuple[str, ...]]:
    """Yield the rows, the oldest first.

    The database is copied into the folder `room`, since SQLite has to write beside it.
    """
    for path in (history, history.with_name(f"{history.name}-wal")):
        if path.is_file() and path.stat().st_size <= _LARGEST:
            (room / path.name).write_bytes(path.read_bytes())
    for row in sqlite3.connect(room / history.name).execute(_ORIGINS):
        yield tuple(map(str, row))


if __name__ == "__main__":
    for origin in origins(Path(sys.argv[1]), Path("/tmp")):  # noqa: S108 - the sandbox's own
        sys.stdout.write("\t".join(origin) + "\n")
