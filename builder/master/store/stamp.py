"""The time of a unit: the store stamps each one before it runs, and every time that is stored is this stamp."""

from sqlalchemy import Connection

_KEY = "builder.now"


def stamp(connection: Connection, seconds: float) -> None:
    """Give the unit that runs next on this connection its time, in seconds since the epoch."""
    connection.info[_KEY] = seconds


def now(connection: Connection) -> float:
    """Return the time of the unit that runs on this connection, in seconds since the epoch."""
    return float(connection.info[_KEY])
