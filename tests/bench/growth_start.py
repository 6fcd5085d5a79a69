"""How soon a worker is at work with many feeds, what memory it takes, and what a poll costs several."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from tests.bench.meter import cpu_s, redis_load, resident
from tests.bench.paths import Ground, environment
from tests.support.processes import kill_session

POLLS_S = 12.0
FEEDS, KIND = 400, "not-modified"
_START_S = 300.0


class Start(msgspec.Struct, kw_only=True):
    """A worker's start: seconds from its process to the first poll that is done and to the whole list in
    Redis, the same to the first poll of a start that finds the list there, and its memory after a while."""

    feeds: int
    first_poll_s: float
    list_s: float
    again_poll_s: float
    resident_mb: float


class Several(msgspec.Struct, kw_only=True):
    """So many workers side by side on one core: ms of CPU a poll, of the workers and of Redis."""

    workers: int
    polls: int
    worker_ms: float
    redis_ms: float


@contextmanager
def _worker(ground: Ground, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = (sys.executable, "-m", "workers.cli", "run")
    process = ground.pinned(*command, env=env, out=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            kill_session(process)


def start(ground: Ground, feeds: int, seconds: float) -> Start:
    """Start a worker on an empty Redis with a list of so many feeds, let it poll for so long, and start
    another when it is gone."""
    folder = ground.directory / f"start-{feeds}"
    folder.mkdir()
    path = folder / "feeds.txt"
    path.write_text("".join(f"{ground.base}/not-modified/s{n}\n" for n in range(feeds)))
    settings = {"NEWSWIRE_MIN_INTERVAL": "1s", "NEWSWIRE_MAX_INTERVAL": "1h"}
    env = environment(ground, folder.name, path) | settings
    began = time.time()
    with _worker(ground, env, folder / "log") as worker:
        seen = _await(folder / "log", {"feed_polled", "feed_list_loaded"}, worker)
        time.sleep(seconds)
        memory = resident(worker.pid) / 1e6
    again = time.time()
    with _worker(ground, env, folder / "again") as worker:
        polled = _await(folder / "again", {"feed_polled"}, worker)["feed_polled"]
    return Start(
        feeds=feeds, first_poll_s=seen["feed_polled"] - began,
        list_s=seen["feed_list_loaded"] - began, again_poll_s=polled - again, resident_mb=memory,
    )  # fmt: skip


def _await(log: Path, events: set[str], worker: subprocess.Popen[bytes]) -> dict[str, float]:
    """When each of some events was first written, epoch seconds by our own clock."""
    seen: dict[str, float] = {}
    end, at, rest = time.time() + _START_S, 0, b""
    while missing := events - seen.keys():
        if time.time() > end or worker.poll() is not None:
            raise TimeoutError(f"no {missing} in the worker's log: {log.read_text()[-2_000:]}")
        with log.open("rb") as file:
            file.seek(at)
            text = rest + file.read()
            at = file.tell()
        rest = text[-100:]
        seen |= {e: time.time() for e in missing if f'"event":"{e}"'.encode() in text}
        time.sleep(0.05)
    return seen


def several(ground: Ground, workers: int) -> Several:
    """What a poll that is answered 304 costs when so many workers share the feeds and one core."""
    folder = ground.directory / f"several-{workers}"
    folder.mkdir()
    path = folder / "feeds.txt"
    path.write_text("".join(f"{ground.base}/{KIND}/{folder.name}-{n}\n" for n in range(FEEDS)))
    env = environment(ground, folder.name, path)
    before = ground.counts().get(KIND, 0)
    with ExitStack() as stack:
        running = [
            stack.enter_context(_worker(ground, env, folder / f"log{n}")) for n in range(workers)
        ]
        end = time.monotonic() + _START_S
        while ground.counts().get(KIND, 0) < before + 4 * FEEDS:
            if time.monotonic() > end:
                raise TimeoutError(f"{workers} workers poll nothing")
            time.sleep(0.2)
        before_it = _looked(ground, running)
        time.sleep(POLLS_S)
        after = _looked(ground, running)
    polls, cpu, load = (b - a for a, b in zip(before_it, after, strict=True))
    return Several(
        workers=workers,
        polls=int(polls),
        worker_ms=cpu / polls * 1000,
        redis_ms=load / polls * 1000,
    )


def _looked(ground: Ground, running: list[subprocess.Popen[bytes]]) -> tuple[float, float, float]:
    """Polls so far, CPU seconds of the workers, and of Redis."""
    with ground.valkey.client() as client:
        redis_s = redis_load(client).cpu_s
    return ground.counts()[KIND], sum(cpu_s(process.pid) for process in running), redis_s
