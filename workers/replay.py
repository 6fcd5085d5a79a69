"""``newswire replay``: lists dead letters, and sends them through the pipeline again, once."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.events import TYPE_CREATED, TYPE_UPDATED, ArticleEvent, DeadLetterEvent
from workers.cloudevents import headers
from workers.errors import ParseError, UnavailableError
from workers.fetcher.commit import ATTEMPTS, current_records
from workers.fetcher.event import Revision, article_event
from workers.fetcher.identity import article_bytes, owner_key, text_key
from workers.fetcher.memory import Memory
from workers.fetcher.parse import Parser
from workers.fetcher.reading import read_document
from workers.fetcher.records import ArticleRecord, unpack
from workers.model import Article, FeedConfig, FeedState, OutboxEvent, ParsedEntry, ParsedFeed
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_reader import read_back
from workers.routes import Route, route
from workers.store import scheduled
from workers.store.replays import replay
from workers.store.store import Admission, Store
from workers.store.withdrawals import withdrawn
from workers.units import several

DAY_MS = 86_400_000


class ReplaySettings(msgspec.Struct, frozen=True):
    """What a replay needs to know. Times in ms."""

    instance: str
    prefix: str
    body: str
    window_ms: int
    settle_s: float
    routes: tuple[Route, ...] = ()


class Wanted(NamedTuple):
    """Which letters: an empty text and 0 let all pass."""

    feed: str = ""
    stage: str = ""
    reason: str = ""
    since_ms: int = 0


class Letter(NamedTuple):
    """A dead letter and where it is: ``<partition>:<offset>``."""

    id: str
    event: DeadLetterEvent

    def __str__(self) -> str:
        e = self.event
        cut = " (cut)" if e.truncated else ""
        return (
            f"{self.id:<8} {e.occurred_at}  {e.feed_id}  {e.stage}  {e.reason}  "
            f"{e.length} bytes{cut}  {e.sha256[:12]}  {e.detail}"
        ).rstrip()


class _Unfit(Exception):  # noqa: N818 - no error: it is told and the next letter is taken
    """A letter that cannot be replayed; the text says why."""


def letters(s: ReplaySettings, kafka: KafkaConnection, wanted: Wanted) -> Iterator[Letter]:
    """The instance's dead letters that are wanted, oldest first in each partition. Raises BrokerError."""
    source = f"/newswire/{s.instance}/feeds/".encode()
    topic = f"{s.prefix}dead-letters"
    for batch in read_back(kafka, topic, since_ms=wanted.since_ms, settle_s=s.settle_s):
        for record in batch.records:
            if record.value and record.headers.get("ce_source", b"").startswith(source):
                event = msgspec.json.decode(record.value, type=DeadLetterEvent)
                letter = Letter(f"{record.partition}:{record.offset}", event)
                if _fits(event, wanted):
                    yield letter


def _fits(event: DeadLetterEvent, wanted: Wanted) -> bool:
    pairs = (
        (wanted.feed, event.feed_id),
        (wanted.stage, event.stage),
        (wanted.reason, event.reason),
    )
    return all(want in ("", has) for want, has in pairs)


class Replayer:
    """Sends dead letters through the pipeline, whatever was seen before of what they hold."""

    def __init__(self, s: ReplaySettings, store: Store, parser: Parser) -> None:
        self._s = s
        self._store = store
        self._parser = parser

    async def run(self, letter: Letter, say: Callable[[str], None]) -> bool:
        """Replay one letter, and say what came of it. Returns whether anything was sent.

        Raises:
            StoreError, StateRegressedError: run it again; what was sent is not sent twice.
        """
        name = f"{letter.id} (feed {letter.event.feed_id}, {letter.event.stage})"
        try:
            sent = await self._replay(letter)
        except _Unfit as why:
            say(f"refused {name}: {why}")
            return False
        say(
            f"sent {name}: {several(sent, 'event')}"
            if sent
            else f"left alone {name}: replayed before"
        )
        return bool(sent)

    async def _replay(self, letter: Letter) -> int:
        e = letter.event
        if e.truncated:
            raise _Unfit(f"it was cut, only a part of its {e.length} bytes is there")
        body = base64.b64decode(e.body)
        sent: dict[int, int] = {}
        if e.stage == "publish":
            admission = self._published(e, body)
            await self._refuse_withdrawn([admission.article])
            await self._send(letter, [admission], sent)
            return sum(sent.values())
        listed = await scheduled.feed(self._store, e.feed_id)
        config, state = listed[:2] if listed else (FeedConfig(e.feed_id, e.url), FeedState())
        articles = await self._articles(e, body, config, state)
        for _ in range(ATTEMPTS):
            if await self._send(letter, await self._admissions(config, state, articles), sent):
                return sum(sent.values())
        raise UnavailableError(f"the articles of {letter.id} are written by others; try again")

    async def _articles(
        self, e: DeadLetterEvent, body: bytes, config: FeedConfig, state: FeedState
    ) -> list[tuple[bytes, Article]]:
        """The letter's articles with their ids, read by today's parser and rules."""
        try:
            if e.stage == "parse":
                feed = await self._parser.parse(body, content_type=e.content_type, url=e.url)
            else:
                feed = ParsedFeed((msgspec.json.decode(body, type=ParsedEntry),))
        except (ParseError, msgspec.MsgspecError) as error:
            raise _Unfit(f"it still cannot be read: {error}") from error
        now_ms = int(time.time() * 1000)
        steps = read_document(config, state, Memory(), feed, e.url, now_ms, self._s.body)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                reading = end.value
                break
        if reading.broken:
            raise _Unfit(f"{len(reading.broken)} of its entries still cannot be processed")
        if not reading.found:
            raise _Unfit("there is no entry in it")
        return [(one.article, one.candidate.article) for one in reading.found]

    async def _admissions(
        self, config: FeedConfig, state: FeedState, articles: Sequence[tuple[bytes, Article]]
    ) -> list[Admission]:
        """Each article as its next revision; as its first when it was never announced."""
        now_ms = int(time.time() * 1000)
        ids, raws = await current_records(self._store, [ident for ident, _ in articles])
        items = []
        await self._refuse_withdrawn(ids)
        for (_, article), ident, raw in zip(articles, ids, raws, strict=True):
            content = article.content_hash[:4]
            old = unpack(raw)
            if isinstance(old, ArticleRecord):
                new = old._replace(
                    day=now_ms // DAY_MS,
                    revision=old.revision + 1,
                    content=content,
                    version=text_key(article),
                )
            else:
                owner = owner_key(config.id)
                new = ArticleRecord(
                    now_ms // DAY_MS, 1, owner, content, now_ms // 1000, (), text_key(article)
                )
            revision = Revision(
                ident, new.revision, new.first_s * 1000, now_ms, seen_in=new.seen_in
            )
            event = article_event(
                self._s.instance, config, state, article, revision, self._s.routes
            )
            items.append(Admission(ident, raw, new.pack(), event))
        return items

    async def _refuse_withdrawn(self, articles: Sequence[bytes]) -> None:
        if any(await withdrawn(self._store, articles)):
            raise _Unfit("an article in it was taken back")

    def _published(self, e: DeadLetterEvent, body: bytes) -> Admission:
        """The very event that the broker refused; its record is as it was admitted then."""
        if not e.article_id:
            raise _Unfit("it is no article's event; the next status of the feed takes its place")
        try:
            value = msgspec.json.decode(body, type=ArticleEvent)
        except msgspec.MsgspecError as error:
            raise _Unfit(f"it is no article's event: {error}") from error
        ce = headers(
            self._s.instance,
            e.feed_id,
            id=f"{value.article_id}-{value.revision}-{value.content_hash[:8]}",
            type=TYPE_CREATED if value.revision == 1 else TYPE_UPDATED,
            subject=value.article_id,
            time_ms=int(datetime.fromisoformat(e.occurred_at).timestamp() * 1000),
            schema="article",
            route=route(self._s.routes, value.is_part_of.tags, value.in_language, value.url),
        )
        event = OutboxEvent("articles", value.article_id.encode(), body, ce)
        return Admission(article_bytes(value.article_id), b"", b"", event)

    async def _send(self, letter: Letter, items: Sequence[Admission], sent: dict[int, int]) -> bool:
        """Send each shard's part; ``sent`` counts by shard. False when a record changed meanwhile."""
        by_shard: dict[int, list[Admission]] = {}
        for item in items:
            by_shard.setdefault(self._store.keys.article_shard(item.article), []).append(item)
        for shard, chosen in sorted(by_shard.items()):
            if shard in sent:
                continue
            outcome = await replay(self._store, shard, letter.id, chosen, self._s.window_ms)
            if outcome == "contended":
                return False
            sent[shard] = len(chosen) if outcome == "sent" else 0
        return True
