"""The commands that repair and take back (``rebuild``, ``replay``, ``forget``): from settings to words."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Iterable

from workers.errors import EXIT_OK, ConfigError, UnavailableError
from workers.fetcher.parse import Parser
from workers.forget import ForgetSettings, forget
from workers.model import NEWEST_STATE
from workers.parts import kafka_connection, open_store
from workers.rebuild import RebuildSettings, rebuild
from workers.replay import Replayer, ReplaySettings, Wanted, letters
from workers.settings import Settings
from workers.store.address import Address
from workers.store.client import SyncClient
from workers.store.dataset import (
    check_version,
    decode_marker,
    existing_marker,
    finalize,
    known_versions,
    read_markers,
)
from workers.store.keys import Keys
from workers.store.watching import outbox_totals
from workers.units import parse_duration, several

DISK_MS = 10_000
CLEANUP_S = 10.0
"""How much later than its time-out a broker may end a transaction."""


def _add_run(parser: argparse.ArgumentParser, meaning: str) -> None:
    # Not under its own name: ``run`` is the command's function.
    parser.add_argument("--run", dest="really", action="store_true", help=meaning)


def add_replay(parser: argparse.ArgumentParser) -> None:
    """The options of ``newswire replay``."""
    parser.add_argument("--feed", default="", metavar="ID", help="only of this feed")
    parser.add_argument(
        "--stage", default="", choices=["parse", "normalise", "dedupe", "publish"], help="only of"
    )
    parser.add_argument("--reason", default="", help="only for this reason")
    parser.add_argument(
        "--since", default="", metavar="DURATION", help="only of the last 24h, 7d, …"
    )
    _add_run(parser, "send them through the pipeline again")


def add_forget(parser: argparse.ArgumentParser) -> None:
    """The options of ``newswire forget``."""
    parser.add_argument("what", help="an article's id or URL, or a feed's: all that it announced")
    _add_run(parser, "do it; without it, only list")


async def run_forget(s: Settings, args: argparse.Namespace) -> int:
    """``newswire forget``."""
    settings = ForgetSettings(s.instance, s.topic_prefix, int(s.dedupe_window * 1000), _settle_s(s))
    store = open_store(s)
    try:
        store.marker = await existing_marker(store)
        await forget(settings, store, kafka_connection(s), args.what, run=args.really, say=say)
    finally:
        await store.aclose()
    if args.really:
        await asyncio.to_thread(make_durable, s, range(s.shards))
    return EXIT_OK


def make_durable(s: Settings, shards: Iterable[int]) -> None:
    """Wait until what was written is on the disks: what is said to be done must outlive a crash."""
    client, keys = SyncClient(Address(s.redis_url)), Keys(s.instance, s.shards)
    try:
        for shard in shards:
            mark = keys.key(shard, "confirmed")
            token = secrets.token_hex(8)
            _, local, copies = client.renew_durably(
                mark, token, DISK_MS, s.durable_replicas, DISK_MS
            )
            if local < 1 or copies < s.durable_replicas:
                raise UnavailableError(
                    "Redis did not confirm that it is on disk. It is done, but a crash of Redis may undo it: "
                    "run this again when Redis is well."
                )
    finally:
        client.close()


async def run_state(s: Settings) -> int:
    """``newswire state``: which version is in force, and what this release knows."""
    store = open_store(s)
    try:
        found = [decode_marker(text) for text in await read_markers(store) if text]
        waiting, size, _ = await outbox_totals(store)
    finally:
        await store.aclose()
    if not found:
        raise ConfigError("Redis holds no state of this instance: start a worker first.")
    lowest = min(found, key=lambda m: m.version)
    say(f"dataset {lowest.dataset}, {lowest.shards} shards, topics {lowest.prefix}*")
    say(f"version {lowest.version} is in force; this release knows {known_versions()}")
    say(f"{several(waiting, 'event')} ({size} bytes) wait to be published")
    check_version(lowest)
    if lowest.version < NEWEST_STATE:
        say(
            "Releases before this one can still be gone back to. When that is no longer wanted, and no"
        )
        say("worker of theirs runs: newswire state finalize")
    return EXIT_OK


async def run_finalize(s: Settings) -> int:
    """``newswire state finalize``."""
    store = open_store(s)
    try:
        before, after = await finalize(store)
    finally:
        await store.aclose()
    await asyncio.to_thread(make_durable, s, range(s.shards))
    if before == after:
        say(f"version {after.version} is in force already; there is nothing to finalise")
    else:
        say(
            f"version {after.version} is in force; releases that do not know it refuse it from now on"
        )
    return EXIT_OK


def say(line: str) -> None:
    """One line for whoever sits at the terminal."""
    print(line, flush=True)  # noqa: T201


def run_rebuild(s: Settings) -> int:
    """``newswire rebuild``."""
    wanted = RebuildSettings(
        s.instance, s.shards, s.topic_prefix, int(s.dedupe_window * 1000), _settle_s(s)
    )
    done = rebuild(
        wanted, Address(s.redis_url), kafka_connection(s), lambda t: print(t, file=sys.stderr)  # noqa: T201
    )  # fmt: skip
    say(
        f"{done.events} events read: {done.records} records restored, {done.entries} entries "
        "remembered. Workers go on by themselves."
    )
    return EXIT_OK


async def run_replay(s: Settings, args: argparse.Namespace) -> int:
    """``newswire replay``."""
    since_ms = 0
    if args.since:
        try:
            since_ms = int((time.time() - parse_duration(args.since)) * 1000)
        except ValueError as error:
            raise ConfigError(f"--since {args.since}: {error}") from error
    settings = ReplaySettings(
        s.instance, s.topic_prefix, s.body, int(s.dedupe_window * 1000), _settle_s(s), s.routes
    )
    wanted = Wanted(args.feed, args.stage, args.reason, since_ms)
    found = list(letters(settings, kafka_connection(s), wanted))
    if not args.really:
        for letter in found:
            say(str(letter))
        if found:
            say(f"{several(len(found), 'dead letter')}; nothing was done. --run sends them again.")
        else:
            say("No dead letters: nothing was set aside, or nothing that matches.")
        return EXIT_OK
    store, parser = open_store(s), Parser()
    try:
        store.marker = await existing_marker(store)
        replayer = Replayer(settings, store, parser)
        for letter in found:
            await replayer.run(letter, say)
    finally:
        await parser.aclose()
        await store.aclose()
    return EXIT_OK


def _settle_s(s: Settings) -> float:
    return s.kafka_transaction_timeout + CLEANUP_S
