"""What goes wrong in a build, with real processes: the right state, one line that says why, the detail in the log."""

import json
import subprocess
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.packages import SPEC, definition, git, packaging
from tests.support.processes import Farm, eventually
from tests.support.sources import serving

pytestmark = [pytest.mark.farm, pytest.mark.long]
CHROOT = "mini-12-x86_64"


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, mini_chroots: Path) -> Iterator[Farm]:
    """One farm with two slaves for all of them: a failed build must not disturb the next."""
    with Farm(tmp_path_factory.mktemp("farm"), mini_chroots, slaves=2) as running:
        yield running


def build(farm: Farm, name: str, url: str, ref: str = "main") -> dict[str, Any]:
    """The finished build of a package, in a project of its own."""
    text = definition(f"project-{name}", {name: url}).replace("ref: main", f"ref: {ref}")
    farm.call("POST", "/api/v1/definition", text)
    number = farm.call("POST", "/api/v1/builds", {"package": name})["number"]
    return farm.finished(number)


def job(build: dict[str, Any], name: str) -> dict[str, Any]:
    """One job of a build."""
    return next(job for job in build["jobs"] if job["name"] == name)


def ended(build: dict[str, Any], name: str, kind: str) -> str:
    """The reason of a job that failed, once, for a fault of this kind; its build failed for the same reason."""
    failed = job(build, name)
    assert failed["state"] == "failed", build
    [attempt] = failed["attempts"]
    assert attempt["kind"] == kind, attempt
    assert "\n" not in failed["reason"]
    assert "Traceback" not in failed["reason"]
    assert build["state"] == "failed"
    assert build["reason"] == failed["reason"]
    return str(failed["reason"])


def refusal(farm: Farm, path: str, body: object) -> dict[str, Any]:
    """The body of the refusal that a POST is answered with."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        farm.call("POST", path, body)
    assert 400 <= refused.value.code < 500
    answer: dict[str, Any] = json.loads(refused.value.read())
    return answer


def test_an_unknown_package_is_named(farm: Farm) -> None:
    """Nothing is started for a package that the farm does not know."""
    assert "nosuch" in refusal(farm, "/api/v1/builds", {"package": "nosuch"})["message"]
    done = farm.builder("build", "nosuch")
    assert done.returncode == 3
    assert "nosuch" in done.stderr


def test_an_unknown_chroot_is_named(farm: Farm, tmp_path: Path) -> None:
    """A definition, and a build, with a chroot that the farm does not know are refused with what there is."""
    url = packaging(tmp_path, "known")
    assert (
        "mini-13-x86_64"
        in refusal(farm, "/api/v1/definition", definition("chrootless", {"known": url}, chroot="mini-13-x86_64"))[
            "message"
        ]
    )
    farm.call("POST", "/api/v1/definition", definition("chrootless", {"known": url}))
    request = {"package": "known", "chroots": ["mini-12-sparc64"]}
    assert "mini-12-sparc64" in refusal(farm, "/api/v1/builds", request)["message"]


def test_three_mistakes_are_named_with_their_lines(farm: Farm, tmp_path: Path) -> None:
    """One attempt to apply is enough to learn of every mistake: unknown chroot, style and channel."""
    mistaken = tmp_path / "farm.yaml"
    mistaken.write_text(
        "project: mistaken\n"
        "chroots: [mini-99-x86_64]\n"
        "packages:\n"
        "  one:\n"
        "    style: nightly\n"
        "    packaging: {git: 'https://git.example.org/one.git'}\n"
        "  two:\n"
        "    style: release\n"
        "    packaging: {git: 'https://git.example.org/two.git'}\n"
        "    channel: quick\n"
    )
    done = farm.builder("apply", "-f", str(mistaken))
    assert done.returncode == 3
    for line, what in ((2, "mini-99-x86_64"), (5, "nightly"), (10, "quick")):
        assert any(f"line {line}:" in told and what in told for told in done.stderr.splitlines()), done.stderr
    assert "mistaken" not in farm.builder("package", "list").stdout


def test_a_repository_that_does_not_exist(farm: Farm, tmp_path: Path) -> None:
    """The source job fails and names the repository; the chroot job never runs."""
    result = build(farm, "nowhere", f"file://{tmp_path}/nowhere.git")
    assert "nowhere.git" in ended(result, "source", "sources")
    assert job(result, CHROOT)["state"] == "cancelled"


def test_a_ref_that_does_not_exist(farm: Farm, tmp_path: Path) -> None:
    """The source job fails and names the ref."""
    assert "v9" in ended(build(farm, "refless", packaging(tmp_path, "refless"), ref="v9"), "source", "sources")


def test_a_spec_that_does_not_parse(farm: Farm, tmp_path: Path) -> None:
    """The source job fails with rpm's own line."""
    url = packaging(tmp_path, "unparsed", check="true\n%if 1\n")
    assert "%if" in ended(build(farm, "unparsed", url), "source", "srpm")


def test_a_tarball_with_the_wrong_checksum(farm: Farm, tmp_path: Path) -> None:
    """A tarball that is not what `sources` says is not built, and named."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "wrong-1.0.tar.gz").write_bytes(b"not what was promised")
    url = packaging(tmp_path, "wrong")
    with serving(tmp_path / "served") as base:
        spec = (tmp_path / "wrong" / "wrong.spec").read_text()
        spec = spec.replace("License: MIT", f"License: MIT\nSource0: {base}/wrong-1.0.tar.gz")
        (tmp_path / "wrong" / "wrong.spec").write_text(spec)
        (tmp_path / "wrong" / "sources").write_text(f"SHA512 (wrong-1.0.tar.gz) = {'0' * 128}\n")
        git(tmp_path / "wrong", "add", ".")
        git(tmp_path / "wrong", "commit", "-q", "-m", "Promise something else")
        assert "wrong-1.0.tar.gz" in ended(build(farm, "wrong", url), "source", "sources")


def test_a_missing_build_requirement(farm: Farm, tmp_path: Path) -> None:
    """The chroot job fails and names what is missing."""
    url = packaging(tmp_path, "needy", requires=("nonexistent-devel >= 2",))
    assert "nonexistent-devel" in ended(build(farm, "needy", url), CHROOT, "dependency")


def test_a_failing_build(farm: Farm, tmp_path: Path) -> None:
    """The chroot job fails with the line that shows why, and the log has the detail."""
    url = packaging(tmp_path, "failing", build="echo error: widget missing\nexit 7")
    result = build(farm, "failing", url)
    assert "widget missing" in ended(result, CHROOT, "compile")
    assert "Bad exit status" in farm.log_of(result["number"], CHROOT)


def test_a_failing_check(farm: Farm, tmp_path: Path) -> None:
    """A %check that fails is told apart from a build that fails."""
    url = packaging(tmp_path, "unchecked", check="echo 'FAIL: two is not three'\nexit 1")
    assert "two is not three" in ended(build(farm, "unchecked", url), CHROOT, "test")


def test_a_timeout(farm: Farm, tmp_path: Path) -> None:
    """A build that takes longer than its package's timeout ends as timed out and leaves nothing running."""
    url = packaging(tmp_path, "endless", build="sleep 3600")
    text = definition("project-endless", {"endless": url}) + "    timeout: 8s\n"
    farm.call("POST", "/api/v1/definition", text)
    result = farm.finished(farm.call("POST", "/api/v1/builds", {"package": "endless"})["number"])
    failed = job(result, CHROOT)
    assert failed["state"] == "failed"
    assert failed["attempts"][0]["state"] == "timed-out"
    eventually("nothing is left at work", lambda: not farm.attempts_at_work())


def test_a_cancelled_build(farm: Farm, tmp_path: Path) -> None:
    """A cancel is answered at once, reaches the build, and leaves no process."""
    url = packaging(tmp_path, "unwanted", build="echo begun\nsleep 3600")
    farm.call("POST", "/api/v1/definition", definition("project-unwanted", {"unwanted": url}))
    number = farm.call("POST", "/api/v1/builds", {"package": "unwanted"})["number"]
    eventually("the build has begun", lambda: "begun\n" in farm.log_so_far(number, CHROOT))
    done = farm.builder("build", "cancel", str(number))
    assert done.returncode == 0, done.stderr
    assert farm.get(f"/api/v1/builds/{number}")["state"] == "cancelled"
    eventually("nothing is left at work", lambda: not farm.attempts_at_work())
    eventually(
        "the attempt is cancelled",
        lambda: job(farm.get(f"/api/v1/builds/{number}"), CHROOT)["attempts"][0]["state"] == "cancelled",
    )


def test_a_spec_with_the_right_name_still_builds(farm: Farm, tmp_path: Path) -> None:
    """After all that went wrong, a good package builds, is published, and is skipped when it is asked for again."""
    url = packaging(tmp_path, "good")
    result = build(farm, "good", url)
    assert result["state"] == "succeeded", result
    assert "good-1.0-1.mini12.noarch" in job(result, CHROOT)["published"]
    again = build(farm, "good", url)
    assert again["state"] == "succeeded"
    assert job(again, CHROOT)["state"] == "skipped"
    assert "1.0-1.mini12" in job(again, CHROOT)["reason"]


def test_a_full_disk_on_the_slave(tmp_path: Path, mini_chroots: Path) -> None:
    """A slave whose disk is full says so; the job is tried again elsewhere and succeeds."""
    folder = tmp_path / "farm"
    (folder / "slave1").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "small", str(folder / "slave1")], check=True)
    try:
        with Farm(folder, mini_chroots, slaves=1, tries=10) as farm:
            url = packaging(tmp_path / "git", "roomy")
            farm.call("POST", "/api/v1/definition", definition("full", {"roomy": url}))
            number = farm.call("POST", "/api/v1/builds", {"package": "roomy"})["number"]
            eventually(
                "an attempt broke",
                lambda: any(
                    attempt["state"] == "broken" and "space" in attempt["reason"]
                    for seen in farm.get(f"/api/v1/builds/{number}")["jobs"]
                    for attempt in seen["attempts"]
                ),
            )
            farm.add_slave("slave2")
            result = farm.finished(number)
            assert result["state"] == "succeeded", result
            first = job(result, CHROOT)["attempts"][0]
            assert (first["state"], first["kind"]) == ("broken", "infrastructure")
    finally:
        subprocess.run(["umount", "--lazy", str(folder / "slave1")], check=True)


def test_a_lost_host(tmp_path: Path, mini_chroots: Path) -> None:
    """Slave and runner are killed and not started again: the job is tried once more, elsewhere, with a higher fence."""
    with Farm(tmp_path, mini_chroots, slaves=1, lease=2.0, grace=1.0) as farm:
        url = packaging(tmp_path / "git", "lonely", build="echo begun\nsleep 6")
        farm.call("POST", "/api/v1/definition", definition("lost", {"lonely": url}))
        number = farm.call("POST", "/api/v1/builds", {"package": "lonely"})["number"]
        eventually("the build has begun", lambda: "begun\n" in farm.log_so_far(number, CHROOT))
        lost = farm.slaves.pop()
        farm.add_slave("slave2")
        lost.kill()
        farm.slaves.append(lost)
        farm.lose_runners("slave1")
        result = farm.finished(number)
        assert result["state"] == "succeeded", result
        first, second = job(result, CHROOT)["attempts"]
        assert (first["slave"], first["state"]) == ("slave1", "broken")
        assert (second["slave"], second["state"]) == ("slave2", "succeeded")
        assert second["fence"] > first["fence"]


def test_the_template_is_a_spec(tmp_path: Path) -> None:
    """The tests above break a spec that is fine by itself."""
    spec = tmp_path / "fine.spec"
    spec.write_text(
        SPEC.format(
            name="fine", version="1", arch="noarch", build="true", install="", check="true", requires="", needs=""
        )
    )
    subprocess.run(["rpmspec", "-P", str(spec)], check=True, capture_output=True)
