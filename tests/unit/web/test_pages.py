"""The pages: what they say, in which structure, and that hostile content stays content."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

from typing_extensions import override

from builder.web.assets import FOLDER
from builder.web.stored import ASK_AGAIN, FOREVER
from tests.support.http import Reply
from tests.support.small_farm import CHROOT, OTHER_CHROOT
from tests.support.web import WebTest

PATHS = ("/", "/builds/1", f"/builds/1/{CHROOT}/log", "/builds/1/source/log", "/packages", "/slaves", "/?before=1")
REPO_FILE = "http://farm.example:8441/repos/hello/testing/fedora-43/hello-testing.repo"


class Page(HTMLParser):
    """The parts of a page that promises are about."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(reply.text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        """All text, its white space evened out."""
        return " ".join(self.words)

    def all(self, tag: str) -> list[dict[str, Any]]:
        """The attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


class PagesTest(WebTest):
    """A farm where one build has succeeded, one has failed and one is running."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.farm.live()

    def page(self, path: str) -> Page:
        """A page that is there."""
        reply = self.client.get(path, Accept="text/html")
        assert reply.status == 200
        return Page(reply)

    def test_pages_are_well_formed_and_accessible(self) -> None:
        """One h1, no level of headings left out, tables with headers, a language, a title, a way past the header."""
        for path in PATHS:
            page = self.page(path)
            assert page.open == [], path
            levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
            assert levels.count(1) == 1
            assert all(after - before <= 1 for before, after in pairwise(levels))
            assert all(header.get("scope") in {"col", "row"} for header in page.all("th"))
            assert len(page.all("table")) <= len(page.all("thead"))
            assert page.all("html")[0]["lang"] == "en"
            ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
            assert len(ids) == len(set(ids))
            assert {"class": "skip", "href": "#main"} in page.all("a")

    def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(self) -> None:
        """Every address is our own; there is neither a style nor a script in the page."""
        for path in PATHS:
            page = self.page(path)
            for tag, attributes in page.elements:
                assert "style" not in attributes, tag
                assert not any(name.startswith("on") for name in attributes), tag
                for name in ("src", "href"):
                    assert (attributes.get(name) or "/").startswith(("/", "#")), attributes
            assert page.all("style") == []
            assert all(script["src"].startswith("/static/") for script in page.all("script"))

    def test_the_overview_shows_what_is_under_way_and_the_newest_builds(self) -> None:
        """With states, who asked, and where each job runs."""
        text = self.page("/").text
        assert "1 of 2 slaves connected" in text
        assert "3/source hello/ hello running alpha" in text
        assert "Queue" not in text
        for row in ("2 hello/ hellolib failed", "1 hello/ hello running", "3 hello/ hello running"):
            assert row in text

    def test_all_packages_are_listed_with_their_newest_builds(self) -> None:
        """By project, each with the state of the build that tells most."""
        text = self.page("/packages").text
        assert f"hello 3 running release package {CHROOT}, {OTHER_CHROOT}" in text
        assert f"hellolib 2 failed ci package {CHROOT}, {OTHER_CHROOT}" in text

    def test_slaves_are_listed_with_their_hosts(self) -> None:
        """Those that are away say since when."""
        text = self.page("/slaves").text
        assert "alpha connected 1 of 4 package, release x86_64, i686 alpha.example.org" in text
        assert "beta away seen" in text
        assert "Debian 12, 8 cores, 32.0 GiB, chroot" in text

    def test_older_builds_are_a_link_away(self) -> None:
        """A page holds fifty builds; the next one begins where it ends."""
        for _ in range(50):
            self.ada.post("/api/v1/builds", {"package": "hello", "force": True})
        first = self.page("/")
        assert {"href": "/?before=4", "rel": "next"} in first.all("a")
        assert "/builds/3" in {link["href"] for link in self.page("/?before=4").all("a")}

    def test_an_empty_farm_says_what_to_do(self) -> None:
        """Before the first build the page says how to come to one."""
        self.serve()
        assert "builder build NAME" in self.page("/").text

    def test_a_build_shows_everything_about_it(self) -> None:
        """Jobs, attempts, steps, commits, what was published and how to install it."""
        text = self.page("/builds/1").text
        for words in (
            "Build 1: hello running",
            "by ada",
            "aaaaaaaaaaaa main, 2026-11-18",
            f"{CHROOT} succeeded 1.0-1.fc43",
            "Attempt 1 broken on alpha, 5.0 s",
            "the slave alpha is lost",
            "Attempt 2 succeeded on beta, 1 min 05 s",
            "chroot succeeded 12 s",
            "4 packages published",
            "hello-doc-1.0-1.fc43.noarch",
            f"{OTHER_CHROOT} waiting",
            "Jobs 2 succeeded, 1 waiting",
            f"curl -fo /etc/yum.repos.d/hello-testing.repo {REPO_FILE}",
            "dnf install hello hello-doc",
        ):
            assert words in text, words
        assert "dnf install hello hello-debuginfo" not in text

    def test_a_reason_is_told_once_and_is_only_text(self) -> None:
        """What a build says of itself is shown as it is, tags and all."""
        reply = self.client.get("/builds/2", Accept="text/html")
        assert "<script>alert" not in reply.text
        assert "%build: &lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in reply.text

    def test_unfinished_pages_live(self) -> None:
        """They name the stream that tells of changes after what they show; finished ones name none."""
        (live,) = [part for part in self.page("/builds/3").all("div") if "data-live" in part]
        newest = len(self.client.get("/api/v1/events").body.splitlines())
        assert live["data-events"] == f"/api/v1/events?follow=1&build=3&after={newest}"
        assert "data-events" not in next(part for part in self.page("/builds/2").all("div") if "data-live" in part)
        assert self.client.start("GET", live["data-events"]).reply.status == 200

    def test_a_log_shows_its_end_and_goes_on(self) -> None:
        """The newest attempt's unless another is named; the script is told where it goes on."""
        assert "second attempt" in self.page(f"/builds/1/{CHROOT}/log").text
        older = self.page(f"/builds/1/{CHROOT}/log?fence=1")
        assert "first line" in older.text
        assert "the slave alpha is lost" in older.text
        assert f"/builds/1/{CHROOT}/log?fence=2" in {link["href"] for link in older.all("a")}
        self.farm.write(3, "source", 1, b"begun\n")
        (pre,) = self.page("/builds/3/source/log").all("pre")
        assert (pre["data-offset"], pre["role"]) == ("6", "log")
        assert self.client.start("GET", f"{pre['data-follow']}&offset=6").reply.status == 200
        assert "data-follow" not in older.all("pre")[0]

    def test_a_log_that_was_removed_is_told(self) -> None:
        """The page of an old build is still there and says that the log is not; the API says so too."""
        self.farm.farm.logs.remove(1)
        page = self.page(f"/builds/1/{CHROOT}/log")
        assert "The log was removed, as those of all old builds are." in page.text
        assert not page.all("pre")
        reply = self.client.get(f"/api/v1/builds/1/jobs/{CHROOT}/log")
        assert reply.status == 404
        assert "the logs of build 1 were removed" in reply.text

    def test_a_log_that_does_not_exist_yet_is_waited_for(self) -> None:
        """A job that has not begun has a page that says so."""
        assert "There is no log yet." in self.page(f"/builds/1/{OTHER_CHROOT}/log").text
        assert self.client.get("/builds/1/nothing/log").status == 404

    def test_a_hostile_log_is_shown_as_text(self) -> None:
        """Tags are text, escape sequences vanish, and the page stays well formed."""
        self.farm.write(3, "source", 1, b"</pre><script>alert(1)</script>\x1b[2J\x1b]0;x\x07 done\xff\n")
        reply = self.client.get("/builds/3/source/log", Accept="text/html")
        assert "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt; done\ufffd\n" in reply.text
        assert Page(reply).open == []

    def test_an_enormous_log_makes_a_small_page(self) -> None:
        """200 MB of log are a page of two thousand lines with a link to the whole."""
        self.farm.write(3, "source", 1, b"make: one more line of no interest\n" * 6_000_000)
        self.farm.write(3, "source", 1, b"the last line\n")
        reply = self.client.get("/builds/3/source/log", Accept="text/html")
        assert len(reply.body) < 100_000
        assert reply.text.count("one more line") == 1999
        assert "the last line\n</pre>" in reply.text
        assert "These are its last lines." in reply.text
        assert 'href="/api/v1/builds/3/jobs/source/log?fence=1">Whole log' in reply.text

    def test_an_endless_line_makes_a_small_page(self) -> None:
        """A log without any line feed is cut by bytes."""
        self.farm.write(3, "source", 1, b"x" * 5_000_000)
        assert len(self.client.get("/builds/3/source/log", Accept="text/html").body) < 600_000

    def test_assets_are_good_for_ever_under_their_digest(self) -> None:
        """The address on the page is kept; without its digest, or with an older one, it is asked for again."""
        (link,) = [link for link in self.page("/").all("link") if link["rel"] == "stylesheet"]
        reply = self.client.get(link["href"])
        assert reply.headers["cache-control"] == FOREVER
        assert reply.body == (FOLDER / "style.css").read_bytes()
        for path in ("/static/style.css", "/static/style.css?v=older"):
            assert self.client.get(path).headers["cache-control"] == ASK_AGAIN
        assert self.client.get("/static/..%2Fservice.py").status == 404
        assert self.client.get("/static/nothing.css").status == 404
