"""Reads articles with confluent-kafka: committed only, validated, each event once, offsets after the work.

pip install confluent-kafka jsonschema
python articles_confluent.py 127.0.0.1:9092 news.articles
"""

import json
import sys
from pathlib import Path

from confluent_kafka import Consumer, KafkaException
from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas" / "json"
VALIDATORS = {
    f"urn:newswire:{name}:v1": Draft202012Validator(
        json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    )
    for name in ("article", "article-withdrawn")
}
TYPES = {"news.article.created", "news.article.updated", "news.article.withdrawn"}


def main(servers: str, topic: str) -> None:
    """Print one line for each event, for ever."""
    seen: set[str] = set()  # a service keeps ce_id beside what it made of the event
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "example-confluent",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,
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
        handle(headers, message.value(), seen)
        consumer.store_offsets(message)  # only now: what was not handled is read again


def handle(headers: dict[str, str], value: bytes | None, seen: set[str]) -> None:
    """One event."""
    kind = headers.get("ce_type", "")
    validator = VALIDATORS.get(headers.get("ce_dataschema", ""))
    if value is None or kind not in TYPES or validator is None:
        return  # not known: ignored
    if headers["ce_id"] in seen:
        return
    seen.add(headers["ce_id"])
    article = json.loads(value)
    if error := next(validator.iter_errors(article), None):
        print("invalid", headers["ce_id"], error.message, sep="\t", flush=True)
        return
    shown = (
        kind.rpartition(".")[2],
        article["articleId"],
        article["revision"],
        article.get("headline", ""),
    )
    print(*shown, sep="\t", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
