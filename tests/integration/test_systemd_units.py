"""The units in systemd/, as systemd itself reads them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.distribution import ROOT

FOLDER = ROOT / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this host has no systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_no_mistake_in_a_unit(unit: Path, tmp_path: Path) -> None:
    """Every setting is one that systemd knows; the program alone is another, because it need not be installed here."""
    program = f"/usr/bin/{unit.stem}"
    copy = tmp_path / unit.name
    text = unit.read_text()
    assert f"ExecStart={program} --config /etc/builder/" in text
    copy.write_text(text.replace(program, "/bin/true"))
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


def test_a_slave_is_stopped_without_its_runners() -> None:
    """Restarting the slave loses nothing: systemd ends its main process alone."""
    assert "\nKillMode=process\n" in (FOLDER / "builder-slave.service").read_text()
