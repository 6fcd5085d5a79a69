"""Which addresses may be dialled, and that no spelling of another one is."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, ip_network
from typing import Any

import pytest
import uvloop

from tests.support.forbidden_hosts import FORBIDDEN, HOSTS, NAMES
from tests.support.hostile_server import FEED, HostileServer, redirect
from workers.http.fetch import Fetcher
from workers.http.net import (
    MAX_ADDRESSES,
    ForbiddenAddressError,
    Resolver,
    SocketFactory,
    is_forbidden,
    literal_address,
)
from workers.model import FetchRequest

LOOPBACK = ip_network("127.0.0.0/8")

PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:808:8:800::",
    "2001:4860:4860::8888",
    "2001:0:808:808::f7f7:f7f7",  # Teredo, server and client 8.8.8.8
    "2002:808:808::1",
    "2606:4700::1111",
    "2a00:1450:4001::1",
]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Resolve NAMES only; the test may change them."""
    known = {name: list(addresses) for name, addresses in NAMES.items()}

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6, 1, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, 1, 6, "", (address, port))
            for address in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record each address that a socket is told to connect to."""
    found: list[str] = []
    real = uvloop.Loop.sock_connect

    async def spy(self: Any, sock: socket.socket, address: Any) -> None:
        found.append(address[0])
        await real(self, sock, address)

    monkeypatch.setattr(uvloop.Loop, "sock_connect", spy)
    return found


@pytest.mark.parametrize(("address", "why"), FORBIDDEN.items())
def test_forbidden(address: str, why: str) -> None:
    """An address outside the public Internet is forbidden, for a reason that names its range."""
    assert is_forbidden(address) == why


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    """A public address may be dialled, also where another address carries it."""
    assert is_forbidden(address) is None


def test_allowed_networks_open_only_themselves() -> None:
    """An allowed range is open in every way of carrying it; its neighbours stay closed."""
    allowed = [ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")]
    for address in (
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "64:ff9b::10.1.2.3",
        "2002:a01:203::",
        "fd00:1::1",
    ):
        assert is_forbidden(address, allowed) is None, address
    for address in ("10.2.0.1", "127.0.0.1", "fd00:2::1", "::1", "0.0.0.0"):
        assert is_forbidden(address, allowed) is not None, address


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("1.2.772", "1.2.3.4"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x", "0.0.0.0"),
        ("0300.0250.1", "192.168.0.1"),
        ("8.8.8.8.", "8.8.8.8"),
    ],
)
def test_literal_spellings(host: str, address: str) -> None:
    """A host that a resolver would read as an IPv4 address is read as that address."""
    assert literal_address(host) == IPv4Address(address)


@pytest.mark.parametrize("host", ["example.com", "1.example", "x1", "a.b.c.", "1-1"])
def test_names_are_no_literals(host: str) -> None:
    """A host that does not end in a number is a name."""
    assert literal_address(host) is None


@pytest.mark.parametrize(
    "host", ["1.2.3.4.5", "256.1", "1.256.1.1", "4294967296", "08.1", "a.1", "0x7g"]
)
def test_broken_literals(host: str) -> None:
    """A host that ends in a number and is no address is an error, and never asked of a resolver."""
    with pytest.raises(ValueError, match=r"."):
        literal_address(host)


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_is_dialled(
    host: str, names: dict[str, list[str]], dialled: list[str]
) -> None:
    """No way to write a forbidden address leads to a connection, directly or by redirect."""
    fetcher = Fetcher(user_agent="test", deadline_s=5)
    direct = await fetcher.fetch(FetchRequest(f"http://{host}/feed"))
    await fetcher.aclose()
    assert dialled == []
    assert direct.reason in ("address_forbidden", "bad_url", "dns_error")

    allowed = [ip_network("127.0.0.77/32")]
    fetcher = Fetcher(user_agent="test", deadline_s=5, allowed_networks=allowed)
    replies = {"/go": redirect(f"http://{host}/feed")}
    async with HostileServer(hosts=("127.0.0.77",), replies={**replies}) as server:
        redirected = await fetcher.fetch(FetchRequest(server.url("/go", "127.0.0.77")))
        await fetcher.aclose()
    assert dialled == ["127.0.0.77"]
    assert redirected.reason in ("address_forbidden", "bad_redirect", "dns_error")
    assert redirected.status == 301


def test_enough_forms_are_tried() -> None:
    """The table of forbidden forms holds at least 80."""
    assert len(set(HOSTS)) >= 80


async def test_reasons_of_forbidden_forms(names: dict[str, list[str]]) -> None:
    """A forbidden address has the same reason whether it is a literal, a spelling or a name."""
    fetcher = Fetcher(user_agent="test", deadline_s=5)
    for host in ("127.0.0.1", "[::1]", "2130706433", "0x7f.1", "localhost.", "all.example"):
        fetched = await fetcher.fetch(FetchRequest(f"http://{host}/"))
        assert (fetched.reason, fetched.detail != "") == ("address_forbidden", True), host
    await fetcher.aclose()


async def test_only_the_lawful_address_of_a_name_is_dialled(
    names: dict[str, list[str]], dialled: list[str]
) -> None:
    """Of a name with forbidden and lawful addresses only the lawful one is tried."""
    allowed = [ip_network("127.0.0.9/32")]
    fetcher = Fetcher(user_agent="test", deadline_s=5, allowed_networks=allowed)
    async with HostileServer(hosts=("127.0.0.9",)) as server:
        fetched = await fetcher.fetch(FetchRequest(server.url(host="mixed.example")))
        assert fetched.body == FEED
    assert dialled == ["127.0.0.9"]
    await fetcher.aclose()
    assert [r["host"] for r in await Resolver(allowed).resolve("mixed.example")] == ["127.0.0.9"]


async def test_rebinding(names: dict[str, list[str]], dialled: list[str]) -> None:
    """A name that answers a lawful address first and a forbidden one later is not followed."""
    names["rebind.example"] = ["127.0.0.9"]
    allowed = [ip_network("127.0.0.9/32")]
    async with HostileServer(hosts=("127.0.0.9",)) as server:
        for _ in range(2):
            fetcher = Fetcher(user_agent="test", deadline_s=5, allowed_networks=allowed)
            fetched = await fetcher.fetch(FetchRequest(server.url(host="rebind.example")))
            await fetcher.aclose()
            names["rebind.example"] = ["127.0.0.1"]
    assert (fetched.reason, dialled) == ("address_forbidden", ["127.0.0.9"])


def test_the_socket_is_the_last_line() -> None:
    """The socket factory refuses a forbidden address whatever the resolver said."""
    make = SocketFactory([ip_network("127.0.0.9/32")])
    with pytest.raises(ForbiddenAddressError):
        make((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)))
    with pytest.raises(ForbiddenAddressError):
        make((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::ffff:10.0.0.1", 80, 0, 0)))
    assert make.live() == 0
    made = make((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", 80)))
    assert make.live() == 1
    made.close()
    assert make.live() == 0


async def test_many_addresses_are_cut(names: dict[str, list[str]]) -> None:
    """A name with a thousand addresses costs only a few attempts."""
    names["many.example"] = [f"1.1.{i // 256}.{i % 256}" for i in range(1_000)]
    results = await Resolver([]).resolve("many.example", 80)
    assert [r["host"] for r in results] == names["many.example"][:MAX_ADDRESSES]


async def test_overlong_label_is_a_dns_error() -> None:
    """A name that cannot be asked for has no address, and is no crash."""
    fetcher = Fetcher(user_agent="test", deadline_s=5)
    fetched = await fetcher.fetch(FetchRequest(f"http://{'a' * 64}.example/"))
    assert fetched.reason == "dns_error"
    await fetcher.aclose()
