"""The consumer that judges: what a ``read_committed`` reader of the topic got, against the world.

It reads with librdkafka, which shares no code with the worker's client, and knows nothing of the
worker: only the topic, the published contract and what the world says existed.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from schemas.events import ArticleEvent
from tests.support.topic import Record, UnsettledError, read_topic
from tests.support.world_model import Expected

__all__ = [
    "Record",
    "UnsettledError",
    "Verdict",
    "count",
    "problems",
    "read_topic",
    "wait_complete",
]

_VERSION = re.compile(r"version (w\d+f\d+km?\d+)r(\d+)\.")
_KEY = re.compile(r"\bw\d+f\d+km?\d+\b")
_SHOWN = 10  # of each kind of finding, in a summary


@dataclass
class Verdict:
    """What was found; each list holds lines for people. ``ok`` when all but the counts are empty.

    Attributes:
        articles: articles of the world that were published.
        events: records that were judged; ``created`` and ``updated`` of them by type.
        lost: required articles without any event.
        twice: the same event again: a ``ce_id`` twice, a second ``created`` of one article, or an
            event that says what the article's event before it said.
        unexpected: events of articles or revisions that nobody ever showed.
        stale: the last event says less than what was shown long enough.
        reverted: an event goes back to an earlier revision of the article.
        malformed: breaks the published contract.
        longest_delay_ms: longest time from a revision being shown (or from the world's beginning)
            to its record.
    """

    articles: int = 0
    events: int = 0
    created: int = 0
    updated: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    reverted: list[str] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    longest_delay_ms: int = 0

    @property
    def ok(self) -> bool:
        """Nothing lost, nothing twice, nothing wrong."""
        return not any(found for _, found in self._findings())

    def __str__(self) -> str:
        lines = [
            f"{self.articles} articles, {self.events} events ({self.created} created, "
            f"{self.updated} updated), longest delay {self.longest_delay_ms / 1000:.1f} s"
        ]
        for name, found in self._findings():
            lines.append(f"{name}: {len(found)}")
            lines += [f"  {line}" for line in found[:_SHOWN]]
        return "\n".join(lines)

    def _findings(self) -> list[tuple[str, list[str]]]:
        names = ("lost", "twice", "unexpected", "stale", "reverted", "malformed")
        return [(name, getattr(self, name)) for name in names]


def count(records: Iterable[Record], expected: Iterable[Expected]) -> Verdict:
    """Judge the records of an articles topic, in offset order within each partition."""
    verdict = Verdict()
    known = {article.key: article for article in expected}
    by_article: dict[str, list[tuple[int, Record]]] = defaultdict(list)
    ids: Counter[str] = Counter()
    order = _Order()
    for record in records:
        verdict.events += 1
        verdict.malformed += [f"{record.place}: {problem}" for problem in problems(record)]
        ids[record.ce_id] += 1
        if ids[record.ce_id] == 2:
            verdict.twice.append(f"{record.place}: ce_id {record.ce_id} again")
        verdict.malformed += [f"{record.place}: {problem}" for problem in order.problems(record)]
        key, revision = _identify(record)
        if key not in known:
            verdict.unexpected.append(f"{record.place}: no article {key or '?'} was ever shown")
        elif revision:
            by_article[key].append((revision, record))
        else:
            by_article[key].append((1, record))
            verdict.malformed.append(f"{record.place}: {key} without its text")
    for key, events in by_article.items():
        _judge_article(verdict, known[key], events)
    verdict.articles = len(by_article)
    verdict.lost = [
        f"{article.key} of feed {article.feed}, shown first at {article.shown_ms[0]}, served "
        f"{article.served} times"
        for article in known.values()
        if article.required and article.key not in by_article
    ]
    return verdict


def wait_complete(
    bootstrap: str, topic: str, expected: Sequence[Expected], *, timeout_s: float = 60.0
) -> Verdict:
    """Read the topic again and again until nothing required is missing any more, or until
    ``timeout_s`` seconds are over; the last verdict, which is for the caller to judge."""
    deadline = time.monotonic() + timeout_s
    while True:
        verdict = count(read_topic(bootstrap, topic, settle_s=None), expected)
        if (not verdict.lost and not verdict.stale) or time.monotonic() > deadline:
            return verdict
        time.sleep(0.5)


def _judge_article(
    verdict: Verdict, article: Expected, events: Sequence[tuple[int, Record]]
) -> None:
    if len({record.key for _, record in events}) > 1:
        places = ", ".join(f"{record.place} as {record.key}" for _, record in events)
        verdict.twice.append(f"{article.key} has several ids: {places}")
    created = [r for _, r in events if r.headers.get("ce_type") == "news.article.created"]
    verdict.created += len(created)
    verdict.updated += len(events) - len(created)
    verdict.twice += [f"{r.place}: {article.key} is created again" for r in created[1:]]
    before = highest = 0
    for revision, record in events:
        name = f"{record.place}: {article.key}r{revision}"
        if revision > article.last_revision:
            verdict.unexpected.append(f"{name} was never shown")
        elif revision == before:
            verdict.twice.append(f"{name} says nothing new")
        elif revision < highest:
            verdict.reverted.append(f"{name} after r{highest}")
        else:
            delay = record.timestamp_ms - article.shown_ms[revision - 1]
            verdict.longest_delay_ms = max(verdict.longest_delay_ms, delay)
        before, highest = revision, max(highest, revision)
    if before < article.least_revision:
        verdict.stale.append(
            f"{article.key} of feed {article.feed}: r{article.least_revision} was shown long "
            f"enough, r{before} is the last one published"
        )


def _identify(record: Record) -> tuple[str, int]:
    """The world's key and revision that an event speaks of; revision 0 when its text is not told."""
    value = record.value or {}
    if match := _VERSION.search(value.get("articleBody", "")):
        return match[1], int(match[2])
    found = _KEY.search(f"{value.get('headline', '')} {value.get('url', '')}")
    return (found[0] if found else ""), 0


class _Order:
    """What holds between the events of one ``articleId``."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}  # partition, revision

    def problems(self, record: Record) -> list[str]:
        """What is wrong with this event after those before it."""
        revision = int((record.value or {}).get("revision", 0))
        partition, before = self._last.get(record.key, (record.partition, 0))
        self._last[record.key] = (record.partition, revision)
        found = []
        if partition != record.partition:
            found.append(f"key {record.key} was in partition {partition}")
        if revision < before:
            found.append(f"revision {revision} follows {before}")
        return found


def problems(record: Record) -> list[str]:
    """How an event of the articles topic breaks the published contract."""
    value, headers = record.value, record.headers
    if not isinstance(value, dict):
        return ["the value is no object"]
    found = []
    try:
        msgspec.convert(value, ArticleEvent)
    except msgspec.ValidationError as error:
        found.append(str(error))
    wanted = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_subject": record.key,
        "ce_type": "news.article.created" if value.get("revision") == 1 else "news.article.updated",
    }
    for name, want in wanted.items():
        if headers.get(name) != want:
            found.append(f"header {name} is {headers.get(name)!r}, not {want!r}")
    for name in ("ce_id", "ce_source", "ce_time", "ce_dataschema"):
        if not headers.get(name):
            found.append(f"no header {name}")
    if value.get("articleId") != record.key:
        found.append(f"articleId {value.get('articleId')} is not the key {record.key}")
    if not headers.get("ce_source", "").startswith("/newswire/"):
        found.append("ce_source is not /newswire/<instance>/feeds/<feedId>")
    found += [f"{name} is empty" for name in _empty(value)]
    if "utm_" in value.get("canonicalUrl", ""):
        found.append("canonicalUrl holds tracking parameters")
    return found


def _empty(value: dict[str, Any], path: str = "") -> Iterator[str]:
    """Names of what is null or empty: unknown is absent."""
    for name, inner in value.items():
        if inner is None or (inner in ("", [], {}) and name != "headline"):
            yield path + name
        elif isinstance(inner, dict):
            yield from _empty(inner, f"{path}{name}.")
