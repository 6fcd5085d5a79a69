"""One instance's outbox and publishers without the polling half, for tests of the publisher."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from tests.conftest import Names
from tests.support.topic import Record, read_topic
from workers import logs
from workers.fetcher.event import Revision, article_event
from workers.fetcher.identity import owner_key, text_key, url_key
from workers.fetcher.records import ArticleRecord
from workers.model import Article, FeedConfig, FeedState, OutboxEvent
from workers.publisher import publish
from workers.publisher.kafka_admin import ensure_topics
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_reader import PositionReader
from workers.publisher.publish import PublishSettings, Session
from workers.publisher.supervisor import Publisher
from workers.publisher.topics import Position, topic_specs
from workers.store.address import Address
from workers.store.dataset import Marker, decode_marker, open_dataset
from workers.store.keys import Keys
from workers.store.outbox import Entry, ShardOutbox
from workers.store.store import Admission, Store

_T = TypeVar("_T")
FEED = FeedConfig(id="a-feed", url="http://feed.example/rss")
DAY_MS = 86_400_000
WINDOW_MS = 14 * DAY_MS
publish.WAIT_MS = 100  # a publisher at rest looks up more often, and stops sooner


def article(number: int, text: str = "") -> Article:
    """An article of its own, with a URL that is its identity."""
    body = text or f"The text of article {number}."
    url = f"http://feed.example/{number}"
    digest = hashlib.blake2b(body.encode(), digest_size=20).digest()
    return Article(
        f"Headline {number}", url=url, canonical_url=url, guid=f"guid-{number}", body=body,
        headline_hash=digest[:4], body_hash=digest[4:8], date_hash=digest[8:12],
        content_hash=digest[12:20], body_scope="full",
    )  # fmt: skip


class Shards:
    """Admits articles and publishes them, with times of seconds; ``kafka`` is what publishers dial."""

    def __init__(
        self, names: Names, kafka: str, valkey: str, *, shards: int = 1, partitions: int = 2
    ) -> None:
        self.names = names
        self.kafka = kafka
        self.valkey = valkey
        self.keys = Keys(names.instance, shards)
        self.connection = KafkaConnection(kafka, names.instance)
        self.ended: list[Session] = []
        specs = topic_specs(names.topic_prefix, partitions, 1)
        ensure_topics(self.connection, specs, create=True, wait_s=30)
        self.marker = self.open()

    def open(self, *, start_empty: bool = False) -> Marker:
        """Find or begin the dataset, as a worker's start does."""
        positions = PositionReader(self.connection, f"{self.names.topic_prefix}positions")
        published = positions.read_all(self.names.instance, self.keys.shards, 20)

        async def find(store: Store) -> str:
            datasets = {n: p.dataset for n, p in published.items()}
            await open_dataset(store, self.names.topic_prefix, datasets, start_empty=start_empty)
            return store.marker

        self.marker_text = self.store(find)
        self.marker = decode_marker(self.marker_text)
        return self.marker

    def store(self, use: Callable[[Store], Coroutine[Any, Any, _T]]) -> _T:
        """Run something against the fetcher's view of Redis."""

        async def run() -> _T:
            store = Store(Address(self.valkey), self.keys, window_ms=WINDOW_MS, lease_ms=4_000)
            store.marker = getattr(self, "marker_text", "")
            try:
                return await use(store)
            finally:
                await store.aclose()

        return asyncio.run(run())

    def admit(self, articles: Sequence[Article], revision: int = 1) -> list[str]:
        """Admit revisions of articles with their events, as a poll does; returns the ``ce_id``s.

        Raises StoreError, StateRegressedError.
        """
        now_ms = int(time.time() * 1000)
        items = []
        for a in articles:
            ident = url_key(a.canonical_url)
            event = article_event(
                self.names.instance, FEED, FeedState(), a, Revision(ident, revision, now_ms, now_ms)
            )
            items.append((ident, self._record(a, revision, now_ms), event))

        async def run(store: Store) -> None:
            olds = await store.records([i for i, _, _ in items])
            admissions = [
                Admission(i, old, new, event)
                for (i, new, event), old in zip(items, olds, strict=True)
            ]
            assert await store.admit(admissions, now_ms // DAY_MS) == [None] * len(items)

        self.store(run)
        return [dict(event.headers)["ce_id"].decode() for _, _, event in items]

    def _record(self, a: Article, revision: int, now_ms: int) -> bytes:
        day, owner = now_ms // DAY_MS, owner_key(FEED.id)
        content, version = a.content_hash[:4], text_key(a)
        return ArticleRecord(day, revision, owner, content, now_ms // 1000, (), version).pack()

    def emit(self, event: OutboxEvent) -> None:
        """Put any event into the outbox, beside a record that is nobody's."""
        ident = hashlib.blake2b(event.value, digest_size=10).digest()

        async def run(store: Store) -> None:
            await store.admit([Admission(ident, b"", self._record(article(0), 1, 0), event)], 0)

        self.store(run)

    def settings(self, **more: Any) -> PublishSettings:
        """What a publisher is told."""
        given: dict[str, Any] = {
            "instance": self.names.instance, "prefix": self.names.topic_prefix,
            "dataset": self.marker.dataset, "replaces": self.marker.replaces,
            "marker": self.marker_text, "window_ms": WINDOW_MS, "lease_ms": 5_000,
            "transaction_timeout_ms": 3_000, "replicas": 0, "compression": None,
            "exactly_once": True,
        }  # fmt: skip
        return PublishSettings(**(given | more))

    def session(self, shard: int = 0, **more: Any) -> Session:
        """A publisher of a shard, not started."""

        def published(_shard: int, _entries: list[Entry]) -> None:
            """Nobody counts."""

        return Session(
            shard, self.settings(**more), self.connection, Address(self.valkey), self.keys,
            logs.get(), published,
        )  # fmt: skip

    def supervisor(self) -> Publisher:
        """Publishers of all shards, which start anew after errors."""
        return Publisher(
            self.keys.shards,
            self.session,
            logs.get(),
            backoff_max_ms=1_000,
            on_failure=lambda _kind: None,
        )

    def outbox(self, shard: int = 0) -> ShardOutbox:
        """A shard's outbox; close it."""
        return ShardOutbox(Address(self.valkey), self.keys, shard, self.marker_text)

    def position(self, shard: int = 0) -> Position | None:
        """What Kafka remembers of a shard."""
        reader = PositionReader(self.connection, f"{self.names.topic_prefix}positions")
        return reader.read(self.names.instance, shard, 20)

    def published(self, bootstrap: str = "", topic: str = "articles") -> list[Record]:
        """What a committed reader sees, by partition and offset."""
        return read_topic(bootstrap or self.kafka, f"{self.names.topic_prefix}{topic}")

    def ce_ids(self, bootstrap: str = "") -> list[str]:
        """The ids of all published article events, sorted: an event twice is there twice."""
        return sorted(r.ce_id for r in self.published(bootstrap))


def settled(session: Session, outbox: ShardOutbox, timeout_s: float = 30) -> None:
    """Wait until a session has published all there is. Fails when it ends before."""
    deadline = time.monotonic() + timeout_s
    while True:
        assert session.error is None, session.error
        if session.state == "idle" and not outbox.read(outbox.trimmed().sequence, 1, 1):
            return
        assert session.is_alive(), "the session ended"
        assert time.monotonic() < deadline, f"not published in time: {session.state}"
        time.sleep(0.05)


def stop(session: Session) -> None:
    """Ask a session to stop, and wait for it."""
    session.stop_asked.set()
    session.join(20)
    assert not session.is_alive()


def publish_all(shards: Shards) -> None:
    """Publish all there is, each shard by a publisher of its own."""
    for shard in range(shards.keys.shards):
        session, outbox = shards.session(shard), shards.outbox(shard)
        session.start()
        settled(session, outbox)
        stop(session)
        outbox.close()
