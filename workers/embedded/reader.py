"""A consumer as any downstream service could write it: reads the articles back from the topic."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from workers.errors import NewswireError
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_reader import Record, follow

_log = logging.getLogger(__name__)
_RETRY_S = 0.3


class Seen(NamedTuple):
    """What is shown of an article event; ``timestamp_ms`` is when it was published."""

    timestamp_ms: int
    source: str
    headline: str
    revision: int


class _Publication(msgspec.Struct, rename="camel"):
    name: str = ""
    feed_id: str = ""


class _Article(msgspec.Struct, rename="camel"):
    """The few fields that are shown; a consumer ignores what it does not know."""

    headline: str
    is_part_of: _Publication
    revision: int = 1


def read_articles(bootstrap: str, topic: str, emit: Callable[[Seen], bool]) -> None:
    """Call ``emit`` in a thread of its own for each article on ``topic``, from its beginning on.

    The thread ends with the process, or when ``emit`` returns False.
    """
    connection = KafkaConnection(bootstrap_servers=bootstrap, client_id="newswire-demo")
    threading.Thread(
        target=_run, args=(connection, topic, emit), name="article-reader", daemon=True
    ).start()


def _run(connection: KafkaConnection, topic: str, emit: Callable[[Seen], bool]) -> None:
    read: dict[int, int] = {}  # partition: last offset, so that a new attempt repeats nothing
    while True:
        try:
            for record in follow(connection, topic):
                if record.offset <= read.get(record.partition, -1):
                    continue
                read[record.partition] = record.offset
                if (seen := decode(record)) is not None and not emit(seen):
                    return
        except NewswireError as error:  # above all: the worker has not created the topic yet
            _log.info("reading %s: %s", topic, error)
        except Exception:  # a view must not end because a client library stumbles
            _log.exception("reading %s", topic)
        time.sleep(_RETRY_S)


def decode(record: Record) -> Seen | None:
    """What to show of a record; None for one that announces no article (another type, no value)."""
    try:
        article = msgspec.json.decode(record.value or b"", type=_Article)
    except msgspec.DecodeError:
        return None
    source = article.is_part_of.name or article.is_part_of.feed_id
    return Seen(record.timestamp_ms, source, article.headline, article.revision)
