"""HTTP as a service: the site is put together here and listens; plain on loopback, over TLS elsewhere."""

import socket
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IReactorTime
from typing_extensions import override

from builder import tls
from builder.clock import deferred
from builder.config import HttpTls, MasterConfig, is_loopback
from builder.master.farm import Farm
from builder.state import StateFolder
from builder.web.assets import Assets
from builder.web.channel import BoundedSite
from builder.web.entrance import Entrance
from builder.web.errors import Failures
from builder.web.feed import Feed
from builder.web.followers import Seats
from builder.web.identity import Identify, by_token
from builder.web.pages.templates import Templates
from builder.web.routes import table

_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""The options of the kernel's keep-alive: a follower whose host is gone without a word is noticed after two minutes
(tcp(7), seconds and tries).
"""


class FarmSite(BoundedSite):
    """The site with the feed that its followers live on, for as long as it listens."""

    def __init__(self, entrance: Entrance, feed: Feed, clock: IReactorTime) -> None:
        super().__init__(entrance, clock)
        self._feed = feed
        self._reading: Deferred[None] | None = None

    @override
    def startFactory(self) -> None:
        """Begin to listen."""
        super().startFactory()
        self._reading = deferred(self._feed.run())

    @override
    def stopFactory(self) -> None:
        """Stop listening."""
        super().stopFactory()
        if self._reading is not None:
            self._reading.cancel()


def site(farm: Farm, state: StateFolder, clock: IReactorTime, identify: Identify) -> FarmSite:
    """Return the site with all that the farm tells over HTTP; `identify` knows visitors, `state` has repositories."""
    assets = Assets()
    templates = Templates(assets.address)
    feed = Feed(farm.events, clock)
    routes = table(farm, state, feed, templates, assets, clock)
    entrance = Entrance(routes, identify, Failures(templates), Seats(), clock, farm.config.url)
    return FarmSite(entrance, feed, clock)


async def listen(reactor: Any, farm: Farm, config: MasterConfig) -> IListeningPort:
    """Listen for requests; closing the port ends every connection.

    Raises:
        InvalidError: The certificate or its key cannot be used.
        UnavailableError: The address cannot be listened on.
    """
    factory = site(farm, StateFolder(config.state), reactor, partial(by_token, farm.people))
    shown = certificate_for(config)
    if shown is None:
        port = await tls.listen_plainly(reactor, config.http, factory)
    else:
        port = await tls.listen_https(reactor, config.http, shown, factory)
    _keep_alive(port)
    return port


def _keep_alive(port: Any) -> None:
    """Have the kernel look after silent connections: accepted ones inherit it from the port (socket(7))."""
    port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        port.socket.setsockopt(socket.IPPROTO_TCP, option, value)


def certificate_for(config: MasterConfig) -> HttpTls | None:
    """Return the certificate to show: the one that is configured, none on loopback, the master's own elsewhere."""
    if config.http_tls is not None or is_loopback(config.http):
        return config.http_tls
    return HttpTls(certificate=config.credentials.certificate, key=config.credentials.key)
