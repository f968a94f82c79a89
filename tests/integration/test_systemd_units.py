"""The units, users and folders in systemd/, as systemd itself reads them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.distribution import ROOT

FOLDER = ROOT / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
NO_NEW_PRIVILEGES = (
    "NoNewPrivileges", "DynamicUser", "LockPersonality", "MemoryDenyWriteExecute", "PrivateDevices", "ProtectClock",
    "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RestrictAddressFamilies",
    "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "SystemCallArchitectures", "SystemCallFilter",
    "SystemCallLog",
)  # fmt: skip
"""The settings that keep a user's programs from gaining privileges. Source: systemd.exec(5), NoNewPrivileges."""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this host has no systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_no_mistake_in_a_unit(unit: Path, tmp_path: Path) -> None:
    """Every setting is one that systemd knows; the program alone is another, because it need not be installed here."""
    start = f"ExecStart={unit.stem} --config /etc/builder/"
    copy = tmp_path / unit.name
    text = unit.read_text()
    assert start in text
    copy.write_text(text.replace(start, "ExecStart=true --config /etc/builder/"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_daemon_has_a_unit_and_every_unit_a_user() -> None:
    """The users that units name are made by the sysusers fragment."""
    assert [unit.stem for unit in UNITS] == ["builder-master", "builder-repo", "builder-slave"]
    declared = (FOLDER / "builder.sysusers.conf").read_text()
    made = {line.split()[1] for line in declared.splitlines() if line.startswith("u ")}
    named = {line.removeprefix("User=") for unit in UNITS for line in unit.read_text().splitlines() if "User=" in line}
    assert named == made


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("systemd-sysusers") is None, reason="needs root and systemd")
def test_users_and_folders_are_made(tmp_path: Path) -> None:
    """On an empty system the two fragments make the users, and folders whose keys are their daemon's alone."""
    for kind in ("sysusers", "tmpfiles"):
        place = tmp_path / f"etc/{kind}.d/builder.conf"
        place.parent.mkdir(parents=True)
        shutil.copy(FOLDER / f"builder.{kind}.conf", place)
    for command in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        subprocess.run([*command, f"--root={tmp_path}"], check=True, capture_output=True, timeout=60)
    users = [line.split(":") for line in (tmp_path / "etc/passwd").read_text().splitlines()]
    ids = {name: int(number) for name, _, number, *_ in users}
    for folder, owner, group in (
        ("etc/builder/pki", "root", "builder"),
        ("etc/builder/pki-slave", "root", "builder-slave"),
        ("var/lib/builder", "builder", "builder"),
        ("var/lib/builder-slave", "builder-slave", "builder-slave"),
    ):
        status = (tmp_path / folder).stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (ids.get(owner, 0), ids[group], 0o750), folder


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_never_gives_a_daemon_up(unit: Path) -> None:
    """However long a host's trouble lasts, the daemon is there when it is over, and does not keep the host busy."""
    settings = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] != "#")
    assert settings["StartLimitIntervalSec"] == "0"
    assert settings["Restart"] in {"always", "on-failure"}
    assert int(settings["RestartSec"]) > 1


def test_a_slave_may_start_programs_that_are_set_uid() -> None:
    """newuidmap makes the user namespaces of builds; no setting of the unit keeps it from its work."""
    text = (FOLDER / "builder-slave.service").read_text()
    assert [setting for setting in NO_NEW_PRIVILEGES if f"\n{setting}=" in text] == []


def test_a_slave_is_stopped_without_its_runners() -> None:
    """Restarting the slave loses nothing: systemd ends its main process alone."""
    assert "\nKillMode=process\n" in (FOLDER / "builder-slave.service").read_text()


def test_the_repository_builder_is_stopped_before_its_children() -> None:
    """What it is doing when it is stopped it finishes: systemd asks its main process alone to end."""
    assert "\nKillMode=mixed\n" in (FOLDER / "builder-repo.service").read_text()
