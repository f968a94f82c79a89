"""The ports that tests give to their daemons."""

import errno
import socket

import pytest

from tests.support.processes import free_port


def test_a_free_port_is_kept_for_who_knows_it() -> None:
    """A server can listen there, as often as it likes; whoever does not say that the port may be shared can't."""
    port = free_port()
    for _ in range(2):
        socket.create_server(("127.0.0.1", port)).close()
    with socket.socket() as stranger, pytest.raises(OSError) as caught:  # noqa: PT011 - its number says which
        stranger.bind(("127.0.0.1", port))
    assert caught.value.errno == errno.EADDRINUSE
