"""The judge sees what is planted for it, and nothing else; a judge that cannot convict proves nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.conftest import Names
from tests.support.judge import Verdict, count
from tests.support.published import event, perfect
from tests.support.servers import KafkaServer
from tests.support.topic import Record, UnsettledError, create_topic, read_topic
from tests.support.world_model import Expected, World

_WORLD = World(5, 4, epoch_ms=1_770_000_000_000, rate=0.5, edited=0.5)
_EXPECTED = _WORLD.expected(until_s=60, frozen_s=60, shown_for_s=5)
_RECORDS = perfect(_WORLD, _EXPECTED)
_EDITED = next(a for a in _EXPECTED if a.required and a.least_revision == a.last_revision == 3)
_PLAIN = next(a for a in _EXPECTED if a.required and a.last_revision == 1)

Change = Callable[[list[Record]], list[Record]]


def _of(records: list[Record], article: Expected) -> list[Record]:
    return [r for r in records if r.value and f"{article.key}r" in r.value["articleBody"]]


def _without(article: Expected, keep: int = 0) -> Change:
    """Only the first ``keep`` events of an article are left."""

    def change(records: list[Record]) -> list[Record]:
        dropped = _of(records, article)[keep:]
        return [record for record in records if record not in dropped]

    return change


def _again(article: Expected, index: int, **headers: str) -> Change:
    """An event of an article once more, at the end, with other headers."""

    def change(records: list[Record]) -> list[Record]:
        record = _of(records, article)[index]
        return [*records, record._replace(offset=9999, headers={**record.headers, **headers})]

    return change


def _spoilt(article: Expected, **changes: Any) -> Change:
    """The first event of an article with other members of its value (None: without them)."""

    def change(records: list[Record]) -> list[Record]:
        chosen = _of(records, article)[0]
        value = {**(chosen.value or {}), **changes}
        value = {name: member for name, member in value.items() if member is not None}
        return [r._replace(value=value) if r == chosen else r for r in records]

    return change


def _headers(article: Expected, **changes: str) -> Change:
    """The first event of an article with other headers."""

    def change(records: list[Record]) -> list[Record]:
        chosen = _of(records, article)[0]
        headers = {**chosen.headers, **changes}
        return [r._replace(headers=headers) if r == chosen else r for r in records]

    return change


def _stranger(records: list[Record]) -> list[Record]:
    article = _WORLD.article(2, 5_000)
    return [*records, event(article, 1, offset=9999, at_ms=_WORLD.epoch_ms)]


def _other_id(records: list[Record]) -> list[Record]:
    """An article announced a second time as if it were another one."""
    first = _of(records, _PLAIN)[0]
    key = "a" * 16
    return [
        *records,
        first._replace(
            key=key,
            offset=9999,
            headers={**first.headers, "ce_id": f"{key}-1-00000001", "ce_subject": key},
            value={**(first.value or {}), "articleId": key},
        ),
    ]


def _same_text(records: list[Record]) -> list[Record]:
    """An update that says what was said before."""
    first = _of(records, _PLAIN)[0]
    headers = {**first.headers, "ce_id": f"{first.key}-2-0", "ce_type": "news.article.updated"}
    value = {**(first.value or {}), "revision": 2}
    return [*records, first._replace(offset=9999, headers=headers, value=value)]


def _other_partition(records: list[Record]) -> list[Record]:
    last = _of(records, _EDITED)[-1]
    return [r._replace(partition=1) if r == last else r for r in records]


def _findings(verdict: Verdict) -> dict[str, list[str]]:
    kinds = ("lost", "twice", "unexpected", "stale", "reverted", "malformed")
    return {kind: found for kind in kinds if (found := getattr(verdict, kind))}


def test_perfect_worker_passes() -> None:
    """One event for each revision of each article is neither a loss nor a duplicate."""
    verdict = count(_RECORDS, _EXPECTED)
    assert verdict.ok, str(verdict)
    assert verdict.articles == verdict.created == len(_EXPECTED) > 100
    assert verdict.updated == len(_RECORDS) - len(_EXPECTED) > 20
    assert verdict.longest_delay_ms == 500


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        pytest.param("lost", _without(_PLAIN), id="no event"),
        pytest.param("stale", _without(_EDITED, keep=2), id="last edit missing"),
        pytest.param("twice", _again(_PLAIN, 0), id="the same record twice"),
        pytest.param("twice", _again(_PLAIN, 0, ce_id="other"), id="created twice, other ce_id"),
        pytest.param("twice", _other_id, id="created twice, other articleId"),
        pytest.param("twice", _same_text, id="update that says nothing new"),
        pytest.param("unexpected", _stranger, id="an article that was never shown"),
        pytest.param(
            "reverted",
            _again(_EDITED, 1, ce_id="other"),
            id="back to an earlier revision",
        ),
        pytest.param("malformed", _spoilt(_PLAIN, articleBody=None), id="without its text"),
        pytest.param("malformed", _spoilt(_PLAIN, abstract=""), id="empty instead of absent"),
        pytest.param("malformed", _spoilt(_PLAIN, contentHash=None), id="a member missing"),
        pytest.param("malformed", _spoilt(_PLAIN, revision="1"), id="a member of another type"),
        pytest.param("malformed", _headers(_PLAIN, ce_id=""), id="no ce_id"),
        pytest.param("malformed", _headers(_PLAIN, ce_subject="b" * 16), id="another subject"),
        pytest.param("malformed", _other_partition, id="a key in two partitions"),
    ],
)
def test_planted_fault_is_found(kind: str, change: Change) -> None:
    """Each planted fault is named as what it is."""
    found = _findings(count(change(_RECORDS), _EXPECTED))
    assert found.get(kind), found


def test_loss_of_what_was_shown_briefly_is_no_loss() -> None:
    """An article that left its feed before anyone had to see it may be missing, and may be there."""
    brief = next(a for a in _EXPECTED if not a.required)
    assert count(_without(brief)(_RECORDS), _EXPECTED).ok
    assert count(_RECORDS, _EXPECTED).ok


def _producer(kafka: KafkaServer, ident: str) -> Producer:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": ident})
    producer.init_transactions(30)
    producer.begin_transaction()
    return producer


def _send(producer: Producer, topic: str, record: Record) -> None:
    producer.produce(
        topic,
        json.dumps(record.value),
        record.key,
        headers=list(record.headers.items()),
        timestamp=record.timestamp_ms,
    )


def test_reads_back_what_was_committed(kafka_server: KafkaServer, names: Names) -> None:
    """Through a real Kafka the judge gets every committed record whole, and no aborted one."""
    create_topic(kafka_server.bootstrap, names.articles, partitions=3, for_ever=True)
    producer = _producer(kafka_server, names.instance)
    for record in _without(_PLAIN)(_RECORDS):
        _send(producer, names.articles, record)
    producer.commit_transaction(30)
    producer.begin_transaction()
    for record in _of(_RECORDS, _PLAIN):
        _send(producer, names.articles, record)
    producer.abort_transaction(30)

    verdict = count(read_topic(kafka_server.bootstrap, names.articles), _EXPECTED)
    assert verdict.events == len(_RECORDS) - 1
    assert _findings(verdict).keys() == {"lost"}
    assert verdict.lost[0].startswith(_PLAIN.key)

    producer.begin_transaction()
    for record in _of(_RECORDS, _PLAIN) * 2:
        _send(producer, names.articles, record)
    producer.commit_transaction(30)
    verdict = count(read_topic(kafka_server.bootstrap, names.articles), _EXPECTED)
    assert _findings(verdict).keys() == {"twice"}


def test_open_transaction_is_no_verdict(kafka_server: KafkaServer, names: Names) -> None:
    """While a transaction is open nothing behind it can be read, so the judge refuses to judge."""
    create_topic(kafka_server.bootstrap, names.articles, partitions=3, for_ever=True)
    producer = _producer(kafka_server, names.instance)
    _send(producer, names.articles, _RECORDS[0])
    producer.flush(30)
    with pytest.raises(UnsettledError, match="open"):
        read_topic(kafka_server.bootstrap, names.articles, settle_s=0)
    producer.commit_transaction(30)
    assert len(read_topic(kafka_server.bootstrap, names.articles)) == 1


def test_required_needs_time_on_show() -> None:
    """The longer an article must have been shown to be required, the fewer are; none at infinity."""
    sizes = [
        sum(a.required for a in _WORLD.expected(until_s=60, frozen_s=60, shown_for_s=shown))
        for shown in (0, 5, 20, math.inf)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == len(_EXPECTED)
    assert sizes[-1] == 0
