"""``newswire feeds`` and ``newswire explain``: look at what is known of the feeds, change nothing."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from urllib.parse import urlsplit

from workers.errors import EXIT_CONFIG, EXIT_OK
from workers.explain import STATES, ago, explain, state_of
from workers.feedlist.identity import feed_id
from workers.fetcher.net import host_key
from workers.fetcher.schedule import Bounds
from workers.fetcher.search import target
from workers.model import FeedConfig, FeedState
from workers.settings import Settings
from workers.store.store import Store
from workers.urls import redact_url
from workers.worker import open_store

ROW = "{:<20.64} {:<9} {:>12} {:>12}  {}\n"


def add_feeds(parser: argparse.ArgumentParser) -> None:
    """The options of ``newswire feeds``."""
    parser.add_argument("--state", choices=STATES, help="only feeds in this state")


def add_explain(parser: argparse.ArgumentParser) -> None:
    """The options of ``newswire explain``."""
    parser.add_argument("feed", help="the feed's id or URL")


async def run_feeds(s: Settings, args: argparse.Namespace) -> int:
    """Print a table of all feeds, as they come. Returns the exit code."""
    bounds = Bounds(s.min_interval, s.max_interval)
    store = open_store(s)
    try:
        now_ms = await store.now_ms()
        sys.stdout.write(ROW.format("ID", "STATE", "LAST SUCCESS", "DUE", "NAME"))
        async for batch in store.feeds():
            for config, state, due_ms in batch:
                found = state_of(config, state, bounds, now_ms)
                if args.state in (None, found):
                    sys.stdout.write(_row(config, state, due_ms, found, now_ms))
    finally:
        await store.aclose()
    return EXIT_OK


def _row(config: FeedConfig, state: FeedState, due_ms: int, found: str, now_ms: int) -> str:
    due = "-" if found == "disabled" else "now" if due_ms <= now_ms else ago(due_ms, now_ms)
    name = config.name or state.title or redact_url(config.url)
    return ROW.format(config.id, found, ago(state.last_success_ms, now_ms), due, name)


async def run_explain(s: Settings, args: argparse.Namespace) -> int:
    """Explain one feed. Returns the exit code; 78 when there is no such feed."""
    store = open_store(s)
    try:
        found = await _find(store, args.feed)
        if found is None:
            print(  # noqa: T201
                f"newswire: no feed of instance {s.instance} has the id or URL "
                f"{redact_url(args.feed)}; `newswire feeds` lists all",
                file=sys.stderr,
            )
            return EXIT_CONFIG
        config, state, due_ms = found
        now_ms, claimed = await store.now_ms(), await store.claimed(config.id)
        host = host_key(urlsplit(target(state, config)).hostname or "")
        rests_ms = await store.rests_until_ms(host)
        in_line = await store.placed(config.id)
    finally:
        await store.aclose()
    bounds = Bounds(s.min_interval, s.max_interval)
    text = explain(
        config,
        state,
        due_ms,
        bounds,
        now_ms,
        polled_now=claimed,
        in_line=in_line,
        rests_until_ms=rests_ms,
    )
    sys.stdout.write(text)
    return EXIT_OK


async def _find(store: Store, wanted: str) -> tuple[FeedConfig, FeedState, int] | None:
    """By id, by the id that the URL gives, and last by looking at the URL of every feed."""
    if "://" not in wanted:
        return await store.feed(wanted)
    with suppress(ValueError):
        if found := await store.feed(feed_id(wanted)):
            return found
    async for batch in store.feeds():
        for config, state, due_ms in batch:
            if wanted in (config.url, state.url):
                return config, state, due_ms
    return None
