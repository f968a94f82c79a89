"""A build over the chroots of its project: where it is built and published, what it came to, and its limits."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.hosts import open_folder
from tests.support.packages import definition, packaging
from tests.support.processes import Farm, eventually

pytestmark = pytest.mark.farm

FIRST, ARM, NEXT = "mini-12-x86_64", "mini-12-aarch64", "mini-13-x86_64"
SLEEP = "987711"
"""Seconds that nobody waits; how the sleepers of these tests are known."""
LIMITS = {
    "native": f"chroots: {{include: [{ARM}, {FIRST}]}}",
    "stuck": f"chroots: {{exclude: [{ARM}, {NEXT}]}}\n    timeouts: {{fetch: 1s}}",
    "silent": f"chroots: {{include: [{FIRST}]}}\n    timeouts: {{fetch: 1h}}\n    silence: 1s",
}
"""What the definition says of a package besides where its packaging is."""


@pytest.fixture(scope="module")
def farm(mini_chroots: Path) -> Iterator[Farm]:
    """A farm of one slave, for x86_64, with three chroots: two versions of a distribution, one on two architectures."""
    with open_folder() as folder:
        chroots = folder / "chroots"
        chroots.mkdir()
        text = (mini_chroots / f"{FIRST}.toml").read_text()
        (chroots / f"{FIRST}.toml").write_text(text)
        (chroots / f"{ARM}.toml").write_text(text.replace('"x86_64"', '"aarch64"'))
        (chroots / f"{NEXT}.toml").write_text(text.replace('"12"', '"13"').replace('".mini12"', '".mini13"'))
        with Farm(folder, chroots) as farm:
            config = described(farm)
            path = farm.folder / "farm.yaml"
            path.write_text(config)
            done = farm.builder("apply", "-f", str(path))
            assert done.returncode == 0, done.stderr
            yield farm


def described(farm: Farm) -> str:
    git = farm.folder / "git"
    sleeping = f"gcc\nSource0: %(setsid sleep {SLEEP} & sleep {SLEEP})"
    urls = {
        "shared": packaging(git, "shared"),
        "native": packaging(git, "native", arch="x86_64"),
        "stuck": packaging(git, "stuck", requires=(sleeping,)),
        "silent": packaging(git, "silent", requires=(sleeping,)),
    }
    text = definition("farm", urls, f"{FIRST}, {ARM}, {NEXT}")
    for name, more in LIMITS.items():
        text = text.replace(f"  {name}:\n", f"  {name}:\n    {more}\n")
    return text


def built(farm: Farm, *arguments: str) -> tuple[int, int, str]:
    """The exit code, the number and what `builder build show` says of a build that was waited for."""
    done = farm.builder("build", *arguments)
    assert done.returncode == 0, done.stderr
    number = int(re.findall(r"^build (\d+) ", done.stdout)[0])
    watched = farm.builder("watch", str(number), timeout=300)
    return watched.returncode, number, farm.builder("build", "show", str(number)).stdout


def packages(farm: Farm, repository: str) -> str:
    done = farm.builder("repo", "show", f"farm/testing/{repository}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_noarch_is_built_once_per_distribution_and_published_everywhere(farm: Farm) -> None:
    """The total says what became of all the jobs, and each job why it was skipped."""
    code, number, shown = built(farm, "shared", "--force")
    assert code == 0, shown
    assert "state: succeeded\njobs: 3 succeeded, 1 skipped\n" in shown
    assert re.search(rf"{ARM}\tskipped\t.*the package is noarch and built in {FIRST} for this chroot too", shown)
    for tree, name in {"12/x86_64": "mini12", "12/aarch64": "mini12", "13/x86_64": "mini13"}.items():
        assert re.search(rf"shared-1\.0-1\.{name}(\.\d)?\.noarch", packages(farm, f"mini-{tree}"))
    states = [line for line in farm.builder("build", "list").stdout.splitlines() if line.startswith(f"{number}\t")]
    assert states[0].split("\t")[2] == "succeeded"
    assert farm.get(f"/api/v1/builds/{number}")["state"] == "succeeded"


def test_the_package_and_its_spec_choose_chroots(farm: Farm) -> None:
    """What is not included has no job; what the spec is not for has one that says so."""
    code, _, shown = built(farm, "native", "--force")
    assert code == 0, shown
    assert re.findall(r"^(?:source|mini-\S+)\t\S+", shown, re.MULTILINE) == [
        "source\tsucceeded",
        f"{FIRST}\tsucceeded",
        f"{ARM}\tskipped",
    ]
    assert "the spec is for x86_64 (BuildArch)" in shown
    refused = farm.builder("build", "native", "--chroot", NEXT)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert f"`native` is not built for `{NEXT}`" in refused.stderr


def test_one_chroot_is_built_alone(farm: Farm) -> None:
    """And several, if `--chroot` is repeated."""
    code, _, shown = built(farm, "shared", "--force", "--chroot", NEXT)
    assert code == 0, shown
    assert "jobs: 2 succeeded\n" in shown
    assert f"\n{NEXT}\tsucceeded\t" in shown
    done = farm.builder("build", "native", "--chroot", FIRST, "--chroot", ARM, "--json")
    assert re.findall(r'"name": "(.*)"', done.stdout) == ["source", FIRST, ARM]
    assert farm.builder("cancel", str(json.loads(done.stdout)["number"])).returncode == 0


@pytest.mark.parametrize(
    ("package", "reason"),
    [("stuck", "the step fetch took longer than 1 s"), ("silent", "nothing was written to the log for 1 s")],
)
def test_steps_and_silence_are_bounded(farm: Farm, package: str, reason: str) -> None:
    """The reason says which limit it was, and nothing of what took so long is left."""
    code, number, shown = built(farm, package)
    assert code == 1
    assert f"reason: {reason}\n" in shown
    assert "state: failed\njobs: 1 failed, 1 cancelled\n" in shown
    (attempt,) = farm.get(f"/api/v1/builds/{number}")["jobs"][0]["attempts"]
    assert (attempt["state"], attempt["kind"]) == ("timed-out", "timeout")
    eventually("nothing sleeps", lambda: not sleepers())


def sleepers() -> list[Path]:
    """The processes that sleep as the specs of these tests do."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if entry.read_bytes() == f"sleep\0{SLEEP}\0".encode():
                found.append(entry)
    return found


def test_mistakes_have_their_lines(farm: Farm) -> None:
    """A chroot and a step that are none are named, with what was meant."""
    path = farm.folder / "wrong.yaml"
    text = described(farm).replace(f"include: [{ARM}, {FIRST}]", "include: [mini-12-x86]")
    path.write_text(text.replace("{fetch: 1s}", "{fetsh: 1s}"))
    done = farm.builder("apply", "-f", str(path))
    assert done.returncode == 3
    assert re.search(
        rf"line \d+: `packages.native.chroots.include\[0\]` is `mini-12-x86`, .* did you mean `{FIRST}`", done.stderr
    )
    assert re.search(
        r"line \d+: `packages.stuck.timeouts.fetsh` is not known here; did you mean `fetch`\?", done.stderr
    )
