"""The services of the master that people and programs use: the face that HTTP sees."""

from dataclasses import dataclass

from builder.config import MasterConfig
from builder.master.batches import Batches
from builder.master.builds import Builds
from builder.master.definitions import Definitions
from builder.master.delivery import Aside
from builder.master.events import Events
from builder.master.logs import Logs
from builder.master.operations import Operations
from builder.master.people import People
from builder.master.secrets import Secrets
from builder.master.slaves import Slaves


@dataclass(frozen=True, kw_only=True)
class Farm:
    """The farm for people: the services of the master; `aside` reads files in another thread."""

    batches: Batches
    builds: Builds
    definitions: Definitions
    events: Events
    people: People
    slaves: Slaves
    logs: Logs
    operations: Operations
    secrets: Secrets
    aside: Aside
    config: MasterConfig
