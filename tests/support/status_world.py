"""The status page with an invented instance behind it: feeds in every state, hostile names, a busy hour."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog

from tests.conftest import Names
from workers.fetcher.clock import Clock
from workers.fetcher.schedule import Bounds
from workers.metrics import Metrics
from workers.model import FeedConfig, FeedState
from workers.ops import census
from workers.ops.ring import DELAYS, MINUTE_MS, MINUTES, Minute, WorkerNote
from workers.ops.server import OpsServer
from workers.ops.status import StatusPage
from workers.store import watching
from workers.store.address import Address
from workers.store.dataset import open_dataset
from workers.store.keys import Keys
from workers.store.listing import put_feeds
from workers.store.store import Store

DAY_MS = 86_400_000
BOUNDS = Bounds(300.0, 86_400.0)
PLAIN = (
    "Northway Courier",
    "Lantern Science",
    "Pixel & Plough",
    "Harbour News",
    "Cress Valley Radio",
)
HOSTILE = {
    "script": "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">",
    "attribute": '" autofocus onfocus="document.title=\'taken\'" x="',
    "template": "{{ 7 * 7 }}{% raw %}",
    "bidi": "harmless \u202etxt.exe\u202c \u2066end",
    "long": "W" * 10_000,
    "lines": "one\ntwo\x00\x1b[31mred",
    "entities": "&lt;script&gt;document.title='taken'&lt;/script&gt;",
}
"""Names by the id of their feed; each would do harm on a page that believed it."""
SECRET = "hunter2hunter2"
TROUBLE = "<script>document.title='taken'</script><b>Redis: timeout</b>"
"""A worker's problem that holds markup: it is shown as it stands."""


class StatusWorld:
    """A page that listens on ``url``, and the store behind it."""

    def __init__(self, names: Names, valkey: str, shards: int = 4) -> None:
        self.instance = names.instance
        self.prefix = names.topic_prefix
        keys = Keys(names.instance, shards)
        self.store = Store(Address(valkey), keys, window_ms=14 * DAY_MS, lease_ms=90_000)
        self.problems: list[str] = []
        self.clock = Clock()
        page = StatusPage(
            names.instance, "w1-7-12:00:00", self.store, self.clock, BOUNDS, lambda: self.problems
        )
        self.server = OpsServer(
            "127.0.0.1",
            0,
            live=list,
            ready=lambda: self.problems,
            metrics=Metrics().render,
            pages=page.routes(),
            log=structlog.get_logger(),
        )

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server.port}"

    async def put(self, config: FeedConfig, state: FeedState | None, due_in_ms: int) -> None:
        """A feed as a worker would have left it: claimed and committed."""
        await put_feeds(self.store, [(config, 0 if state else due_in_ms)])
        if state is None:
            return
        batch = await self.store.claim(self.store.keys.feed_shard(config.id), 1)
        assert [claim.feed_id for claim in batch.claims] == [config.id]
        await self.store.commit(batch.claims[0], state, b"", batch.now_ms + due_in_ms)

    async def fill(self) -> None:
        """Feeds of every kind, and three workers' notes of the last hour."""
        now_ms = await self.store.now_ms()
        for n, name in enumerate(PLAIN):
            await self.put(_config(f"plain{n}", name), _state(now_ms), 600_000 + n * 60_000)
        for name, title in HOSTILE.items():
            config = FeedConfig(
                f"hostile-{name}", f"https://u:{SECRET}@{name}.example/?token={SECRET}"
            )
            await self.put(config, _state(now_ms, title=title), 900_000)
        failing: dict[str, Any] = {
            "failures": 5, "failing_since_ms": now_ms - DAY_MS, "due_why": "backoff"
        }  # fmt: skip
        for n, reason in enumerate(("not_found", "timeout", "timeout", "tls_error")):
            history = ((now_ms - 60_000, reason, 404 if reason == "not_found" else 0),)
            state = _state(now_ms, **failing, history=history)
            await self.put(_config(f"failing{n}", f"The Wobbly Wire {n}"), state, 3_600_000)
        retired = _state(now_ms, retired=True, due_why="gone")
        await self.put(_config("retired", "Farewell Gazette"), retired, 7 * DAY_MS)
        quiet = _state(
            now_ms, last_new_ms=now_ms - 40 * DAY_MS, first_polled_ms=now_ms - 90 * DAY_MS
        )
        await self.put(_config("quiet", "Quiet Quarterly"), quiet, 3_600_000)
        await self.put(_config("fresh", "Just Listed"), None, 3_600_000)
        off = FeedConfig("off", "https://off.example/feed", name="Switched Off", enabled=False)
        await self.put(off, None, 0)
        await self.put(_config("late", "Overdue Observer"), _state(now_ms), -400_000)
        for note in notes(now_ms):
            await watching.put_note(self.store, note.id, msgspec.msgpack.encode(note))
        await census.current(self.store, BOUNDS, now_ms)


def notes(now_ms: int) -> list[WorkerNote]:
    """What three workers say: one alive, one in trouble, one that was lost half an hour ago."""
    first = now_ms // MINUTE_MS - MINUTES + 1
    made = []
    for n, (problem, silent_ms) in enumerate((("", 0), (TROUBLE, 0), ("", 1_800_000)), 1):
        made.append(
            WorkerNote(
                f"w{n}-7-11:02:09",
                "0.1.0",
                started_ms=now_ms - DAY_MS,
                seen_ms=now_ms - silent_ms,
                problem=problem,
                in_flight=4,
                memory=(90 + n) << 20,
                minutes=_hour(first, MINUTES - silent_ms // MINUTE_MS),
            )
        )
    return made


def _hour(first: int, count: int) -> list[Minute]:
    made = []
    for n in range(count):
        polls = 40 + int(25 * math.sin(n / 7)) + n % 5
        published = polls // 4
        delays = [0] * (len(DELAYS) + 1)
        slow = 2 if 35 <= n < 42 else 0  # Kafka was away for a while
        delays[3 + 3 * slow], delays[5 + 3 * slow] = published - 1, 1
        if n % 13 != 12:
            made.append(Minute(first + n, polls, n % 6, published - 2, 2, published, delays))
    return made


def _config(id: str, name: str) -> FeedConfig:
    return FeedConfig(id, f"https://{id}.example/feed.xml", name=name, tags=("world",))


def _state(now_ms: int, **more: Any) -> FeedState:
    values: dict[str, Any] = {
        "polls": 20, "first_polled_ms": now_ms - 5 * DAY_MS, "last_polled_ms": now_ms - 60_000,
        "last_success_ms": now_ms - 60_000, "last_new_ms": now_ms - 3_600_000, "rate": 2.0,
        "usual_gap_s": 43_200, "rate_at_ms": now_ms - 60_000, "listed": 20, "etag": '"x"',
        "due_why": "cadence",
        "history": ((now_ms - 660_000, "new", 200), (now_ms - 60_000, "not_modified", 304)),
    }  # fmt: skip
    return FeedState(**{**values, **more})


@asynccontextmanager
async def status_world(names: Names, valkey: str) -> AsyncIterator[StatusWorld]:
    """A filled world with its page listening."""
    world = StatusWorld(names, valkey)
    try:
        await open_dataset(world.store, world.prefix, {})
        await world.fill()
        await world.server.start()
        yield world
    finally:
        await world.server.stop()
        await world.store.aclose()
