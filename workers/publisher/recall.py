"""A published event, read back: what it says to the memory that Redis has lost. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.events import TYPE_WITHDRAWN, FeedStatusEvent
from workers.fetcher.identity import article_bytes, guid_key, owner_key, url_key, version_hash
from workers.fetcher.memory import MINUTE_MS, NO_URL, Remembered
from workers.fetcher.records import ArticleRecord, alias, withdrawn_record
from workers.model import Pause

DAY_MS = 86_400_000


class _Feed(msgspec.Struct, frozen=True, rename="camel"):
    feed_id: str = ""


class _Hashes(msgspec.Struct, frozen=True, rename="camel"):
    headline: str = ""
    body: str = ""
    date: str = ""


class _Value(msgspec.Struct, rename="camel"):
    """The part of an article event that a rebuild needs; a withdrawal has even less."""

    article_id: str
    revision: int
    content_hash: str = ""
    first_seen: str = ""
    guid: str = ""
    canonical_url: str = ""
    also_seen_in: list[str] = []
    is_part_of: _Feed = _Feed()
    field_hashes: _Hashes = _Hashes()


class Recalled(NamedTuple):
    """One revision of an article as it was published at ``at_ms``.

    ``alias`` is the key of the article's URL where it is not the article's id, else ``NO_URL``.
    """

    article: bytes
    record: ArticleRecord
    alias: bytes
    feed_id: str
    entry: Remembered
    at_ms: int


_decoder = msgspec.json.Decoder(_Value)
_status_decoder = msgspec.json.Decoder(FeedStatusEvent)


def recall(
    value: bytes | None, headers: dict[str, bytes], at_ms: int, instance: str, now_ms: int
) -> Recalled | None:
    """What a record of the articles topic says; None when it is another instance's or no article.

    Args:
        at_ms: the record's own timestamp.
        now_ms: the record counts as seen now: how long the article stood in its feed is not known.
    """
    source = f"/newswire/{instance}/feeds/"
    found = headers.get("ce_source", b"").decode("utf-8", "replace")
    if not value or not found.startswith(source):
        return None
    try:
        event = _decoder.decode(value)
        article = article_bytes(event.article_id)
    except (msgspec.MsgspecError, ValueError):
        return None
    feed_id = event.is_part_of.feed_id or found.removeprefix(source)
    url = url_key(event.canonical_url)
    hashes = event.field_hashes
    withdrawn = headers.get("ce_type") == TYPE_WITHDRAWN.encode()
    fields = _hash(hashes.headline), _hash(hashes.body), _hash(hashes.date)
    record = ArticleRecord(
        now_ms // DAY_MS,
        event.revision,
        owner_key(feed_id),
        bytes.fromhex(event.content_hash)[:4].ljust(4, b"\0"),
        _seconds(event.first_seen, at_ms),
        tuple(event.also_seen_in),
        version_hash(*fields[:2], bytes(4)),
    )
    if withdrawn:
        record = withdrawn_record(now_ms // DAY_MS, event.revision)
    entry = Remembered(
        raw=bytes(8),
        guid=guid_key(event.guid),
        url=url,
        article=article,
        headline=fields[0],
        body=fields[1],
        date=fields[2],
        seen_min=now_ms // MINUTE_MS,
        edited_min=at_ms // MINUTE_MS if event.revision > 1 else 0,
    )
    return Recalled(article, record, NO_URL if url == article else url, feed_id, entry, at_ms)


def recall_pause(value: bytes | None, at_ms: int) -> Pause | None:
    """The pause that a record of the feeds topic tells of; None when it says that the feed is polled."""
    try:
        status = _status_decoder.decode(value or b"")
    except msgspec.MsgspecError:
        return None
    if status.state != "paused":
        return None
    since = status.since or status.changed_at
    return Pause(_seconds(since, at_ms) * 1000, status.note)


def alias_row(recalled: Recalled) -> tuple[bytes, bytes]:
    """The stored alias of one more URL of an article."""
    return recalled.alias, alias(recalled.record.day, recalled.article)


def _hash(text: str) -> bytes:
    return bytes.fromhex(text).ljust(4, b"\0")


def _seconds(text: str, otherwise_ms: int) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return otherwise_ms // 1000
