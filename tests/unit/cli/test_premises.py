"""The folder of `builder up`."""

from pathlib import Path

import pytest

from builder.cli.exits import UsageError
from builder.cli.premises import Premises, Wishes
from builder.config import Address, MasterConfig, RepoConfig, SlaveConfig, read_config
from builder.errors import InvalidError

NOW = 1_800_000_000.0
NOTHING = Wishes(http=None, rpc=None, capacity=None)
FREE = Wishes(http=Address(host="127.0.0.1", port=0), rpc=Address(host="127.0.0.1", port=0), capacity=3)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_first_start_makes_all_that_the_daemons_need(tmp_path: Path) -> None:
    """CA, certificates and a configuration without mistakes, with the addresses and the capacity asked for."""
    premises = Premises(tmp_path)
    premises.prepare(FREE, NOW)
    master = read_config(premises.config, MasterConfig)
    slave = read_config(premises.config, SlaveConfig)
    repo = read_config(premises.config, RepoConfig)
    assert master.http.port > 0
    assert slave.master == repo.master == master.rpc
    assert repo.state == master.state == tmp_path / "master"
    assert slave.capacity == 3
    assert master.chroots[0] == tmp_path / "chroots"
    assert (master.chroots[1] / "fedora-43-x86_64.toml").is_file()
    assert (tmp_path / "pki" / "ca.key").stat().st_mode & 0o077 == 0


def test_a_later_start_changes_nothing(tmp_path: Path) -> None:
    """What is there stays as it is, with or without the same wishes."""
    premises = Premises(tmp_path)
    premises.prepare(FREE, NOW)
    before = content(tmp_path)
    premises.prepare(NOTHING, NOW)
    premises.prepare(FREE, NOW)
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        (NOTHING._replace(http=Address(host="127.0.0.1", port=1)), "--http differs from `master.http` in"),
        (NOTHING._replace(rpc=Address(host="localhost", port=0)), "--rpc differs from `master.rpc` in"),
        (NOTHING._replace(capacity=4), "--capacity differs from `slave.capacity` in"),
    ],
)
def test_a_later_wish_that_differs_is_told_where_to_change_it(tmp_path: Path, wishes: Wishes, sentence: str) -> None:
    """A person's `builder.toml` is never written over, and no option is silently without effect."""
    premises = Premises(tmp_path)
    premises.prepare(FREE, NOW)
    with pytest.raises(UsageError) as told:
        premises.prepare(wishes, NOW)
    assert sentence in str(told.value)


@pytest.mark.parametrize("lost", ["pki/ca.pem", "pki/master-master.pem", "pki/slave-local.key"])
def test_a_first_start_that_was_interrupted_is_finished(tmp_path: Path, lost: str) -> None:
    """Keys without their certificate, and the other way round, are made anew as long as there is no configuration."""
    premises = Premises(tmp_path)
    premises.prepare(FREE, NOW)
    premises.config.unlink()
    (tmp_path / lost).unlink()
    premises.prepare(FREE, NOW)
    read_config(premises.config, MasterConfig)


def test_mistakes_in_the_configuration_are_told_before_anything_starts(tmp_path: Path) -> None:
    """All of them, also those of the daemons that would start last."""
    premises = Premises(tmp_path)
    premises.prepare(FREE, NOW)
    premises.config.write_text(premises.config.read_text().replace("capacity = 3", "capacity = 0"))
    with pytest.raises(InvalidError) as told:
        premises.prepare(NOTHING, NOW)
    assert "`slave.capacity` should be a whole number from 1 to 256" in str(told.value)
