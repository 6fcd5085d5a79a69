"""Keyword alerts: says once when an article begins to mention a word, and again when it stops.

pip install confluent-kafka
python alerts.py 127.0.0.1:9092 news.articles "tool library" ferry
"""

import json
import re
import sys

from confluent_kafka import Consumer, KafkaException

TYPES = {"news.article.created", "news.article.updated", "news.article.withdrawn"}


class Alerts:
    """What each article was found to mention. It is rebuilt by reading the topic from its beginning."""

    def __init__(self, words: list[str]) -> None:
        self._patterns = {w: re.compile(rf"\b{re.escape(w)}\b", re.IGNORECASE) for w in words}
        self._state: dict[str, tuple[int, frozenset[str]]] = {}

    def on(self, kind: str, article: dict) -> list[str]:
        """The alerts of one event: whole articles, so nothing but the last state is needed."""
        key, revision = article["articleId"], article["revision"]
        before_revision, before = self._state.get(key, (0, frozenset()))
        if revision <= before_revision:
            return []  # the same event again
        texts = (
            article.get("headline", ""),
            article.get("articleBody", ""),
            article.get("abstract", ""),
        )
        text = "\n".join(texts)
        now = frozenset(w for w, pattern in self._patterns.items() if pattern.search(text))
        self._state[key] = (revision, now)
        what = article.get("headline", key)
        why = "withdrawn" if kind.endswith("withdrawn") else article.get("url", "")
        found = [f"ALERT\t{w}\t{what}\t{why}" for w in sorted(now - before)]
        return found + [f"RETRACT\t{w}\t{what}\t{why}" for w in sorted(before - now)]


def main(servers: str, topic: str, *words: str) -> None:
    """Print alerts, for ever."""
    alerts = Alerts(list(words))
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "example-alerts",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,  # the state lives in memory: always from the beginning
        }
    )
    consumer.subscribe([topic])
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        kind = dict(message.headers() or []).get("ce_type", b"").decode()
        if kind in TYPES and message.value():
            for line in alerts.on(kind, json.loads(message.value())):
                print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
