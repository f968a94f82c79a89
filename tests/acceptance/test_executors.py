"""What a farm builds, whichever executor its slave has: the same list with `chroot` and with a real mock."""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.attempt.variables import MOCK
from tests.support.executors import variables
from tests.support.hosts import open_folder
from tests.support.packages import definition, packaging
from tests.support.processes import Farm, eventually
from tests.support.upstreams import add_submodule, head, repository, spec

pytestmark = [pytest.mark.farm, pytest.mark.long]

CHROOT = "mini-12-x86_64"
TOO_LONG, MEETING = "987701", "987702"
"""Seconds that nobody waits; how the sleepers of these tests are known."""
BROKEN = "echo 'int main(void) { retrun 0; }' > a.c\ncc a.c"
NO_NETWORK = """\
cat > try.c <<'END'
#include <arpa/inet.h>
#include <stdio.h>
int main(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int from = socket(AF_INET, SOCK_STREAM, 0);
    int reached = connect(from, (struct sockaddr *)&to, sizeof to) == 0;
    puts(reached ? "the master was reached" : "nobody was reached");
    return reached;
}
END
cc -o try try.c && ./try
test $(tail -n +3 /proc/net/dev | wc -l) = 1
"""
"""A build that tries to reach the master, which listens on this very host."""


@pytest.fixture(scope="module", params=["chroot", "mock"])
def farm(request: pytest.FixtureRequest, mini_chroots: Path) -> Iterator[Farm]:
    """A farm whose slave is told by its configuration how to build, with packages for every purpose."""
    with open_folder() as folder:
        program = variables(request.param, folder).get(MOCK)
        farm = Farm(folder, mini_chroots)
        config = folder / "slave1.toml"
        mock = f"mock = '{shutil.which(program)}'\n" if program else ""
        config.write_text(f"executor = '{request.param}'\n{mock}{config.read_text()}")
        with farm:
            apply(farm)
            yield farm


def apply(farm: Farm) -> None:
    git = farm.folder / "git"
    urls = {
        "library": packaging(git, "library"),
        "program": packaging(git, "program", requires=("library",), build="cat /usr/share/library/text"),
        "broken": packaging(git, "broken", requires=("gcc",), build=BROKEN),
        "dependent": packaging(git, "dependent", requires=("broken",)),
        "wanting": packaging(git, "wanting", requires=("nothing-devel >= 2",)),
        "endless": packaging(git, "endless", build=f"echo begun\nsetsid sleep {TOO_LONG} &\nsleep {TOO_LONG}"),
        "slow": packaging(git, "slow", build=f"echo begun\nsleep {TOO_LONG}"),
        "one": packaging(git, "one", build=meeting("one", "other")),
        "other": packaging(git, "other", build=meeting("other", "one")),
        "curious": packaging(git, "curious", requires=("gcc",), build=NO_NETWORK.replace("PORT", str(farm.http))),
    }
    text = definition("farm", urls, rpmlint="true").replace("  slow:\n", "  slow:\n    timeout: 10s\n")
    path = farm.folder / "farm.yaml"
    path.write_text(text)
    done = farm.builder("apply", "-f", str(path))
    assert done.returncode == 0, done.stderr


MODERN = """\
  modern:
    style: ci
    upstream: {{git: 'file://{git}', ref: main}}
    packaging: {{spec: rpm/modern.spec}}
    with: [docs]
    in-chroot:
      mini-12-x86_64: {{without: [{without}]}}
"""
"""A package whose spec lives upstream, with conditionals of its own."""

MODERN_BUILD = """\
%bcond_with docs
%bcond_without tests

%build
cat lib/text %{SOURCE1}
echo '%{maker}' with %{with docs} and %{with tests}

%install
mkdir -p %{buildroot}/usr/share/modern
"""


def modern(farm: Farm, without: str) -> None:
    """Apply a definition with the package `modern`, for which a conditional is off in the chroot."""
    text = (farm.folder / "farm.yaml").read_text().partition("  modern:\n")[0]
    macros = "macros: {maker: 'The Makers; $(id)'}\npackages:\n"
    whole = text if "macros:" in text else text.replace("packages:\n", macros)
    path = farm.folder / "farm.yaml"
    path.write_text(whole + MODERN.format(git=farm.folder / "git/modern", without=without))
    done = farm.builder("apply", "-f", str(path))
    assert done.returncode == 0, done.stderr


def test_upstream_with_spec_submodule_and_options(farm: Farm) -> None:
    """What it says is in the log of its build; other options for the same commit are built, the same ones are not."""
    git = farm.folder / "git"
    library = repository(git / "submodule", {"text": "from the submodule\n"})
    files = {
        "rpm/modern.spec": spec(
            "modern", preamble="Source1: notes\nPatch0: a.patch", files="/usr/share/modern\n"
        ).replace("%files", f"{MODERN_BUILD}\n%files"),
        "rpm/notes": "from beside the spec\n",
        "rpm/a.patch": "--- a/lib/text\n+++ b/lib/text\n@@ -1 +1 @@\n-from the submodule\n+from a patched submodule\n",
    }
    add_submodule(repository(git / "modern", files), "lib", "../submodule", head(library))
    modern(farm, without="tests")
    code, said = built(farm, "modern")
    assert code == 0, said
    for line in ("from a patched submodule", "from beside the spec", "The Makers; $(id) with 1 and 0"):
        assert f"\n{line}\n" in said
    modern(farm, without="docs")
    code, said = built(farm, "modern")
    assert code == 0, said
    assert "\nThe Makers; $(id) with 0 and 1\n" in said
    code, said = built(farm, "modern")
    assert code == 0, said
    assert "was built from the same sources" in said


def test_options_with_mistakes_are_refused(farm: Farm) -> None:
    """Each with its line."""
    wrong = "project: wrong\nchroots: [mini-12-x86_64]\nmacros: {dist: .x}\nin-chroot: {mini-13-x86_64: {}}\n"
    path = farm.folder / "wrong.yaml"
    path.write_text(wrong)
    done = farm.builder("apply", "-f", str(path))
    assert done.returncode == 3
    assert "line 3: `macros.dist` is the farm's own macro; leave it out\n" in done.stderr
    assert (
        "line 4: `in-chroot.mini-13-x86_64` is not a chroot of the project; did you mean `mini-12-x86_64`?"
        in done.stderr
    )


def meeting(own: str, other: str) -> str:
    """A build that writes into its root, waits until it is woken, and must not see what the other one wrote."""
    return f"touch /var/tmp/{own}\nsleep {MEETING} || true\ntest ! -e /var/tmp/{other}"


def built(farm: Farm, *arguments: str) -> tuple[int, str]:
    """The exit code and the output of `builder build`, waited for."""
    done = farm.builder("build", *arguments, "--watch", timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_two_packages_in_a_chain(farm: Farm) -> None:
    """The second is built with what was published of the first."""
    for name in ("library", "program"):
        code, said = built(farm, name, "--force")  # another test may have built it before
        assert code == 0, said
        assert re.search(rf" {name}-1\.0-1\.mini12(\.\d+)?\.noarch", said), said


def test_many_are_built_in_the_order_of_their_needs(farm: Farm) -> None:
    """Each with what was just published of those before it; a failure stops what needs it, and nothing else."""
    code, said = built(farm, "dependent", "program", "library", "broken", "--force")
    assert code == 1
    assert said.endswith("2 of 4 builds succeeded\n"), said
    for order in ("library {} succeeded.*", "program {} running.*program {} succeeded"):
        assert re.search(order.replace("{}", rf"\d+/{CHROOT}"), said, re.DOTALL), said
    library, program = (farm.get(f"/api/v1/builds/{_number(said, name)}") for name in ("library", "program"))
    (begun,) = (job["attempts"][0]["started"] for job in program["jobs"] if job["name"] == CHROOT)
    assert library["finished"] <= begun
    assert re.search(rf"dependent \d+/{CHROOT} cancelled: broken \(build \d+\) failed, which this needs", said), said
    assert_order_is_told(farm)


def _number(said: str, package: str) -> int:
    (number,) = re.findall(rf"^build (\d+) of farm/{package}$", said, re.MULTILINE)
    return int(number)


def assert_order_is_told(farm: Farm) -> None:
    """Before anything begins, from what was built before: waves, who waits for whom, and how long it would take."""
    newest = farm.builder("build", "list", "--limit", "1").stdout
    done = farm.builder("build", "program", "library", "--plan")
    assert done.returncode == 0, done.stderr
    first, second, estimate = done.stdout.splitlines()
    assert re.fullmatch(r"1\tfarm/library\t\t[\dm.]+s", first)
    assert re.fullmatch(r"2\tfarm/program\tlibrary\t[\dm.]+s", second)
    assert re.fullmatch(r"estimate: [\dm.]+s on the slaves that are connected", estimate)
    assert farm.builder("build", "list", "--limit", "1").stdout == newest


def test_what_went_into_two_builds_can_be_compared(farm: Farm) -> None:
    """Line by line: of the same commits, nothing differs but the SRPM, which has its own time, and a forced `%dist`."""
    told = []
    for _ in range(2):
        done = farm.builder("build", "library", "--force")
        number = int("".join(filter(str.isdigit, done.stdout.split(":")[0])))
        assert farm.finished(number, 300)["state"] == "succeeded", farm.log_so_far(number, CHROOT)
        told.append(farm.builder("build", "show", str(number), "--inputs").stdout.splitlines())
        shown = farm.builder("build", "show", str(number)).stdout
        assert re.search(rf"\nrpmlint of {CHROOT}: (\d+ errors, \d+ warnings|this slave has no rpmlint)\n", shown)
    first, second = ([line.split("\t") for line in lines] for lines in told)
    kinds = {(line[0], line[1]) for line in first}
    assert kinds >= {("source", "commit"), ("source", "spec"), (CHROOT, "program"), (CHROOT, "package")}
    assert {line[1] for line in first if line not in second} <= {"srpm", "chroot"}
    assert all(line[4] == "mini" for line in first if line[1] == "package")


def test_failing_build_shows_the_compilers_line(farm: Farm) -> None:
    """And exit code 1 says that it is the package."""
    code, said = built(farm, "broken")
    assert code == 1
    assert "%build: a.c:1:" in said


def test_missing_requirement_is_named(farm: Farm) -> None:
    """With the SRPM that wants it."""
    code, said = built(farm, "wanting")
    assert code == 1
    assert "no repository has nothing-devel >= 2, required to build wanting-1.0-1.src.rpm" in said


def test_time_that_a_package_may_take_is_bounded(farm: Farm) -> None:
    """The definition says how long."""
    code, said = built(farm, "slow")
    assert code == 1
    assert "it took longer than 10 s" in said
    assert_nothing_left(farm)


def test_cancel_reaches_the_build(farm: Farm) -> None:
    """In under two seconds, and nothing of it is left."""
    done = farm.builder("build", "endless")
    number = int("".join(filter(str.isdigit, done.stdout.split(":")[0])))
    end = time.monotonic() + 120
    while "\nbegun\n" not in farm.log_so_far(number, CHROOT):
        assert time.monotonic() < end, farm.log_so_far(number, CHROOT)
        time.sleep(0.1)
    begin = time.monotonic()
    assert farm.builder("build", "cancel", str(number)).returncode == 0
    while sleepers():
        assert time.monotonic() - begin < 2.0, "the build still runs"
    assert farm.finished(number)["state"] == "cancelled"
    assert_nothing_left(farm)


def test_two_at_the_same_time(farm: Farm) -> None:
    """Neither waits for the other, and neither sees it."""
    numbers = []
    for name in ("one", "other"):
        done = farm.builder("build", name)
        numbers.append(int("".join(filter(str.isdigit, done.stdout.split(":")[0]))))
    eventually("both are at work", lambda: len(sleepers(MEETING)) == len(numbers))
    for pid in sleepers(MEETING):
        os.kill(pid, signal.SIGTERM)
    for number in numbers:
        assert farm.finished(number, 300)["state"] == "succeeded", farm.log_so_far(number, CHROOT)


def test_build_has_no_network(farm: Farm) -> None:
    """Not even the master on the same host is reached."""
    code, said = built(farm, "curious")
    assert code == 0, said
    assert "nobody was reached" in said


def test_root_is_kept_for_the_next_build(farm: Farm) -> None:
    """mock unpacks its cache of the root, where it filled it before."""
    code, said = built(farm, "library", "--force")
    assert code == 0, said
    if "mock" in (farm.folder / "slave1.toml").read_text():
        assert "Finish: unpacking root cache" in said
        assert "installing minimal buildroot" not in said


def sleepers(seconds: str = TOO_LONG) -> list[int]:
    """The processes that sleep as the builds of these tests do."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes().startswith(f"sleep\0{seconds}\0".encode()):
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def assert_nothing_left(farm: Farm) -> None:
    """No process, mount or folder of an attempt that has ended."""
    end = time.monotonic() + 30
    while left := [sleepers(), mounts(farm), list(farm.folder.glob("slave1/attempts/*/work"))]:
        if not any(left):
            return
        assert time.monotonic() < end, left
        time.sleep(0.1)


def mounts(farm: Farm) -> list[str]:
    """Mounts below the farm's folder."""
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(farm.folder) in line]
