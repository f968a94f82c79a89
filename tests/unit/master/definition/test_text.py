"""The farm's definition: every mistake is named with its line, and what is written parses back to the same."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import InvalidError, TooLargeError
from builder.master.definition import document
from builder.master.definition.checks import VERBS
from builder.master.definition.difference import difference
from builder.master.definition.text import parse
from builder.master.definition.write import dump
from builder.mistakes import MOST
from builder.model.difference import ChangeKind, DefinitionChange
from builder.model.package import ChrootChoice, GitSource, Package, Packaging, StepTimeouts, Style
from builder.model.project import Project, Retention
from tests.strategies import projects

CHROOTS = ("fedora-43-aarch64", "fedora-43-x86_64")
CHANNELS = ("image", "package", "release")

GOOD = """\
project: hello                        # one document per project
chroots: [fedora-43-x86_64, fedora-43-aarch64]
retention: {versions: 2, days: 14}
external:
  - {name: rpmfusion, url: "https://example.org/$releasever/$basearch", priority: 90}
packages:
  hellolib:
    style: ci
    upstream: {git: https://git.example.org/hellolib.git, ref: main}
    packaging: {git: https://git.example.org/hellolib-rpm.git, ref: 1.10, spec: hellolib.spec}
  hello:
    style: release
    packaging: {git: https://git.example.org/hello-rpm.git}
    chroots: {exclude: [fedora-43-aarch64]}
    channel: release
    timeout: 90m
    timeouts: {build: 1h, fetch: 10m}
    silence: 30m
"""

PACKAGE = """\
project: p
chroots: [fedora-43-x86_64]
packages:
  one:
    style: release
    packaging: {git: https://example.org/one.git}
"""


def mistakes(text: str, chroots: Sequence[str] | None = CHROOTS) -> tuple[str, ...]:
    with pytest.raises(InvalidError) as caught:
        parse(text, chroots, CHANNELS)
    return caught.value.mistakes


def test_a_definition_becomes_the_values_that_it_describes() -> None:
    """Every key that there is arrives in the project, and text stays text whatever YAML could take it for."""
    (project,) = parse(GOOD, CHROOTS, CHANNELS)
    assert project.chroots == ("fedora-43-x86_64", "fedora-43-aarch64")
    assert project.stages == ("testing", "stable")
    assert project.retention == Retention(versions=2, days=14)
    assert project.external[0].url == "https://example.org/$releasever/$basearch"
    assert project.packages["hellolib"] == Package(
        style=Style.CI,
        upstream=GitSource(git="https://git.example.org/hellolib.git", ref="main"),
        packaging=Packaging(git="https://git.example.org/hellolib-rpm.git", ref="1.10", spec="hellolib.spec"),
    )
    hello = project.packages["hello"]
    assert (hello.channel, hello.timeout, project.chroots_of(hello)) == ("release", 5400, ("fedora-43-x86_64",))
    assert (hello.timeouts, hello.silence) == (StepTimeouts(build=3600, fetch=600), 1800)


@given(st.lists(projects(), max_size=3, unique_by=lambda project: project.project))
def test_what_is_dumped_parses_back_to_the_same_projects(described: list[Project]) -> None:
    """`builder export | builder apply -f -` changes nothing."""
    text = dump(described)
    if described:
        assert parse(text) == tuple(described)
    else:
        assert text == ""


@given(projects(), projects())
def test_differences_are_told_exactly_when_projects_differ(before: Project, after: Project) -> None:
    """A project differs from itself in nothing, and from any other in something that is told."""
    after = msgspec.structs.replace(after, project=before.project)
    assert difference(before, before) == ()
    assert bool(difference(before, after)) == (before != after)


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused_with_lines(text: str) -> None:
    """Whatever is sent, the answer is a list of mistakes with lines, never another exception."""
    told: tuple[str, ...] = ()
    try:
        parse(text, CHROOTS, CHANNELS)
    except InvalidError as error:
        told = error.mistakes
    assert told, "text by chance is no definition"
    assert all(mistake.startswith("line ") for mistake in told)


def test_all_mistakes_of_a_text_are_told_together_with_their_lines() -> None:
    """Three mistakes in one file are three sentences, in the order of their lines."""
    text = """\
project: hello
chroots: [fedora-43-x86_64]
netwrok: true
packages:
  hellolib:
    style: ci
    packaging: {git: https://example.org/lib.git}
  hello:
    style: release
    packaging: {git: https://example.org/hello.git}
    timeout: 2 hours
"""
    assert mistakes(text) == (
        "line 3: `netwrok` is not known here; did you mean `network`?",
        "line 5: `packages.hellolib.upstream` is missing: a package of style `ci` is built from an upstream repository",
        (
            "line 11: `packages.hello.timeout` should be a duration such as `90s`, `15m`, `2h` or `1d`, "
            "at most `7d`, not `2 hours`"
        ),
    )


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "line 1: no project is described"),
        ("# nothing\n", "line 1: no project is described"),
        ("- project: p\n", "line 1: this should be a group of keys"),
        ("chroots: [fedora-43-x86_64]\n", "line 1: `project` is missing"),
        ("project: p\n", "line 1: `chroots` is missing"),
        ("project: p\nchroots: fedora-43-x86_64\n", "line 2: `chroots` should be a list"),
        ("project: p\nchroots: []\n", "line 2: `chroots` should not be empty"),
        ("project: p\nchroots: [fedora-43-x86_64]\nnetwork: yes\n", "line 3: `network` should be `true` or `false`"),
        (
            "project: p\nchroots: [fedora-43-x86_64]\nretention: {days: -1}\n",
            "line 3: `retention.days` should be a whole",
        ),
        ("project: p\nchroots: [fedora-43-x86_64]\nstages: [a, a]\n", "line 3: `stages[1]` names `a` again"),
        ("project: ../p\nchroots: [fedora-43-x86_64]\n", "line 1: `project` should be a name"),
        ("project: p\nchroots: [fedora-43-x86-64]\n", "did you mean `fedora-43-x86_64`?"),
        ("project: p\nchroots:\n- fedora-43-x86_64\n- fedora-43-x86_64\n", "line 4: `chroots[1]` names"),
        (
            "project: p\nchroots: [fedora-43-x86_64]\nimages: {}\n",
            "line 3: `images` is not supported by this version yet",
        ),
        (
            "project: p\nchroots: [fedora-43-x86_64]\nnotify: []\n",
            "line 3: `notify` is not supported by this version yet",
        ),
        (
            "project: p\nchroots: [fedora-43-x86_64]\nexternal:\n- {name: x, url: gopher://x}\n",
            "line 4: `external[0].url`",
        ),
        (
            "project: p\nchroots: [fedora-43-x86_64]\nexternal:\n"
            + "".join(f"- {{name: x{number}, url: 'https://example.org/{'x' * 4000}'}}\n" for number in range(5)),
            "line 3: `external` has addresses of more than",
        ),
        ("project: p\nproject: q\nchroots: [fedora-43-x86_64]\n", "line 2: `project` stands twice, first in line 1"),
        ("project: p\n bad: [\n", "line 2: this is not YAML"),
        ("project: p\x07\n", "line 1: this is not YAML: it cannot hold the character U+0007"),
        ("# ééé\n\nproject: \ud800\n\n", "line 3: this is not YAML: it cannot hold the character U+D800"),
        ("# ééé\n\nproject: \x07\n\n", "line 3: this is not YAML: it cannot hold the character U+0007"),
        ("a: &a [1]\nb: *a\n", "line 2: aliases (`*a`) are not taken"),
        ("project: !!python/name:os.system p\n", "line 1: tags (`tag:yaml.org,2002:python/name:os.system`)"),
        ("[" * 100_000, "line 1: this is nested more than 20 deep"),
        ("project: p\nchroots: " + "[{a: " * 1000, "line 2: this is nested more than 20 deep"),
        ("- " * 100_000, "line 1: this is nested more than 20 deep"),
        ("[" * 21 + '"\\ "', "line 1: this is nested more than 20 deep"),
        ("? [a]\n: b\n", "line 1: `[…]` is not known here"),
    ],
)
def test_a_mistake_of_a_project_is_told_with_its_line(text: str, mistake: str) -> None:
    """One sentence says what is wrong, where, and what would be right."""
    assert any(mistake in told for told in mistakes(text)), mistakes(text)


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ("    style: ci\n", "line 7: `packages.one.style` stands twice, first in line 5"),
        ("    upstream: {git: https://example.org/u.git}\n", "line 7: `packages.one.upstream` is for style `ci` only"),
        (
            "    channel: releas\n",
            "line 7: `packages.one.channel` is the unknown channel `releas`; did you mean `release`",
        ),
        ("    on: {push: true}\n", "line 7: `packages.one.on` is not supported by this version yet"),
        ("    timeout: 0s\n", "line 7: `packages.one.timeout` should be a duration"),
        ("    timeout: 8d\n", "line 7: `packages.one.timeout` should be a duration"),
        ("    timeout: 90\n", "line 7: `packages.one.timeout` should be a duration"),
        ("    timeout:\n", "should be a duration such as `90s`, `15m`, `2h` or `1d`, at most `7d`, not nothing"),
        (
            "    chroots: {exclude: [fedora-40-x86_64]}\n",
            "line 7: `packages.one.chroots.exclude[0]` is `fedora-40-x86_64`",
        ),
        ("    chroots: {exclude: [fedora-43-x86_64]}\n", "line 7: `packages.one.chroots.exclude` leaves no chroot"),
        (
            "    chroots: {include: [fedora-43-s390x]}\n",
            "line 7: `packages.one.chroots.include[0]` is `fedora-43-s390x`, not a chroot of the project; did you mean",
        ),
        ("    chroots: {include: []}\n", "line 7: `packages.one.chroots.include` names no chroot; leave it out"),
        (
            "    chroots:\n      include: [fedora-43-x86_64]\n      exclude: [fedora-43-x86_64]\n",
            "line 9: `packages.one.chroots.exclude` stands beside `include`",
        ),
        (
            "    chroots: {include: [fedora-43-x86_64, fedora-43-x86_64]}\n",
            "line 7: `packages.one.chroots.include[1]` names `fedora-43-x86_64` again",
        ),
        (
            "    timeouts:\n      built: 1h\n",
            "line 8: `packages.one.timeouts.built` is not known here; did you mean `build`?",
        ),
        (
            "    timeouts:\n      upload: 1h\n",
            "line 8: `packages.one.timeouts.upload` is not known here; there is `build`",
        ),
        ("    timeouts: {build: soon}\n", "line 7: `packages.one.timeouts.build` should be a duration"),
        (
            "    timeouts: {build: 3h}\n",
            "line 7: `packages.one.timeouts.build` is longer than the whole may take (`timeout`, 2h)",
        ),
        ("    silence: 0s\n", "line 7: `packages.one.silence` should be a duration"),
        ("    timeout: 10m\n    silence: 11m\n", "line 8: `packages.one.silence` is longer than the whole may take"),
        ("  one: {}\n", "line 7: `packages.one` stands twice, first in line 4"),
        ("  'two words': {}\n", "line 7: `packages.two words` is not a name"),
        ("  two: []\n", "line 7: `packages.two` should be a group of keys (`style`, `packaging`"),
        (
            "---\nproject: p\nchroots: [fedora-43-x86_64]\n",
            "line 8: the project `p` is described twice, first in line 1",
        ),
    ],
)
def test_a_mistake_of_a_package_is_told_with_its_line(more: str, mistake: str) -> None:
    """One sentence says what is wrong, where, and what would be right."""
    assert any(mistake in told for told in mistakes(PACKAGE + more)), mistakes(PACKAGE + more)


@pytest.mark.parametrize(
    "url",
    [
        "-oProxyCommand=x",
        "--upload-pack=x",
        "ext::sh -c x",
        "ftp://example.org/x.git",
        "https://-x/y",
        "ssh://-oProxyCommand=x/y",
        "https://",
        "file://host/x",
        "/srv/git/x.git",
        "https://example.org/a b",
        "-user@example.org:x",
    ],
)
def test_a_git_url_that_could_be_anything_else_is_refused(url: str) -> None:
    """Options, unknown protocols and remote helpers never reach git."""
    text = PACKAGE.replace("https://example.org/one.git", f"'{url}'")
    assert mistakes(text)[0].startswith("line 6: `packages.one.packaging.git` should be a git URL")


@pytest.mark.parametrize("url", ["http://example.org/x.git", "git://example.org/x.git", "file:///srv/x.git"])
def test_a_secret_is_not_sent_where_it_would_be_read(url: str) -> None:
    """Over anything but https and ssh everybody on the way could."""
    text = PACKAGE.replace("git: https://example.org/one.git", f"git: '{url}', secret: deploy")
    (told,) = mistakes(text)
    assert told.startswith("line 6: `packages.one.packaging.secret` is for https and ssh alone")


@pytest.mark.parametrize("url", ["https://example.org/x.git", "ssh://git@example.org/x.git", "git@example.org:x.git"])
def test_a_private_repository_names_its_secret(url: str) -> None:
    """Whatever the place, by a name."""
    (project,) = parse(PACKAGE.replace("git: https://example.org/one.git", f"git: '{url}', secret: deploy"), CHROOTS)
    assert project.packages["one"].packaging.secret == "deploy"


@pytest.mark.parametrize(
    "url", ["https://me:secret@example.org/x.git", "https://secret@example.org/x.git", "ssh://me:secret@example.org/x"]
)
def test_a_secret_in_an_address_is_refused_and_not_told(url: str) -> None:
    """A definition, and each build's page, is read by everybody."""
    told = mistakes(PACKAGE.replace("https://example.org/one.git", url))
    assert told[0].startswith("line 6: `packages.one.packaging.git` holds a password or token")
    assert "secret" not in "".join(told)


def test_a_user_without_a_secret_is_no_secret() -> None:
    """Addresses for ssh name one."""
    for url in ("ssh://git@example.org:22/x.git", "git@example.org:x.git"):
        [project] = parse(PACKAGE.replace("https://example.org/one.git", url))
        assert project.packages["one"].packaging.git == url


@pytest.mark.parametrize("ref", ["-x", "--help", "a b", "a..b:c", "HEAD~1", "a^"])
def test_a_ref_that_is_none_is_refused(ref: str) -> None:
    """What git would take for an option or a revision expression is no ref."""
    text = PACKAGE.replace("one.git}", f"one.git, ref: '{ref}'}}")
    assert mistakes(text)[0].startswith("line 6: `packages.one.packaging.ref` should be a branch, tag or commit")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_package_is_not_named_like_a_verb(verb: str) -> None:
    """`builder build list` always lists builds."""
    assert mistakes(PACKAGE.replace("one:", f"{verb}:")) == (
        f"line 4: `packages.{verb}` is no name for a package: `builder build {verb}` means something else",
    )


def test_chroots_and_channels_are_the_farms_question_when_nobody_knows_them() -> None:
    """Offline, a definition is checked in all but what only the farm knows."""
    (project,) = parse(PACKAGE.replace("fedora-43-x86_64", "own-1-riscv64"))
    assert project.chroots == ("own-1-riscv64",)


def test_a_long_list_of_mistakes_is_cut() -> None:
    """A wrong file is answered quickly and not with a book."""
    told = mistakes("project: p\nchroots: [fedora-43-x86_64]\n" + "".join(f"x{n}: 1\n" for n in range(5000)))
    assert len(told) <= MOST + 1


@pytest.mark.parametrize(
    "text", ["x" * (document.LARGEST + 1), "[" + "a," * document.DENSEST + "]"], ids=["large", "dense"]
)
def test_a_text_over_a_limit_is_refused(text: str) -> None:
    """What would cost much is not looked at."""
    with pytest.raises(TooLargeError, match="definition has"):
        parse(text)


def test_a_difference_says_what_becomes_of_project_and_packages() -> None:
    """`apply --dry-run` names each setting and package with its value before and after, as a person writes them."""
    (before,) = parse(GOOD)
    packages = {
        "hello": msgspec.structs.replace(before.packages["hello"], timeout=90, chroots=ChrootChoice()),
        "new": Package(style=Style.RELEASE, packaging=Packaging(git="https://example.org/new.git")),
    }
    after = msgspec.structs.replace(before, network=True, packages=packages)
    assert difference(before, after) == (
        DefinitionChange(what="project hello: network", kind=ChangeKind.CHANGED, before="false", after="true"),
        DefinitionChange(
            what="package hello/hello: chroots",
            kind=ChangeKind.CHANGED,
            before="{exclude: [fedora-43-aarch64]}",
            after="{}",
        ),
        DefinitionChange(what="package hello/hello: timeout", kind=ChangeKind.CHANGED, before="90m", after="90s"),
        DefinitionChange(
            what="package hello/new",
            kind=ChangeKind.ADDED,
            after="{style: release, packaging: {git: 'https://example.org/new.git'}}",
        ),
        DefinitionChange(
            what="package hello/hellolib",
            kind=ChangeKind.REMOVED,
            before="{style: ci, packaging: {git: 'https://git.example.org/hellolib-rpm.git', ref: '1.10', "
            "spec: hellolib.spec}, upstream: {git: 'https://git.example.org/hellolib.git', ref: main}}",
        ),
    )
    assert [change.kind for change in difference(None, after)] == [ChangeKind.ADDED] * 3


def test_a_package_is_built_for_what_it_includes_in_the_projects_order() -> None:
    """Or for all but what it excludes, or for all; what is dumped says the same."""
    one = PACKAGE.replace("[fedora-43-x86_64]", "[fedora-43-x86_64, fedora-43-aarch64]")
    for choice, wanted in {
        "include: [fedora-43-aarch64, fedora-43-x86_64]": ("fedora-43-x86_64", "fedora-43-aarch64"),
        "include: [fedora-43-aarch64]": ("fedora-43-aarch64",),
        "exclude: [fedora-43-aarch64]": ("fedora-43-x86_64",),
        "": ("fedora-43-x86_64", "fedora-43-aarch64"),
    }.items():
        (project,) = parse(f"{one}    chroots: {{{choice}}}\n", CHROOTS, CHANNELS)
        assert project.chroots_of(project.packages["one"]) == wanted
        assert choice in dump([project])


def test_a_default_that_is_longer_than_the_whole_is_no_mistake() -> None:
    """Only what somebody has written can be wrong."""
    parse(f"{PACKAGE}    timeout: 90s\n", CHROOTS, CHANNELS)


IN_UPSTREAM = """\
project: p
chroots: [fedora-43-x86_64]
packages:
  one:
    style: ci
    upstream: {git: https://example.org/one.git, ref: main}
"""


@pytest.mark.parametrize(
    ("written", "packaging"),
    [
        ("", Packaging(git="https://example.org/one.git", ref="main")),
        ("    packaging: {}\n", Packaging(git="https://example.org/one.git", ref="main")),
        (
            "    packaging: {spec: rpm/one.spec}\n",
            Packaging(git="https://example.org/one.git", ref="main", spec="rpm/one.spec"),
        ),
        ("    packaging: {ref: rpm}\n", Packaging(git="https://example.org/one.git", ref="rpm")),
        ("    packaging: {git: https://example.org/rpm.git}\n", Packaging(git="https://example.org/rpm.git")),
    ],
)
def test_spec_may_live_in_the_upstream_repository(written: str, packaging: Packaging) -> None:
    """What `packaging` leaves out is upstream's, unless it names a repository of its own."""
    (project,) = parse(IN_UPSTREAM + written, CHROOTS, CHANNELS)
    assert project.packages["one"].packaging == packaging
    assert parse(dump([project])) == (project,)


def test_mistake_in_upstream_is_told_once() -> None:
    """Though packaging has the same, where it says nothing."""
    told = mistakes(IN_UPSTREAM.replace("https://", "https//").replace("main", "a..b c"))
    assert [line.partition(" should")[0] for line in told] == [
        "line 6: `packages.one.upstream.git`",
        "line 6: `packages.one.upstream.ref`",
    ]


def test_release_needs_a_packaging_repository() -> None:
    """It has no other."""
    told = mistakes("".join(IN_UPSTREAM.replace("ci", "release").splitlines(keepends=True)[:5]))
    assert told[0].startswith("line 4: `packages.one.packaging` is missing")


@pytest.mark.parametrize(
    "path", ["../one.spec", "/etc/one.spec", "rpm//one.spec", "rpm/../../one.spec", "./one.spec", "-x"]
)
def test_spec_is_a_path_in_the_repository(path: str) -> None:
    """It never leads out."""
    told = mistakes(f"{IN_UPSTREAM}    packaging: {{spec: {path}}}\n")
    assert told[0].startswith("line 7: `packages.one.packaging.spec` should be the path of a file in the repository")
