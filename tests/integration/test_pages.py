"""The pages in a real browser: what can be read, in every width and scheme, live, and without a script."""

import json
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.model.attempt import AttemptState, Outcome
from builder.model.build import BuildRequest
from builder.model.job import JobState
from builder.model.operation import NumberedOperation, Prepare
from builder.state import StateFolder
from builder.web.identity import by_token
from builder.web.pages.tail import shown
from builder.web.service import site
from tests.support.browser import Browser, Page
from tests.support.people import person
from tests.support.repositories import Workbench
from tests.support.rpms import deliver, order_of, rpms
from tests.support.small_farm import CHROOT, SmallFarm

PAGES = {
    "/": "1 of 2 slaves connected",
    "/builds/1": "How to install",
    "/builds/2": "%build: </p><script>",
    f"/builds/1/{CHROOT}/log": "second attempt",
    "/builds/3/source/log": "The log goes on.",
    "/packages": "debug/x86_64",
    "/repositories/hello/testing/fedora-43/x86_64": "hello-testing.repo",
    "/slaves": "Debian 12, 8 cores",
    "/nothing": "Not Found",
}
"""The pages, and what is to be read on each, on a wide screen."""

LOOK = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return parts(colour)[3] === 0 ? behind(element.parentElement) : colour;
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType == 3 && node.data.trim());
    if (!own) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(element.outerHTML);
  }
  return { faint, wider: Math.max(0, document.documentElement.scrollWidth - innerWidth) };
})()"""
"""Elements whose text has less contrast than WCAG 2.1 asks for (4.5:1), and by how much the page is too wide."""


class PagesTest(TestCase):
    """One browser and one farm per test."""

    timeout = 120

    @override
    def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.farm = SmallFarm(folder)
        self.farm.live()
        publish = order_of(1, package="hello")
        deliver(folder, publish, rpms("hello", subpackages=("devel",)))
        prepare = Prepare(project="hello", stages=("testing",), chroots=(CHROOT,))
        orders = (NumberedOperation(number=1, operation=prepare), NumberedOperation(number=2, operation=publish))
        Workbench(folder).operations.carry_out(orders)
        self.farm.write(3, "source", 1, b"the first line\n")
        listening: Any = reactor
        pages = site(self.farm.farm, StateFolder(folder), listening, partial(by_token, self.farm.farm.people))
        port = listening.listenTCP(0, pages, interface="127.0.0.1")
        self.addCleanup(maybeDeferred, port.stopListening)
        self.url = f"http://127.0.0.1:{port.getHost().port}"
        self.browser = Browser(folder / "browser")
        self.addCleanup(self.browser.close)

    def untroubled(self, page: Page) -> None:
        """It asked nobody else for anything, and the browser had nothing to complain about."""
        assert [address for address in page.requested if not address.startswith(f"{self.url}/")] == []
        complaints = [complaint for complaint in page.complaints if "status of 404" not in complaint]
        assert complaints == []

    async def test_every_page_can_be_read(self) -> None:
        """On a wide screen and on a phone, light and dark: contrast is enough, and nothing sticks out."""
        backgrounds = set()
        for width in (1280, 400):
            for dark in (False, True):
                page = await self.browser.page(width, dark=dark)
                for path, words in PAGES.items():
                    await page.open(self.url + path)
                    assert width == 400 or words in await page.text(), (path, await page.text())
                    assert (await page.picture()).startswith(b"\x89PNG")
                    look = await page.value(LOOK)
                    assert look == {"faint": [], "wider": 0}, (path, width, dark)
                backgrounds.add((dark, await page.value("getComputedStyle(document.body).backgroundColor")))
                self.untroubled(page)
        assert len(backgrounds) == 2

    async def test_a_log_grows_before_the_eyes(self) -> None:
        """Lines come as they are written, cleaned; the end of the attempt ends the log and changes the state."""
        page = await self.browser.page()
        await page.open(f"{self.url}/builds/3/source/log")
        self.farm.write(3, "source", 1, b"\x1b[31msecond\x1b[0m <b>li")
        self.farm.write(3, "source", 1, b"ne</b>\nthird\n")
        await page.until_it_says("the first line\nsecond <b>line</b>\nthird\n")
        assert "running" in await page.text()
        self.farm.write(3, "source", 1, b"no line feed")
        self.farm.end(3, "source", JobState.SUCCEEDED, Outcome(state=AttemptState.SUCCEEDED))
        await page.until_it_says("no line feed")
        await page.until_it_says("The log ends here.")
        await page.until("!document.querySelector('h1').innerText.includes('running')")
        self.untroubled(page)

    async def test_a_page_waits_for_its_log(self) -> None:
        """A job that has not begun has a page that becomes its log."""
        page = await self.browser.page()
        await page.open(f"{self.url}/builds/3/{CHROOT}/log")
        assert "There is no log yet." in await page.text()
        self.farm.write(3, CHROOT, self.farm.begin(3, CHROOT), b"at last\n")
        await page.until_it_says("at last")

    async def test_the_overview_follows_the_farm(self) -> None:
        """A build that somebody asks for is there without a reload, and where the reader was is kept."""
        page = await self.browser.page()
        await page.open(self.url)
        await page.value("window.kept = true; document.querySelector('a[href=\"/builds/2\"]').focus()")
        await self.farm.farm.builds.request(BuildRequest(package="hello"), person("grace"))
        await page.until_it_says("grace")
        assert await page.value("window.kept")
        assert await page.value("document.activeElement.getAttribute('href')") == "/builds/2"
        self.untroubled(page)

    async def test_a_hostile_log_stays_text(self) -> None:
        """Neither what was there when the page was loaded nor what comes later runs or becomes an element."""
        attack = b"</pre><script>window.hit=1</script><img src=x onerror='window.hit=1'>\n"
        self.farm.write(3, "source", 1, attack)
        page = await self.browser.page()
        await page.open(f"{self.url}/builds/3/source/log")
        self.farm.write(3, "source", 1, attack + b"after the attack\n")
        await page.until_it_says("after the attack")
        assert await page.value("window.hit === undefined && !document.querySelector('#log *')")
        assert (await page.text()).count("<script>window.hit=1</script>") == 2
        self.untroubled(page)

    async def test_script_and_page_clean_logs_alike(self) -> None:
        """What is appended to a log looks as it does when the page is loaded anew."""
        page = await self.browser.page()
        await page.open(self.url)
        hostile = "".join(map(chr, range(0x300))) + "\u061c\u200b\u200f\u202e\u2066\u2069\ufeff"
        for text in (
            hostile,
            "a\r\nb\rc\r\r\nd",
            "\x1b[1;31mred\x1b[0m",
            "\x1b]0;t\x07x\x1b]8;;u\x1b\\y",
            "\x1b(Bz\x1b",
        ):
            assert await page.value(f"shown({json.dumps(text)})") == shown(text.encode())

    async def test_pages_need_no_script(self) -> None:
        """Everything can be read without, times in UTC."""
        page = await self.browser.page()
        await page.ask("Emulation.setScriptExecutionDisabled", value=True)
        for path, words in PAGES.items():
            await page.open(self.url + path)
            assert words in await page.text(), path
        await page.open(self.url)
        assert "UTC" in await page.text()

    async def test_the_keyboard_is_enough(self) -> None:
        """The first stop leads past the header, and where the focus is can be seen."""
        page = await self.browser.page()
        await page.open(self.url)
        key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
        await page.ask("Input.dispatchKeyEvent", type="keyDown", **key)
        assert await page.value("document.activeElement.className") == "skip"
        assert await page.value("document.activeElement.getBoundingClientRect().left >= 0")
        await page.ask("Input.dispatchKeyEvent", type="keyDown", **key)
        assert await page.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
