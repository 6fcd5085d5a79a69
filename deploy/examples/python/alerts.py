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
        self._state: dict[str, frozenset[str]] = {}
        self._seen: set[str] = set()

    def on(self, kind: str, ce_id: str, article: dict) -> list[str]:
        """The alerts of one event: whole articles, so nothing but the last state is needed."""
        if ce_id in self._seen:
            return []  # the same event again; by its revision it cannot be told, which may begin anew
        self._seen.add(ce_id)
        key = article["articleId"]
        before = self._state.get(key, frozenset())
        texts = (
            article.get("headline", ""),
            article.get("articleBody", ""),
            article.get("abstract", ""),
        )
        text = "\n".join(texts)
        now = frozenset(w for w, pattern in self._patterns.items() if pattern.search(text))
        self._state[key] = now
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
        headers = {name: (value or b"").decode() for name, value in message.headers() or []}
        kind, ce_id = headers.get("ce_type", ""), headers.get("ce_id", "")
        if kind in TYPES and message.value():
            for line in alerts.on(kind, ce_id, json.loads(message.value())):
                print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
