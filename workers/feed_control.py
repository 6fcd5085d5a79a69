"""``newswire feed``: pause a feed, resume it, poll it now, explain it."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from workers.commands import make_durable, say
from workers.errors import EXIT_BUG, EXIT_OK, ConfigError, UnavailableError
from workers.explain import ago
from workers.feed_commands import add_explain, find_id, run_explain
from workers.fetcher.schedule import Bounds
from workers.fetcher.status import paused_event, resumed_event
from workers.log_clean import Cleaner
from workers.log_fields import REASONS
from workers.model import SUCCESS, Pause
from workers.parts import open_store
from workers.settings import Settings
from workers.store.dataset import existing_marker
from workers.store.pauses import Held, held, poll_now, turn
from workers.store.store import Store
from workers.units import parse_duration

MAX_REASON = 200
LOOK_S = 0.2
WAIT = "5m"
TRIES = 20
"""A feed that changes under the hand is looked at again so often; each poll of it changes it once."""


def add_feed(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    """The actions of ``newswire feed``."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", dest="action")
    pause = actions.add_parser("pause", help="do not poll it until it is resumed")
    pause.add_argument("feed", nargs="+", help="a feed's id or URL")
    pause.add_argument("--reason", default="", help="why, for whoever looks later")
    resume = actions.add_parser("resume", help="poll it again, from now on")
    resume.add_argument("feed", nargs="+", help="a feed's id or URL")
    poll = actions.add_parser("poll", help="poll it now, as soon as its host allows it")
    poll.add_argument("feed", help="a feed's id or URL")
    poll.add_argument(
        "--wait",
        nargs="?",
        const=WAIT,
        default="",
        metavar="DURATION",
        help=f"wait for the outcome and tell it, {WAIT} at most; exit code 1 when the feed fails",
    )
    add_explain(actions.add_parser("explain", help="what is known of it, and why it is due"))
    parser.set_defaults(run=run)


async def run_feed(s: Settings, args: argparse.Namespace) -> int:
    """``newswire feed``. Returns the exit code."""
    match args.action:
        case "explain":
            return await run_explain(s, args)
        case "poll":
            return await _poll(s, args)
    async with _opened(s) as store:
        for wanted in args.feed:
            feed_id = await find_id(s, store, wanted)
            if args.action == "pause":
                await _pause(s, store, feed_id, _one_line(args.reason))
            else:
                await _resume(s, store, feed_id)
    return EXIT_OK


@asynccontextmanager
async def _opened(s: Settings) -> AsyncIterator[Store]:
    store = open_store(s)
    try:
        store.marker = await existing_marker(store)
        yield store
    finally:
        await store.aclose()


def _one_line(text: str) -> str:
    return Cleaner().text(text).strip()[:MAX_REASON]


async def _pause(s: Settings, store: Store, feed_id: str, reason: str) -> None:
    for _ in range(TRIES):
        found, now_ms = await _held(store, feed_id), await store.now_ms()
        pause = Pause(found.pause.since_ms if found.pause else now_ms, reason)
        event = paused_event(s.instance, found.config, found.state, pause, now_ms)
        state = msgspec.structs.replace(
            found.state, status="paused", status_at_ms=now_ms, status_url=found.state.url
        )
        if await turn(store, found, state, pause, event):
            await asyncio.to_thread(make_durable, s, [store.keys.feed_shard(feed_id)])
            broken_off = "; its poll under way is void" if found.claimed else ""
            say(f"{feed_id}: paused until `newswire feed resume {feed_id}`{broken_off}")
            return
    raise UnavailableError(f"{feed_id} changes all the time; try again")


async def _resume(s: Settings, store: Store, feed_id: str) -> None:
    bounds = Bounds(s.min_interval, s.max_interval)
    for attempt in range(TRIES):
        found, now_ms = await _held(store, feed_id), await store.now_ms()
        # An answer that was lost on its way may have been that all is done.
        if found.pause is None and not attempt:
            say(f"{feed_id}: it is not paused")
            return
        event = resumed_event(s.instance, found.config, found.state, bounds, now_ms)
        status = msgspec.json.decode(event.value)["state"]
        state = msgspec.structs.replace(
            found.state, status=status, status_at_ms=now_ms, status_url=found.state.url
        )
        if found.pause is None or await turn(store, found, state, None, event):
            await asyncio.to_thread(make_durable, s, [store.keys.feed_shard(feed_id)])
            when = "due now" if found.config.enabled else "but the feed list disables it"
            say(f"{feed_id}: resumed, {when}")
            return
    raise UnavailableError(f"{feed_id} changes all the time; try again")


async def _poll(s: Settings, args: argparse.Namespace) -> int:
    try:
        wait_s = parse_duration(args.wait) if args.wait else 0.0
    except ValueError as error:
        raise ConfigError(f"--wait {args.wait}: {error}") from error
    async with _opened(s) as store:
        feed_id = await find_id(s, store, args.feed)
        deadline = time.monotonic() + wait_s
        while True:
            before = await _held(store, feed_id)
            match await poll_now(store, feed_id):
                case "never":
                    raise ConfigError(_never(await _held(store, feed_id), await store.now_ms()))
                case "due" if not wait_s:
                    say(f"{feed_id}: due now; a worker polls it as soon as its host allows it")
                    return EXIT_OK
                case "due":
                    return await _outcome(store, before, deadline)
                case "under_way" if not wait_s:
                    say(f"{feed_id}: a worker polls it at this moment")
                    return EXIT_OK
            await _look_again(feed_id, deadline)


async def _outcome(store: Store, before: Held, deadline: float) -> int:
    """Wait for the poll that follows on ``before``, and tell what came of it."""
    feed_id, told_ms = before.config.id, 0
    while True:
        found, now_ms = await _held(store, feed_id), await store.now_ms()
        if found.pause or not found.config.enabled:
            raise ConfigError(_never(found, now_ms))
        if found.state.polls > before.state.polls and found.state.history:
            _, reason, status = found.state.history[-1]
            answer = f"{reason} ({status})" if status else reason
            say(f"{feed_id}: {answer}. {REASONS.get(reason, '')}")
            say(f"{feed_id}: next {ago(found.due_ms, now_ms)} ({found.state.due_why})")
            return EXIT_OK if reason in (*SUCCESS, "feed_sought") else EXIT_BUG
        if not found.claimed and found.due_ms > max(now_ms, told_ms):
            told_ms = found.due_ms
            say(f"{feed_id}: put off by its host or for room; its turn is {ago(told_ms, now_ms)}")
        await _look_again(feed_id, deadline)


async def _look_again(feed_id: str, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise UnavailableError(
            f"{feed_id} was not polled in this time. It stays due: does a worker run, and is it ready? "
            f"`newswire explain {feed_id}` says what it waits for."
        )
    await asyncio.sleep(LOOK_S)


def _never(found: Held, now_ms: int) -> str:
    feed_id = found.config.id
    if found.pause:
        since = ago(found.pause.since_ms, now_ms)
        return f"{feed_id} was paused {since}: `newswire feed resume {feed_id}` makes it due"
    return f"{feed_id} is disabled in the feed list"


async def _held(store: Store, feed_id: str) -> Held:
    found = await held(store, feed_id)
    if found is None:
        raise ConfigError(f"{feed_id} is not in the feed list any more")
    return found
