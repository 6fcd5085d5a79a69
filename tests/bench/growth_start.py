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
FEEDS, KIND = 800, "not-modified"
_START_S = 300.0


class Moment(msgspec.Struct, frozen=True):
    """When something was first seen: seconds from the process's start, and its CPU until then, which other
    work on the machine changes little."""

    s: float
    cpu_s: float


class Start(msgspec.Struct, kw_only=True):
    """A worker's start on an empty Redis: when the first feed was asked, when the first poll was done, when
    the whole list was in Redis; the first two of a start that finds the list there; its memory."""

    feeds: int
    asked: Moment
    polled: Moment
    listed: Moment
    asked_again: Moment
    polled_again: Moment
    resident_mb: float


class Several(msgspec.Struct, kw_only=True):
    """So many workers side by side on one core: ms of CPU a poll, of the workers and of Redis, and scripts
    that Redis was asked to run for one; the share of the core that they had: a worker that waits, for the
    site or for its core, does little at a time, and a poll costs it more."""

    workers: int
    busy: float
    polls: int
    worker_ms: float
    redis_ms: float
    scripts: float


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
    with _worker(ground, env, folder / "log") as worker:
        first = _Seen(ground, worker, folder / "log")
        polled, listed = first.wait("feed_polled"), first.wait("feed_list_loaded")
        time.sleep(seconds)
        memory = resident(worker.pid) / 1e6
    with _worker(ground, env, folder / "again") as worker:
        again = _Seen(ground, worker, folder / "again")
        polled_again = again.wait("feed_polled")
    return Start(
        feeds=feeds, asked=first.asked, polled=polled, listed=listed,
        asked_again=again.asked, polled_again=polled_again, resident_mb=memory,
    )  # fmt: skip


class _Seen:
    """Watches a worker that was just started. ``asked``: when it asked the site for a feed."""

    asked: Moment

    def __init__(self, ground: Ground, worker: subprocess.Popen[bytes], log: Path) -> None:
        self._ground, self._worker, self._log = ground, worker, log
        self._began = time.monotonic()
        self._asked_before = ground.counts().get(KIND, 0)
        self._found: dict[str, Moment] = {}
        self._at, self._rest = 0, b""

    def wait(self, event: str) -> Moment:
        """When an event was first in the log, after the first of the feeds was asked."""
        end = time.monotonic() + _START_S
        while event not in self._found or not hasattr(self, "asked"):
            if time.monotonic() > end or self._worker.poll() is not None:
                raise TimeoutError(f"no {event} in the log: {self._log.read_text()[-2_000:]}")
            self._look()
            time.sleep(0.05)
        return self._found[event]

    def _look(self) -> None:
        now = Moment(time.monotonic() - self._began, cpu_s(self._worker.pid))
        if not hasattr(self, "asked") and self._ground.counts().get(KIND, 0) > self._asked_before:
            self.asked = now
        with self._log.open("rb") as file:
            file.seek(self._at)
            text = self._rest + file.read()
            self._at = file.tell()
        self._rest = text[-100:]
        for event in ("feed_polled", "feed_list_loaded"):
            if f'"event":"{event}"'.encode() in text:
                self._found.setdefault(event, now)


def several(ground: Ground, workers: int) -> Several:
    """What a poll that is answered 304 costs when so many workers share the feeds and one core."""
    folder = ground.directory / f"several-{workers}"
    folder.mkdir()
    path = folder / "feeds.txt"
    path.write_text("".join(f"{ground.base}/{KIND}/{folder.name}-{n}\n" for n in range(FEEDS)))
    # Nothing is announced: the first documents would take longer than what is measured.
    env = environment(ground, folder.name, path) | {"NEWSWIRE_BACKFILL": "none"}
    before = ground.counts().get(KIND, 0)
    with ExitStack() as stack:
        running = [
            stack.enter_context(_worker(ground, env, folder / f"log{n}")) for n in range(workers)
        ]
        end = time.monotonic() + _START_S
        while ground.counts().get(KIND, 0) < before + 3 * FEEDS:
            if time.monotonic() > end:
                raise TimeoutError(f"{workers} workers poll nothing")
            time.sleep(0.2)
        before_it = _looked(ground, running)
        time.sleep(POLLS_S)
        after = _looked(ground, running)
    polls, cpu, load, scripts = (b - a for a, b in zip(before_it, after, strict=True))
    return Several(
        workers=workers, busy=cpu / POLLS_S, polls=int(polls), worker_ms=cpu / polls * 1000,
        redis_ms=load / polls * 1000, scripts=scripts / polls,
    )  # fmt: skip


def _looked(ground: Ground, running: list[subprocess.Popen[bytes]]) -> tuple[float, ...]:
    """Polls so far, CPU seconds of the workers and of Redis, and scripts that it has run."""
    with ground.valkey.client() as client:
        redis_s = redis_load(client).cpu_s
        scripts = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
    workers_s = sum(cpu_s(process.pid) for process in running)
    return ground.counts()[KIND], workers_s, redis_s, scripts
