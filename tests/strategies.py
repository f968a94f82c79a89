"""What hypothesis makes examples of: one strategy per noun."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from builder.master.definition.checks import VERBS
from builder.model.chroot import BaseRepository
from builder.model.options import ChrootConditions, ChrootMacros
from builder.model.package import SILENCE, ChrootChoice, GitSource, Package, Packaging, StepTimeouts, Style
from builder.model.project import Project, Retention

labels = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._+~^-]{0,20}\Z")
"""Names, among them such as YAML takes for something else (`null`, `1.0`, `0x1F`, `on`)."""
awkward_labels = st.one_of(
    labels, st.sampled_from(["null", "true", "on", "1.10", "1e3", "0x1F", "2024-01-01", "12-30", "y", "n"])
)
chroots = st.sampled_from(
    ["fedora-43-x86_64", "fedora-43-aarch64", "fedora-rawhide-x86_64", "opensuse-leap-15.6-x86_64", "epel-10-s390x"]
)
_words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=20)
refs = st.one_of(
    st.sampled_from(["HEAD", "main", "v1.0", "1.10", "null", "yes", "release/1.x", "a" * 40, "ünïcode", "#1"]),
    _words.filter(lambda word: not word.startswith("-") and not set(word) & set("~^:?*[\\")),
)
git_urls = st.builds(
    "{}{}".format,
    st.sampled_from(["https://git.example.org/", "file:///srv/git/", "git@example.org:", "ssh://git@example.org:22/"]),
    _words,
)


def unique_tuples(of: SearchStrategy[str], most: int) -> SearchStrategy[tuple[str, ...]]:
    """At least one, none twice."""
    return st.lists(of, min_size=1, max_size=most, unique=True).map(tuple)


_names = st.sampled_from(["vendor", "_smp_mflags", "Null", "on_1", "level"])
_values = st.sampled_from(["1", "null", "on", "0x1F", "%{nil}", "%{?dist} (x)", "a # b: c", "~", "ü"])
macros = st.dictionaries(_names, _values, max_size=3)


@st.composite
def conditions(draw: st.DrawFn) -> ChrootConditions:
    """Conditionals of which none is both on and off."""
    names = draw(st.lists(st.sampled_from(["docs", "0", "null", "on", "1e3", "x_11"]), unique=True, max_size=4))
    split = draw(st.integers(0, len(names)))
    return ChrootConditions(with_=tuple(names[:split]), without=tuple(names[split:]))


@st.composite
def places(draw: st.DrawFn) -> dict[str, Any]:
    """The fields of a place in a git repository; only one that nobody on the way reads may be private."""
    url = draw(git_urls)
    secrets = st.none() if url.startswith("file:") else st.none() | awkward_labels
    return {"git": url, "ref": draw(refs), "secret": draw(secrets)}


@st.composite
def packages(draw: st.DrawFn, project_chroots: tuple[str, ...]) -> Package:
    """A package of a project with these chroots, built for one of them at least."""
    style = draw(st.sampled_from(Style))
    named = tuple(draw(st.lists(st.sampled_from(project_chroots), unique=True, max_size=len(project_chroots) - 1)))
    timeout = draw(st.integers(1, 7 * 86400))
    limits = st.integers(1, timeout)
    switched = draw(conditions())
    return Package(
        style=style,
        packaging=Packaging(**draw(places()), spec=draw(st.none() | awkward_labels)),
        upstream=GitSource(**draw(places())) if style is Style.CI else None,
        chroots=draw(st.sampled_from((ChrootChoice(include=named), ChrootChoice(exclude=named)))),
        channel=draw(awkward_labels),
        timeout=timeout,
        timeouts=draw(st.builds(StepTimeouts, build=st.none() | limits, fetch=st.none() | limits)),
        silence=draw(st.just(SILENCE) | limits),
        with_=switched.with_,
        without=switched.without,
        in_chroot=draw(st.dictionaries(st.sampled_from(project_chroots), conditions(), max_size=2)),
    )


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """A project without mistakes."""
    own = draw(unique_tuples(chroots, 5))
    names = draw(st.lists(awkward_labels.filter(lambda name: name not in VERBS), unique=True, max_size=4))
    external = [
        BaseRepository(name=name, url=f"https://example.org/{draw(_words)}", priority=draw(st.integers(-99, 99)))
        for name in draw(st.lists(awkward_labels, unique=True, max_size=2))
    ]
    return Project(
        project=draw(awkward_labels),
        chroots=own,
        stages=draw(unique_tuples(awkward_labels, 3)),
        network=draw(st.booleans()),
        rpmlint=draw(st.booleans()),
        retention=Retention(versions=draw(st.integers(1, 1000)), days=draw(st.integers(0, 36500))),
        external=tuple(external),
        macros=draw(macros),
        in_chroot=draw(st.dictionaries(st.sampled_from(own), st.builds(ChrootMacros, macros=macros), max_size=2)),
        packages={name: draw(packages(own)) for name in names},
    )
