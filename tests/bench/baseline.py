"""The yardstick: the loop that one writes first, of the same libraries. Run by ``make bench``.

A hundred tasks fetch feeds in turn with httpx (conditionally), parse with feedparser, remember each entry
with SET NX, one pipeline a document, and send what is new as JSON. No claims, no politeness, no address
check, no normalisation, no log, and an article is lost or doubled by any crash.

It prints one JSON line: polls, and its CPU seconds for them.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator

import feedparser
import httpx
import redis.asyncio as aioredis
from kafka import KafkaProducer

CONCURRENCY = 100


class Baseline:
    """The loop over one kind of feed."""

    def __init__(self, urls: list[str], redis_url: str, kafka: str, topic: str) -> None:
        self._urls: Iterator[str] = itertools.cycle(urls)
        self._etags: dict[str, str] = {}
        limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
        self._http = httpx.AsyncClient(limits=limits, timeout=60, trust_env=False)
        # feedparser holds the loop for so long that the library's own time-outs pass on a busy machine.
        patience = {"socket_connect_timeout": 60, "socket_timeout": 60}
        self._redis = aioredis.Redis.from_url(redis_url, max_connections=CONCURRENCY, **patience)
        self._producer = KafkaProducer(
            bootstrap_servers=kafka, linger_ms=5, compression_type="gzip", acks="all"
        )
        self._topic = topic
        self.polls = 0

    async def run(self, seconds: float) -> None:
        """Poll for so long."""
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._work(end) for _ in range(CONCURRENCY)))

    async def round(self, count: int) -> None:
        """Poll each feed once."""
        urls = iter([next(self._urls) for _ in range(count)])

        async def work() -> None:
            for url in urls:
                await self._poll(url)

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))

    async def _work(self, end: float) -> None:
        while time.monotonic() < end:
            await self._poll(next(self._urls))

    async def _poll(self, url: str) -> None:
        etag = self._etags.get(url)
        response = await self._http.get(url, headers={"If-None-Match": etag} if etag else None)
        self.polls += 1
        if response.status_code == 304:
            return
        if "etag" in response.headers:
            self._etags[url] = response.headers["etag"]
        entries = feedparser.parse(response.content).entries
        pipe = self._redis.pipeline(transaction=False)
        for entry in entries:
            pipe.set(f"seen:{url}:{entry.get('id') or entry.get('link')}", 1, nx=True, ex=1_209_600)
        for entry, fresh in zip(entries, await pipe.execute(), strict=True):
            if fresh:
                article = {k: entry.get(k) for k in ("id", "link", "title", "summary", "published")}
                self._producer.send(self._topic, json.dumps(article).encode())

    async def aclose(self) -> None:
        """Send what waits, and close."""
        await asyncio.to_thread(self._producer.flush)
        self._producer.close()
        await self._http.aclose()
        await self._redis.aclose()


async def _main(
    base: str, kind: str, feeds: int, seconds: float, redis_url: str, kafka: str
) -> None:
    urls = [f"{base}/{kind}/b{n}" for n in range(feeds)]
    loop = Baseline(urls, redis_url, kafka, f"baseline-{kind}")
    await loop.round(feeds)
    loop.polls, began = 0, time.process_time()
    await loop.run(seconds)
    await asyncio.to_thread(loop._producer.flush)
    print(json.dumps({"polls": loop.polls, "cpu_s": time.process_time() - began}))
    await loop.aclose()


if __name__ == "__main__":
    base, kind, feeds, seconds, redis_url, kafka = sys.argv[1:]
    asyncio.run(_main(base, kind, int(feeds), float(seconds), redis_url, kafka))
