"""A test's own farm with its site, in memory, on a clock that the test moves."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder.state import StateFolder
from builder.web.identity import by_token
from builder.web.service import FarmSite, site
from tests.support.http import Client
from tests.support.small_farm import SmallFarm


class WebTest(SynchronousTestCase):
    """`client` is a stranger, `ada` a person with a token; what is logged as an error fails the test."""

    farm: SmallFarm
    site: FarmSite

    @override
    def setUp(self) -> None:
        self.state = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.state)
        self.repos = StateFolder(self.state).repos
        self.repos.mkdir()
        self.clock = Clock()
        self.serve()

    def serve(self, url: str | None = None) -> None:
        """Begin with a new farm, which people reach at `url`."""
        self.farm = SmallFarm(self.state, url)
        self.site = site(self.farm.farm, StateFolder(self.state), self.clock, partial(by_token, self.farm.farm.people))
        self.site.doStart()
        self.addCleanup(self.site.doStop)
        self.client = Client(self.site)
        self.ada = Client(self.site, self.farm.token)
