"""All parts together: a world, a worker against real servers, and the judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Names
from tests.support.judge import count, read_topic, wait_complete
from tests.support.worker import FAST, WorkerProcess
from tests.support.world_process import WorldProcess

_FEEDS = 15


def _wait(reached: Callable[[], bool], worker: WorkerProcess) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, worker.tail()
        time.sleep(0.1)


def test_worker_publishes_what_the_world_showed(
    kafka: str, valkey: str, names: Names, redis_hygiene: None, tmp_path: Path
) -> None:
    """One worker, undisturbed: nothing lost, nothing twice, and no key that lives for ever."""
    feeds = tmp_path / "feeds.txt"
    with WorldProcess(feeds=_FEEDS, seed=4, rate=0.3, edited=0.3, hosts=5) as world:
        feeds.write_text("\n".join(world.urls()))
        settings = {
            **FAST,
            "NEWSWIRE_FEEDS": str(feeds),
            "NEWSWIRE_REDIS_URL": valkey,
            "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "NEWSWIRE_INSTANCE": names.instance,
            "NEWSWIRE_TOPIC_PREFIX": names.topic_prefix,
        }
        with WorkerProcess(settings) as worker:
            worker.wait_for("worker_started")
            began_s = world.now_s()
            _wait(lambda: world.now_s() > began_s + 8, worker)
            world.freeze()
            # Each feed once more, asked after the freeze and after the last whole second's change.
            asked_s = world.now_s() + 1
            _wait(lambda: len({a.feed for a in world.requests(asked_s)}) == _FEEDS, worker)
            expected = world.expected(shown_for_s=4, since_s=began_s)
            wait_complete(kafka, names.articles, expected)
            assert worker.stop() == 0, worker.tail()
    verdict = count(read_topic(kafka, names.articles), expected)
    assert verdict.ok, str(verdict)
    assert verdict.updated > 0
    assert sum(a.required for a in expected) > 200
