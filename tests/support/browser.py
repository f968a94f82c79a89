"""A real browser: Chromium without a window, driven through its own protocol over a pipe.

The protocol is the Chrome DevTools Protocol, one JSON object after another, each ended by a NUL.
"""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from typing_extensions import override

from builder.clock import sleep

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DEADLINE = 30.0
"""Seconds within which everything that a test waits for has to have happened."""
_TO_BROWSER, _FROM_BROWSER = 3, 4
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_CLOCK: Any = reactor


class Browser(ProcessProtocol):
    """A running Chromium with a profile of its own in `folder`."""

    transport: IProcessTransport

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None, "chromium is missing: apt-get install chromium"
        self._numbers = 0
        self._asked: dict[int, Deferred[dict[str, Any]]] = {}
        self._rest = b""
        self._pages: dict[str, Page] = {}
        self.ended: Deferred[None] = Deferred()
        command = [CHROMIUM, *_OPTIONS, f"--user-data-dir={folder}"]
        pipes: Any = {0: "w", 1: "r", 2: "r", _TO_BROWSER: "w", _FROM_BROWSER: "r"}
        _CLOCK.spawnProcess(self, CHROMIUM, command, env=None, childFDs=pipes)

    async def page(self, width: int = 1280, *, dark: bool = False) -> "Page":
        """A new page, so many pixels wide, of a person who likes it light or dark."""
        target = await self.ask("Target.createTarget", url="about:blank")
        told = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[told["sessionId"]] = Page(self, told["sessionId"])
        for domain in ("Page", "Network", "Runtime", "Log"):
            await page.ask(f"{domain}.enable")
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        await page.ask("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await page.ask("Emulation.setEmulatedMedia", features=[scheme])
        return page

    async def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and take its answer."""
        self._numbers += 1
        message = {"id": self._numbers, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        answer = self._asked[self._numbers] = Deferred()
        _ = answer.addTimeout(DEADLINE, _CLOCK)
        self.transport.writeToChild(_TO_BROWSER, json.dumps(message).encode() + b"\0")
        return await answer

    async def close(self) -> None:
        """End the browser."""
        self.transport.signalProcess("KILL")
        await self.ended

    @override
    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD != _FROM_BROWSER:
            return
        *messages, self._rest = (self._rest + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                answer = self._asked.pop(message["id"])
                if "error" in message:
                    answer.errback(RuntimeError(message["error"]["message"]))
                else:
                    answer.callback(message["result"])
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].told(message["method"], message["params"])

    @override
    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(None)


class Page:
    """A page: `requested` are the addresses it asked for, `complaints` what the browser held against it."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.requested: list[str] = []
        self.complaints: list[str] = []

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command to this page."""
        return await self._browser.ask(method, self._session, **params)

    async def open(self, address: str) -> None:
        """Go to an address and wait until it is loaded."""
        await self.ask("Page.navigate", url=address)
        await self.until("document.readyState == 'complete' && location.href != 'about:blank'")

    async def value(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        told = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def text(self) -> str:
        """All that can be read on the page."""
        return str(await self.value("document.body.innerText"))

    async def until(self, expression: str) -> None:
        """Wait until an expression is true on the page."""
        deadline = _CLOCK.seconds() + DEADLINE
        while not await self.value(expression):
            assert _CLOCK.seconds() < deadline, f"not true in time: {expression}"
            await sleep(_CLOCK, 0.05)

    async def until_it_says(self, words: str) -> None:
        """Wait until the page can be read to say something."""
        await self.until(f"document.body?.innerText.includes({json.dumps(words)})")

    async def picture(self) -> bytes:
        """A picture of the page (PNG)."""
        told = await self.ask("Page.captureScreenshot", format="png")
        return base64.b64decode(told["data"])

    def told(self, method: str, params: dict[str, Any]) -> None:
        """The browser tells of something on this page."""
        notes: dict[str, Callable[[], object]] = {
            "Network.requestWillBeSent": lambda: self.requested.append(params["request"]["url"]),
            "Runtime.exceptionThrown": lambda: self.complaints.append(str(params["exceptionDetails"])),
            "Log.entryAdded": lambda: self.complaints.append(str(params["entry"])),
            "Runtime.consoleAPICalled": lambda: self.complaints.append(str(params["args"])),
        }
        notes.get(method, lambda: None)()
