"""The API and the page of a repository, over real packages that the repository builder has published."""

import re
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from builder.model.operation import NumberedOperation, Rebuild
from builder.model.repository import PackageChange, PackageChangeKind, RepositoryShown, RepositorySummary
from tests.support.repositories import Workbench
from tests.support.rpms import deliver, order_of, rpms
from tests.support.web import WebTest

REPO = "hello/testing/fedora-43/x86_64"


class RepositoryTest(WebTest):
    """`hello` in two versions and `hello-devel` in one, published one after the other."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.bench = Workbench(self.state)
        self.publish(1, subpackages=("devel",))
        self.publish(2, version="1.1")

    def publish(self, number: int, **package: Any) -> None:
        order = order_of(number)
        deliver(self.state, order, rpms("hello", **package))
        self.bench.operations.carry_out([NumberedOperation(number=number, operation=order)])

    def damage(self) -> None:
        repodata = self.repos / REPO / "repodata"
        repodata.unlink()
        repodata.mkdir()

    def test_repositories_are_listed(self) -> None:
        """All of them by name, or those of a project; what is damaged is told and does not hide the others."""
        listed = self.client.get("/api/v1/repositories").json(list[RepositorySummary])
        assert [(one.name, one.generation, one.packages) for one in listed] == [
            ("hello/testing/fedora-43/source", 2, 2),
            (REPO, 2, 3),
        ]
        assert self.client.get("/api/v1/repositories?project=other").json(list[RepositorySummary]) == []
        self.damage()
        faults = [one.fault for one in self.client.get("/api/v1/repositories").json(list[RepositorySummary])]
        assert faults[0] == ""
        assert "is no symbolic link" in faults[1]

    def test_a_repository_is_shown_as_it_is_and_as_it_was(self) -> None:
        """Its packages now, or in an older generation, and which operation brought which generation."""
        now = self.client.get(f"/api/v1/repository?name={REPO}").json(RepositoryShown)
        names = ["hello-1.0-1.noarch", "hello-1.1-1.noarch", "hello-devel-1.0-1.noarch"]
        assert [package.nevra for package in now.packages] == names
        assert [step.number for one in now.generations for step in one.operations] == [2, 1]
        then = self.client.get(f"/api/v1/repository?name={REPO}&generation=1").json(RepositoryShown)
        assert [package.nevra for package in then.packages] == [names[0], names[2]]

    def test_generations_are_compared(self) -> None:
        """What came and what went, in either direction."""
        path = f"/api/v1/repository/difference?name={REPO}&before=1&after=2"
        (change,) = self.client.get(path).json(list[PackageChange])
        assert change == PackageChange(name="hello.noarch", kind=PackageChangeKind.ADDED, before=None, after="1.1-1")

    def test_what_is_not_there_is_a_sentence(self) -> None:
        """A repository or generation nobody knows is 404, a name that cannot be one is 422."""
        for path, status in {
            "/api/v1/repository?name=hello/testing/fedora-43/s390x": 404,
            f"/api/v1/repository?name={REPO}&generation=9": 404,
            f"/api/v1/repository/difference?name={REPO}&before=1&after=9": 404,
            "/api/v1/repository?name=../../etc": 422,
            "/api/v1/repository?name=..%2F..%2F..%2F..": 422,
            "/repositories/hello/testing/fedora-43/s390x": 404,
            "/repositories/hello/testing/fedora-43": 404,
        }.items():
            assert self.client.get(path).status == status, path

    def test_the_page_says_what_there_is_and_how_to_get_it(self) -> None:
        """Versions with links to the files, words and changes of the newest one, and commands to type."""
        page = self.client.get(f"/repositories/{REPO}")
        assert page.status == 200
        base = f"http://farm.example:8441/repos/{REPO}"
        for words in (
            "A package for tests",
            "Made for a test",
            "Tester &lt;tester@example.org&gt; - 1.1-1",
            f'href="{base}/Packages/h/hello-1.1-1.noarch.rpm"',
            f'href="{base}/Packages/h/hello-1.0-1.noarch.rpm"',
            "http://farm.example:8441/repos/hello/testing/fedora-43/hello-testing.repo",
        ):
            assert words in page.text, words
        assert page.text.index("1.1-1") < page.text.index("1.0-1")
        address = re.search(rf'href="http://farm.example:8441(/repos/{REPO}/[^"]*1.1-1[^"]*)"', page.text)
        assert address is not None
        assert self.client.get(address[1]).body == rpms("hello", version="1.1")[0].read_bytes()

    def test_a_page_without_records_still_has_its_packages(self) -> None:
        """Words that cannot be read are left out, and what mends that is told; the list is whole."""
        for record in (*(self.state / "pool").rglob("*.index-1"), *(self.state / "pool").rglob("*.card-1")):
            record.unlink()
        page = self.client.get(f"/repositories/{REPO}")
        assert page.status == 200
        assert "hello-devel" in page.text
        assert "A package for tests" not in page.text
        assert page.text.count(f"<code>builder repo rebuild {REPO}</code>") == 2

    def test_what_mends_a_page_without_words(self) -> None:
        """The command that it tells, and a start of the repository builder, as after an earlier version of it."""
        whole = self.client.get(f"/repositories/{REPO}").text
        rebuild = NumberedOperation(number=9, operation=Rebuild(project="hello", repository=REPO))
        mends: tuple[Callable[[], object], ...] = (
            lambda: self.bench.operations.carry_out([rebuild]),
            lambda: Workbench(self.state),
        )
        for mend in mends:
            for record in (self.state / "pool").rglob("*.card-1"):
                record.unlink()
            assert self.client.get(f"/repositories/{REPO}").text != whole
            mend()
            assert self.client.get(f"/repositories/{REPO}").text == whole

    def test_whatever_stands_in_a_card(self) -> None:
        """Where it is damaged, the page is told without it; where it is not, it is text and nothing else."""
        cards = sorted((self.state / "pool").rglob("*.card-1"))
        for damage in (b"", b"\xff", b"[" * 100_000, b'{"summary": 1, "changes": []}', b"s" * 10_000_000):
            for place in cards:
                place.write_bytes(damage)
            page = self.client.get(f"/repositories/{REPO}")
            assert (page.status, page.text.count("cannot be read")) == (200, 2)
        for place in cards:
            place.write_bytes(
                b'{"summary": "<script>alert(1)</script>", "changes": [{"author": "\\u001b[31m<b>",'
                b'"date": 253402300799, "text": "</pre><img src=x onerror=alert(1)>"}]}'
            )
        page = self.client.get(f"/repositories/{REPO}")
        assert page.status == 200
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "9999-12-31" in page.text
        assert not re.search("<script>alert|<img src=x|<b>", page.text)
        assert "repo rebuild" not in page.text

    def test_pages_of_sources_and_of_packages_know_each_other(self) -> None:
        """`/packages` links each repository, and each has a page."""
        linked = re.findall(r'href="(/repositories/[^"]+)"', self.client.get("/packages").text)
        assert linked == ["/repositories/hello/testing/fedora-43/source", f"/repositories/{REPO}"]
        assert all(self.client.get(address).status == 200 for address in linked)
        assert "dnf config-manager --set-enabled hello-testing-source" in self.client.get(linked[0]).text

    def test_a_long_list_is_told_in_parts(self) -> None:
        """`after` goes on behind a name."""
        page = self.client.get(f"/repositories/{REPO}?after=hello").text
        assert "Packages after hello" in page
        assert '<span class="name">hello-devel</span>' in page
        assert '<span class="name">hello</span>' not in page
        assert "There are no more packages." in self.client.get(f"/repositories/{REPO}?after=z").text
