"""A TCP relay on loopback that cuts connections after a number of bytes, as a bad network does."""

import contextlib
import selectors
import socket
import threading
from typing import Self


class Cutter:
    """Relays to a port of this host; a context manager."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._each = 0
        self._left = 0
        self.cuts = 0
        self.passed = 0

    def cut_after(self, bytes_each: int, times: int) -> None:
        """From now on cut a connection when it has carried `bytes_each` towards the target, `times` times in all."""
        self._each, self._left = bytes_each, times

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            near, _ = self._listener.accept()
            if self._stop.is_set():
                near.close()
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        carried = 0
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            near.close()
            return
        with near, far, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while not self._stop.is_set():
                for key, _ in selector.select(0.2):
                    source = near if key.data is far else far
                    data = source.recv(65536)
                    if not data:
                        return
                    key.data.sendall(data)
                    if source is near:
                        carried += len(data)
                        self.passed += len(data)
                if self._left and carried >= self._each:
                    self._left -= 1
                    self.cuts += 1
                    return
