"""What tests of every kind are given."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import postgresql as served
from tests.support.distribution import put_mini_distribution

# How long an example takes says something about the machine, not about the program.
settings.register_profile("builder", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("builder")


_LONGEST_FIRST = ("integration", "acceptance", "contract", "unit")
"""The folders of tests, by how long one of their files may take."""


@pytest.hookimpl(trylast=True)  # after the order was drawn
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: (item.get_closest_marker("long") is None, _LONGEST_FIRST.index(_folder(item))))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


@pytest.fixture(scope="session")
def mini_chroots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of chroots that holds the mini distribution's, `mini-12-x86_64`, and its repository as `repo`."""
    folder = tmp_path_factory.mktemp("chroots")
    put_mini_distribution(folder)
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[served.Server]:
    """A PostgreSQL server, started for the first test that asks for it."""
    with served.server() as server:
        yield server
