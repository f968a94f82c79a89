"""The source job with real git, real rpm and a real sandbox; it needs no root."""

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.model.dependencies import DEPENDENCIES_NAME, Dependencies
from builder.model.inputs import INPUTS_NAME, SourceFile, SourceInputs
from builder.model.options import Options
from builder.model.package import GitSource, Packaging, Style
from builder.model.work import SourceWork
from builder.runner.spec import parse
from builder.runner.workspace import OUTPUT_LIMIT
from tests.support.attempts import RealAttempt
from tests.support.orders import order, source_work
from tests.support.packages import git, packaging
from tests.support.sources import Sources, serving


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    """The example's repositories, with its tarball on loopback."""
    with serving(tmp_path / "sources" / "www") as url:
        yield Sources(tmp_path / "sources", url)


def hellolib(sources: Sources, build: int = 17) -> SourceWork:
    return SourceWork(
        project="hello",
        package="hellolib",
        style=Style.CI,
        packaging=Packaging(git=f"file://{sources.hellolib_packaging}", ref="main", spec="hellolib.spec"),
        upstream=GitSource(git=f"file://{sources.hellolib}", ref="main"),
        build=build,
    )


def hello(sources: Sources) -> SourceWork:
    return source_work(f"file://{sources.hello_packaging}")


def carried_out(tmp_path: Path, work: SourceWork) -> tuple[RealAttempt, Outcome]:
    """An attempt that has ended, and how: as its folder says it, which is what the slave will read."""
    attempt = RealAttempt(tmp_path / "state", order(work, attempt=secrets.token_hex(16)))
    attempt.carry_out()
    outcome = attempt.folder.outcome()
    assert outcome
    return attempt, outcome


def assert_failed(outcome: Outcome, kind: FailureKind, *words: str) -> None:
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, kind), outcome.reason
    assert "\n" not in outcome.reason
    for word in words:
        assert word in outcome.reason


class TestCi:
    def test_srpm_says_which_commit_it_is(self, tmp_path: Path, sources: Sources) -> None:
        """The upstream commit's UTC date, the build's number and the commit's name are in the release."""
        attempt, outcome = carried_out(tmp_path, hellolib(sources))
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log
        assert outcome.source
        commit = outcome.source.commits[1]
        assert commit.commit == git(sources.hellolib, "rev-parse", "HEAD").strip()
        day = commit.date[:10].replace("-", "")
        assert outcome.source.evr == f"1.0-{day}.17git{commit.commit[:7]}"
        assert attempt.steps == ["fetch", "srpm"]
        srpm = attempt.artifacts[attempt.srpm.name]
        assert (srpm.kind, srpm.nevra) == (ArtifactKind.SRPM, f"hellolib-{outcome.source.evr}.src")

    def test_same_commits_are_the_same_inputs(self, tmp_path: Path, sources: Sources) -> None:
        """The number of the build changes the release, not the digest of the inputs."""
        _, first = carried_out(tmp_path, hellolib(sources, build=17))
        _, second = carried_out(tmp_path, hellolib(sources, build=18))
        assert first.source
        assert second.source
        assert first.source.evr != second.source.evr
        assert first.source.inputs == second.source.inputs

    def test_another_commit_is_other_inputs(self, tmp_path: Path, sources: Sources) -> None:
        """A new upstream commit is fetched into the mirror that is there."""
        _, first = carried_out(tmp_path, hellolib(sources))
        commit = sources.add_commit()
        _, second = carried_out(tmp_path, hellolib(sources))
        assert first.source
        assert second.source
        assert first.source.inputs != second.source.inputs
        assert second.source.commits[1].commit == commit

    @pytest.mark.parametrize("kind", ["branch", "tag", "commit", "short commit", "HEAD"])
    def test_a_ref_is_a_branch_a_tag_or_a_commit(self, tmp_path: Path, sources: Sources, kind: str) -> None:
        """Each way to name a commit finds it; an annotated tag stands for its commit."""
        commit = git(sources.hellolib, "rev-parse", "HEAD").strip()
        git(sources.hellolib, "tag", "-a", "-m", "1.0", "v1.0")
        git(sources.hellolib, "branch", "topic/one")
        ref = {"branch": "topic/one", "tag": "v1.0", "commit": commit, "short commit": commit[:9], "HEAD": "HEAD"}[kind]
        upstream = GitSource(git=f"file://{sources.hellolib}", ref=ref)
        _, outcome = carried_out(tmp_path, msgspec.structs.replace(hellolib(sources), upstream=upstream))
        assert outcome.source, outcome.reason
        assert outcome.source.commits[1].commit == commit


class TestRelease:
    def test_sources_are_downloaded_and_verified(self, tmp_path: Path, sources: Sources) -> None:
        """The tarball that the spec names comes over HTTP and is what `sources` says."""
        attempt, outcome = carried_out(tmp_path, hello(sources))
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log
        assert outcome.source
        assert outcome.source.evr == "1.0-1"
        assert attempt.artifacts.keys() == {"hello-1.0-1.src.rpm", INPUTS_NAME, DEPENDENCIES_NAME}

    def test_what_it_was_made_from_is_delivered(self, tmp_path: Path, sources: Sources) -> None:
        """The commit, and each file with its digest and where it came from: the repository, or the web."""
        attempt, outcome = carried_out(tmp_path, hello(sources))
        assert outcome.source
        inputs = msgspec.json.decode((attempt.folder.results / INPUTS_NAME).read_bytes(), type=SourceInputs)
        assert inputs.commits == outcome.source.commits
        text = (sources.hello_packaging / "hello.spec").read_bytes()
        (commit,) = inputs.commits
        assert inputs.spec == SourceFile(
            name="hello.spec", size=len(text), sha256=hashlib.sha256(text).hexdigest(), url=commit.git
        )
        assert [file.name for file in inputs.files] == sorted(file.name for file in inputs.files)
        origins = {file.name: file.url for file in inputs.files}
        assert origins["hello-1.0.tar.gz"].startswith("http://127.0.0.1:")
        assert {program.name for program in inputs.programs if program.version} == {"rpm", "bwrap"}

    def test_what_it_requires_and_provides_is_delivered(self, tmp_path: Path, sources: Sources) -> None:
        """By names, boolean requirements taken apart, for the order of batches."""
        sources.require("(hellolib >= 1 or /usr/bin/true)")
        attempt, _ = carried_out(tmp_path, hello(sources))
        assert attempt.artifacts[DEPENDENCIES_NAME].kind is ArtifactKind.DEPENDENCIES
        found = msgspec.json.decode((attempt.folder.results / DEPENDENCIES_NAME).read_bytes(), type=Dependencies)
        assert found.requires == ("/usr/bin/true", "gcc", "hellolib", "hellolib-devel", "make")
        assert found.provides[0] == "hello"

    def test_wrong_checksum_is_told_with_both_digests(self, tmp_path: Path, sources: Sources) -> None:
        """A tarball that is not what `sources` says ends the build with one sentence."""
        sources.break_checksum()
        attempt, outcome = carried_out(tmp_path, hello(sources))
        assert_failed(outcome, FailureKind.SOURCES, "checksum of hello-1.0.tar.gz is", "sources says")
        assert attempt.steps == ["fetch!"]

    def test_missing_tarball_is_told_with_its_url(self, tmp_path: Path, sources: Sources) -> None:
        """What the server does not have is the package's fault."""
        (tmp_path / "sources/www/hello-1.0.tar.gz").unlink()
        _, outcome = carried_out(tmp_path, hello(sources))
        assert_failed(outcome, FailureKind.SOURCES, "/hello-1.0.tar.gz cannot be downloaded: 404")

    def test_spec_that_does_not_parse_is_told_with_rpms_line(self, tmp_path: Path, sources: Sources) -> None:
        """The reason is the line in which rpm says what is wrong."""
        sources.break_spec()
        _, outcome = carried_out(tmp_path, hello(sources))
        assert_failed(outcome, FailureKind.SRPM, "hello.spec does not parse: ", "%if")

    def test_a_sandbox_that_cannot_be_made_is_not_the_packages_fault(
        self, tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where bubblewrap itself fails, as it does in some containers, the attempt is broken and says so."""
        says = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
        bwrap = tmp_path / "bin" / "bwrap"
        bwrap.parent.mkdir()
        bwrap.write_text(f'#!/bin/sh\necho "{says}" >&2\nexit 1\n')
        bwrap.chmod(0o755)
        monkeypatch.setenv("PATH", f"{bwrap.parent}:{os.environ['PATH']}")
        _, outcome = carried_out(tmp_path, hello(sources))
        assert outcome.state is AttemptState.BROKEN
        assert outcome.reason == f"this slave cannot confine what a package runs: {says}"

    def test_source_that_is_nowhere_is_named(self, tmp_path: Path) -> None:
        """A source that is neither a URL nor in the repository is told before rpmbuild is asked."""
        url = packaging(tmp_path, "alone", requires=("gcc\nSource0: alone.tar.gz",))
        _, outcome = carried_out(tmp_path, source_work(url))
        assert_failed(outcome, FailureKind.SOURCES, "alone.tar.gz", "neither in the packaging repository nor a URL")


class TestStrangeSpec:
    """Whatever a spec says is the package's, and told in one sentence that can be read."""

    @pytest.mark.parametrize("tag", ["ExclusiveArch", "ExcludeArch"])
    def test_architecture_that_is_an_unknown_macro_is_told(self, tmp_path: Path, tag: str) -> None:
        """rpm leaves it as it is written, and no job can be planned from that."""
        url = packaging(tmp_path, "hello", requires=(f"gcc\n{tag}: x86_64 %{{java_arches}}",))
        attempt, outcome = carried_out(tmp_path, source_work(url))
        assert_failed(outcome, FailureKind.SRPM, "architectures", f"{tag} %{{java_arches}}")
        assert attempt.steps == ["fetch", "srpm!"]

    def test_too_many_architectures_are_told(self, tmp_path: Path) -> None:
        """A hundred may be named."""
        url = packaging(tmp_path, "hello", requires=(f"gcc\nExcludeArch: {' '.join(f'a{n}' for n in range(101))}",))
        _, outcome = carried_out(tmp_path, source_work(url))
        assert_failed(outcome, FailureKind.SRPM, "architectures are too many")

    def test_architectures_are_found_out(self, tmp_path: Path) -> None:
        """Each under its own tag."""
        url = packaging(tmp_path, "hello", requires=("gcc\nExclusiveArch: x86_64 noarch\nExcludeArch: s390x",))
        _, outcome = carried_out(tmp_path, source_work(url))
        assert outcome.source, outcome.reason
        assert outcome.source.exclusive_arch == ("x86_64", "noarch")
        assert outcome.source.exclude_arch == ("s390x",)
        assert outcome.source.build_arch == ("noarch",)

    def test_what_it_prints_is_not_taken_for_an_answer(self, tmp_path: Path) -> None:
        """rpm writes what a spec echoes among what it was asked for."""
        workspace = RealAttempt(tmp_path / "state", order(source_work())).workspace()
        home = workspace.folder("srpm")
        (home / "SPECS").mkdir()
        said = '%{echo:noise}\n%{lua:io.write("noise")}\n'
        packaging(tmp_path, "hello", requires=(f"gcc\n{said}",))
        shutil.copy(tmp_path / "hello/hello.spec", home / "SPECS")
        parsed = parse(workspace, home, "hello.spec", Options())
        assert (parsed.name, parsed.version) == ("hello", "1.0")

    def test_what_drowns_the_answer_is_told(self, tmp_path: Path) -> None:
        """A spec that prints more than is read does not parse."""
        url = packaging(tmp_path, "hello", requires=(f'gcc\n%{{lua:io.write(string.rep("x", {OUTPUT_LIMIT}))}}',))
        _, outcome = carried_out(tmp_path, source_work(url))
        assert_failed(outcome, FailureKind.SRPM, "hello.spec does not parse", "neither name nor version")

    def test_names_that_are_no_text_are_told(self, tmp_path: Path) -> None:
        """A file's name may be any bytes; the sentence about it is text nevertheless."""
        url = packaging(tmp_path, "hello")
        repository = Path(url.removeprefix("file://"))
        (repository / os.fsdecode(b"h\xff.spec")).write_text("")
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-m", "Add a second spec")
        _, outcome = carried_out(tmp_path, source_work(url))
        assert_failed(outcome, FailureKind.SOURCES, "hello.spec", "h?.spec")

    def test_spec_whose_name_is_no_text_is_the_packages_fault(self, tmp_path: Path) -> None:
        """rpm does not take it, which no other slave can change."""
        url = packaging(tmp_path, "hello")
        repository = Path(url.removeprefix("file://"))
        (repository / "hello.spec").rename(repository / os.fsdecode(b"h\xff.spec"))
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-a", "-m", "Rename")
        _, outcome = carried_out(tmp_path, source_work(url))
        assert_failed(outcome, FailureKind.SRPM, "the SRPM cannot be made: ", "h\ufffd.spec")

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ("http://127.0.0.1:http/a.tar.gz", "is no address to download from"),
            ("http://[::1/a.tar.gz", "is no address to download from"),
            ("http:///a.tar.gz", "is no address to download from"),
            ("http://127.0.0.1:9/ü.tar.gz", "is no address to download from"),
            (f"http://127.0.0.1:9/{'a' * 300}", "can be no file's name"),
        ],
    )
    def test_source_that_cannot_be_is_told(self, tmp_path: Path, source: str, words: str) -> None:
        """An address that is none is not tried again on every slave."""
        url = packaging(tmp_path, "hello", requires=(f"gcc\nSource0: {source}",))
        _, outcome = carried_out(tmp_path, source_work(url))
        assert_failed(outcome, FailureKind.SOURCES, words)

    def test_commit_of_no_possible_date_is_told(self, tmp_path: Path) -> None:
        """git takes any number of seconds for a date."""
        url = packaging(tmp_path, "hello")
        repository = Path(url.removeprefix("file://"))
        tree = git(repository, "rev-parse", "HEAD^{tree}").strip()
        person = "Packager <packager@example.org> 300000000000 +0000"
        written = tmp_path / "commit"
        written.write_text(f"tree {tree}\nauthor {person}\ncommitter {person}\n\nLater\n")
        commit = git(repository, "hash-object", "-t", "commit", "-w", str(written)).strip()
        git(repository, "branch", "later", commit)
        _, outcome = carried_out(tmp_path, source_work(url, ref="later"))
        assert_failed(outcome, FailureKind.SOURCES, commit, "is of no possible date")


class TestRepository:
    def test_unknown_repository_is_named(self, tmp_path: Path) -> None:
        """A repository that does not exist ends the build with one sentence that has its URL."""
        _, outcome = carried_out(tmp_path, source_work(f"file://{tmp_path}/nothing"))
        assert_failed(outcome, FailureKind.SOURCES, f"file://{tmp_path}/nothing cannot be read")

    def test_unknown_ref_is_named(self, tmp_path: Path) -> None:
        """A ref that does not exist ends the build with one sentence that has it."""
        url = packaging(tmp_path, "hello")
        _, outcome = carried_out(tmp_path, source_work(url, ref="releases/9"))
        assert_failed(outcome, FailureKind.SOURCES, "has no branch, tag or commit 'releases/9'")

    def test_unreachable_repository_is_the_farms_fault(self, tmp_path: Path) -> None:
        """A server that does not answer is tried again elsewhere."""
        _, outcome = carried_out(tmp_path, source_work("http://127.0.0.1:9/hello.git"))
        assert outcome.state is AttemptState.BROKEN
        assert "http://127.0.0.1:9/hello.git cannot be read" in outcome.reason

    def test_unlisted_transport_is_refused(self, tmp_path: Path) -> None:
        """A URL that would run a command does not."""
        attempt, outcome = carried_out(tmp_path, source_work(f"ext::touch {tmp_path}/run"))
        assert_failed(outcome, FailureKind.SOURCES, f"ext::touch {tmp_path}/run cannot be read: ", "'ext'")
        assert not (tmp_path / "run").exists(), attempt.log

    def test_what_a_killed_git_left_locked_is_no_obstacle(self, tmp_path: Path) -> None:
        """A stale lock in a mirror is removed."""
        url = packaging(tmp_path, "hello")
        carried_out(tmp_path, source_work(url))
        (mirror,) = (tmp_path / "state/git").iterdir()
        (mirror / "packed-refs.lock").touch()
        (mirror / "config.lock").touch()
        _, outcome = carried_out(tmp_path, source_work(url))
        assert outcome.state is AttemptState.SUCCEEDED

    @pytest.mark.parametrize("way", ["file://{0}", "file://{0}/../git", "file://{1}", "{0}", "../../../git", "{2}/git"])
    def test_folder_of_the_slave_is_nobodys_to_name(self, tmp_path: Path, way: str) -> None:
        """Clones of others' private repositories are in it, however one writes the way there."""
        url = packaging(tmp_path, "hello")
        carried_out(tmp_path, source_work(url))
        (mirror,) = (tmp_path / "state/git").iterdir()
        (tmp_path / "link").symlink_to(tmp_path / "state")
        git_folder = mirror.parent
        escaped = str(git_folder).replace("git", "%67it")
        ways = way.format(git_folder, escaped, tmp_path / "link")
        _, outcome = carried_out(tmp_path, source_work(f"{ways}/{mirror.name}"))
        assert_failed(outcome, FailureKind.SOURCES, "is in the slave's own folder, which is nobody's to name")

    def test_waiting_for_another_attempt_is_told(self, tmp_path: Path) -> None:
        """It goes on when the other one no longer uses the clone."""
        url = packaging(tmp_path, "hello")
        carried_out(tmp_path, source_work(url))
        (mirror,) = (tmp_path / "state/git").iterdir()
        other = os.open(mirror, os.O_RDONLY)
        fcntl.flock(other, fcntl.LOCK_EX)
        attempt = RealAttempt(tmp_path / "state", order(source_work(url), attempt=secrets.token_hex(16)))
        attempt.start()
        attempt.await_log(f"waiting for another attempt that uses the clone of {url}\n")
        os.close(other)
        assert attempt.wait().state is AttemptState.SUCCEEDED

    def test_mirror_that_nobody_has_used_for_long_is_removed(self, tmp_path: Path) -> None:
        """When another one is used; one that is used again is there as before."""
        urls = [packaging(tmp_path, name) for name in ("hello", "hello2")]
        carried_out(tmp_path, source_work(urls[0]))
        (mirror,) = (tmp_path / "state/git").iterdir()
        os.utime(mirror, (0, 0))
        carried_out(tmp_path, source_work(urls[0]))
        assert mirror.exists()
        os.utime(mirror, (0, 0))
        carried_out(tmp_path, source_work(urls[1]))
        assert not mirror.exists()

    def test_password_in_a_url_is_not_told(self, tmp_path: Path) -> None:
        """Neither the reason nor the log shows it."""
        attempt, outcome = carried_out(tmp_path, source_work("http://me:secret@127.0.0.1:9/hello.git"))
        assert "secret" not in outcome.reason + attempt.log


class TestSandbox:
    def test_spec_sees_neither_files_nor_network(self, tmp_path: Path) -> None:
        """Code in a spec finds nothing of the host but its programs, and cannot change what the SRPM is made of."""
        secret = tmp_path / "secret"
        secret.write_text("secret")
        found = [f"test -e {secret}", "touch SOURCES/planted", "test $(wc -l < /proc/net/route) -gt 1"]
        found.append("(: >> /proc/sys/vm/swappiness)")  # opens it for writing, and writes nothing
        url = packaging(tmp_path, "hello", version=f"%(if {' || '.join(found)}; then echo 666; else echo 1; fi)")
        attempt, outcome = carried_out(tmp_path, source_work(url))
        assert outcome.source, attempt.log
        assert outcome.source.evr == "1-1"

    def test_linked_spec_is_refused(self, tmp_path: Path) -> None:
        """A spec that is a link to a file of the host is not read."""
        url = packaging(tmp_path, "hello")
        repository = Path(url.removeprefix("file://"))
        (repository / "hello.spec").unlink()
        (repository / "hello.spec").symlink_to("/etc/passwd")
        git(repository, "commit", "-q", "-a", "-m", "Link")
        _, outcome = carried_out(tmp_path, source_work(url))
        assert_failed(outcome, FailureKind.SOURCES, "hello.spec is not a file")
