"""The entry points of the daemons `builder-master`, `builder-slave` and `builder-repo`.

Each reads its configuration, starts its composition root on the reactor, and stops it at SIGTERM or SIGINT. An error
that prevents the start is one sentence on standard error and an exit code other than 0.
"""

import argparse
import ctypes
import getpass
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from builder import __version__, files
from builder.cli import journal
from builder.cli.exits import Exit, exit_of
from builder.clock import deferred
from builder.config import MasterConfig, RepoConfig, SlaveConfig, read_config, url_of
from builder.errors import BuilderError

_log = Logger()
_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a process gets when its parent dies."""


class Running(Protocol):
    """A daemon that has been started."""

    async def stop(self) -> None:
        """End the daemon in good order."""


Start = Callable[[argparse.Namespace, Any], Awaitable[Running]]
"""A function that starts a daemon on a reactor, with `options.settings` as its configuration and `options.now` to tell
the time.
"""


def master() -> int:
    """Run the master: the entry point of `builder-master`."""
    parser = _parser("master", "Run the master of a farm: queue, API, pages and repositories.")
    what = "write url and a new token for who starts it to FILE, unless it is there"
    parser.add_argument("--client", type=Path, metavar="FILE", help=what)
    return _run(parser.parse_args(), MasterConfig, _start_master)


def slave() -> int:
    """Run the slave: the entry point of `builder-slave`."""
    parser = _parser("slave", "Build on this machine what the master hands out.")
    return _run(parser.parse_args(), SlaveConfig, _start_slave)


def repo() -> int:
    """Run the repository builder: the entry point of `builder-repo`."""
    parser = _parser("repo", "Publish what was built, beside the master.")
    return _run(parser.parse_args(), RepoConfig, _start_repo)


def _parser(name: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"builder-{name}", description=description, allow_abbrev=False)
    default = Path(f"/etc/builder/{name}.toml")
    parser.add_argument("--config", type=Path, default=default, metavar="FILE", help="its configuration (%(default)s)")
    parser.add_argument("--check", action="store_true", help="only check the configuration")
    parser.add_argument("--version", action="version", version=f"builder {__version__}")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when the process PID, which starts it, ends")
    parser.set_defaults(now=time.time)  # noqa: TID251 - an entry point reads the wall clock
    return parser


def _run(options: argparse.Namespace, wanted: type[MasterConfig | SlaveConfig | RepoConfig], start: Start) -> int:
    if options.parent is not None and not _end_with(options.parent):
        return Exit.FAILED
    try:
        options.settings = read_config(options.config, wanted)
    except BuilderError as error:
        print(error, file=sys.stderr)
        return exit_of(error)
    if options.check:
        print(f"{options.config}: no mistakes")
        return Exit.DONE
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - an entry point names the reactor, once it is needed

    journal.begin()
    life = Life(reactor, lambda: start(options, reactor))
    life.run()
    return life.code


def _end_with(parent: int) -> bool:
    """Send this process SIGTERM when its parent dies, however it dies; return False if it is dead already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent


class Life:
    """The life of a daemon on the reactor, from its start to its end; `code` is its exit code."""

    def __init__(self, reactor: Any, start: Callable[[], Awaitable[Running]]) -> None:
        self.code = Exit.DONE
        self._reactor = reactor
        self._reactor.seconds = time.monotonic  # Twisted's own is the wall clock, which somebody may set
        self._start = start
        self._running: Running | None = None
        self._starting: Deferred[None] | None = None

    def run(self) -> None:
        """Run the daemon; return when it has ended."""
        self._reactor.callWhenRunning(self._begin)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._end)
        self._reactor.run()

    def _begin(self) -> None:
        self._starting = deferred(self._begun())

    async def _begun(self) -> None:
        try:
            self._running = await self._start()
        except CancelledError:
            return
        except (BuilderError, OSError) as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - a bug, which ends the process like any other reason
            self._fail(f"this is a bug: {_described(error)}")

    def _fail(self, reason: str) -> None:
        self.code = Exit.FAILED
        _log.critical("cannot start: {reason}", reason=reason)
        self._reactor.callLater(0, self._reactor.stop)

    async def _stopped(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await self._starting
        if self._running is None:
            return
        try:
            await self._running.stop()
        except Exception:  # noqa: BLE001 - the process ends in any case, and says that it was not in good order
            self.code = Exit.FAILED
            _log.failure("did not end in good order")

    def _end(self) -> Deferred[None]:
        return deferred(self._stopped())


def _described(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})"


class _MasterWithWeb:
    """The master and the site that shows it."""

    def __init__(self, master: Running, port: IListeningPort) -> None:
        self._master = master
        self._port = port

    async def stop(self) -> None:
        await maybeDeferred(self._port.stopListening)
        await self._master.stop()


async def _start_master(options: argparse.Namespace, reactor: Any) -> Running:
    from builder.master.service import start_master  # noqa: PLC0415 - the other daemons do without
    from builder.web.service import listen  # noqa: PLC0415

    config: MasterConfig = options.settings
    running = await start_master(config, reactor, options.now)
    try:
        if options.client is not None and not options.client.exists():
            token = await running.farm.people.issue(_person())
            _write_client(options.client, config, token)
        port = await listen(reactor, running.farm, config)
    except BaseException:
        await running.stop()
        raise
    _log.info("the master is ready: {url}", url=url_of(config))
    return _MasterWithWeb(running, port)


def _write_client(path: Path, config: MasterConfig, token: str) -> None:
    url = url_of(config)
    settings = {"url": url, "token": token}
    if url.startswith("https:") and config.http_tls is None:
        settings["ca"] = str(config.credentials.ca)
    text = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in settings.items())
    files.write(path, text.encode(), mode=0o600)


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name; OSError from Python 3.13 on
        return f"uid {os.getuid()}"


async def _start_slave(options: argparse.Namespace, reactor: Any) -> Running:
    from builder.slave.service import start_slave  # noqa: PLC0415 - the other daemons do without

    return await start_slave(options.settings, reactor, options.now)


async def _start_repo(options: argparse.Namespace, reactor: Any) -> Running:
    from builder.repo.service import start_repo  # noqa: PLC0415 - the other daemons do without

    return await start_repo(options.settings, reactor, options.now)


if __name__ == "__main__":
    sys.exit({"master": master, "slave": slave, "repo": repo}[sys.argv.pop(1)]())
