"""Reads articles with kafka-python: committed only, validated, each event once.

pip install kafka-python crc32c jsonschema
python articles_kafka_python.py 127.0.0.1:9092 news.articles
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path

from jsonschema import Draft202012Validator
from kafka import KafkaConsumer

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas" / "json"
VALIDATORS = {
    f"urn:newswire:{name}:v1": Draft202012Validator(
        json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    )
    for name in ("article", "article-withdrawn")
}
TYPES = {"news.article.created", "news.article.updated", "news.article.withdrawn"}


class Seen:
    """The last ids. A service keeps ce_id beside what it made of the event, in one transaction."""

    def __init__(self, size: int = 100_000) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._size = size

    def add(self, ce_id: str) -> bool:
        """False when the id was there already."""
        if ce_id in self._ids:
            return False
        self._ids[ce_id] = None
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)
        return True


def main(servers: str, topic: str) -> None:
    """Print one line for each event, for ever."""
    seen = Seen()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=servers.split(","),
        group_id="example-kafka-python",
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    for record in consumer:
        headers = {name: (value or b"").decode() for name, value in record.headers}
        kind = headers.get("ce_type", "")
        validator = VALIDATORS.get(headers.get("ce_dataschema", ""))
        if record.value is None or kind not in TYPES or validator is None:
            continue  # not known: ignored
        if not seen.add(headers["ce_id"]):
            continue
        article = json.loads(record.value)
        if error := next(validator.iter_errors(article), None):
            print("invalid", headers["ce_id"], error.message, sep="\t", flush=True)
            continue
        shown = (
            kind.rpartition(".")[2],
            article["articleId"],
            article["revision"],
            article.get("headline", ""),
        )
        print(*shown, sep="\t", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
