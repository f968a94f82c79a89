"""A PostgreSQL server of the tests' own: Debian's program on a socket in a folder that goes with it."""

import itertools
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from builder.master.store import migration
from builder.master.store.postgres import PostgreSQL
from tests.support.processes import DEADLINE, eventually
from tests.support.unpacked import program

_NOBODY = 65534
# The server refuses to be root, and has to reach its program and its folder wherever root has put them.
_AS_NOBODY = [
    "setpriv",
    f"--reuid={_NOBODY}",
    f"--regid={_NOBODY}",
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
]
_SETTINGS = {"listen_addresses": "", "fsync": "off", "full_page_writes": "off", "jit": "off", "timezone": "UTC"}
_TABLES = "tables"
"""The database with the tables and no rows, which others are copies of."""


class Server:
    """A server that serves one socket; it ends with whoever has started it, however that ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = program("postgres")
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        self._prefix: list[str] = []
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
            self._prefix = _AS_NOBODY
        self._run("initdb", "--auth=trust", "--username=builder", "--encoding=UTF8", "--locale=C", "--no-sync")

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it serves."""
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [self._program.file, "-D", str(self._folder / "data"), "-k", str(self._folder), *settings]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*(self._prefix or ["setpriv"]), "--pdeathsig=QUIT", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._program.environment},
            )
        eventually("PostgreSQL serves", self._serves)

    def make_tables(self) -> None:
        """Make the database that others are copies of."""
        self._tell(f"CREATE DATABASE {_TABLES}")
        migration.prepare(self.at(_TABLES))

    def stop(self) -> None:
        """End it at once, as when it crashes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(DEADLINE)

    def at(self, name: str, user: str = "builder") -> PostgreSQL:
        """Return the way to the database of that name."""
        return PostgreSQL(f"postgresql://{user}@/{name}?host={quote(str(self._folder))}")

    def connect(self, name: str) -> psycopg.Connection:
        """Connect to a database as another program does; each statement is a transaction."""
        return psycopg.connect(host=str(self._folder), user="builder", dbname=name, autocommit=True)

    def hang_up(self, name: str) -> None:
        """Let all who are connected to a database lose their connections."""
        with self.connect("postgres") as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    def no_file_larger_than(self, size: int, process: int) -> None:
        """Keep a connection's process from making any file larger than `size` bytes, as on a full disk."""
        subprocess.run([*self._prefix, "prlimit", f"--pid={process}", f"--fsize={size}:"], check=True)

    def damage(self, name: str, table: str) -> None:
        """Stop, and start with other bytes where a table was."""
        with self.connect(name) as connection:
            connection.execute("CHECKPOINT")  # or the server writes the table anew from its log
            (file,) = connection.execute("SELECT pg_relation_filepath(%s)", [table]).fetchone() or ()
        self.stop()
        (self._folder / "data" / file).write_bytes(b"\xff" * 8192)
        self.start()

    @contextmanager
    def database(self, template: str = _TABLES) -> Iterator[str]:
        """Make a database with the tables, and drop it at the end."""
        name = f"test{next(self._numbers)}"
        self._tell(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield name
        self._tell(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, tool: str, *arguments: str) -> None:
        command = [*self._prefix, str(Path(self._program.file).with_name(tool)), "-D", str(self._folder / "data")]
        environment = {**os.environ, **self._program.environment}
        done = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr

    def _serves(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            self._tell("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _tell(self, statement: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(statement)


@contextmanager
def server() -> Iterator[Server]:
    """Start a server, and end it with all that it holds."""
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as folder:
        served = Server(Path(folder))
        try:
            served.start()
            served.make_tables()
            yield served
        finally:
            served.stop()
