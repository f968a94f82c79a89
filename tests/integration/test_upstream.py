"""Style ci: what an upstream commit is, and what its tarball holds, with real git and rpm."""

import io
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.model.options import Options
from builder.model.package import GitSource, Packaging
from tests.support.attempts import RealAttempt
from tests.support.packages import git
from tests.support.sources import serving
from tests.support.upstreams import add_submodule, carried_out, ci_work, commit, head, repository, spec


def place(folder: Path, ref: str = "main") -> GitSource:
    return GitSource(git=f"file://{folder}", ref=ref)


def in_tree(folder: Path, path: str | None = None, ref: str = "main") -> Packaging:
    return Packaging(git=f"file://{folder}", ref=ref, spec=path)


def tarball(attempt: RealAttempt, suffix: str = ".gz") -> dict[str, str]:
    """The files of the upstream's tarball in the SRPM, with their text."""
    srpm = subprocess.run(["rpm2cpio", attempt.srpm], check=True, capture_output=True).stdout
    command = ["cpio", "-i", "--quiet", "--to-stdout", f"one-1.0.tar{suffix}"]
    packed = subprocess.run(command, input=srpm, check=True, capture_output=True).stdout
    plain = subprocess.run(["zstd", "-dc"], input=packed, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed if suffix != ".zst" else plain)) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {member.name: archive.extractfile(member).read().decode() for member in members}  # type: ignore[union-attr] # they are files


def assert_failed(outcome: Outcome, *words: str) -> None:
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.SOURCES), outcome.reason
    for word in words:
        assert word in outcome.reason


class TestSubmodules:
    def test_they_are_in_the_tarball_at_the_recorded_commits(self, tmp_path: Path) -> None:
        """With their own, whatever their branches have become since; relative addresses are upstream's neighbours."""
        inner = repository(tmp_path / "inner", {"inner.txt": "inner"})
        outer = repository(tmp_path / "outer", {"outer.txt": "outer"})
        add_submodule(outer, "deep/inner", "../inner", head(inner))
        upstream = repository(tmp_path / "one", {"one.spec": spec(), "a.txt": "a"})
        add_submodule(upstream, "lib", f"file://{outer}", head(outer))
        commit(inner, {"inner.txt": "later"})
        commit(outer, {"outer.txt": "later"})
        attempt, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log
        made = tarball(attempt)
        assert {name: text for name, text in made.items() if name.endswith(".txt")} == {
            "one-1.0/a.txt": "a",
            "one-1.0/lib/outer.txt": "outer",
            "one-1.0/lib/deep/inner/inner.txt": "inner",
        }
        assert f"submodule one-1.0/lib: file://{outer} at " in attempt.log

    def test_the_same_commit_gives_the_same_tarball(self, tmp_path: Path) -> None:
        """In any compression, so that inputs are the same."""
        inner = repository(tmp_path / "inner", {"inner.txt": "inner"})
        for suffix in (".zst", ".xz"):
            upstream = repository(tmp_path / f"one{suffix}", {"one.spec": spec(suffix=suffix)})
            add_submodule(upstream, "lib", "../inner", head(inner))
            work = ci_work(place(upstream), in_tree(upstream))
            (first, one), (_, other) = (carried_out(tmp_path / f"state{n}", work) for n in range(2))
            assert one.source, first.log
            assert one.source == other.source
            assert tarball(first, suffix)["one-1.0/lib/inner.txt"] == "inner"
            subprocess.run(["rm", "-r", tmp_path / "state0", tmp_path / "state1"], check=True, timeout=60)

    def test_one_that_leads_back_to_itself_ends(self, tmp_path: Path) -> None:
        """At the commit that has none yet."""
        upstream = repository(tmp_path / "one", {"one.spec": spec()})
        first = head(upstream)
        add_submodule(upstream, "myself", "./", first)
        attempt, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log
        assert "one-1.0/myself/one.spec" in tarball(attempt)

    def test_disk_of_the_slave_is_nowhere_to_lead_to(self, tmp_path: Path) -> None:
        """A repository that is served to everybody cannot have what lies on this host."""
        secret = repository(tmp_path / "secret", {"secret.txt": "secret"})
        upstream = repository(tmp_path / "www/one", {"one.spec": spec()})
        add_submodule(upstream, "lib", f"file://{secret}", head(secret))
        git(upstream, "update-server-info")
        with serving(tmp_path / "www") as url:
            source = GitSource(git=f"{url}/one/.git", ref="main")
            _, outcome = carried_out(tmp_path / "state", ci_work(source, Packaging(git=source.git, ref="main")))
        assert_failed(
            outcome, "the submodule lib of http://127.0.0.1", f"is at 'file://{secret}', which may not be read"
        )

    @pytest.mark.parametrize("url", ["/etc", "ext::touch x", "--upload-pack=touch x", "file://host/x", "ftp://host/x"])
    def test_address_of_no_known_kind_is_told(self, tmp_path: Path, url: str) -> None:
        """Before git sees it."""
        upstream = repository(tmp_path / "one", {"one.spec": spec()})
        add_submodule(upstream, "lib", url, "1" * 40)
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert_failed(
            outcome, f"the submodule lib of file://{upstream} is at {url!r}, which may not be read from there"
        )

    def test_keys_of_the_slaves_user_are_not_for_them(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """They are for what a definition names: here is an ssh that says how it is started."""
        ssh = tmp_path / "bin/ssh"
        ssh.parent.mkdir()
        ssh.write_text('#!/bin/sh\necho "ssh $*" >&2\nexit 255\n')
        ssh.chmod(0o755)
        monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
        upstream = repository(tmp_path / "one", {"one.spec": spec()})
        add_submodule(upstream, "lib", "ssh://git@host.invalid/lib", head(upstream))
        attempt, _ = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert "ssh -F none" in attempt.log
        assert "-o IdentityAgent=none -o IdentityFile=/dev/null" in attempt.log
        named = Packaging(git="ssh://git@host.invalid/one", ref="main")
        attempt, _ = carried_out(tmp_path / "state", ci_work(named, named))
        assert "ssh -o BatchMode=yes" in attempt.log
        assert "Identity" not in attempt.log

    def test_repository_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        """With the folder of the submodule that wants it."""
        upstream = repository(tmp_path / "one", {"one.spec": spec()})
        add_submodule(upstream, "lib", "../gone", "1" * 40)
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert_failed(outcome, f"the submodule one-1.0/lib: file://{tmp_path}/gone cannot be read: ")

    def test_commit_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        """As where somebody forgot to push it."""
        inner = repository(tmp_path / "inner", {"inner.txt": "inner"})
        upstream = repository(tmp_path / "one", {"one.spec": spec()})
        add_submodule(upstream, "lib", "../inner", "1" * 40)
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert_failed(outcome, "the submodule one-1.0/lib: ", f"file://{inner} has no branch, tag or commit '111")

    def test_gitmodules_that_is_none_is_told(self, tmp_path: Path) -> None:
        """With git's own line."""
        upstream = repository(tmp_path / "one", {"one.spec": spec(), ".gitmodules": "[submodule\n"})
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert_failed(outcome, f"the .gitmodules of file://{upstream} cannot be read: bad config line 1")

    def test_archive_of_no_known_kind_is_told(self, tmp_path: Path) -> None:
        """With those that there are."""
        inner = repository(tmp_path / "inner", {"inner.txt": "inner"})
        upstream = repository(tmp_path / "one", {"one.spec": spec(suffix=".lz4")})
        add_submodule(upstream, "lib", "../inner", head(inner))
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert_failed(
            outcome, "one-1.0.tar.lz4 cannot be made from a commit with submodules: its name should end in one"
        )


class TestCommit:
    def test_commit_on_no_branch_is_found(self, tmp_path: Path) -> None:
        """By its whole name, as of a pull request that was never merged."""
        upstream = repository(tmp_path / "one", {"one.spec": spec()})
        left = head(commit(upstream, {"a.txt": "a"}))
        git(upstream, "reset", "-q", "--hard", "HEAD~1")
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream, left), in_tree(upstream)))
        assert outcome.source, outcome.reason
        assert outcome.source.commits[1].commit == left
        _, outcome = carried_out(tmp_path / "new", ci_work(place(upstream, left[:12]), in_tree(upstream)))
        assert_failed(
            outcome, f"has no branch, tag or commit '{left[:12]}'; a commit that is on no branch needs its whole"
        )

    def test_commit_that_is_nowhere_is_told(self, tmp_path: Path) -> None:
        """Whatever the server says to it."""
        upstream = repository(tmp_path / "one", {"one.spec": spec()})
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream, "1" * 40), in_tree(upstream)))
        assert_failed(outcome, f"has no branch, tag or commit '{'1' * 40}', or does not let it be read")


class TestSpec:
    def test_spec_in_the_upstream_repository(self, tmp_path: Path) -> None:
        """In a folder of it, with its patch beside it, at the commit that is built."""
        files = {"rpm/one.spec": spec(preamble="Patch0: fix.patch"), "rpm/fix.patch": "", "tests/other.spec": ""}
        upstream = repository(tmp_path / "one", files)
        attempt, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream, "rpm/one.spec")))
        assert outcome.source, attempt.log
        assert {commit.commit for commit in outcome.source.commits} == {head(upstream)}
        listed = subprocess.run(["rpm", "-qlp", attempt.srpm], check=True, capture_output=True, text=True).stdout
        assert listed.split() == ["fix.patch", "one-1.0.tar.gz", "one.spec"]

    def test_the_only_one_needs_no_name(self, tmp_path: Path) -> None:
        """Wherever it is; one in the top folder goes before those below."""
        upstream = repository(tmp_path / "one", {"dist/one.spec": spec()})
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert outcome.source, outcome.reason
        commit(upstream, {"one.spec": spec(preamble="Epoch: 2")})
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert outcome.source
        assert outcome.source.evr.startswith("2:1.0-")

    def test_several_are_told_with_their_paths(self, tmp_path: Path) -> None:
        """As is one that is not there, and one behind a link out of the repository."""
        upstream = repository(tmp_path / "one", {"a/one.spec": spec(), "b/one.spec": spec()})
        (upstream / "etc").symlink_to("/etc")
        commit(upstream, {})
        _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream)))
        assert_failed(outcome, "must have one spec, or its definition name one: a/one.spec, b/one.spec")
        for path in ("c/one.spec", "etc/passwd"):
            _, outcome = carried_out(tmp_path / "state", ci_work(place(upstream), in_tree(upstream, path)))
            assert_failed(outcome, f"has no file {path}; its specs are: a/one.spec, b/one.spec")


class TestOptions:
    def test_they_decide_what_is_in_the_srpm(self, tmp_path: Path) -> None:
        """Conditionals and macros, whatever a shell would make of them."""
        preamble = "%bcond_with docs\n%if %{with docs}\nPatch0: docs.patch\n%endif\nVendor: %{maker}"
        upstream = repository(tmp_path / "one", {"one.spec": spec(preamble=preamble), "docs.patch": ""})
        options = Options(macros={"maker": "$(touch /builddir/x); `id` \"'&"}, with_=("docs",))
        work = ci_work(place(upstream), in_tree(upstream), options=options)
        attempt, outcome = carried_out(tmp_path / "state", work)
        assert outcome.source, attempt.log
        query = ["rpm", "-qp", "--qf", "%{VENDOR}\\n[%{FILENAMES} ]", str(attempt.srpm)]
        said = subprocess.run(query, check=True, capture_output=True, text=True).stdout.split("\n")
        assert said[0] == options.macros["maker"]
        assert "docs.patch" in said[1].split()

    def test_other_options_are_other_inputs(self, tmp_path: Path) -> None:
        """In whatever chroot they hold: the digest of all of them counts."""
        upstream = repository(tmp_path / "one", {"one.spec": spec()})
        found = set()
        for chosen in (None, "1" * 64, "2" * 64, None):
            work = ci_work(place(upstream), in_tree(upstream), chosen=chosen)
            _, outcome = carried_out(tmp_path / "state", work)
            assert outcome.source
            found.add(outcome.source.inputs)
        assert len(found) == 3

    def test_spec_that_does_not_parse_with_them_is_told(self, tmp_path: Path) -> None:
        """With rpm's line."""
        preamble = "%bcond_with docs\n%if %{with docs}\nNonsense\n%endif"
        upstream = repository(tmp_path / "one", {"one.spec": spec(preamble=preamble)})
        work = ci_work(place(upstream), in_tree(upstream), options=Options(with_=("docs",)))
        _, outcome = carried_out(tmp_path / "state", work)
        assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.SRPM)
        assert re.search(r"one\.spec does not parse: .*\b11\b.*\bNonsense\b", outcome.reason)
