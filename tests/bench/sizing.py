"""``python -m tests.bench.sizing``: what feeds and articles take, as deploy/RUNBOOK.md counts with them.

One worker takes in feeds of twenty entries each, announces them all, and polls on. Redis's memory, Kafka's
log and the worker's own are looked at before, after the first poll of each, and while it polls. Two minutes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.bench.meter import cpu_s, resident
from tests.support.kafka_jars import KafkaMissingError
from tests.support.servers import KafkaServer, ValkeyServer
from tests.support.static_site import StaticSite
from tests.support.worker import FAST, WorkerProcess

FEEDS, ENTRIES, WORDS = 1_000, 20, 350
POLLS_S = 30.0
TOPIC = "news.articles"


def document(base: str, feed: int) -> bytes:
    """A feed of articles of its own, 350 words each out of 2,000."""
    items = []
    for n in range(ENTRIES):
        seed = feed * ENTRIES + n
        words = [f"w{(seed * 7919 + k * 104_729 + k * k) % 2_000:x}" for k in range(WORDS)]
        text = " ".join(words)
        items.append(
            f"<item><title>Story {seed} of {words[0]}</title><link>{base}/a/{seed}</link><guid>{seed}</guid>"
            f"<pubDate>Mon, 02 Nov 2026 10:00:00 GMT</pubDate><description>{text}.</description></item>"
        )
    head = f"<title>Feed {feed}</title><link>{base}/{feed}</link>"
    return f"<rss version='2.0'><channel>{head}{''.join(items)}</channel></rss>".encode()


def _memory(valkey: ValkeyServer) -> int:
    with valkey.client() as client:
        return int(client.info("memory")["used_memory"])


def _log_bytes(kafka: KafkaServer) -> int:
    folders = (kafka.directory / "data").glob(f"{TOPIC}-*")
    return sum(f.stat().st_size for folder in folders for f in folder.glob("*.log"))


def _wait(what: str, holds: object, within_s: float = 300) -> None:
    deadline = time.monotonic() + within_s
    while not holds():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.2)


def measure(folder: Path) -> None:
    """Print the figures."""
    kafka, valkey = KafkaServer(folder / "kafka"), ValkeyServer(folder / "valkey")
    try:
        kafka.start()
        valkey.start()
        with StaticSite() as site:
            for feed in range(FEEDS):
                site.pages[f"/{feed}"] = document(site.base, feed)
            feeds = folder / "feeds.txt"
            feeds.write_text("".join(f"{site.base}/{feed}\n" for feed in range(FEEDS)))
            env = FAST | {
                "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
                "NEWSWIRE_REDIS_URL": valkey.url,
                "NEWSWIRE_FEEDS": str(feeds),
                "NEWSWIRE_KAFKA_PARTITIONS": "12",
                "NEWSWIRE_FETCH_DEADLINE": "10s",
                "NEWSWIRE_CLAIM_LEASE": "20s",
            }
            empty = _memory(valkey)
            with WorkerProcess(env) as worker:
                _figures(worker, valkey, kafka, empty)
    finally:
        valkey.close()
        kafka.close()


def _figures(worker: WorkerProcess, valkey: ValkeyServer, kafka: KafkaServer, empty: int) -> None:
    articles = FEEDS * ENTRIES
    worker.wait_for("feed_polled", timeout_s=60)
    start, cpu = time.monotonic(), cpu_s(worker.pid)
    new = lambda: sum(x["new"] for x in worker.lines("feed_polled"))  # noqa: E731
    _wait("all articles are found", lambda: new() == articles)
    first_s, first_cpu = time.monotonic() - start, cpu_s(worker.pid) - cpu
    time.sleep(5)  # the outbox drains
    used, log = _memory(valkey) - empty, _log_bytes(kafka)
    polls, cpu, start = len(worker.lines("feed_polled")), cpu_s(worker.pid), time.monotonic()
    time.sleep(POLLS_S)
    polls, cpu = len(worker.lines("feed_polled")) - polls, cpu_s(worker.pid) - cpu
    size = len(document("http://127.0.0.1:9", 0))
    print(f"{FEEDS} feeds of {ENTRIES} articles; a document has {size / 1000:.0f} KB")
    print(
        f"taken in: {articles} articles in {first_s:.0f} s, {first_cpu / articles * 1000:.2f} ms of CPU each"
    )
    print(
        f"unchanged feeds: {cpu / polls * 1000:.2f} ms of CPU a poll, {polls / POLLS_S:.0f} polls/s here"
    )
    print(
        f"Redis: {used / FEEDS:.0f} bytes a feed with its articles, {used / articles:.0f} an article"
    )
    print(
        f"Kafka: {log / articles:.0f} bytes an article of {size / ENTRIES:.0f}, gzip, one replica"
    )
    print(f"worker: {resident(worker.pid) / 1e6:.0f} MB with its parsers, while it polls")
    worker.stop()


def main() -> int:
    """The command line."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            measure(Path(folder))
        except KafkaMissingError as missing:
            print(f"It needs Apache Kafka: {missing}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
