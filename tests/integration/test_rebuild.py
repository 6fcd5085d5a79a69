"""``newswire rebuild``: an emptied Redis knows again what was announced."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from tests.conftest import Names
from tests.integration.helpers import polled, settings, until
from tests.integration.shards import FEED, WINDOW_MS, Shards, article, publish_all
from tests.support.judge import count
from tests.support.kafka_jars import ROOT
from tests.support.servers import ValkeyServer
from tests.support.topic import read_topic
from tests.support.worker import WorkerProcess
from tests.support.world_process import WorldProcess
from workers.errors import ConfigError, StateRegressedError, UnavailableError
from workers.fetcher.memory import Memory, Remembered, unpack
from workers.fetcher.policy import policy_for
from workers.fetcher.reading import Reading
from workers.fetcher.schedule import Bounds
from workers.fetcher.status import paused_event, resumed_event
from workers.model import Article, Claim, FeedConfig, FeedState, Pause
from workers.publisher.recall import Recalled
from workers.rebuild import RebuildSettings, Rebuilt, merge, rebuild
from workers.store.address import Address
from workers.store.forms import unpack_memory
from workers.store.listing import put_feeds
from workers.store.pauses import Held, held, turn
from workers.store.store import Store


@pytest.fixture
def shards(names: Names, kafka: str, own_valkey: ValkeyServer, kafka_server: object) -> Shards:
    """An instance of two shards in it."""
    return Shards(names, kafka, own_valkey.url, shards=2)


def run_rebuild(shards: Shards) -> Rebuilt:
    """What ``newswire rebuild`` does."""
    wanted = RebuildSettings(
        shards.names.instance, shards.keys.shards, shards.names.topic_prefix, WINDOW_MS, 20
    )
    return rebuild(wanted, Address(shards.valkey), shards.connection, lambda _: None)


def memory_of(server: ValkeyServer, shards: Shards) -> Memory:
    """What Redis remembers of the feed's entries."""
    with server.client() as client:
        key = shards.keys.key(shards.keys.feed_shard(FEED.id), f"m:{FEED.id}")
        return unpack(unpack_memory(client.get(key) or b""))


def flush(server: ValkeyServer) -> None:
    """Empty it as an operator's mistake would."""
    with server.client() as client:
        client.flushall()


def test_a_rebuild_restores_what_was_published(shards: Shards, own_valkey: ValkeyServer) -> None:
    """Records at their last revision, the feed's entries and the marker are back; publishing goes on."""
    ids = shards.admit([article(n) for n in range(30)])
    ids += shards.admit([article(n, f"edit {n}") for n in range(5)], revision=2)
    publish_all(shards)
    before = dump_records(own_valkey, shards)
    flush(own_valkey)
    done = run_rebuild(shards)
    assert (done.events, done.entries) == (35, 30)
    assert dump_records(own_valkey, shards) == before
    memory = memory_of(own_valkey, shards)
    edited = article(0, "edit 0")
    assert len(memory.entries) == 30
    assert memory.by_url[memory.entries[0].url] is memory.entries[0]
    assert edited.body_hash in {e.body for e in memory.entries}
    marker = shards.marker_text
    shards.open()
    assert shards.marker_text == marker
    ids += shards.admit([article(99)])
    publish_all(shards)
    assert shards.ce_ids() == sorted(ids)


def test_a_rebuild_restores_pauses(shards: Shards, own_valkey: ValkeyServer) -> None:
    """A feed whose last word is a pause comes back paused from an emptied Redis, one that was resumed is
    due; a rebuild beside a list that is in force changes no pause."""
    other = msgspec.structs.replace(FEED, id="resumed")
    feeds: list[tuple[FeedConfig, int | None]] = [(FEED, 0), (other, 0)]
    pause = Pause(1_700_000_000_000, "they asked")

    async def pause_both(store: Store) -> None:
        await put_feeds(store, feeds)
        instance, state, at_ms = shards.names.instance, FeedState(), pause.since_ms
        for config, _ in feeds:
            event = paused_event(instance, config, state, pause, at_ms)
            assert await turn(store, await _held(store, config.id), state, pause, event)
        event = resumed_event(instance, other, state, Bounds(300, 86_400), at_ms)
        assert await turn(store, await _held(store, other.id), state, None, event)

    async def listed_again(store: Store) -> list[str]:
        await put_feeds(store, feeds)
        assert (await _held(store, FEED.id)).pause == pause
        batches = [await store.claim(n, 10) for n in range(shards.keys.shards)]
        return [claim.feed_id for batch in batches for claim in batch.claims]

    async def resume(store: Store) -> None:
        event = resumed_event("another", FEED, FeedState(), Bounds(300, 86_400), 0)
        held = await _held(store, FEED.id)
        assert await turn(store, held, FeedState(), None, event)

    shards.store(pause_both)
    shards.admit([article(0)])
    publish_all(shards)
    flush(own_valkey)
    run_rebuild(shards)
    shards.open()
    assert shards.store(listed_again) == ["resumed"]
    shards.store(resume)
    run_rebuild(shards)
    shards.open()
    assert shards.store(lambda store: _held(store, FEED.id)).pause is None


async def _held(store: Store, feed_id: str) -> Held:
    found = await held(store, feed_id)
    assert found is not None
    return found


def dump_records(server: ValkeyServer, shards: Shards) -> Mapping[bytes, Mapping[bytes, bytes]]:
    """All article records in Redis."""
    with server.client() as client:
        keys = client.scan_iter(match=f"{{{shards.names.instance}:s*}}:a:*")
        return {key: client.hgetall(key) for key in keys}


def test_a_rebuild_may_be_repeated_and_lowers_nothing(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """On a Redis that knows more than the topic it adds nothing and takes nothing away."""
    shards.admit([article(n) for n in range(10)])
    publish_all(shards)
    flush(own_valkey)
    run_rebuild(shards)
    later = shards.admit([article(n, f"edit {n}") for n in range(10)], revision=2)
    before = dump_records(own_valkey, shards)
    again = run_rebuild(shards)
    assert (again.events, again.records, again.entries) == (10, 0, 0)
    assert dump_records(own_valkey, shards) == before
    publish_all(shards)
    assert set(later) <= set(shards.ce_ids())


def test_a_rebuild_of_a_whole_redis_holds_no_news_back(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """What is dated before the topic began may have been announced when something was missing, also for
    whoever repeats a run that was interrupted; where nothing was, feeds go on as before."""

    async def horizon(store: Store) -> int:
        return await store.horizon_ms()

    shards.admit([article(n) for n in range(10)])
    publish_all(shards)
    run_rebuild(shards)  # nobody had remembered the feed's entries
    assert shards.store(horizon) > 0
    with own_valkey.client() as client:
        client.delete(shards.keys.list_key("rebuilt"))
    run_rebuild(shards)
    assert shards.store(horizon) == 0
    flush(own_valkey)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.store.restore.Restorer.settle", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_rebuild(shards)
    run_rebuild(shards)
    shards.open()
    assert shards.store(horizon) > 0


def test_an_interrupted_rebuild_leaves_redis_closed(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """The marker comes last: a half-filled Redis is not taken for a whole one, and can be completed."""
    ids = shards.admit([article(n) for n in range(10)])
    publish_all(shards)
    flush(own_valkey)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.store.restore.Restorer.settle", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_rebuild(shards)
    with pytest.raises(StateRegressedError, match="newswire rebuild"):
        shards.open()
    run_rebuild(shards)
    shards.open()
    ids += shards.admit([article(10)])
    publish_all(shards)
    assert shards.ce_ids() == sorted(ids)


def interrupt(*_: object) -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


def test_a_second_rebuild_waits_and_a_foreign_redis_is_refused(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """One rebuild at a time, and never into a Redis with another history."""
    shards.admit([article(1)])
    publish_all(shards)
    with own_valkey.client() as client:
        lease = shards.keys.list_key("rebuild")
        client.set(lease, "another", px=60_000)
        with pytest.raises(UnavailableError, match="another rebuild"):
            run_rebuild(shards)
        client.delete(lease)
        for shard in range(2):
            key = shards.keys.key(shard, "meta")
            client.set(key, client.get(key).replace(shards.marker.dataset.encode(), b"foreign"))
    with pytest.raises(StateRegressedError, match="foreign"):
        run_rebuild(shards)


def test_nothing_published_is_nothing_to_rebuild(shards: Shards) -> None:
    """An instance that Kafka has never heard of is not made up."""
    with pytest.raises(ConfigError, match="nothing to rebuild"):
        run_rebuild(shards)


@pytest.mark.parametrize(
    ("published_ms", "first", "announced"),
    [
        (999, True, False),
        (999, False, False),
        (1_001, True, True),
        (1_001, False, True),
        (None, True, False),
        (None, False, True),
    ],
)
def test_the_horizon(published_ms: int | None, first: bool, announced: bool) -> None:
    """After a rebuild, entries dated before the topic's first record, or undated on a first poll, are
    not announced."""
    state = FeedState(first_polled_ms=0 if first else 5)
    claim = Claim(FEED.id, 0, "t", 0, 0, FEED, state)
    reading = Reading(state, [], [], False, {}, [], False)
    policy = policy_for(claim, reading, "all", 2_000, 60, 0, 1_000)
    assert policy.announce(Article("h", published_ms=published_ms)) is announced


def test_a_shared_guid_identifies_nothing() -> None:
    """Two articles of a feed with one guid or URL are remembered without it."""
    memory = Memory()
    for ident in (b"a" * 10, b"b" * 10):
        entry = Remembered(
            bytes(8), b"same-gui", b"same-url--", ident, b"head", ident[:4], bytes(4)
        )
        assert merge(memory, Recalled(ident, None, bytes(10), "f", entry, 0))  # type: ignore[arg-type]
    assert [(e.guid, e.url) for e in memory.entries] == [(bytes(8), bytes(10))] * 2


def command(env: Mapping[str, str], *arguments: str) -> str:
    """Run ``newswire`` as an operator does; its output."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("NEWSWIRE_")}
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", *arguments],
        cwd=ROOT, env={**inherited, **env}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_running_worker_goes_on_after_a_rebuild(
    names: Names, kafka: str, own_valkey: ValkeyServer, kafka_server: object, tmp_path: Path
) -> None:
    """An emptied Redis stops the worker, which says so once; after the rebuild it goes on by itself,
    and no article was lost or came twice."""
    with WorldProcess(feeds=20, seed=3) as world:
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("\n".join(world.urls()) + "\n")
        env = settings(names, kafka, own_valkey.url, feeds, NEWSWIRE_SHARDS="2")
        with WorkerProcess(env) as worker:
            until(lambda: len(polled([worker])) == 20, 30, "every feed polled")
            since_s = world.now_s()
            time.sleep(4)
            flush(own_valkey)
            worker.wait_for("state_regressed", timeout_s=20)
            time.sleep(2)
            assert "records restored" in command(env, "rebuild")
            worker.wait_for("feed_list_loaded", timeout_s=30, after=1)
            seen = len(worker.lines("feed_polled"))
            until(lambda: len(worker.lines("feed_polled")) > seen + 40, 30, "polling goes on")
            world.freeze()
            time.sleep(6)
            assert len(worker.lines("state_regressed")) <= 2
            assert worker.stop() == 0
        verdict = count(read_topic(kafka, names.articles), world.expected(15, since_s))
    assert not verdict.twice and not verdict.lost, str(verdict)
