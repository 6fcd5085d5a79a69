"""The HTTP client: the only importer of ``httpx``.

httpx's own pool is quadratic in waiting requests, so its aiohttp transport is called directly.
Redirects, deadline, credentials and decoding are the caller's; no environment variable is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncGenerator, Sequence
from typing import Any, TypedDict, cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from workers.errors import ConfigError
from workers.http.connection import Connection
from workers.http.errors import FetchError
from workers.http.net import Network, Resolver, SocketFactory, is_forbidden, is_local_name
from workers.http.net import literal_address as literal
from workers.http.socks import SocksConnector, is_socks, socks_proxy
from workers.urls import split_userinfo

MAX_URL = 8_192
KEEPALIVE_S = 15
DNS_TTL_S = 60

Response = httpx.Response
Headers = list[tuple[bytes, bytes]]


class Target:
    """An http(s) URL that was checked and may be requested, without userinfo and fragment.

    ``host`` is in ASCII and lower case, ``port`` always known.
    """

    __slots__ = ("host", "httpx_url", "port", "scheme", "url")

    def __init__(self, url: httpx.URL) -> None:
        self.httpx_url = url
        self.url = str(url)
        self.scheme = url.scheme
        self.host = url.raw_host.decode("ascii")
        self.port = url.port or (443 if url.scheme == "https" else 80)

    def join(self, location: str, allowed_networks: Sequence[Network]) -> Target:
        """Resolve a redirect's ``Location`` against this URL; raises as ``parse_target``."""
        try:
            reference = httpx.URL(location)
            joined = self.httpx_url.join(reference)
        except (httpx.InvalidURL, ValueError):
            raise FetchError("bad_url", "not a URL") from None
        if (
            reference.scheme
            and not reference.host
            and location.find("//") == location.find(":") + 1
        ):
            raise FetchError("bad_url", "no valid host")  # httpx would take this URL's own
        # Credentials that a server puts into a Location are its own business, and not sent.
        return _checked(joined.copy_with(username=None, password=None), allowed_networks)

    def keeps_credentials(self, after: Target) -> bool:
        """Whether credentials for this URL may go to ``after``: same origin, or its upgrade."""
        if self.host != after.host:
            return False
        here, there = (self.scheme, self.port), (after.scheme, after.port)
        return here == there or (here == ("http", 80) and there == ("https", 443))


def parse_target(url: str, allowed_networks: Sequence[Network]) -> Target:
    """Check a URL (without userinfo).

    Raises:
        FetchError: ``bad_url`` for what is no http(s) URL of a host; ``address_forbidden`` for a
            literal address in whatever spelling, or a local name, that must not be dialled. Other
            names are judged when they are dialled.
    """
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError):
        raise FetchError("bad_url", "not a URL") from None
    return _checked(parsed, allowed_networks)


def _checked(url: httpx.URL, allowed_networks: Sequence[Network]) -> Target:
    host = url.raw_host.decode("ascii")
    if url.scheme not in ("http", "https"):
        raise FetchError("bad_url", "not an http or https URL")
    # Parsers disagree on where a host with these characters ends.
    if not host or url.userinfo or not set(host).isdisjoint("%\\ \"'<>^`{|}") or host == ".":
        raise FetchError("bad_url", "no valid host")
    if url.port is not None and not 0 < url.port < 65_536:
        raise FetchError("bad_url", "no valid port")
    _check_host(host, allowed_networks)
    target = Target(url.copy_with(fragment=None))
    if len(target.url) > MAX_URL:
        raise FetchError("bad_url", f"longer than {MAX_URL} characters")
    return target


def _check_host(host: str, allowed_networks: Sequence[Network]) -> None:
    try:
        address = literal(host)
    except ValueError:
        raise FetchError("bad_url", "not an IP address") from None
    if address is not None:
        why = is_forbidden(address, allowed_networks)
        if why is not None:
            raise FetchError("address_forbidden", why)
        if ":" not in host and host != str(address):
            raise FetchError("bad_url", "an IPv4 address must be four decimal numbers")
    elif is_local_name(host) and all(
        is_forbidden(loopback, allowed_networks) for loopback in ("127.0.0.1", "::1")
    ):
        raise FetchError("address_forbidden", "loopback")


class ClientOptions(TypedDict):
    """What holds for a client with and without a proxy."""

    allowed_networks: Sequence[Network]
    max_wire_bytes: int
    ca_file: str


class Client:
    """One pool of connections. Used from one event loop; nothing is opened before the first call.

    Raises:
        ConfigError: ``ca_file`` or ``proxy_url`` is of no use.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network],
        max_wire_bytes: int,
        ca_file: str,
        proxy_url: str = "",
    ) -> None:
        self._socks = socks_proxy(proxy_url) if is_socks(proxy_url) else None
        proxy = _proxy(proxy_url) if proxy_url and self._socks is None else None
        self._proxy_headers = _proxy_authorization(proxy)
        # Through a proxy every socket is one to the proxy, and that is where the operator wants it.
        self._allowed = None if proxy_url else tuple(allowed_networks)
        self._max_wire_bytes = max_wire_bytes
        self._ssl = _ssl_context(ca_file)
        self.sockets = SocketFactory(self._allowed)
        self._transport = AiohttpTransport(verify=self._ssl, client=self._session, proxy=proxy)

    async def get(self, target: Target, headers: Headers) -> Response:
        """Send one GET and return the answer's head; the caller closes it.

        Raises whatever httpx and aiohttp raise (see ``classify`` and ``is_stale``).
        """
        if target.scheme == "http":
            # A tunnel's CONNECT carries the proxy's headers; here the request itself is the proxy's.
            headers = headers + self._proxy_headers
        request = httpx.Request("GET", target.httpx_url, headers=headers)
        request.headers.encoding = "utf-8"  # or httpx tries several, for each request
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    def _connector(self) -> aiohttp.TCPConnector:
        options: dict[str, Any] = {
            "limit": 0,  # whoever polls knows how many fetches may run
            "keepalive_timeout": KEEPALIVE_S,
            "ttl_dns_cache": DNS_TTL_S,
            "dns_cache_max_size": 10_000,
            "ssl": self._ssl,
        }
        if self._socks is not None:
            return SocksConnector(self._socks, self.sockets, **options)
        resolver = Resolver(self._allowed)
        return aiohttp.TCPConnector(resolver=resolver, socket_factory=self.sockets, **options)

    def _session(self) -> aiohttp.ClientSession:
        connector = self._connector()
        # No public way leads to the protocol; tests/unit/test_fetch.py fails when this one ends.
        connector._factory = functools.partial(  # type: ignore[assignment]
            Connection, asyncio.get_running_loop(), self.sockets, self._max_wire_bytes
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_URL,
            max_field_size=32 * 1024,
            max_headers=256,
        )


@contextlib.asynccontextmanager
async def closing(response: Response) -> AsyncGenerator[Response, None]:
    """Give the connection back on leaving, to the pool when the body was read to its end."""
    try:
        yield response
    finally:
        await _stream(response).aclose()


def chunks(response: Response) -> contextlib.aclosing[AsyncGenerator[bytes, None]]:
    """Open the body as it is on the wire: ``async with chunks(r) as stream: async for …``."""
    # The transport's streams are asynchronous generators; httpx's own wrapper leaves them open.
    return contextlib.aclosing(cast("AsyncGenerator[bytes, None]", aiter(_stream(response))))


def _stream(response: Response) -> httpx.AsyncByteStream:
    return cast(httpx.AsyncByteStream, response.stream)


def _proxy(url: str) -> httpx.Proxy:
    bare, authorization = split_userinfo(url)
    headers = {"proxy-authorization": authorization} if authorization else {}
    try:
        proxy = httpx.Proxy(bare, headers=headers)
    except (httpx.InvalidURL, ValueError):
        raise ConfigError("the proxy's URL is not one of the form http://host:port") from None
    if proxy.url.scheme != "http" or not proxy.url.host:
        raise ConfigError("the proxy's URL is not one of the form http://host:port")
    return proxy


def _proxy_authorization(proxy: httpx.Proxy | None) -> Headers:
    return [] if proxy is None else [(name.lower(), value) for name, value in proxy.headers.raw]


def _ssl_context(ca_file: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigError(
                f"NEWSWIRE_CA_FILE: the CA file {ca_file} cannot be read as PEM: {exc}"
            ) from exc
    return context
