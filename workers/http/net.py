"""Which addresses may be dialled, and the sockets and look-ups that hold to it.

The check sits where a socket is made, because only there every address is seen: literals pass no
resolver, and a name may answer differently each time. The resolver filters with the same table, so
that of a name with a public and a private address only the public one is tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import weakref
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import idna
from aiohttp.abc import AbstractResolver, ResolveResult

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
AddrInfo = tuple[
    int | socket.AddressFamily,
    int | socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]

MAX_ADDRESSES = 8
"""Addresses of one name that are tried at most; more would only waste connections."""

MAX_LOOKUPS = 64

# IANA's special-purpose registries (RFC 6890 and later), with our own names. The tables of
# ``ipaddress`` differ between Python releases and call multicast and embedded addresses global.
_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "unspecified"),  # "this host": dialling it reaches loopback
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud metadata"),  # Azure's host, a public address by number only
        ("169.254.0.0/16", "link-local"),  # cloud metadata lives here
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),  # 6to4 relay anycast, withdrawn
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),  # and broadcast
    )
)
_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), why)
    for network, why in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("100::/32", "discard"),
        ("2001:db8::/32", "documentation"),
        ("2001:2::/48", "benchmarking"),
        ("2001::/23", "reserved"),  # protocol assignments, ORCHID; Teredo is judged before
        ("3fff::/20", "documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_COMPATIBLE = IPv6Network("::/96")
_TEREDO = IPv6Network("2001::/32")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")


class ForbiddenAddressError(OSError):
    """An address that must not be dialled. ``why`` names its range.

    An ``OSError`` whose text is always the same: aiohttp's Happy Eyeballs race lets only those
    through unchanged, and merges several of different text into one that has lost its type.
    """

    def __init__(self, why: str) -> None:
        super().__init__("address forbidden")
        self.why = why


def is_forbidden(address: Address | str, allowed_networks: Sequence[Network] = ()) -> str | None:
    """Say why ``address`` must not be dialled, or ``None`` when it may.

    An address inside ``allowed_networks`` may always be dialled. IPv6 addresses that carry an IPv4
    address (mapped, compatible, NAT64, 6to4, Teredo) are judged by that address, so that networks
    with IPv6 only still reach the public IPv4 Internet.
    """
    if isinstance(address, str):
        try:
            address = ip_address(address.partition("%")[0])
        except ValueError:
            return "not an address"
    # ``in`` is false, not an error, across the two versions.
    if any(address in network for network in allowed_networks):
        return None
    if isinstance(address, IPv4Address):
        return next((why for network, why in _V4 if address in network), None)
    carried = _carried_ipv4(address)
    if carried:
        verdicts = (is_forbidden(inner, allowed_networks) for inner in carried)
        return next((why for why in verdicts if why is not None), None)
    listed = next((why for network, why in _V6 if address in network), None)
    if listed is None and address not in _GLOBAL_UNICAST:
        return "not global unicast"
    return listed


def literal_address(host: str) -> Address | None:
    """Read a URL's host as an address, in every spelling that a resolver would take for one.

    That is: IPv6 without brackets, and IPv4 in one to four parts, each decimal, octal (``0177``) or
    hexadecimal (``0x7f``), as in ``2130706433`` and ``127.1``. Returns ``None`` for a name.

    Raises:
        ValueError: the host ends in a number and yet is no address.
    """
    host = host.removesuffix(".")
    if ":" in host:
        return IPv6Address(host.partition("%")[0])
    parts = host.split(".")
    if not _is_number(parts[-1]):
        return None
    numbers = [_ipv4_number(part) for part in parts]
    last = numbers.pop()
    if (
        len(numbers) > 3
        or any(number > 255 for number in numbers)
        or last >= 256 ** (4 - len(numbers))
    ):
        raise ValueError("not an IPv4 address")
    return IPv4Address(last + sum(number << 8 * (3 - i) for i, number in enumerate(numbers)))


def is_local_name(host: str) -> bool:
    """Whether ``host`` means this machine by its name alone (RFC 6761)."""
    host = host.rstrip(".").lower()
    return host in ("localhost", "localhost.localdomain") or host.endswith(".localhost")


def host_key(host: str) -> str:
    """One spelling for all of a host's name: ASCII, in lower case, without a last dot."""
    host = host.rstrip(".").lower()
    if host.isascii():
        return host
    try:
        return idna.encode(host).decode("ascii")  # as the URL that is dialled has it
    except idna.IDNAError:
        return host


def _is_number(part: str) -> bool:
    return part.isascii() and (part.isdigit() or part[:2].lower() == "0x")


def _ipv4_number(part: str) -> int:
    if not _is_number(part):
        raise ValueError("not an IPv4 address")
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    if len(part) > 12:
        raise ValueError("not an IPv4 address")  # no 32 bits have so many digits
    return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)


def _carried_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that packets to ``address`` end up at, if it carries any."""
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped is not None or address in _NAT64:
        return (low,)
    if address in _COMPATIBLE and number > 1:
        return (low,)
    if address in _SIX_TO_FOUR:
        return (IPv4Address(number >> 80 & 0xFFFFFFFF),)
    if address in _TEREDO:  # relay server, and the client with its bits inverted
        return (IPv4Address(number >> 64 & 0xFFFFFFFF), IPv4Address(~number & 0xFFFFFFFF))
    if address in _NAT64_LOCAL:
        if number >> 32 & 0xFFFFFFFFFFFF == 0:  # a /96 at the prefix's beginning
            return (low,)
        # A /48: the IPv4 address lies around the reserved octet of bits 64 to 71 (RFC 6052).
        return (IPv4Address((number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF),)
    return ()


class SocketFactory:
    """Makes the sockets of an aiohttp connector (``socket_factory=``), for lawful addresses only.

    ``allowed_networks`` is as in ``is_forbidden``; ``None`` checks nothing (every dial is to our
    own proxy).
    """

    def __init__(self, allowed_networks: Sequence[Network] | None) -> None:
        self._allowed = allowed_networks
        self._made: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._in_use = 0

    def __call__(self, addr_info: AddrInfo) -> socket.socket:
        """Make the socket for one address.

        Raises:
            ForbiddenAddressError: the address must not be dialled; nothing was opened.
        """
        family, kind, proto, _, sockaddr = addr_info
        if self._allowed is not None:
            why = is_forbidden(str(sockaddr[0]), self._allowed)
            if why is not None:
                raise ForbiddenAddressError(why)
        made = socket.socket(family, kind, proto)
        self._made.add(made)
        return made

    def adopt(self, made: socket.socket) -> None:
        """Count a socket that was made elsewhere, to our own proxy."""
        self._made.add(made)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """One of the sockets is waited for."""
        self._in_use += 1
        try:
            yield
        finally:
            self._in_use -= 1

    def crowded(self, limit: int) -> bool:
        """Whether more than ``limit`` sockets are open that nobody waits for; cheap while there are few."""
        limit += max(0, self._in_use - 1)  # whoever asks is about to let go of one
        return len(self._made) > limit and self.live() > limit

    def live(self) -> int:
        """Count the sockets that are open now."""
        return sum(made.fileno() >= 0 for made in self._made)


class Resolver(AbstractResolver):
    """The system's resolver, without the forbidden addresses.

    Each look-up has a daemon thread of its own: the event loop's few default threads would be held
    for many seconds each by dead names, and would delay the process's end.
    """

    def __init__(self, allowed_networks: Sequence[Network] | None) -> None:
        self._allowed = allowed_networks
        self._slots = asyncio.Semaphore(MAX_LOOKUPS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look ``host`` up; at most ``MAX_ADDRESSES`` answers.

        Raises:
            socket.gaierror: the name has no address.
            ForbiddenAddressError: it has none that may be dialled.
        """
        async with self._slots:
            found = await _getaddrinfo(host, port, family)
        why: str | None = None
        results: list[ResolveResult] = []
        for kind, address in found:
            verdict = None if self._allowed is None else is_forbidden(address, self._allowed)
            if verdict is not None:
                why = verdict
                continue
            results.append(
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=kind,
                    proto=socket.IPPROTO_TCP,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        if not results:
            if why is not None:
                raise ForbiddenAddressError(why)
            raise socket.gaierror(socket.EAI_NONAME, "Name has no address")
        return results[:MAX_ADDRESSES]

    async def close(self) -> None:
        """Nothing to close: threads that still wait end with their answer or the process."""


async def _getaddrinfo(host: str, port: int, family: int) -> list[tuple[int, str]]:
    """Ask the system for (family, address) pairs, in its order of preference."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[tuple[int, str]]] = loop.create_future()

    def settle(result: list[tuple[int, str]], error: OSError | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def ask() -> None:
        result: list[tuple[int, str]] = []
        error: OSError | None = None
        try:
            infos = socket.getaddrinfo(
                host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
            )
            # A scoped address (fe80::1%eth0) loses its scope on the way and is of no use.
            result = [(i[0], str(i[4][0])) for i in infos if len(i[4]) < 4 or not i[4][3]]
        except UnicodeError:  # a label longer than 63 characters
            error = socket.gaierror(socket.EAI_NONAME, "Name is not valid")
        except OSError as exc:
            error = exc
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop was closed meanwhile; nobody waits

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    return await answer
