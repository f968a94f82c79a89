"""The pool while several threads work with it, each on repositories of its own."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builder.repo.pool import Pool
from builder.state import StateFolder

THREADS = 4
ROUNDS = 150
SHA256 = "ab" + 62 * "0"


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 1000)
    yield
    sys.setswitchinterval(before)


def test_a_package_is_there_for_whoever_holds_it(tmp_path: Path) -> None:
    """However often others bring the same package and need it no longer, who holds it finds it whole; when nobody does
    any more, it is gone."""
    pool = Pool(StateFolder(tmp_path), lambda _paths, _folder: None)

    def bring_and_drop(name: str) -> None:
        for number in range(ROUNDS):
            file, record = tmp_path / f"{name}-{number}.rpm", tmp_path / f"{name}-{number}.index-1"
            file.write_bytes(b"package")
            record.write_bytes(b"record")
            record.with_suffix(".card-1").write_bytes(b"card")
            pool.hold(f"{name}-{number}", frozenset({SHA256}))
            pool.take(SHA256, file, record)
            assert pool.has(SHA256)
            assert pool.path(SHA256).read_bytes() == b"package"
            pool.release(f"{name}-{number}", frozenset())

    with ThreadPoolExecutor(THREADS) as threads:
        assert len([*threads.map(bring_and_drop, "abcd")]) == THREADS
    assert [*(tmp_path / "pool").glob("*/*")] == []
