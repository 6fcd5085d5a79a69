"""Fetch one feed document: one conditional GET, redirects included, within fixed bounds.

Every failure is a ``Fetched`` with a reason; nothing a server does raises.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from workers.http import body as http_body
from workers.http.answer import PERMANENT, REDIRECTS, kept_values, reason_of
from workers.http.client import (
    Client,
    ClientOptions,
    Headers,
    Response,
    Target,
    chunks,
    closing,
    parse_target,
)
from workers.http.errors import FetchError, classify, is_stale
from workers.http.net import Network
from workers.http.room import SMALL, Place, Room, WorkerBusy
from workers.model import Fetched, FetchRequest
from workers.urls import split_userinfo

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)
DRAIN_BYTES = 64 * 1024
DRAIN_S = 0.25
"""What is read of a body that nobody wants, so that its connection can be used again."""

OnHop = Callable[[str], Awaitable[None]]


class HostBusy(Exception):  # noqa: N818 - an answer of the host's permit, not an error
    """Raised by ``on_hop`` when the host has no permit for another ``wait_ms``."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__(f"no permit for {wait_ms} ms")
        self.wait_ms = wait_ms


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch, in bytes and redirects."""

    wire_bytes: int = 8 * 1024 * 1024
    decoded_bytes: int = 16 * 1024 * 1024
    redirects: int = 5


@dataclass(slots=True)
class _Trip:
    """How far one fetch has come. ``whole``: all that was to arrive has; ``stale``:
    a request was sent again, since its kept connection had been closed; ``toward``: the host of a
    redirect that has not answered."""

    url: str
    place: Place
    deadline: asyncio.Timeout
    toward: str = ""
    whole: bool = False
    stale: bool = False
    status: int = 0
    redirects: int = 0
    wire_bytes: int = 0
    permanent: bool = True
    downgraded: bool = False
    values: dict[bytes, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)


class Fetcher:
    """Fetches feeds over one pool of connections; one for each worker, used from one event loop.

    ``allowed_networks`` are private ranges that may be dialled on purpose. ``deadline_s`` bounds a
    fetch as a whole: redirects, permits and body; how many run at once is up to the caller.
    ``ca_file`` (PEM) is trusted beside the default authorities. With ``proxy_url``
    (``http://[user:password@]host:port``, or ``socks5://…``) names are resolved by the proxy, so that
    only literal addresses are checked here; a request may be exempt from it (``direct``).

    Raises:
        ConfigError: ``ca_file`` or ``proxy_url`` is of no use.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        user_agent: str,
        limits: Limits = Limits(),
        deadline_s: float = 30.0,
        ca_file: str = "",
        proxy_url: str = "",
    ) -> None:
        self._allowed = tuple(allowed_networks)
        self._limits = limits
        self._deadline_s = deadline_s
        options: ClientOptions = {
            "allowed_networks": self._allowed,
            "max_wire_bytes": limits.wire_bytes,
            "ca_file": ca_file,
        }
        self._direct = Client(**options)
        self._client = Client(**options, proxy_url=proxy_url) if proxy_url else self._direct
        self._base_headers = {
            "user-agent": user_agent,
            "accept": ACCEPT,
            "accept-encoding": http_body.ACCEPT_ENCODING,
        }
        # Parsing a URL costs a fifth of a fetch that ends in a 304 (26 of 120 us), and a kilobyte to
        # remember; building the request anew costs 8 us, and is not worth remembering.
        self._parse = functools.lru_cache(maxsize=10_000)(self._parse_uncached)
        self._room = Room()

    async def fetch(
        self, request: FetchRequest, *, on_hop: OnHop | None = None, place: Place | None = None
    ) -> Fetched:
        """Fetch ``request``, following redirects.

        ``on_hop`` is awaited with the host's name before a redirect is followed, also within one
        host, and before a request is sent again whose kept connection was closed without an answer;
        ``HostBusy`` from it ends the fetch as ``host_busy`` with the wait in ``retry_after``
        (seconds), anything else it raises is passed on. A 304 without validators repeats those
        of the request. Cancelling closes the connection.

        Raises:
            WorkerBusy: the document is large, and until the deadline there was no room for it. With
                ``place`` room is taken there and is the caller's to give back; without, this
                fetcher's own, until the fetch ends.
        """
        if place is None:
            async with self._room.place() as own:
                return await self._fetch(request, on_hop, own)
        return await self._fetch(request, on_hop, place)

    async def _fetch(self, request: FetchRequest, on_hop: OnHop | None, place: Place) -> Fetched:
        loop = asyncio.get_running_loop()
        started = loop.time()
        body = b""
        reason, detail = "", ""
        deadline = asyncio.timeout(self._deadline_s)
        trip = _Trip(split_userinfo(request.url)[0], place, deadline)
        try:
            async with deadline:
                reason, body = await self._travel(trip, request, on_hop)
        except FetchError as failure:
            reason, detail = failure.reason, failure.detail
        except HostBusy as busy:
            reason, detail = "host_busy", "no permit for one more request"
            trip.values = {b"retry-after": str(-(-busy.wait_ms // 1_000))}
        except TimeoutError:
            if not deadline.expired():
                raise  # on_hop's own
            if place.waiting or trip.whole:
                raise WorkerBusy from None  # the server has done its part
            reason, detail = "timeout", f"no whole answer within {self._deadline_s:g} s"
        if trip.toward:
            detail = f"{detail} (redirected to {trip.toward})".lstrip()
        return _fetched(trip, request, reason, body, detail, int((loop.time() - started) * 1_000))

    async def aclose(self) -> None:
        """Close all connections; running fetches should have been cancelled before."""
        await self._client.aclose()
        await self._direct.aclose()

    async def _travel(
        self, trip: _Trip, request: FetchRequest, on_hop: OnHop | None
    ) -> tuple[str, bytes]:
        target, authorization = self._parse(request.url)
        headers = self._headers(request, authorization)
        client = self._direct if request.direct else self._client
        while True:
            trip.seen.add(target.url)
            try:
                outcome = await self._hop(trip, client, target, headers)
            except FetchError:
                raise
            except Exception as exc:
                if trip.stale or not is_stale(exc):
                    raise classify(exc) from exc
                trip.stale = True
                if on_hop is not None:
                    await on_hop(target.host)
                continue
            if not isinstance(outcome, Target):
                return outcome
            trip.values = {}
            if not target.keeps_credentials(outcome):
                headers = self._headers(msgspec.structs.replace(request, headers={}), "")
            if on_hop is not None:
                await on_hop(outcome.host)
            target, trip.toward = outcome, outcome.host

    async def _hop(
        self, trip: _Trip, client: Client, target: Target, headers: Headers
    ) -> Target | tuple[str, bytes]:
        """Send one request: the next target, or the reason and body that end the trip."""
        with client.sockets.in_use():
            return await self._ask(trip, client, target, headers)

    async def _ask(
        self, trip: _Trip, client: Client, target: Target, headers: Headers
    ) -> Target | tuple[str, bytes]:
        async with closing(await client.get(target, headers)) as response:
            trip.url, trip.status, trip.toward = target.url, response.status_code, ""
            trip.values = kept_values(response.headers.raw)
            if trip.status in REDIRECTS:
                following = self._next(trip, target)
                await _drain(response)
                return following
            reason = reason_of(
                trip.status,
                conditional=any(name.startswith(b"if-") for name, _ in headers),
                asked_to_wait=b"retry-after" in trip.values,
            )
            if reason is not None:
                if trip.status != 304:
                    await _drain(response)
                return reason, b""
            wire = await self._read(trip, response)
        trip.whole = True
        return "", await self._decode(trip, wire)

    def _next(self, trip: _Trip, target: Target) -> Target:
        """Decide where a redirect leads, and note it in ``trip``."""
        location = trip.values.get(b"location", "")
        if not location:
            raise FetchError("bad_redirect", f"{trip.status} without a usable Location")
        try:
            following = target.join(location, self._allowed)
        except FetchError as failure:
            if failure.reason == "address_forbidden":
                trip.toward = _host(location)
                raise
            raise FetchError("bad_redirect", f"Location: {failure.detail}") from None
        if following.url in trip.seen:
            raise FetchError("redirect_loop", f"back to a URL after {len(trip.seen)} requests")
        if trip.redirects == self._limits.redirects:
            raise FetchError("too_many_redirects", f"more than {self._limits.redirects}")
        trip.redirects += 1
        trip.permanent = trip.permanent and trip.status in PERMANENT
        trip.downgraded |= target.scheme == "https" and following.scheme == "http"
        return following

    async def _read(self, trip: _Trip, response: Response) -> bytes:
        """Read the body as it is on the wire; it stays encoded until it is whole."""
        limit = self._limits.wire_bytes
        declared = trip.values.get(b"content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise FetchError("too_large", f"Content-Length over {limit} bytes")
        wire: list[bytes] = []
        async with chunks(response) as stream:
            async for chunk in stream:
                trip.wire_bytes += len(chunk)
                if trip.wire_bytes > limit:
                    raise FetchError("too_large", f"more than {limit} bytes on the wire")
                wire.append(chunk)
                if trip.wire_bytes > SMALL:
                    _later(trip.deadline, await trip.place.reading(trip.wire_bytes))
        return b"".join(wire)

    async def _decode(self, trip: _Trip, wire: bytes) -> bytes:
        limit = self._limits.decoded_bytes
        encoding = trip.values.get(b"content-encoding", "")
        body = await self._inflate(trip.place, wire, encoding, limit)
        if http_body.is_gzip(body):
            body = await self._inflate(trip.place, body, "gzip", limit)
        if not body or body.isspace():
            raise FetchError("empty_body", "an answer without a document")
        return body

    async def _inflate(self, place: Place, wire: bytes, encoding: str, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        for piece in http_body.decoded(wire, encoding, limit):
            pieces.append(piece)
            size += len(piece)
            if size > SMALL:
                await place.working(len(wire) + size, size)
                await asyncio.sleep(0)  # other feeds go on between the slices
        return b"".join(pieces)

    def _headers(self, request: FetchRequest, authorization: str) -> Headers:
        headers = dict(self._base_headers)
        if request.user_agent:
            headers["user-agent"] = request.user_agent
        if request.etag:
            headers["if-none-match"] = request.etag
        if request.last_modified:
            headers["if-modified-since"] = request.last_modified
        if authorization:
            headers["authorization"] = authorization
        for name, value in request.headers.items():
            headers[name.lower()] = value
        try:
            return [(name.encode("ascii"), value.encode()) for name, value in headers.items()]
        except UnicodeEncodeError:
            raise FetchError("internal_error", "a header of the feed cannot be sent") from None

    def _parse_uncached(self, url: str) -> tuple[Target, str]:
        bare, authorization = split_userinfo(url)
        return parse_target(bare, self._allowed), authorization


def _fetched(
    trip: _Trip, request: FetchRequest, reason: str, body: bytes, detail: str, elapsed_ms: int
) -> Fetched:
    value = trip.values.get
    not_modified = reason == "not_modified"
    arrived = not reason or not_modified
    # Where any hop fell back to plain http, an address for good could be one that is not safe.
    moved = arrived and trip.redirects and trip.permanent and not trip.downgraded
    if arrived and trip.downgraded:
        detail = "redirected from https to http"
    return Fetched(
        reason=reason,
        url=trip.url,
        status=trip.status,
        body=body,
        wire_bytes=trip.wire_bytes,
        # Validators stand for a document that was read; those of an error page do not.
        etag=value(b"etag", request.etag if not_modified else "") if arrived else "",
        last_modified=(
            value(b"last-modified", request.last_modified if not_modified else "")
            if arrived
            else ""
        ),
        content_type=value(b"content-type", ""),
        retry_after=value(b"retry-after", ""),
        cache_control=value(b"cache-control", ""),
        expires=value(b"expires", ""),
        age=value(b"age", ""),
        date=value(b"date", ""),
        redirects=trip.redirects,
        permanent_url=trip.url if moved else "",
        elapsed_ms=elapsed_ms,
        detail=detail,
    )


def _later(deadline: asyncio.Timeout, seconds: float) -> None:
    """Give a server the time that it waited for us."""
    when = deadline.when()
    if seconds and when is not None:
        deadline.reschedule(when + seconds)


async def _drain(response: Response) -> None:
    """Read the rest of a small body; a large or slow one costs its connection instead."""
    size = 0
    with contextlib.suppress(Exception):
        async with asyncio.timeout(DRAIN_S), chunks(response) as stream:
            async for chunk in stream:
                size += len(chunk)
                if size > DRAIN_BYTES:
                    return


def _host(location: str) -> str:
    """The host that a Location names, for people; empty when it cannot be told."""
    try:
        return urlsplit(location).hostname or ""
    except ValueError:
        return ""
