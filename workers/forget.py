"""``newswire forget``: takes back an article, or all that a feed announced, for good."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from schemas.events import TYPE_WITHDRAWN
from workers.articles.canonical import canonical_url
from workers.errors import ConfigError
from workers.feedlist.identity import feed_id
from workers.fetcher.identity import article_bytes, article_text, owner_key, url_key
from workers.fetcher.records import ArticleRecord, unpack
from workers.fetcher.withdraw import Target, revision_of, take_back
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_reader import read_back
from workers.store import scheduled
from workers.store.listing import configured
from workers.store.store import Store
from workers.store.withdrawals import waiting, withdrawn
from workers.units import several
from workers.urls import redact_url

_ARTICLE_ID = re.compile("[a-z2-7]{16}")


class ForgetSettings(msgspec.Struct, frozen=True):
    """What it needs to know. Times in ms."""

    instance: str
    prefix: str
    window_ms: int
    settle_s: float


class _Feed(msgspec.Struct, rename="camel"):
    feed_id: str = ""


class _Value(msgspec.Struct, rename="camel"):
    article_id: str
    revision: int
    headline: str = ""
    canonical_url: str = ""
    is_part_of: _Feed = msgspec.field(default_factory=_Feed)


class Found(msgspec.Struct):
    """An article that is meant, by what is last known of it."""

    article_id: str
    feed_id: str
    revision: int = 0
    headline: str = ""

    def __str__(self) -> str:
        return (
            f"{self.article_id}  revision {self.revision}  {self.feed_id}  {self.headline}".rstrip()
        )


class Meant(msgspec.Struct, frozen=True):
    """What the operator names: article ids (a URL's own and what it leads to), or a feed."""

    articles: frozenset[str] = frozenset()
    url: bytes = b""
    feed: str = ""

    def takes(self, value: _Value) -> bool:
        """Whether an event is of what is meant."""
        return (
            value.article_id in self.articles
            or bool(self.url and value.canonical_url and url_key(value.canonical_url) == self.url)
            or bool(self.feed and value.is_part_of.feed_id == self.feed)
        )


async def meant(store: Store, text: str) -> Meant:
    """What a text means: a feed by its id or URL, an article by its id or URL. Raises ConfigError."""
    if "://" in text:
        with suppress(ValueError):
            if await scheduled.feed(store, feed_id(text)):
                return Meant(feed=feed_id(text))
        async for batch in scheduled.feeds(store):
            for config, state, _ in batch:
                if text in (config.url, state.url):
                    return Meant(feed=config.id)
        key = url_key(canonical_url(text))
        (raw,) = await store.records([key])
        leads = unpack(raw)
        ids = {key, leads} if isinstance(leads, bytes) else {key}
        return Meant(frozenset(article_text(i) for i in ids), key)
    if await scheduled.feed(store, text):
        return Meant(feed=text)
    if _ARTICLE_ID.fullmatch(text):
        return Meant(frozenset({text}))
    # A feed that has left the list may have articles on the topic still.
    return Meant(feed=text)


async def find(s: ForgetSettings, store: Store, kafka: KafkaConnection, what: Meant) -> list[Found]:
    """The articles that are meant: published, waiting in the outbox, or only remembered.

    Raises StoreError, BrokerError.
    """
    found: dict[str, Found] = {}
    source = f"/newswire/{s.instance}/feeds/"
    for batch in read_back(kafka, f"{s.prefix}articles", since_ms=0, settle_s=s.settle_s):
        for record in batch.records:
            if record.headers.get("ce_source", b"").startswith(source.encode()):
                _note(found, record.value or b"", record.headers, what)
    for row in await waiting(store, range(store.keys.shards)):
        feed = row.source.removeprefix(source)
        if row.article in what.articles or row.article in found or feed == what.feed:
            one = found.setdefault(row.article, Found(row.article, feed))
            one.revision = max(one.revision, revision_of(row.ce_id))
    for text_id in sorted(what.articles - found.keys()):
        if remembered := await _remembered(store, text_id):
            found[text_id] = remembered
    gone = await withdrawn(store, [article_bytes(i) for i in found])
    return [one for one, is_gone in zip(found.values(), gone, strict=True) if not is_gone]


def _note(found: dict[str, Found], raw: bytes, headers: dict[str, bytes], what: Meant) -> None:
    try:
        value = msgspec.json.decode(raw, type=_Value)
    except msgspec.MsgspecError:
        return  # a tombstone, or none of ours
    if headers.get("ce_type") == TYPE_WITHDRAWN.encode():
        found.pop(value.article_id, None)
    elif what.takes(value):
        feed = value.is_part_of.feed_id
        found[value.article_id] = Found(value.article_id, feed, value.revision, value.headline)


async def _remembered(store: Store, text_id: str) -> Found | None:
    """An article that is neither on the topic nor on its way there, if its record still is."""
    (raw,) = await store.records([article_bytes(text_id)])
    record = unpack(raw)
    if not isinstance(record, ArticleRecord) or record.withdrawn:
        return None
    async for batch in configured(store):
        for config in batch:
            if owner_key(config.id) == record.owner:
                return Found(text_id, config.id, record.revision)
    return None


async def forget(
    s: ForgetSettings,
    store: Store,
    kafka: KafkaConnection,
    text: str,
    *,
    run: bool,
    say: Callable[[str], None],
) -> int:
    """List what is meant, and with ``run`` take it back. Returns how many articles were meant.

    Raises:
        ConfigError: nothing is known of it.
        StoreError, BrokerError: run it again; what was taken back is not taken back twice.
    """
    what = await meant(store, text)
    found = await find(s, store, kafka, what)
    if not found:
        raise ConfigError(
            f"{redact_url(text)[:200]!r}: nothing that is published or remembered is known by this article "
            "id, article URL, feed id or feed URL, or it was taken back before"
        )
    for one in found:
        say(str(one))
    if not run:
        say(
            f"{several(len(found), 'article')}; nothing was done. --run takes back; it cannot be undone."
        )
        return len(found)
    targets = [Target(article_bytes(o.article_id), o.feed_id, o.revision) for o in found]
    now_ms = int(time.time() * 1000)
    done = await take_back(
        store, s.instance, targets, "forgotten", now_ms=now_ms, window_ms=s.window_ms
    )
    say(
        f"{several(len(done), 'article')} taken back. A worker publishes it; consumers must act on it."
    )
    if what.feed and await scheduled.feed(store, what.feed):
        say(f"Feed {what.feed} is still on the list: what is new in it will be announced.")
    return len(found)
