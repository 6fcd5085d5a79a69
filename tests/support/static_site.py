"""A static web of documents on loopback whose bodies a test may change, with a ledger of requests."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


class StaticSite:
    """Serves ``pages`` (path to body, or to a function that makes an answer) until closed."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | Callable[[Any], Answer]] = {}
        self.requests: Counter[str] = Counter()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.requests[self.path] += 1
                page = site.pages.get(self.path)
                status, headers, body = (
                    (404, {}, b"")
                    if page is None
                    else (200, {}, page)
                    if isinstance(page, bytes)
                    else page(self)
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(ConnectionError):  # a client that had enough is no fault of ours
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> StaticSite:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def rss(base: str, name: str, items: int, *, first: int = 0) -> bytes:
    """A small RSS document with items of its own."""
    rows = "".join(
        f"<item><title>{name} story {n}</title><link>{base}/a/{name}/{n}</link>"
        f"<guid>{name}-{n}</guid><description>What happened in {name}, part {n}.</description></item>"
        for n in range(first, first + items)
    )
    head = f"<title>{name}</title><link>{base}/{name}</link><description>d</description>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{rows}</channel></rss>'.encode()
