"""``newswire doctor``: every check, from the settings on."""

from __future__ import annotations

import argparse
import asyncio
import sys

from workers.doctor.findings import EXIT_CODES, Finding, as_json, as_text, fail, ok, warn, worst
from workers.doctor.kafka_checks import Asked, look_at_kafka
from workers.doctor.list_checks import compare_with_store, look_at_list
from workers.doctor.machine import look_at_machine
from workers.doctor.redis_checks import judge_dataset, look_at_redis
from workers.doctor.web_checks import chosen, look_at_web
from workers.errors import ConfigError, NewswireError
from workers.feedlist.source import ListSource
from workers.http.fetch import Fetcher
from workers.model import FeedConfig
from workers.parts import anywhere, kafka_connection, open_store, topics_of, user_agent
from workers.settings import Loaded, Settings, load, read_reference
from workers.store.store import Store
from workers.urls import redact_url


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """The options of ``newswire doctor``."""
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run_doctor(args: argparse.Namespace) -> int:
    """Check all, print it. Returns 0 when all is well, 1 with a warning, 2 with a failure."""
    secrets: tuple[str, ...] = ()
    color = False
    try:
        loaded = load()
    except ConfigError as error:
        found = [fail("settings", str(error), "Nothing else can be looked at before.")]
    else:
        secrets = loaded.secrets
        color = sys.stdout.isatty() and not loaded.no_color
        found = asyncio.run(examine(loaded))
    sys.stdout.flush()
    if args.json:
        sys.stdout.buffer.write(as_json(found, secrets))
    else:
        sys.stdout.buffer.write(as_text(found, secrets, color=color).encode("utf-8", "replace"))
    sys.stdout.flush()
    return EXIT_CODES[worst(found)]


async def examine(loaded: Loaded) -> list[Finding]:
    """All findings, in the order in which they are best repaired."""
    s = loaded.settings
    found = [warn("settings", text) for text in loaded.warnings]
    found = found or [ok("settings", f"instance {s.instance}; `newswire config` shows them all")]
    found += look_at_machine(s.fetch_concurrency, s.shards)
    store = open_store(s)
    try:
        redis, kafka, (listed, feeds) = await asyncio.gather(
            look_at_redis(store), _kafka(s), _feed_list(s)
        )
        found += [*redis.findings, *kafka[0]]
        markers, published = redis.markers, kafka[1]
        if markers is not None and published is not None:
            found.append(judge_dataset(markers, published, s.shards, s.topic_prefix))
        found += listed
        found += await _in_force(store, markers, feeds)
    finally:
        await store.aclose()
    return found + await _web(s, feeds)


async def _kafka(s: Settings) -> tuple[list[Finding], dict[int, str] | None]:
    try:
        connection = kafka_connection(s)
    except ConfigError as error:
        return [fail("kafka", str(error))], None
    asked = Asked(
        connection=connection,
        specs=topics_of(s),
        instance=s.instance,
        prefix=s.topic_prefix,
        shards=s.shards,
        window_ms=int(s.dedupe_window * 1000),
        create=s.kafka_create_topics,
        exactly_once=s.delivery == "exactly_once",
    )
    seen = await asyncio.to_thread(look_at_kafka, asked)
    return seen.findings, seen.published


async def _feed_list(s: Settings) -> tuple[list[Finding], list[FeedConfig]]:
    if not s.feeds:
        text = "NEWSWIRE_FEEDS is not set: there is nothing to poll"
        return [fail("feeds", text, "Give the path or URL of a feed list.")], []
    fetcher = anywhere(s)
    try:
        source = ListSource(s.feeds, fetcher.fetch)
        seen = await look_at_list(
            source, read_reference, gap_s=s.host_gap, longest_s=s.max_interval
        )
        return seen.findings, seen.feeds
    finally:
        await fetcher.aclose()


async def _in_force(
    store: Store, markers: list[str] | None, feeds: list[FeedConfig]
) -> list[Finding]:
    return await compare_with_store(store, feeds) if markers and all(markers) and feeds else []


async def _web(s: Settings, feeds: list[FeedConfig]) -> list[Finding]:
    if not feeds:
        return []
    try:
        fetcher = Fetcher(
            allowed_networks=s.allowed_networks,
            user_agent=user_agent(s.contact),
            deadline_s=s.fetch_deadline,
            ca_file=s.ca_file,
            proxy_url=s.proxy_url,
        )
    except NewswireError as error:
        return [fail("http", str(error))]
    try:
        proxy = redact_url(s.proxy_url) if s.proxy_url else ""
        return await look_at_web(fetcher, chosen(feeds), proxy)
    finally:
        await fetcher.aclose()
