"""Connections through a SOCKS5 proxy, which resolves the names: the only importer of ``python_socks``.

``aiohttp-socks`` would do the same with a protocol of its own, and so without what ``connection``
holds against hostile servers.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import aiohttp
import python_socks
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from python_socks.async_.asyncio import Proxy

from workers.errors import ConfigError
from workers.http.errors import FetchError
from workers.http.net import SocketFactory

SCHEMES = frozenset({"socks5", "socks5h"})
_REFUSED = 5  # RFC 1928, section 6


def is_socks(url: str) -> bool:
    """Whether a proxy's URL is one of SOCKS5."""
    return url.partition(":")[0].lower() in SCHEMES


class Socks(NamedTuple):
    """Where a SOCKS5 proxy is, and how to log in there; no ``username``: without."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None


def socks_proxy(url: str) -> Socks:
    """Read ``socks5://[user:password@]host[:port]``.

    Raises:
        ConfigError: the URL is of no use.
    """
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.hostname:
            port = parts.port or 1080
            if parts.username is None:
                return Socks(parts.hostname, port)
            password = unquote(parts.password or "")
            return Socks(parts.hostname, port, unquote(parts.username), password)
    raise ConfigError("the proxy's URL is not one of the form socks5://host:port")


class SocksConnector(aiohttp.TCPConnector):
    """Dials through a proxy; ``sockets`` counts what is open."""

    def __init__(self, proxy: Socks, sockets: SocketFactory, **options: Any) -> None:
        super().__init__(resolver=_Unresolved(), **options)
        self._proxy = proxy
        self._sockets = sockets

    async def _wrap_create_connection(
        self, *args: Any, addr_infos: Any, **kwargs: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        # What aiohttp-socks overrides too: there is no public way between a name and its socket.
        for name in ("req", "timeout", "client_error"):
            kwargs.pop(name, None)
        host, port = addr_infos[0][4][:2]
        sock = await self._dial(str(host), int(port))
        self._sockets.adopt(sock)
        try:
            return await self._loop.create_connection(*args, **kwargs, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def _dial(self, host: str, port: int) -> socket.socket:
        proxy = Proxy(python_socks.ProxyType.SOCKS5, *self._proxy, rdns=True)
        try:
            return await proxy.connect(host, port)
        except python_socks.ProxyTimeoutError:
            raise FetchError("timeout", "the proxy did not connect in time") from None
        except python_socks.ProxyConnectionError:
            raise FetchError("connect_error", "the proxy cannot be reached") from None
        except python_socks.ProxyError as error:
            if error.error_code == _REFUSED:
                raise FetchError("connect_refused", "says the proxy") from None
            text = (
                str(error)
                if error.error_code
                else "it does not take the login, or speaks no SOCKS5"
            )
            raise FetchError("connect_error", f"the proxy: {text[:100].lower()}") from None


class _Unresolved(AbstractResolver):
    """Leaves names as they are."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to close."""
