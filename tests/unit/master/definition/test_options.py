"""What rpm is told of a package beyond its spec: what is taken, and what holds where."""

import msgspec
import pytest
from hypothesis import given

from builder.errors import InvalidError
from builder.master.definition.text import parse
from builder.model.options import ChrootConditions, ChrootMacros, Options
from builder.model.package import Package, Packaging, Style
from builder.model.project import Project
from tests.strategies import conditions, macros

FIRST, SECOND = "fedora-43-x86_64", "fedora-44-x86_64"
PACKAGE = Package(
    style=Style.RELEASE,
    packaging=Packaging(git="https://example.org/x.git"),
    with_=("docs", "tests"),
    without=("gui",),
    in_chroot={FIRST: ChrootConditions(with_=("gui",), without=("docs", "x11"))},
)
PROJECT = Project(
    project="p",
    chroots=(FIRST, SECOND),
    macros={"vendor": "Example", "level": "1"},
    in_chroot={FIRST: ChrootMacros(macros={"level": "2", "only": "3"})},
)

TEXT = """\
project: p
chroots: [fedora-43-x86_64]
macros: {vendor: The Example Project, level: 1}
in-chroot:
  fedora-43-x86_64: {macros: {level: 0x2}}
packages:
  one:
    style: release
    packaging: {git: https://example.org/one.git}
    with: [docs]
    without: [gui]
    in-chroot:
      fedora-43-x86_64: {with: [gui]}
"""


def test_what_holds_in_a_chroot_goes_before_what_holds_everywhere() -> None:
    """Macros by name, conditionals too: one that is off in a chroot is off there, whatever it is elsewhere."""
    assert PROJECT.options(PACKAGE) == Options(
        macros={"vendor": "Example", "level": "1"}, with_=("docs", "tests"), without=("gui",)
    )
    assert PROJECT.options(PACKAGE, SECOND) == PROJECT.options(PACKAGE)
    assert PROJECT.options(PACKAGE, FIRST) == Options(
        macros={"vendor": "Example", "level": "2", "only": "3"}, with_=("tests", "gui"), without=("docs", "x11")
    )


def test_conditionals_are_macros_as_rpm_makes_them() -> None:
    """So that no program on the way has to know them."""
    assert Options(macros={"level": "2"}, with_=("docs",), without=("gui",)).defined == {
        "level": "2",
        "_with_docs": "--with-docs",
        "_without_gui": "--without-gui",
    }


@given(macros, conditions(), macros, conditions())
def test_none_is_ever_both_on_and_off(
    before: dict[str, str], common: ChrootConditions, after: dict[str, str], own: ChrootConditions
) -> None:
    """However chroot and package differ, and what results can travel."""
    options = Options(macros=before, with_=common.with_, without=common.without).and_then(after, own)
    assert not set(options.with_) & set(options.without)
    assert set(own.with_) <= set(options.with_)
    assert set(own.without) <= set(options.without)
    assert msgspec.convert(msgspec.to_builtins(options), Options) == options


def test_a_definition_has_them() -> None:
    """Values stay the text that was written."""
    (project,) = parse(TEXT)
    package = project.packages["one"]
    assert project.options(package, FIRST) == Options(
        macros={"vendor": "The Example Project", "level": "0x2"}, with_=("docs", "gui")
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("level: 1}", "dist: .x}", "line 3: `macros.dist` is the farm's own macro; leave it out"),
        (
            "level: 1}",
            "_with_docs: 1}",
            "line 3: `macros._with_docs` is no macro to set: a conditional stands in `with`",
        ),
        ("level: 1}", "ab: 1}", "line 3: `macros.ab` is not a macro's name: at least three letters"),
        ("level: 1}", "a-b-c: 1}", "line 3: `macros.a-b-c` is not a macro's name"),
        ("level: 1}", "level: '%{x'}", "line 3: `macros.level` opens a bracket that it does not close"),
        ("level: 1}", "level: ')('}", "line 3: `macros.level` opens a bracket that it does not close"),
        ("level: 1}", "level: 'a{{b}}'}", "line 3: `macros.level` should be one line of text"),
        ("level: 1}", "level: 'a\\'}", "line 3: `macros.level` should be one line of text"),
        ("level: 1}", 'level: "a\\n%b c"}', "line 3: `macros.level` should be one line of text"),
        ("level: 1}", "level: ' '}", "line 3: `macros.level` should be one line of text"),
        ("level: 1}", f"level: {'x' * 513}}}", "line 3: `macros.level` should be one line of text"),
        (
            "level: 1}",
            ", ".join(f"level{n}: 1" for n in range(40)) + "}",
            "line 3: `macros` should have at most 40 entries, not 41",
        ),
        (
            "level: 1}",
            ", ".join(f"level{n}: {'x' * 500}" for n in range(17)) + "}",
            "line 3: `macros` has more than 8192 bytes together",
        ),
        (
            "level: 1}",
            ", ".join(f"level{n}: {'€' * 500}" for n in range(6)) + "}",
            "line 3: `macros` has more than 8192 bytes together",
        ),
        (
            "{level: 0x2}",
            "{" + ", ".join(f"level{n}: {'x' * 500}" for n in range(17)) + "}",
            "line 5: `in-chroot.fedora-43-x86_64` has more than 8192 bytes of macros, with those of the project",
        ),
        (
            "  fedora-43-x86_64: {macros",
            "  fedora-42-x86_64: {macros",
            "line 5: `in-chroot.fedora-42-x86_64` is not a chroot of the project; did you mean `fedora-43-x86_64`?",
        ),
        (
            "fedora-43-x86_64: {with",
            "fedora-42-x86_64: {with",
            "line 13: `packages.one.in-chroot.fedora-42-x86_64` is not a chroot of the project; did you mean",
        ),
        (
            "[gui]\n    in",
            "[gui, docs]\n    in",
            "line 11: `packages.one.without[1]` is `docs`, which stands in `with` too",
        ),
        (
            "{with: [gui]}",
            "{with: [gui], without: [gui]}",
            "line 13: `packages.one.in-chroot.fedora-43-x86_64.without[0]`",
        ),
        ("[docs]", "[docs, docs]", "line 10: `packages.one.with[1]` names `docs` again"),
        ("[docs]", "[--docs]", "line 10: `packages.one.with[0]` should be the name of a conditional of the spec"),
    ],
)
def test_mistakes_are_told_with_their_lines(old: str, new: str, sentence: str) -> None:
    """What rpm could take for something else is not taken at all."""
    assert TEXT.count(old) == 1
    with pytest.raises(InvalidError) as caught:
        parse(TEXT.replace(old, new))
    assert caught.value.mistakes[0].startswith(sentence), caught.value.mistakes
    assert len(caught.value.mistakes) == 1
