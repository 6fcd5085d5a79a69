"""``newswire feeds`` and ``newswire explain``: look at what is known of the feeds, change nothing."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

from workers.errors import EXIT_OK, ConfigError
from workers.explain import STATES, Standing, explain
from workers.feed_table import (
    HEAD,
    RANK_BYTES,
    Known,
    Wanted,
    as_json,
    as_line,
    attributes,
    host_of,
    rank,
)
from workers.feedlist.identity import feed_id
from workers.feedlist.opml import OpmlExport
from workers.fetcher.schedule import Bounds
from workers.log_clean import Cleaner
from workers.parts import open_store
from workers.settings import Settings
from workers.store import scheduled
from workers.store.pauses import held, pauses
from workers.store.store import Store
from workers.units import parse_duration, several
from workers.urls import redact_url

BATCH = 1_000


def add_feeds(parser: argparse.ArgumentParser) -> None:
    """The options of ``newswire feeds``."""
    parser.add_argument(
        "--state", choices=STATES, action="append", help="only feeds in this state; may be repeated"
    )
    parser.add_argument("--host", default="", help="only feeds of this host and those below it")
    parser.add_argument(
        "--failing-for",
        default="",
        metavar="DURATION",
        help="only what fails for 2h, 7d, … or more",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument(
        "--opml",
        action="store_true",
        help="a list to be read again, with each feed's state; addresses stand there whole, with any secrets",
    )


def add_explain(parser: argparse.ArgumentParser) -> None:
    """The options of ``newswire explain``."""
    parser.add_argument("feed", help="the feed's id or URL")


async def run_feeds(s: Settings, args: argparse.Namespace) -> int:
    """Print all feeds, the worst first. Returns the exit code."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    wanted = Wanted(frozenset(args.state or STATES), args.host.lower(), _seconds(args.failing_for))
    store = open_store(s)
    try:
        now_ms = await store.now_ms()
        feeds = _chosen(store, wanted, Bounds(s.min_interval, s.max_interval), now_ms)
        if args.opml:
            await _print_opml(feeds)
        else:
            await _print_rows(feeds, now_ms, json=args.json)
    finally:
        await store.aclose()
    return EXIT_OK


def _seconds(text: str) -> float:
    try:
        return parse_duration(text) if text else 0.0
    except ValueError as error:
        raise ConfigError(f"--failing-for {text}: {error}") from error


async def _chosen(
    store: Store, wanted: Wanted, bounds: Bounds, now_ms: int
) -> AsyncIterator[Known]:
    seen: set[str] = set()  # a scan may show a feed twice
    async for batch in scheduled.feeds(store, BATCH):
        paused = await pauses(store, batch)
        for config, state, due_ms in batch:
            known = Known.of(config, state, due_ms, paused.get(config.id), bounds, now_ms)
            if config.id not in seen and wanted.takes(known, now_ms):
                yield known
            seen.add(config.id)


async def _print_rows(feeds: AsyncIterator[Known], now_ms: int, *, json: bool) -> None:
    # One string of bytes a feed, its place before its line: a hundred thousand are 20 MB.
    rows, states = [], Counter[str]()
    async for known in feeds:
        line = as_json(known) if json else as_line(known, now_ms).encode("utf-8", "replace")
        rows.append(rank(known) + line)
        states[known.name] += 1
    rows.sort()
    if not json:
        sys.stdout.write(HEAD)
    sys.stdout.flush()
    for row in rows:
        sys.stdout.buffer.write(row[RANK_BYTES:] + b"\n")
    sys.stdout.flush()
    if not json:
        counts = ", ".join(f"{states[name]} {name}" for name in STATES if states[name])
        print(f"{several(len(rows), 'feed')}{': ' if counts else ''}{counts}", file=sys.stderr)  # noqa: T201


async def _print_opml(feeds: AsyncIterator[Known]) -> None:
    export = OpmlExport()
    async for known in feeds:
        export.add(known.config, attributes(known))
    sys.stdout.flush()
    sys.stdout.buffer.write(export.document())
    sys.stdout.flush()


async def run_explain(s: Settings, args: argparse.Namespace) -> int:
    """Explain one feed. Returns the exit code."""
    store = open_store(s)
    try:
        found = await held(store, await find_id(s, store, args.feed))
        if found is None:
            raise unknown(s, args.feed)
        now_ms = await store.now_ms()
        rests_ms = await store.hosts.rests_until_ms(host_of(found.config, found.state))
        in_line = await scheduled.placed(store, found.config.id)
    finally:
        await store.aclose()
    text = explain(
        found.config,
        found.state,
        found.due_ms,
        Bounds(s.min_interval, s.max_interval),
        now_ms,
        Standing(found.claimed, in_line, rests_ms, found.pause),
    )
    clean = Cleaner().text  # names and errors in it come from feeds
    sys.stdout.write("\n".join(clean(line) for line in text.split("\n")))
    return EXIT_OK


async def find_id(s: Settings, store: Store, wanted: str) -> str:
    """The id of a feed by its id, by the id that the URL gives, and last by the URL of every feed.

    Raises:
        ConfigError: there is no such feed.
    """
    if "://" not in wanted:
        if await scheduled.feed(store, wanted):
            return wanted
        raise unknown(s, wanted)
    with suppress(ValueError):
        if await scheduled.feed(store, derived := feed_id(wanted)):
            return derived
    async for batch in scheduled.feeds(store, BATCH):
        for config, state, _ in batch:
            if wanted in (config.url, state.url):
                return config.id
    raise unknown(s, wanted)


def unknown(s: Settings, wanted: str) -> ConfigError:
    """That there is no such feed."""
    return ConfigError(
        f"no feed of instance {s.instance} has the id or URL {redact_url(wanted)}; "
        "`newswire feeds` lists all"
    )
