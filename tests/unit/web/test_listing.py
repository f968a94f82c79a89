"""Packages of a repository in the order in which its page shows them."""

from builder.model.repository import PackageShown
from builder.repo import card
from builder.repo.card import CHANGES, Card
from builder.web.pages.listing import NAMES, Page, listing


def package(nevra: str) -> PackageShown:
    return PackageShown(
        nevra=nevra,
        location=f"Packages/{nevra}.rpm",
        size=1,
        sha256="0" * 64,
        source=None,
        package="x",
        build=1,
        operation=1,
        since=0.0,
    )


def words(package: PackageShown) -> Card:
    return card.make(f"about {package.nevra}", (("A", number, f"- {number}") for number in range(9)))


def test_versions_are_in_rpms_order_and_names_in_their_own() -> None:
    """The newest version comes first, as rpm orders them, and gives the words; few changes are shown."""
    nevras = ["b-1-1.noarch", "a-1.9-1.noarch", "a-1.10-1.noarch", "a-1:0-1.noarch", "a-1.10~rc1-1.noarch"]
    page = listing([package(nevra) for nevra in nevras], words, "")
    assert [row.name for row in page.rows] == ["a", "b"]
    assert [version.evr for version in page.rows[0].versions] == ["1:0-1", "1.10-1", "1.10~rc1-1", "1.9-1"]
    newest = page.rows[0].card
    assert newest is not None
    assert newest.summary == "about a-1:0-1.noarch"
    assert len(newest.changes) == CHANGES
    assert page.next is None


def test_all_pages_together_have_each_name_once() -> None:
    """Whoever goes on after `next` sees everything; no more is described than is shown."""
    asked: list[str] = []

    def describe(package: PackageShown) -> None:
        asked.append(package.nevra)

    packages = [package(f"p{number:03}-1-1.noarch") for number in range(2 * NAMES + 1)]
    pages: list[Page] = []
    after: str | None = ""
    while after is not None:
        pages.append(listing(packages, describe, after))
        assert len(asked) == sum(len(page.rows) for page in pages)
        after = pages[-1].next
    assert [len(page.rows) for page in pages] == [NAMES, NAMES, 1]
    assert [row.name for page in pages for row in page.rows] == [f"p{number:03}" for number in range(2 * NAMES + 1)]
