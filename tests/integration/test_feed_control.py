"""``newswire feed``: a pause holds against workers, lists and crashes, and a poll is one at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.conftest import Names
from tests.integration.helpers import settings, until
from tests.integration.test_feed_commands import newswire
from tests.support.servers import ValkeyServer
from tests.support.static_site import Answer, StaticSite, rss
from tests.support.topic import read_topic
from tests.support.worker import WorkerProcess
from workers.errors import ClaimLostError
from workers.fetcher.schedule import Bounds
from workers.fetcher.status import paused_event, resumed_event
from workers.model import FeedConfig, FeedState, Pause
from workers.store.address import Address
from workers.store.dataset import open_dataset
from workers.store.keys import Keys
from workers.store.listing import put_feeds, remove_feeds
from workers.store.pauses import Held, held, pauses, poll_now, turn
from workers.store.store import NEVER_MS, Store

pytestmark = pytest.mark.usefixtures("redis_hygiene")
FEED = FeedConfig(id="a-feed", url="http://feed.example/rss")
PAUSE = Pause(1_700_000_000_000, "they asked")
BOUNDS = Bounds(300, 86_400)


@pytest.fixture
async def store(valkey_server: ValkeyServer, names: Names) -> AsyncIterator[Store]:
    """A store of one shard that knows one feed, due now."""
    keys = Keys(names.instance, 1)
    opened = Store(Address(valkey_server.url), keys, window_ms=60_000, lease_ms=60_000)
    await open_dataset(opened, names.topic_prefix, {})
    await put_feeds(opened, [(FEED, 0)])
    yield opened
    await opened.aclose()


async def look(store: Store) -> Held:
    """The feed as it is."""
    found = await held(store, FEED.id)
    assert found is not None
    return found


async def pause(store: Store, before: Held) -> bool:
    """Pause it as the command does."""
    state = msgspec.structs.replace(before.state, status="paused")
    event = paused_event("i", FEED, before.state, PAUSE, PAUSE.since_ms)
    return await turn(store, before, state, PAUSE, event)


async def resume(store: Store) -> bool:
    """Resume it as the command does."""
    before = await look(store)
    event = resumed_event("i", FEED, before.state, BOUNDS, PAUSE.since_ms)
    return await turn(store, before, before.state, None, event)


async def test_a_pause_fences_the_poll_under_way(store: Store) -> None:
    """What a worker learned of a feed that was paused meanwhile is not written, and brings it back not."""
    (claim,) = (await store.claim(0, 10)).claims
    assert await pause(store, await look(store))
    with pytest.raises(ClaimLostError):
        await store.commit(claim, FeedState(polls=1), b"memory", 5, ())
    assert not await store.release(claim, 0)
    found = await look(store)
    assert (found.pause, found.due_ms, found.claimed) == (PAUSE, NEVER_MS, False)
    assert (found.state.polls, found.state.status) == (0, "paused")
    assert not (await store.claim(0, 10)).claims


async def test_a_feed_that_changed_is_looked_at_again(store: Store) -> None:
    """A poll that ends between the look and the pause is not overwritten."""
    before = await look(store)
    (claim,) = (await store.claim(0, 10)).claims
    await store.commit(claim, FeedState(polls=1), None, 5, ())
    assert not await pause(store, before)
    found = await look(store)
    assert (found.pause, found.state.polls, found.due_ms) == (None, 1, 5)


@pytest.mark.parametrize("delay_ms", [None, 0])
async def test_the_list_does_not_end_a_pause(store: Store, delay_ms: int | None) -> None:
    """Neither a changed feed nor one that was disabled, or gone from the list and is back, is due."""
    assert await pause(store, await look(store))
    changed = msgspec.structs.replace(FEED, url="http://feed.example/other")
    off = msgspec.structs.replace(FEED, enabled=False)
    for config in (changed, off, FEED):
        await put_feeds(store, [(config, delay_ms)])
        assert not (await store.claim(0, 10)).claims
    await remove_feeds(store, [(FEED.id, b"\x90")], "feeds")
    assert await held(store, FEED.id) is None
    await put_feeds(store, [(FEED, delay_ms)])
    assert not (await store.claim(0, 10)).claims
    assert (await look(store)).pause == PAUSE
    another = msgspec.structs.replace(FEED, id="another")
    stopped = [(feed, FeedState(), NEVER_MS) for feed in (FEED, another)]
    assert await pauses(store, stopped) == {FEED.id: PAUSE}


async def test_a_resumed_feed_is_due_at_once(store: Store) -> None:
    """A claim gets it, with the state that it had."""
    assert await pause(store, await look(store))
    assert await resume(store)
    (claim,) = (await store.claim(0, 10)).claims
    assert claim.feed_id == FEED.id
    assert (await look(store)).pause is None


async def test_a_disabled_feed_that_is_resumed_stays_disabled(store: Store) -> None:
    """The list's word counts again."""
    assert await pause(store, await look(store))
    await put_feeds(store, [(msgspec.structs.replace(FEED, enabled=False), None)])
    assert await resume(store)
    assert (await look(store)).due_ms == NEVER_MS
    assert await poll_now(store, FEED.id) == "never"


async def test_a_poll_is_due_now_unless_it_runs(store: Store) -> None:
    """A feed that waits is due; one that is polled is left to its poll; one that is paused stays so."""
    (claim,) = (await store.claim(0, 10)).claims
    before = (await look(store)).due_ms
    assert await poll_now(store, FEED.id) == "under_way"
    assert (await look(store)).due_ms == before
    await store.commit(claim, FeedState(polls=1), None, before + 3_600_000, ())
    assert not (await store.claim(0, 10)).claims
    assert await poll_now(store, FEED.id) == "due"
    assert len((await store.claim(0, 10)).claims) == 1
    assert await pause(store, await look(store))
    assert await poll_now(store, FEED.id) == "never"
    assert await poll_now(store, "no-such-feed") == "never"


async def test_many_at_once_end_in_one_of_both(store: Store) -> None:
    """Pauses and resumes that race with polls leave no feed that is paused and due, or neither."""

    async def flip(number: int) -> bool:
        for _ in range(20):  # as the command: look again when it is not as it was
            if await (pause(store, await look(store)) if number % 2 else resume(store)):
                return True
        return False

    async def poll() -> None:
        for claim in (await store.claim(0, 10)).claims:
            await store.commit(claim, FeedState(polls=1), None, 7, ())

    done = await asyncio.gather(
        *(flip(n) for n in range(40)), *(poll() for _ in range(20)), return_exceptions=True
    )
    assert any(answer is True for answer in done)
    assert all(isinstance(a, ClaimLostError) for a in done if isinstance(a, BaseException))
    found = await look(store)
    assert (found.pause is not None) == (found.due_ms == NEVER_MS)


# -- with workers ------------------------------------------------------------------------------------


def _told(kafka: str, names: Names, feed_id: str) -> dict[str, Any]:
    """The last word on a feed that consumers have."""
    records = read_topic(kafka, f"{names.topic_prefix}feeds")
    return next((r.value for r in reversed(records) if r.key == feed_id and r.value), {})


def test_a_pause_outlives_workers_and_lists(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Nothing asks a paused feed: no running worker, no new one, no changed list; consumers are told, and
    from its resumption on it is asked again."""
    with StaticSite() as site:
        site.pages["/f"] = rss(site.base, "harbour", 3)
        feeds = tmp_path / "feeds.yaml"
        entry = f"feeds:\n  - id: harbour\n    url: {site.base}/f\n"
        feeds.write_text(entry)
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_polled", reason="new")
            done = newswire(env, "feed", "pause", f"{site.base}/f", "--reason", "too\x1b[2J loud")
            assert done.returncode == 0, done.stderr
            until(lambda: _told(kafka, names, "harbour").get("state") == "paused", 20, "told")
            told = _told(kafka, names, "harbour")
            assert told["note"] == "too\ufffd[2J loud"
            assert "since" in told
            assert "nextPoll" not in told
            asked = site.requests["/f"]
            feeds.write_text(entry + "    tags: [sea]\n")
            worker.wait_for("feed_list_loaded", changed=1)
            assert worker.stop() == 0, worker.tail()
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_list_loaded")
            (line,) = newswire(env, "feeds", "--state", "paused", "--json").stdout.splitlines()
            assert json.loads(line)["note"] == told["note"]
            assert "never: it is paused" in newswire(env, "feed", "explain", "harbour").stdout
            refused = newswire(env, "feed", "poll", "harbour", "--wait")
            assert refused.returncode == 78
            assert "newswire feed resume harbour" in refused.stderr
            assert site.requests["/f"] == asked
            assert newswire(env, "feed", "resume", "harbour").returncode == 0
            until(lambda: site.requests["/f"] > asked, 10, "asked again")
            until(lambda: _told(kafka, names, "harbour")["state"] == "healthy", 20, "told")
            assert "not paused" in newswire(env, "feed", "resume", "harbour").stdout
            assert worker.stop() == 0, worker.tail()


def _refused(_: Any) -> Answer:
    return 429, {"Retry-After": "3600"}, b""


def test_a_poll_at_once(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """A feed that would wait an hour is asked once, and the outcome told; not while its host rests."""
    with StaticSite() as site:
        site.pages |= {"/f": rss(site.base, "harbour", 3), "/bad": lambda _: (500, {}, b"")}
        feeds = tmp_path / "feeds.yaml"
        feeds.write_text(
            "feeds:\n"
            f"  - {{id: harbour, url: '{site.base}/f', interval: 1h}}\n"
            f"  - {{id: bad, url: '{site.base}/bad', interval: 1h}}\n"
        )
        env = settings(names, kafka, valkey, feeds, NEWSWIRE_MAX_INTERVAL="1h")
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_polled", feed_id="harbour")
            worker.wait_for("feed_polled", feed_id="bad")
            asked = site.requests["/f"]
            done = newswire(env, "feed", "poll", "harbour", "--wait")
            assert done.returncode == 0, done.stderr
            assert "harbour: unchanged (200)" in done.stdout
            assert "min (interval)" in done.stdout
            failed = newswire(env, "feed", "poll", "bad", "--wait")
            assert failed.returncode == 1
            assert "server_error (500)" in failed.stdout
            site.pages["/f"] = _refused
            assert newswire(env, "feed", "poll", "harbour", "--wait").returncode == 1
            late = newswire(env, "feed", "poll", "harbour", "--wait", "2s")
            assert late.returncode == 75
            assert "put off by its host" in late.stdout
            assert site.requests["/f"] == asked + 2
            assert newswire(env, "feed", "poll", "harbour").stdout.startswith("harbour: due now")
            assert worker.stop() == 0, worker.tail()
