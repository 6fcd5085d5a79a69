"""Fetching through a SOCKS5 proxy, and around any proxy."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from tests.support.hostile_server import HostileServer
from workers.http.fetch import Fetcher
from workers.model import FetchRequest

NETWORKS = (ip_network("127.0.0.0/8"),)
FEED = b"<rss/>"


@dataclass
class Socks:
    """A SOCKS5 proxy that leads every name to one port of loopback, or refuses with a reply code."""

    to_port: int
    login: bytes = b""
    refusal: int = 0
    port: int = 0
    asked: list[tuple[int, bytes]] = field(default_factory=list)
    """Kind of address (3: a name) and the address itself, for each CONNECT."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, by RFC 1928 and 1929."""
        try:
            _, count = await reader.readexactly(2)
            methods = await reader.readexactly(count)
            method = 2 if self.login else 0
            writer.write(bytes([5, method if method in methods else 255]))
            if self.login:
                await self._log_in(reader, writer)
            await reader.readexactly(3)
            (kind,) = await reader.readexactly(1)
            size = (await reader.readexactly(1))[0] if kind == 3 else {1: 4, 4: 16}[kind]
            self.asked.append((kind, await reader.readexactly(size)))
            await reader.readexactly(2)
            writer.write(bytes([5, self.refusal, 0, 1]) + bytes(6))
            if not self.refusal:
                far = await asyncio.open_connection("127.0.0.1", self.to_port)
                await asyncio.gather(_pipe(reader, far[1]), _pipe(far[0], writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        user = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(bytes([1, int(user + b":" + password != self.login)]))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def running(socks: Socks) -> AsyncIterator[Socks]:
    """The proxy on a free port."""
    async with await asyncio.start_server(socks.serve, "127.0.0.1", 0) as server:
        socks.port = server.sockets[0].getsockname()[1]
        yield socks


@asynccontextmanager
async def through(socks: Socks, login: str = "", **more: str) -> AsyncIterator[Fetcher]:
    """A fetcher behind the proxy, which is allowed nothing that the proxy does not dial for it."""
    url = f"socks5://{login}127.0.0.1:{socks.port}"
    fetcher = Fetcher(user_agent="t", proxy_url=url, **more)  # type: ignore[arg-type]
    yield fetcher
    await fetcher.aclose()
    assert fetcher._client.sockets.live() == 0


async def test_names_are_resolved_by_the_socks_proxy() -> None:
    """The proxy is given the name, its own address is not judged, and forbidden literals never reach it."""
    async with HostileServer() as origin, running(Socks(origin.port)) as socks:
        async with through(socks) as fetcher:
            for _ in range(2):
                fetched = await fetcher.fetch(FetchRequest("http://feeds.example/feed"))
                assert (fetched.reason, fetched.status) == ("", 200)
            for host in ("169.254.169.254", "127.1", "localhost", "[::ffff:10.0.0.1]"):
                fetched = await fetcher.fetch(FetchRequest(f"http://{host}/feed"))
                assert fetched.reason in ("address_forbidden", "bad_url"), host
        assert socks.asked == [(3, b"feeds.example")]
        assert origin.seen[0].headers["host"] == "feeds.example"
        assert "proxy-authorization" not in origin.seen[0].headers


async def test_tls_through_a_socks_proxy(tmp_path: Path) -> None:
    """The certificate that counts is the feed's, by the name that the list gives it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("feeds.example").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with (
        HostileServer(tls=context) as origin,
        running(Socks(origin.port)) as socks,
        through(socks, ca_file=str(ca_file)) as fetcher,
    ):
        good = await fetcher.fetch(FetchRequest("https://feeds.example/feed"))
        assert (good.reason, good.status) == ("", 200)
        other = await fetcher.fetch(FetchRequest("https://other.example/feed"))
        assert other.reason == "tls_error"


@pytest.mark.parametrize(
    ("login", "reason"), [("ada:l%40ve@", ""), ("ada:no@", "connect_error"), ("", "connect_error")]
)
async def test_the_login_of_a_socks_proxy(login: str, reason: str) -> None:
    """Credentials in the URL are sent, percent-decoded; without the right ones nothing is dialled."""
    async with (
        HostileServer() as origin,
        running(Socks(origin.port, login=b"ada:l@ve")) as socks,
        through(socks, login) as fetcher,
    ):
        fetched = await fetcher.fetch(FetchRequest("http://feeds.example/feed"))
        assert fetched.reason == reason
        assert "l@ve" not in fetched.detail
        assert len(socks.asked) == (not reason)


@pytest.mark.parametrize(
    ("refusal", "reason", "detail"),
    [
        (5, "connect_refused", "says the proxy"),
        (4, "connect_error", "the proxy: host unreachable"),
        (2, "connect_error", "the proxy: connection not allowed by ruleset"),
    ],
)
async def test_what_a_socks_proxy_refuses(refusal: int, reason: str, detail: str) -> None:
    """The proxy's reply code becomes the reason."""
    async with running(Socks(0, refusal=refusal)) as socks, through(socks) as fetcher:
        fetched = await fetcher.fetch(FetchRequest("http://feeds.example/feed"))
        assert (fetched.reason, fetched.detail) == (reason, detail)


async def test_a_socks_proxy_that_is_away() -> None:
    """A proxy nobody runs is a failure of the connection, told as the proxy's."""
    async with through(Socks(0, port=1)) as fetcher:
        fetched = await fetcher.fetch(FetchRequest("http://feeds.example/feed"))
        assert (fetched.reason, fetched.detail) == ("connect_error", "the proxy cannot be reached")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_feed_may_do_without_the_proxy(scheme: str) -> None:
    """A direct request never sees the proxy, and its address is judged where it is dialled."""
    async with HostileServer() as origin:
        fetcher = Fetcher(
            user_agent="t", allowed_networks=NETWORKS, proxy_url=f"{scheme}://127.0.0.1:1"
        )
        url = origin.url("/feed")
        assert (await fetcher.fetch(FetchRequest(url))).reason.startswith("connect_")
        assert (await fetcher.fetch(FetchRequest(url, direct=True))).reason == ""
        await fetcher.aclose()
        strict = Fetcher(user_agent="t", proxy_url=f"{scheme}://127.0.0.1:1")
        local = await strict.fetch(FetchRequest("http://localhost.localdomain./", direct=True))
        assert local.reason == "address_forbidden"
        await strict.aclose()


async def test_a_feed_has_a_user_agent_of_its_own() -> None:
    """It takes the place of the worker's, after a redirect to another host, too."""
    async with HostileServer() as origin:
        fetcher = Fetcher(user_agent="worker", allowed_networks=NETWORKS)
        await fetcher.fetch(FetchRequest(origin.url("/feed"), user_agent="Paper/1 (+x)"))
        await fetcher.fetch(FetchRequest(origin.url("/feed")))
        await fetcher.aclose()
        assert [seen.headers["user-agent"] for seen in origin.seen] == ["Paper/1 (+x)", "worker"]
