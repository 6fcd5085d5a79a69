"""Releases side by side on one state, there and back; and the moment from which there is no way back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.conftest import Names
from tests.integration.helpers import judged, settings, until
from tests.support.kafka_jars import ROOT
from tests.support.releases import NEXT, NoHistoryError, unpack_previous
from tests.support.servers import ValkeyServer
from tests.support.worker import WorkerProcess
from tests.support.world_process import WorldProcess
from workers.model import NEWEST_STATE
from workers.store.dataset import Marker, decode_marker
from workers.store.keys import Keys

FEEDS = 30

Start = Callable[[], WorkerProcess]


@contextmanager
def _world(tmp_path: Path) -> Iterator[tuple[WorldProcess, Path]]:
    """Feeds with known articles, some two a second, and the list of them."""
    with WorldProcess(feeds=FEEDS, seed=7, rate=0.07) as world:
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("\n".join(world.urls()) + "\n")
        yield world, feeds


def _roll(workers: list[WorkerProcess], start: Start, stack: ExitStack) -> None:
    """Replace each worker by one of another release: the new one works before the old one goes."""
    for index, old in enumerate(list(workers)):
        new = stack.enter_context(start())
        new.wait_for("feed_polled", timeout_s=60)
        assert old.stop() == 0, old.tail()
        workers[index] = new


@pytest.mark.timeout(300)
def test_rolling_to_this_release_and_back(
    kafka: str, kafka_server: object, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Two workers of the release before are replaced by two of this one, those by the older again, and these
    by this one, which finalises, under load: no article is lost, none comes twice."""
    try:
        tree = unpack_previous(tmp_path)
    except NoHistoryError as error:
        pytest.skip(f"NOT PROVED: rolling from the release before and back: {error}")
    with _world(tmp_path) as (world, feeds), ExitStack() as stack:
        env = settings(names, kafka, valkey, feeds)
        older = lambda: WorkerProcess(env, name="older", folder=tree)  # noqa: E731
        newer = lambda: WorkerProcess(env, name="newer")  # noqa: E731
        workers = [stack.enter_context(older()) for _ in range(2)]
        workers[0].wait_for("feed_polled", timeout_s=60)
        since_s = world.now_s()
        _roll(workers, newer, stack)
        until(lambda: len(workers[0].lines("feed_polled")) > FEEDS, 60, "the newer are at work")
        _roll(workers, older, stack)
        until(lambda: len(workers[0].lines("feed_polled")) > FEEDS, 60, "the older are at work")
        _roll(workers, newer, stack)
        code, said = _newswire(env, "state", "finalize")
        assert code == 0, said
        for worker in workers:
            worker.wait_for("state_finalized", timeout_s=60, state_version=NEWEST_STATE)
        with older() as late:
            assert late.wait(60) == 78
        after = len(workers[0].lines("feed_polled"))
        until(
            lambda: len(workers[0].lines("feed_polled")) > after + FEEDS,
            60,
            "they poll in version 2",
        )
        verdict = judged(world, kafka, names, since_s)
        assert verdict.ok, verdict


def _newswire(
    env: dict[str, str], *words: str, command: list[str] | None = None
) -> tuple[int, str]:
    done = subprocess.run(
        [*(command or [sys.executable, "-m", "workers.cli"]), *words],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_a_release_to_come_is_gone_back_from_until_it_finalises(
    kafka: str, kafka_server: object, valkey: str, names: Names, tmp_path: Path
) -> None:
    """A release that knows one version more works beside this one and is gone back from. After its
    ``state finalize`` it goes on, and a worker of this one ends with 78, as does each that starts then,
    and every command that would write. No article is lost, none comes twice."""
    with _world(tmp_path) as (world, feeds), ExitStack() as stack:
        env = settings(names, kafka, valkey, feeds)
        this = lambda: WorkerProcess(env, name="this")  # noqa: E731
        to_come = lambda: WorkerProcess(env, name="to come", command=[*NEXT, "run"])  # noqa: E731
        workers = [stack.enter_context(this())]
        workers[0].wait_for("feed_polled", timeout_s=60)
        since_s = world.now_s()
        _roll(workers, to_come, stack)
        code, said = _newswire(env, "state", command=NEXT)
        there = f"version {NEWEST_STATE} is in force"
        assert code == 0 and f"{there}; this release knows versions" in said
        _roll(workers, this, stack)
        newer = stack.enter_context(to_come())
        newer.wait_for("feed_polled", timeout_s=60)

        code, said = _newswire(env, "state", "finalize")
        assert code == 0 and "nothing to finalise" in said
        code, said = _newswire(env, "state", "finalize", command=NEXT)
        assert code == 0 and said.startswith(f"version {NEWEST_STATE + 1} is in force"), said
        assert workers[0].wait(60) == 78
        refusal = workers[0].lines("startup_failed")[-1]["error.message"]
        assert f"version {NEWEST_STATE + 1}" in refusal and "Run the newer release" in refusal
        assert not workers[0].lines("state_regressed")
        newer.wait_for("state_finalized", timeout_s=60, state_version=NEWEST_STATE + 1)
        after = len(newer.lines("feed_polled"))
        until(lambda: len(newer.lines("feed_polled")) > after + FEEDS, 60, "it polls on")
        with this() as late:
            assert late.wait(60) == 78
        for words in (
            ["state", "finalize"],
            ["feeds", "apply"],
            ["forget", "x", "--run"],
            ["rebuild"],
        ):
            code, said = _newswire(env, *words)
            assert code == 78 and "Run the newer release" in said, (words, said)
        verdict = judged(world, kafka, names, since_s)
        assert verdict.ok, verdict


def _markers(server: ValkeyServer, names: Names) -> list[Marker]:
    keys = Keys(names.instance, 4)
    with server.client() as client:
        return [decode_marker(client.get(keys.key(n, "meta")).decode()) for n in range(4)]


@pytest.mark.timeout(240)
def test_finalising_may_be_interrupted(
    kafka: str, valkey: str, valkey_server: ValkeyServer, names: Names, tmp_path: Path
) -> None:
    """Half of the shards in the new version: no worker starts, the word says what to do, and doing it
    again completes it."""
    feeds = tmp_path / "feeds.txt"
    feeds.write_text("http://127.0.0.1:9/feed\n")
    env = settings(names, kafka, valkey, feeds)
    with WorkerProcess(env) as worker:
        worker.wait_for("worker_started")
        assert worker.stop() == 0, worker.tail()
    half = msgspec.structs.replace(_markers(valkey_server, names)[0], version=NEWEST_STATE + 1)
    with valkey_server.client() as client:
        for shard in (0, 1):
            key = Keys(names.instance, 4).key(shard, "meta")
            client.set(key, msgspec.json.encode(half))
    with WorkerProcess(env, command=[*NEXT, "run"]) as worker:
        assert worker.wait(60) == 78
        assert "finalize' again" in worker.lines("startup_failed")[-1]["error.message"]
    code, said = _newswire(env, "state", "finalize", command=NEXT)
    assert code == 0, said
    assert {m.version for m in _markers(valkey_server, names)} == {NEWEST_STATE + 1}
    with WorkerProcess(env, command=[*NEXT, "run"]) as worker:
        worker.wait_for("worker_started")
        assert worker.stop() == 0, worker.tail()
