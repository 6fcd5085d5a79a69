"""The commands that repair: ``rebuild`` and ``replay``, from settings to what they say."""

from __future__ import annotations

import argparse
import sys
import time

from workers.errors import EXIT_OK, ConfigError
from workers.fetcher.parse import Parser
from workers.rebuild import RebuildSettings, rebuild
from workers.replay import Replayer, ReplaySettings, Wanted, letters
from workers.settings import Settings
from workers.store.client import Address
from workers.store.dataset import read_markers
from workers.units import parse_duration
from workers.worker import kafka_connection, open_store

CLEANUP_S = 10.0
"""How much later than its time-out a broker may end a transaction."""


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
    parser.add_argument("--run", action="store_true", help="send them through the pipeline again")


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
        s.instance, s.topic_prefix, s.body, int(s.dedupe_window * 1000), _settle_s(s)
    )
    wanted = Wanted(args.feed, args.stage, args.reason, since_ms)
    found = list(letters(settings, kafka_connection(s), wanted))
    if not args.run:
        for letter in found:
            say(str(letter))
        return EXIT_OK
    store, parser = open_store(s), Parser()
    try:
        markers = await read_markers(store)
        if not all(markers):
            raise ConfigError("Redis holds no state of this instance: start a worker first.")
        store.marker = markers[0]
        replayer = Replayer(settings, store, parser)
        for letter in found:
            await replayer.run(letter, say)
    finally:
        await parser.aclose()
        await store.aclose()
    return EXIT_OK


def _settle_s(s: Settings) -> float:
    return s.kafka_transaction_timeout + CLEANUP_S
