"""One fetch against a server that does everything wrong; each fault has its own stable reason."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.hostile_server import (
    ETAG,
    FAULTS,
    FEED,
    Exchange,
    HostileServer,
    answer,
    bomb,
    fixed,
    redirect,
)
from workers.errors import ConfigError
from workers.http import connection as http_connection
from workers.http.fetch import Fetcher, HostBusy, Limits
from workers.http.room import WORK_MOST, Room, WorkerBusy
from workers.model import Fetched, FetchRequest

NETWORKS = [ip_network("127.0.0.0/8")]
HOSTS = ("127.0.0.1", "127.0.0.2")

# What must come of each fault: (reason, status, body).
OUTCOMES: dict[str, tuple[str, int, bytes]] = {
    "/feed": ("", 200, FEED),
    "/gzip": ("", 200, FEED),
    "/gzip-members": ("", 200, FEED),
    "/gzip-tail": ("", 200, FEED),
    "/gzip-file": ("", 200, FEED),
    "/deflate": ("", 200, FEED),
    "/deflate-raw": ("", 200, FEED),
    "/charset-as-encoding": ("", 200, FEED),
    "/no-length": ("", 200, FEED),
    "/http-1.0": ("", 200, FEED),
    "/chunks": ("", 200, b"abcde"),
    "/long": ("", 200, b"hello"),
    "/stale": ("", 200, FEED),
    "/drip-redirect": ("", 200, FEED),
    "/redirects/5": ("", 200, FEED),
    "/brotli": ("bad_encoding", 200, b""),
    "/gzip-lie": ("bad_encoding", 200, b""),
    "/gzip-empty-members": ("bad_encoding", 200, b""),
    "/gzip-cut": ("truncated", 200, b""),
    "/short": ("truncated", 200, b""),
    "/chunk-cut": ("truncated", 200, b""),
    "/chunk-no-end": ("truncated", 200, b""),
    "/empty": ("empty_body", 200, b""),
    "/blank": ("empty_body", 200, b""),
    "/declared-huge": ("too_large", 200, b""),
    "/chunk-crumbs": ("too_large", 200, b""),
    "/chunk-extension": ("too_large", 200, b""),
    "/endless": ("too_large", 200, b""),
    "/two-lengths": ("protocol_error", 0, b""),
    "/length-and-chunks": ("protocol_error", 0, b""),
    "/chunk-bad": ("protocol_error", 200, b""),
    "/header-flood": ("protocol_error", 0, b""),
    "/header-long": ("protocol_error", 0, b""),
    "/interim-flood": ("protocol_error", 0, b""),
    "/garbage": ("protocol_error", 0, b""),
    "/icy": ("protocol_error", 0, b""),
    "/not-http": ("protocol_error", 0, b""),
    "/upgrade": ("unexpected_status", 101, b""),
    "/drip-head": ("timeout", 0, b""),
    "/drip-body": ("timeout", 200, b""),
    "/hang": ("timeout", 0, b""),
    "/hang-in-body": ("timeout", 200, b""),
    "/reset": ("connection_reset", 0, b""),
    "/reset-in-body": ("connection_reset", 200, b""),
    "/close": ("connection_reset", 0, b""),
    "/half-head": ("connection_reset", 0, b""),
    "/loop": ("redirect_loop", 301, b""),
    "/redirects/6": ("too_many_redirects", 301, b""),
    "/redirects/1000": ("too_many_redirects", 301, b""),
    "/missing": ("not_found", 404, b""),
}

# (status, Retry-After?, conditional?) to reason.
STATUSES: list[tuple[int, bool, bool, str]] = [
    (203, False, False, ""),
    (201, False, False, "unexpected_status"),
    (202, False, False, "unexpected_status"),
    (204, False, False, "unexpected_status"),
    (206, False, False, "unexpected_status"),
    (300, False, False, "unexpected_status"),
    (304, False, False, "unexpected_status"),
    (304, False, True, "not_modified"),
    (305, False, False, "unexpected_status"),
    (400, False, False, "client_error"),
    (401, False, False, "unauthorized"),
    (403, False, False, "forbidden"),
    (403, True, False, "throttled"),
    (404, True, False, "not_found"),
    (407, False, False, "unauthorized"),
    (410, False, False, "gone"),
    (418, False, False, "client_error"),
    (429, False, False, "throttled"),
    (429, True, True, "throttled"),
    (500, False, False, "server_error"),
    (503, False, False, "server_error"),
    (503, True, False, "throttled"),
    (599, False, False, "server_error"),
]


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    """Serve the faults on two hosts."""
    async with HostileServer(hosts=HOSTS) as running:
        yield running


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """Fetch with loopback allowed, and wait a long time for nothing."""
    made = Fetcher(user_agent="newswire-test", allowed_networks=NETWORKS, deadline_s=20)
    yield made
    await made.aclose()


async def _fetch(fetcher: Fetcher, url: str, **request: Any) -> Fetched:
    return await fetcher.fetch(FetchRequest(url, **request))


async def _until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds; the test's own timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.005)


async def _closed(fetcher: Fetcher) -> None:
    await _until(lambda: fetcher._client.sockets.live() == 0)


@pytest.mark.parametrize("path", OUTCOMES)
async def test_outcome(server: HostileServer, path: str) -> None:
    """Each fault ends in its own reason, and leaves no more than a reusable connection."""
    reason, status, body = OUTCOMES[path]
    fetcher = Fetcher(
        user_agent="test",
        allowed_networks=NETWORKS,
        deadline_s=0.5 if reason == "timeout" else 20,
    )
    fetched = await _fetch(fetcher, server.url(path))
    assert (fetched.reason, fetched.status, fetched.body) == (reason, status, body)
    assert fetched.wire_bytes <= 8 * 1024 * 1024 + 64 * 1024
    assert fetched.detail.isprintable()
    await fetcher.aclose()
    await _closed(fetcher)


def test_every_fault_has_an_outcome() -> None:
    """No fault of the server is left out of the table."""
    assert set(FAULTS) <= set(OUTCOMES)


@pytest.mark.parametrize(("status", "wait", "conditional", "reason"), STATUSES)
async def test_status(
    server: HostileServer,
    fetcher: Fetcher,
    status: int,
    wait: bool,
    conditional: bool,
    reason: str,
) -> None:
    """Each status has one reason; Retry-After makes 403 and 503 a throttling."""
    no_body = status in (204, 304)
    headers = {"retry_after": "120"} if wait else {}
    reply = answer(b"" if no_body else FEED, f"{status} Status", **headers)
    server.replies["/status"] = reply
    etag = ETAG if conditional else ""
    fetched = await _fetch(fetcher, server.url("/status"), etag=etag)
    assert (fetched.reason, fetched.status) == (reason, status)
    assert fetched.retry_after == ("120" if wait else "")


async def test_conditional_get(server: HostileServer, fetcher: Fetcher) -> None:
    """Validators come back with the document, are sent with the next request, and survive a 304."""
    first = await _fetch(fetcher, server.url())
    assert (first.etag, first.last_modified) == (ETAG, "Sun, 01 Mar 2026 07:30:00 GMT")
    second = await _fetch(fetcher, server.url(), etag=first.etag, last_modified=first.last_modified)
    assert (second.reason, second.body) == ("not_modified", b"")
    assert (second.etag, second.last_modified) == (first.etag, first.last_modified)
    sent = server.seen[1].headers
    assert (sent["if-none-match"], sent["if-modified-since"]) == (ETAG, first.last_modified)


async def test_request_headers(server: HostileServer, fetcher: Fetcher) -> None:
    """A request names us, asks for feeds first and for no codec that cannot be bounded."""
    await _fetch(fetcher, server.url(), headers={"X-Key": "secret"})
    sent = server.seen[0].headers
    assert sent["user-agent"] == "newswire-test"
    assert sent["accept-encoding"] == "gzip, deflate"
    assert sent["accept"].startswith("application/atom+xml, application/rss+xml")
    assert sent["x-key"] == "secret"
    assert not {"if-none-match", "if-modified-since", "cookie", "authorization"} & set(sent)


async def test_unusable_validators_are_dropped(server: HostileServer, fetcher: Fetcher) -> None:
    """A validator that could not be sent back as it came counts as none."""
    server.replies["/odd"] = answer(etag='"ä"', last_modified="x" * 5_000)
    fetched = await _fetch(fetcher, server.url("/odd"))
    assert (fetched.reason, fetched.etag, fetched.last_modified) == ("", "", "")


async def test_validators_of_an_error_are_dropped(server: HostileServer, fetcher: Fetcher) -> None:
    """The ETag of an error page is not that of a document."""
    server.replies["/error"] = answer(b"oops", "500 Oops", etag=ETAG)
    assert (await _fetch(fetcher, server.url("/error"))).etag == ""


async def test_connections_are_kept(server: HostileServer, fetcher: Fetcher) -> None:
    """Documents, 304s, errors and redirects of one host share a connection."""
    server.replies["/error"] = answer(b"oops" * 1_000, "500 Oops")
    for path in ("/feed", "/error", "/redirects/3", "/missing", "/gzip"):
        await _fetch(fetcher, server.url(path), etag=ETAG)
    assert server.connections == 1


async def test_no_cookies(server: HostileServer, fetcher: Fetcher) -> None:
    """A cookie is not sent back."""
    server.replies["/cookie"] = answer(set_cookie="a=b; Path=/")
    for _ in range(2):
        await _fetch(fetcher, server.url("/cookie"))
    assert "cookie" not in server.seen[1].headers


async def test_stale_connection_is_tried_once_more(server: HostileServer, fetcher: Fetcher) -> None:
    """A kept connection that was closed meanwhile costs one more request, not the poll."""
    for _ in range(2):
        assert (await _fetch(fetcher, server.url("/stale"))).reason == ""
    assert (server.connections, len(server.seen)) == (2, 3)


async def test_a_request_that_is_sent_again_needs_a_permit(
    server: HostileServer, fetcher: Fetcher
) -> None:
    """The second request is one to its host, which has a gap; without a permit it is not sent."""
    asked: list[str] = []

    async def on_hop(host: str) -> None:
        asked.append(host)
        if len(asked) > 1:
            raise HostBusy(5_000)

    for expected in ("", "", "host_busy"):
        fetched = await fetcher.fetch(FetchRequest(server.url("/stale")), on_hop=on_hop)
        assert fetched.reason == expected
    assert (asked, len(server.seen)) == (["127.0.0.1"] * 2, 4)


@pytest.mark.parametrize("path", ["/reset", "/close", "/half-head", "/reset-in-body"])
async def test_fresh_connection_is_not_tried_again(
    server: HostileServer, fetcher: Fetcher, path: str
) -> None:
    """A new connection that is lost was a request; the host is not asked twice."""
    await _fetch(fetcher, server.url(path))
    assert len(server.seen) == 1


async def test_kept_connection_that_fails_halfway(server: HostileServer, fetcher: Fetcher) -> None:
    """On a kept connection, too, an answer that was begun is not asked for again."""
    await _fetch(fetcher, server.url())
    assert (await _fetch(fetcher, server.url("/half-head"))).reason == "connection_reset"
    assert len(server.seen) == 2


async def test_open_sockets_are_bounded(
    server: HostileServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the bound a connection is closed after its answer instead of being kept."""
    monkeypatch.setattr(http_connection, "MAX_IDLE", 5)
    await asyncio.gather(*(_fetch(fetcher, server.url()) for _ in range(30)))
    assert server.connections == 30
    for _ in range(10):
        await asyncio.sleep(0)
    assert fetcher._client.sockets.live() <= 5


async def test_cancelling_closes_the_connection(server: HostileServer, fetcher: Fetcher) -> None:
    """A cancelled fetch raises CancelledError and leaves no socket, in the head and in the body."""
    for path in ("/hang", "/hang-in-body", "/drip-body", "/drip-redirect"):
        asked = len(server.seen)
        task = asyncio.create_task(_fetch(fetcher, server.url(path)))
        await _until(lambda: len(server.seen) > asked)  # noqa: B023 - awaited before it changes
        await asyncio.sleep(0.05)  # lets the answer begin where there is one
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await _closed(fetcher)


async def test_refused(fetcher: Fetcher) -> None:
    """A port that nobody listens on is a refused connection."""
    async with HostileServer() as gone:
        url = gone.url()
    assert (await _fetch(fetcher, url)).reason == "connect_refused"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "feed.xml",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http:///feed",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:x/",
        "http://a b/",
        "http://[::1/",
        "http://a%0d%0ab/",
        "http://a\\b/",
        "http://a/\x00",
        "http://\ud800/",
        "http://a/" + "x" * 10_000,
    ],
)
async def test_bad_url(fetcher: Fetcher, url: str) -> None:
    """What is no http URL of a host is a bad URL, and no exception."""
    assert (await _fetch(fetcher, url)).reason == "bad_url"


# Redirects


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [
        ([301], True),
        ([308], True),
        ([301, 308], True),
        ([302], False),
        ([303], False),
        ([307], False),
        ([301, 302], False),
        ([307, 301], False),
    ],
)
async def test_permanent_url(
    server: HostileServer, fetcher: Fetcher, statuses: list[int], moved: bool
) -> None:
    """A feed has moved for good only when every hop says so."""
    for i, status in enumerate(statuses):
        following = f"/hop/{i + 1}" if i + 1 < len(statuses) else "/feed"
        server.replies[f"/hop/{i}"] = redirect(following, status)
    fetched = await _fetch(fetcher, server.url("/hop/0"))
    assert (fetched.reason, fetched.redirects) == ("", len(statuses))
    assert fetched.url == server.url("/feed")
    assert fetched.permanent_url == (server.url("/feed") if moved else "")


async def test_move_to_an_error_is_no_move(server: HostileServer, fetcher: Fetcher) -> None:
    """A permanent redirect to a page that is not there is not to be stored."""
    server.replies["/old"] = redirect("/missing")
    fetched = await _fetch(fetcher, server.url("/old"))
    assert (fetched.reason, fetched.permanent_url) == ("not_found", "")


@pytest.mark.parametrize(
    "location",
    ["", " ", "ftp://127.0.0.1/", "javascript:alert(1)", "http://", "http://[x]/", "http://:80/",
     "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "http:///feed", "data:,x"],
)  # fmt: skip
async def test_bad_redirect(server: HostileServer, fetcher: Fetcher, location: str) -> None:
    """A Location that leads nowhere is a bad redirect."""
    server.replies["/go"] = redirect(location)
    fetched = await _fetch(fetcher, server.url("/go"))
    assert (fetched.reason, fetched.status) == ("bad_redirect", 301)


@pytest.mark.parametrize(
    ("location", "reason", "host"),
    [
        ("http://u:pa@10.1.2.3/feed?key=secret", "address_forbidden", "10.1.2.3"),
        ("http://nowhere.invalid/feed", "dns_error", "nowhere.invalid"),
    ],
)
async def test_where_a_redirect_failed(
    server: HostileServer, fetcher: Fetcher, location: str, reason: str, host: str
) -> None:
    """A redirect whose target is not reached is told with the target's host, and no more of it."""
    server.replies["/go"] = redirect(location)
    fetched = await _fetch(fetcher, server.url("/go"))
    assert (fetched.reason, fetched.url) == (reason, server.url("/go"))
    assert fetched.detail.endswith(f" (redirected to {host})")


async def test_redirect_without_location(server: HostileServer, fetcher: Fetcher) -> None:
    """A redirect without a Location is a bad redirect."""
    server.replies["/go"] = answer(b"", "302 Found")
    assert (await _fetch(fetcher, server.url("/go"))).reason == "bad_redirect"


@pytest.mark.parametrize(
    "location",
    ["feed", "/feed", "./x/../feed", "?moved", "//{host}/feed", "HTTP://{host}/feed", "/feed#top",
     "http://user:secret@{host}/feed", " /feed "],
)  # fmt: skip
async def test_odd_redirect(server: HostileServer, fetcher: Fetcher, location: str) -> None:
    """A relative or oddly written Location is followed; credentials in it are not sent."""
    server.replies["/go?moved"] = answer()
    server.replies["/go"] = redirect(location.format(host=f"127.0.0.1:{server.port}"))
    fetched = await _fetch(fetcher, server.url("/go"))
    assert (fetched.reason, fetched.body) == ("", FEED)
    assert "secret" not in fetched.permanent_url
    assert "authorization" not in server.seen[1].headers


async def test_redirect_with_other_letters(server: HostileServer, fetcher: Fetcher) -> None:
    """A Location in raw UTF-8 is followed percent-encoded."""
    server.replies["/go"] = redirect("/ä")
    server.replies["/%C3%A4"] = answer()
    assert (await _fetch(fetcher, server.url("/go"))).reason == ""


@pytest.mark.parametrize("host", HOSTS)
async def test_credentials_stay_with_their_host(
    server: HostileServer, fetcher: Fetcher, host: str
) -> None:
    """Headers and basic auth follow a redirect within the origin, and no other; validators do."""
    server.replies["/go"] = redirect(server.url("/feed", host))
    url = server.url("/go").replace("http://", "http://user:pa%20ss@")
    fetched = await _fetch(fetcher, url, headers={"X-Key": "k"}, etag='"old"')
    first, second = (request.headers for request in server.seen)
    assert (first["authorization"], first["x-key"]) == ("Basic dXNlcjpwYSBzcw==", "k")
    assert second["if-none-match"] == '"old"'
    kept = host == "127.0.0.1"
    assert ("authorization" in second, "x-key" in second) == (kept, kept)
    assert "pa" not in fetched.url + fetched.detail + fetched.permanent_url


async def test_credentials_do_not_come_back(server: HostileServer, fetcher: Fetcher) -> None:
    """Once dropped at another host, credentials are not sent again when the chain returns."""
    server.replies["/go"] = redirect(server.url("/back", "127.0.0.2"))
    server.replies["/back"] = redirect(server.url("/feed"))
    await _fetch(fetcher, server.url("/go"), headers={"X-Key": "k"})
    assert ["x-key" in request.headers for request in server.seen] == [True, False, False]


async def test_on_hop(server: HostileServer, fetcher: Fetcher) -> None:
    """Whoever asked is asked again before each redirect, another host's and the same host's."""
    hosts: list[tuple[str, int]] = []

    async def on_hop(host: str) -> None:
        hosts.append((host, len(server.seen)))

    server.replies["/go"] = redirect(server.url("/near", "127.0.0.2"))
    server.replies["/near"] = redirect("/feed")
    fetched = await fetcher.fetch(FetchRequest(server.url("/go")), on_hop=on_hop)
    assert (fetched.reason, hosts) == ("", [("127.0.0.2", 1), ("127.0.0.2", 2)])


async def test_host_busy(server: HostileServer, fetcher: Fetcher) -> None:
    """A host without a permit is not dialled, and the wait is handed on in whole seconds."""

    async def on_hop(_: str) -> None:
        raise HostBusy(1_500)

    server.replies["/go"] = redirect(server.url("/feed", "127.0.0.2"))
    fetched = await fetcher.fetch(FetchRequest(server.url("/go")), on_hop=on_hop)
    assert (fetched.reason, fetched.retry_after, len(server.seen)) == ("host_busy", "2", 1)


@pytest.mark.parametrize("error", [RuntimeError("store"), TimeoutError("store")])
async def test_failure_of_on_hop_is_passed_on(
    server: HostileServer, fetcher: Fetcher, error: Exception
) -> None:
    """What fails on our own side is not blamed on the server."""

    async def on_hop(_: str) -> None:
        raise error

    server.replies["/go"] = redirect(server.url("/feed", "127.0.0.2"))
    with pytest.raises(type(error), match="store"):
        await fetcher.fetch(FetchRequest(server.url("/go")), on_hop=on_hop)


# Bounds


async def test_bombs_and_drips_take_bounded_memory(server: HostileServer) -> None:
    """Forty bombs of 512 MiB at once decode one at a time, and a feed beside them arrives."""
    import tracemalloc

    server.replies["/bomb"] = answer(bomb(), content_encoding="gzip")
    fetcher = Fetcher(
        user_agent="t",
        allowed_networks=NETWORKS,
        deadline_s=90,
        limits=Limits(decoded_bytes=4 << 20),
    )
    drips = [asyncio.create_task(_fetch(fetcher, server.url("/drip-body"))) for _ in range(100)]
    tracemalloc.start()
    bombs = [asyncio.create_task(_fetch(fetcher, server.url("/bomb"))) for _ in range(40)]
    assert (await _fetch(fetcher, server.url())).body == FEED
    reasons = {fetched.reason for fetched in await asyncio.gather(*bombs)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for task in drips:
        task.cancel()
    await asyncio.gather(*drips, return_exceptions=True)
    await fetcher.aclose()
    assert reasons == {"too_large"}
    # Of each bomb 0.5 MiB of wire (joined: twice) and four slices; of one at a time 4 MiB.
    assert peak < 90 * 1024 * 1024


async def test_small_documents_do_not_queue_for_decoding(
    server: HostileServer, fetcher: Fetcher
) -> None:
    """A document of ordinary size is decoded while others hold all places for large ones."""
    async with fetcher._room.place() as one:
        await one.work()
        for path in ("/feed", "/gzip", "/gzip-file", "/deflate-raw"):
            assert (await _fetch(fetcher, server.url(path))).body == FEED


@pytest.mark.parametrize("wire", [bytes(9_000_000), gzip.compress(bytes(9_000_000))])
async def test_a_large_document_without_room_is_no_fault_of_its_server(
    server: HostileServer, wire: bytes
) -> None:
    """It is put off when its time is over, on the wire or whole; a place that is free again is taken."""
    encoding = "gzip" if wire.startswith(b"\x1f\x8b") else ""
    server.replies["/large"] = answer(wire, content_encoding=encoding)
    limits = Limits(wire_bytes=16 << 20)
    fetcher = Fetcher(user_agent="t", allowed_networks=NETWORKS, deadline_s=0.5, limits=limits)
    room = Room()
    async with contextlib.AsyncExitStack() as full:
        for _ in range(WORK_MOST):
            await (await full.enter_async_context(room.place())).work()
        async with room.place() as place:
            with pytest.raises(WorkerBusy):
                await fetcher.fetch(FetchRequest(server.url("/large")), place=place)
    await fetcher.aclose()
    patient = Fetcher(user_agent="t", allowed_networks=NETWORKS, deadline_s=60, limits=limits)
    async with room.place() as place:
        fetched = await patient.fetch(FetchRequest(server.url("/large")), place=place)
    await patient.aclose()
    assert (fetched.reason, len(fetched.body)) == ("", 9_000_000)


@pytest.mark.parametrize("size", [1_000_000, 1_000_001])
@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_decoded_bound_is_exact(server: HostileServer, size: int, encoding: str) -> None:
    """A document of exactly the bound is read, one byte more is too large, compressed or not."""
    body = b"a" * size
    wire = gzip.compress(body) if encoding else body
    server.replies["/big"] = answer(wire, content_encoding=encoding)
    fetcher = Fetcher(
        user_agent="t", allowed_networks=NETWORKS, limits=Limits(decoded_bytes=1_000_000)
    )
    fetched = await _fetch(fetcher, server.url("/big"))
    assert (fetched.reason, len(fetched.body)) == (
        ("", size) if size == 1_000_000 else ("too_large", 0)
    )
    await fetcher.aclose()


async def test_large_document_is_whole(server: HostileServer, fetcher: Fetcher) -> None:
    """A document of many slices arrives byte for byte."""
    body = b"".join(b"%d " % i for i in range(1_500_000))
    server.replies["/large"] = answer(gzip.compress(body, 1), content_encoding="gzip")
    assert (await _fetch(fetcher, server.url("/large"))).body == body


async def test_surplus_never_reaches_the_next_answer(
    server: HostileServer, fetcher: Fetcher
) -> None:
    """An answer smuggled behind a body is not taken for the next one's."""
    server.replies["/smuggle"] = fixed(answer() + answer(b"forged"))
    for _ in range(2):
        assert (await _fetch(fetcher, server.url("/smuggle"))).body == FEED
    assert (await _fetch(fetcher, server.url())).body == FEED


async def test_broken_chunk_after_a_pause(server: HostileServer, fetcher: Fetcher) -> None:
    """A body that breaks later than its head fails at once, and does not hang to the deadline."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await asyncio.sleep(0.05)
        await exchange.send(b"zz\r\n")
        await exchange.closing.wait()

    server.replies["/late"] = handle
    fetched = await _fetch(fetcher, server.url("/late"))
    assert fetched.reason == "protocol_error"


# TLS and proxy


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make a certificate authority that nobody trusts."""
    return trustme.CA()


def _tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_tls_with_a_ca_file(authority: trustme.CA, tmp_path: Path) -> None:
    """A CA file adds its authority to the default ones."""
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    fetcher = Fetcher(user_agent="t", allowed_networks=NETWORKS, ca_file=str(ca_file))
    assert len(fetcher._client._ssl.get_ca_certs()) > 50
    async with HostileServer(tls=_tls(authority, "127.0.0.1")) as server:
        assert (await _fetch(fetcher, server.url())).body == FEED
        async with HostileServer(replies={"/plain": answer()}) as plain:
            server.replies["/down"] = redirect(plain.url("/plain"))
            down = await _fetch(fetcher, server.url("/down"), headers={"X-Key": "k"})
        assert (down.reason, down.permanent_url) == ("", "")
        assert down.detail == "redirected from https to http"
        assert "x-key" not in plain.seen[0].headers
    await fetcher.aclose()


@pytest.mark.parametrize("names", [["127.0.0.1"], ["other.example"]])
async def test_tls_that_is_not_valid(
    authority: trustme.CA, tmp_path: Path, names: list[str]
) -> None:
    """An unknown authority and a certificate of another name are TLS errors that say so."""
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    known = names != ["127.0.0.1"]
    fetcher = Fetcher(
        user_agent="t", allowed_networks=NETWORKS, ca_file=str(ca_file) if known else ""
    )
    async with HostileServer(tls=_tls(authority, *names)) as server:
        fetched = await _fetch(fetcher, server.url())
    assert fetched.reason == "tls_error"
    assert ("IP address mismatch" if known else "unable to get local issuer") in fetched.detail
    await fetcher.aclose()


async def test_tls_spoken_to_a_plain_port(fetcher: Fetcher) -> None:
    """A server that answers in the clear where TLS was begun is a TLS error."""

    async def answer_in_the_clear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer_in_the_clear, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        fetched = await _fetch(fetcher, f"https://127.0.0.1:{port}/feed")
    assert fetched.reason == "tls_error"


async def test_deaf_peer_over_tls(authority: trustme.CA, tmp_path: Path) -> None:
    """A TLS connection is dropped at once, though its peer never answers the farewell."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
        exchange.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await exchange.closing.wait()

    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    fetcher = Fetcher(user_agent="t", allowed_networks=NETWORKS, ca_file=str(ca_file))
    async with HostileServer(tls=_tls(authority, "127.0.0.1")) as server:
        server.replies["/deaf"] = handle
        assert (await _fetch(fetcher, server.url("/deaf"))).reason == "too_large"
        for _ in range(10):
            await asyncio.sleep(0)
        assert fetcher._client.sockets.live() == 0
    await fetcher.aclose()


async def test_proxy() -> None:
    """Through a proxy names are left to it, its own address is not judged, and literals are."""
    async with HostileServer() as proxy:
        proxy.replies["http://feeds.example/feed"] = answer()
        fetcher = Fetcher(user_agent="t", proxy_url=f"http://u:p@127.0.0.1:{proxy.port}")
        assert (await _fetch(fetcher, "http://feeds.example/feed")).body == FEED
        assert proxy.seen[0].headers["proxy-authorization"] == "Basic dTpw"
        for host in ("169.254.169.254", "127.1", "localhost"):
            fetched = await _fetch(fetcher, f"http://{host}/feed")
            assert fetched.reason == "address_forbidden", host
        tunnel = await _fetch(fetcher, "https://feeds.example/feed")
        assert (tunnel.reason, tunnel.detail) == ("connect_error", "the proxy answered 404")
        assert len(proxy.seen) == 2
        await fetcher.aclose()
        await _closed(fetcher)


async def test_tunnel_through_a_proxy(authority: trustme.CA, tmp_path: Path) -> None:
    """An https feed is fetched through the proxy's tunnel, on one connection, with its credentials."""
    connects: list[bytes] = []
    origin = HostileServer(tls=_tls(authority, "feeds.example"))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connects.append(await reader.readuntil(b"\r\n\r\n"))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", origin.port)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(
            pipe(reader, far_writer), pipe(far_reader, writer), return_exceptions=True
        )

    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with (
        origin,
        await asyncio.start_server(tunnel, "127.0.0.1", 0) as proxy,
    ):
        port = proxy.sockets[0].getsockname()[1]
        fetcher = Fetcher(
            user_agent="t", ca_file=str(ca_file), proxy_url=f"http://u:p@127.0.0.1:{port}"
        )
        for _ in range(2):
            assert (await _fetch(fetcher, "https://feeds.example/feed")).body == FEED
        await fetcher.aclose()
        await _closed(fetcher)
    assert len(connects) == 1
    assert connects[0].startswith(b"CONNECT feeds.example:443 ")
    assert b"proxy-authorization: Basic dTpw" in connects[0].replace(b"P", b"p").replace(b"A", b"a")
    assert "proxy-authorization" not in origin.seen[0].headers


async def test_environment_is_not_read(
    server: HostileServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY does not divert a fetch."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert (await _fetch(fetcher, server.url())).reason == ""


@pytest.mark.parametrize(
    "setting",
    [
        {"ca_file": "/nowhere"},
        *({"proxy_url": url} for url in ("http://", "http://a:b", "https://a:1", "socks4://x:1")),
        *({"proxy_url": url} for url in ("socks5://", "socks5://x:y", "socks5://x:99999")),
    ],
)
async def test_useless_settings(setting: dict[str, str]) -> None:
    """A CA file or proxy of no use is told at once."""
    with pytest.raises(ConfigError, match=r"proxy|CA file"):
        Fetcher(user_agent="t", **setting)  # type: ignore[arg-type]
