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
