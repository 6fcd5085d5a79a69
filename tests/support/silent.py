"""A server that takes every connection and never says a word."""

from __future__ import annotations

import socket
import threading
from typing import Self

from tests.support.servers import LOOPBACK


class SilentServer:
    """Listens on ``address`` until it is left; counts connections."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0), backlog=200)
        self._taken: list[socket.socket] = []
        self.address = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._take, daemon=True, name="silent").start()

    @property
    def connections(self) -> int:
        """How many were taken so far."""
        return len(self._taken)

    def _take(self) -> None:
        while True:
            try:
                self._taken.append(self._listener.accept()[0])
            except OSError:  # closed
                return

    def __enter__(self) -> Self:
        """As ``open`` does."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._taken:
            one.close()
