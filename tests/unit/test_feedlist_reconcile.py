"""Bringing what is configured in line with the list, among several workers and through crashes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger

from workers.errors import StateRegressedError, StoreError
from workers.feedlist import reconcile
from workers.feedlist.comparison import BATCH
from workers.feedlist.plan import Change
from workers.feedlist.reconcile import Reconciler
from workers.feedlist.source import ListSource
from workers.model import FeedConfig

NOW = 1_800_000_000_000


class MemoryStore:
    """What the reconciler needs of Redis, in a dictionary, with a switch for failures.

    ``crash_after`` counts calls that write or read; past it every call fails, as if Redis (or the
    worker) had gone away in between.
    """

    def __init__(self) -> None:
        self.feeds: dict[str, FeedConfig] = {}
        self.delays: dict[str, int | None] = {}
        self.version: dict[str, str] = {}
        self.holder = ""
        self.calls: list[str] = []
        self.crash_after = 10**9

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) > self.crash_after:
            raise StoreError("Redis is down", "down")

    async def list_lease(self, token: str, ttl_ms: int) -> bool:
        """Take or renew the lease."""
        self._call("lease")
        if self.holder in ("", token):
            self.holder = token
        return self.holder == token

    async def list_unlease(self, token: str) -> None:
        """Give the lease back."""
        if self.holder == token:
            self.holder = ""
        self._call("unlease")

    async def list_version(self) -> Mapping[str, str]:
        """The stored version."""
        self._call("version")
        return dict(self.version)

    async def set_list_version(self, values: Mapping[str, str]) -> None:
        """Store the version."""
        self._call("set_version")
        self.version |= values

    async def configured(self) -> AsyncIterator[Sequence[FeedConfig]]:
        """All feeds in batches."""
        self._call("configured")
        all_feeds = list(self.feeds.values())
        for at in range(0, len(all_feeds), 7):
            yield all_feeds[at : at + 7]

    async def put_feeds(self, changes: Sequence[Change]) -> None:
        """Write feeds."""
        self._call("put")
        assert len(changes) <= BATCH
        for change in changes:
            self.feeds[change.feed.id] = change.feed
            self.delays[change.feed.id] = change.delay_ms

    async def remove_feeds(self, feed_ids: Sequence[str]) -> None:
        """Forget feeds."""
        self._call("remove")
        assert len(feed_ids) <= BATCH
        for feed_id in feed_ids:
            self.feeds.pop(feed_id, None)

    def urls(self) -> list[str]:
        """Addresses of the enabled feeds."""
        return sorted(feed.url for feed in self.feeds.values() if feed.enabled)


class Worker:
    """One worker with its own file, its log, and a clock moved by hand."""

    def __init__(self, store: MemoryStore, path: Path) -> None:
        self.path = path
        self.store = store
        self.now = NOW
        self.restart()

    def restart(self) -> None:
        """As after a crash: nothing is remembered."""
        self.logger = CapturingLogger()
        log: Any = structlog.wrap_logger(self.logger, processors=[lambda _l, _m, event: event])
        source = ListSource(str(self.path), now_ms=lambda: self.now)
        self.reconciler = Reconciler(source, self.store, log, reload_s=0.01)

    def write(self, *urls: str, ago_ms: int = 60_000) -> None:
        """Replace the list by addresses."""
        self.write_text("".join(f"{url}\n" for url in urls) or "[]", ago_ms=ago_ms)

    def write_text(self, text: str, *, ago_ms: int = 60_000) -> None:
        """Replace the list."""
        written = (self.now - ago_ms) * 1_000_000
        self.path.write_text(text)
        os.utime(self.path, ns=(written, written))

    async def cycle(self, *, force: bool = False) -> str:
        """The status of one cycle, some time after the last."""
        self.now += 30_000
        return (await self.reconciler.run_once(force=force)).status

    def said(self) -> list[str]:
        """Events in the log since this was last asked."""
        events = [call.kwargs["event"] for call in self.logger.calls]
        self.logger.calls.clear()
        return events


async def until(truth: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(30):
        while not truth():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


def numbered(count: int, start: int = 0) -> list[str]:
    """Addresses."""
    return [f"https://h{n:05}.example/rss" for n in range(start, start + count)]


@pytest.fixture
def store() -> MemoryStore:
    """An empty Redis."""
    return MemoryStore()


@pytest.fixture
def worker(store: MemoryStore, tmp_path: Path) -> Worker:
    """A worker whose list holds three feeds."""
    made = Worker(store, tmp_path / "feeds.txt")
    made.write(*numbered(3))
    return made


@pytest.fixture
def other(store: MemoryStore, tmp_path: Path) -> Worker:
    """A second worker, whose file of the same path stands on another machine."""
    made = Worker(store, tmp_path / "elsewhere.txt")
    made.write(*numbered(3))
    return made


def same_place(*workers: Worker) -> None:
    """Make workers on different machines believe in one path."""
    for one in workers:
        one.reconciler._source.key = "place"


class TestOneWorker:
    """A list and its changes."""

    async def test_a_list_is_taken_over(self, worker: Worker, store: MemoryStore) -> None:
        """The feeds are configured, the version stored, the lease given back."""
        assert await worker.cycle() == "applied"
        assert store.urls() == numbered(3)
        assert store.version["count"] == "3"
        assert store.holder == ""
        assert worker.said() == ["feed_list_loaded"]

    async def test_an_unchanged_list_costs_one_read_and_no_words(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """Each later cycle asks for the version and writes nothing."""
        await worker.cycle()
        worker.said()
        store.calls.clear()
        assert [await worker.cycle() for _ in range(3)] == ["in_force"] * 3
        assert store.calls == ["version"] * 3
        assert worker.said() == []

    async def test_a_changed_list_is_taken_over_without_a_restart(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """Feeds come and go, whatever the time the file carries."""
        await worker.cycle()
        worker.write(*numbered(3, 1), ago_ms=10**9)
        assert await worker.cycle() == "applied"
        assert store.urls() == numbered(3, 1)
        assert worker.said() == ["feed_list_loaded"] * 2

    async def test_a_large_list_is_written_in_batches(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """No call carries more than ``BATCH`` feeds, and the lease is renewed before each."""
        worker.write(*numbered(BATCH * 5 // 2))
        await worker.cycle()
        assert len(store.feeds) == BATCH * 5 // 2
        assert store.calls.count("put") == 3
        for at, call in enumerate(store.calls):
            if call in ("put", "remove", "set_version"):
                assert store.calls[at - 1] == "lease"

    async def test_warnings_are_logged_with_the_list(self, worker: Worker) -> None:
        """A feed that stands there twice is said once, when the list is taken over."""
        worker.write(*numbered(3), *numbered(1))
        await worker.cycle()
        await worker.cycle()
        assert worker.said() == ["feed_list_loaded", "feed_list_warning"]

    async def test_an_emptied_redis_gets_the_list_again(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """The version is asked for in every cycle, not only when the file changes."""
        await worker.cycle()
        store.feeds.clear()
        store.version.clear()
        assert await worker.cycle() == "applied"
        assert store.urls() == numbered(3)

    async def test_a_restart_finds_what_redis_lost(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """The first cycle of a process compares all feeds, though the version is the same."""
        await worker.cycle()
        store.feeds.popitem()
        worker.restart()
        assert await worker.cycle() == "applied"
        assert store.urls() == numbered(3)

    async def test_what_is_in_force_is_completed_whatever_it_removes(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """A list was accepted once: feeds that should be gone are no loss to be refused."""
        await worker.cycle()
        strays = [
            Change(FeedConfig(id=f"x{n}", url=f"https://x{n}.example/"), 0) for n in range(40)
        ]
        await store.put_feeds(strays)
        worker.restart()
        assert await worker.cycle() == "applied"
        assert store.urls() == numbered(3)


class TestBadLists:
    """What must not be taken over."""

    async def test_a_list_that_cannot_be_read_changes_nothing(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """It is said once, read once, and the end of the trouble is said too."""
        await worker.cycle()
        before = dict(store.feeds), dict(store.version)
        worker.write_text("<html>")
        assert [await worker.cycle() for _ in range(3)] == ["failed"] * 3
        assert (store.feeds, store.version) == before
        assert worker.said() == ["feed_list_loaded", "feed_list_failed"]
        worker.write(*numbered(3))
        assert await worker.cycle() == "in_force"
        assert worker.said() == ["feed_list_recovered"]

    async def test_each_new_trouble_is_said(self, worker: Worker) -> None:
        """A missing file after a broken one is other news; back again is news again."""
        worker.write_text("nonsense")
        await worker.cycle()
        worker.path.unlink()
        await worker.cycle()
        await worker.cycle()
        worker.write_text("nonsense")
        await worker.cycle()
        assert worker.said() == ["feed_list_failed"] * 3

    async def test_a_shrunk_list_waits_for_force(self, worker: Worker, store: MemoryStore) -> None:
        """Refused once, in words; taken over when a person says so, and then in force for all."""
        worker.write(*numbered(40))
        await worker.cycle()
        worker.write(*numbered(5))
        assert [await worker.cycle() for _ in range(3)] == ["refused"] * 3
        assert len(store.feeds) == 40
        assert worker.said() == ["feed_list_loaded", "feed_list_refused"]
        command = Worker(store, worker.path)
        assert await command.cycle(force=True) == "applied"
        assert len(store.feeds) == 5
        assert await worker.cycle() == "in_force"
        assert worker.said() == ["feed_list_recovered"]

    async def test_an_empty_list_waits_for_force(self, worker: Worker, store: MemoryStore) -> None:
        """Also when there are so few feeds that any other list would be taken."""
        await worker.cycle()
        worker.write()
        assert await worker.cycle() == "refused"
        assert store.urls() == numbered(3)
        assert await worker.cycle(force=True) == "applied"
        assert store.urls() == []

    async def test_a_refused_list_that_is_repaired_is_taken(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """Nothing is remembered against a list."""
        worker.write(*numbered(40))
        await worker.cycle()
        worker.write(*numbered(5))
        await worker.cycle()
        worker.write(*numbered(41))
        assert await worker.cycle() == "applied"
        assert len(store.feeds) == 41


class TestSeveralWorkers:
    """One Redis, several lists."""

    async def test_while_one_reconciles_the_other_waits(
        self, worker: Worker, store: MemoryStore
    ) -> None:
        """Nothing is written without the lease."""
        store.holder = "another"
        assert await worker.cycle() == "busy"
        assert "put" not in store.calls
        store.holder = ""
        assert await worker.cycle() == "applied"

    async def test_a_lost_lease_ends_the_run(self, worker: Worker, store: MemoryStore) -> None:
        """A worker that was paused past its lease writes no further batch and no version."""
        worker.write(*numbered(BATCH * 5 // 2))
        put = store.put_feeds

        async def slow(changes: Sequence[Change]) -> None:
            await put(changes)
            store.holder = "another"

        store.put_feeds = slow  # type: ignore[method-assign]
        assert await worker.cycle() == "busy"
        assert store.calls.count("put") == 1
        assert store.version == {}
        assert store.holder == "another"

    async def test_the_lease_is_kept_beside_a_step_that_outlasts_it(
        self, worker: Worker, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The lease is short, and renewed while one step takes long; afterwards it is free."""
        monkeypatch.setattr(reconcile, "LEASE_MS", 15)
        put = store.put_feeds

        async def slow(changes: Sequence[Change]) -> None:
            begun = store.calls.count("lease")
            await until(lambda: store.calls.count("lease") > begun + 5)
            await put(changes)

        store.put_feeds = slow  # type: ignore[method-assign]
        assert await worker.cycle() == "applied"
        taken = store.calls.count("lease")
        await asyncio.sleep(0.05)
        assert (store.holder, store.calls.count("lease")) == ("", taken)

    async def test_another_that_reconciles_for_long_is_named_once(
        self, worker: Worker, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever waits for another worker says so once, and again only after it was done."""
        monkeypatch.setattr(reconcile, "BUSY_S", 0.0)
        monkeypatch.setattr(reconcile, "RETRY_S", 0.001)
        stop = asyncio.Event()
        for _ in range(2):
            store.holder = "another"
            store.version = {}
            running = asyncio.create_task(worker.reconciler.run(stop))
            wanted = store.calls.count("lease") + 5
            await until(lambda wanted=wanted: store.calls.count("lease") > wanted)  # type: ignore[misc]
            store.holder = ""
            await until(lambda: bool(store.version))
            stop.set()
            await running
            stop.clear()
            worker.write(*numbered(2), ago_ms=0)
        assert worker.said().count("feed_list_busy") == 2

    async def test_an_old_file_never_undoes_a_new_one(
        self, worker: Worker, other: Worker, store: MemoryStore
    ) -> None:
        """While a deployment goes on, workers restart and look in any order: nothing flaps."""
        other.write(*numbered(4), ago_ms=1_000)
        for _ in range(3):
            worker.restart()
            other.restart()
            same_place(worker, other)
            for _ in range(2):
                await worker.cycle()
                await other.cycle()
        assert store.urls() == numbered(4)
        assert await worker.cycle() == "older"
        assert worker.said() == ["feed_list_outdated"]

    async def test_a_worker_whose_file_follows_later_says_nothing(
        self, worker: Worker, other: Worker, store: MemoryStore
    ) -> None:
        """Mounted lists reach machines a minute apart; that is no news."""
        same_place(worker, other)
        await worker.cycle()
        await other.cycle()
        other.write(*numbered(4))
        await other.cycle()
        worker.said()
        assert await worker.cycle() == "older"
        worker.write(*numbered(4))
        assert await worker.cycle() == "in_force"
        assert store.urls() == numbered(4)
        assert worker.said() == []

    async def test_a_worker_that_has_seen_the_new_list_compares_nothing(
        self, worker: Worker, other: Worker, store: MemoryStore
    ) -> None:
        """Of a hundred workers one writes; the others only note that their list is in force."""
        same_place(worker, other)
        await worker.cycle()
        await other.cycle()
        for one in (worker, other):
            one.write(*numbered(4))
        await other.cycle()
        store.calls.clear()
        await worker.cycle()
        assert store.calls == ["version"]

    async def test_a_forced_old_list_stays(
        self, worker: Worker, other: Worker, store: MemoryStore
    ) -> None:
        """A person's decision is not undone by a worker with a newer file."""
        same_place(worker, other)
        other.write(*numbered(4), ago_ms=0)
        await other.cycle()
        await worker.cycle(force=True)
        assert await other.cycle() == "older"
        other.restart()
        same_place(other)
        assert await other.cycle() == "older"
        assert store.urls() == numbered(3)

    async def test_another_place_is_a_decision(
        self, worker: Worker, other: Worker, store: MemoryStore
    ) -> None:
        """A worker started on another file takes that over, though it was written long ago."""
        await worker.cycle()
        other.now = worker.now + 1_000
        other.write(*numbered(4), ago_ms=10**9)
        assert await other.cycle() == "applied"
        assert await worker.cycle() == "older"
        assert store.urls() == numbered(4)


class TestCrashes:
    """Redis, or the worker, goes away in the middle."""

    @pytest.mark.parametrize("calls", range(1, 16))
    async def test_the_next_run_completes_what_a_crash_left(
        self, worker: Worker, store: MemoryStore, calls: int
    ) -> None:
        """Wherever it happens, with or without a restart, the list is whole afterwards."""
        worker.write(*numbered(2_100))
        await worker.cycle()
        worker.write(*numbered(2_100, 1_000))
        store.calls.clear()
        store.crash_after = calls
        try:
            await worker.cycle()
        except StoreError:
            pass
        else:
            pytest.fail("nothing crashed: the run takes fewer calls than the test believes")
        store.crash_after, store.holder = 10**9, ""
        if calls % 2:
            worker.restart()
        await worker.cycle()
        assert store.urls() == numbered(2_100, 1_000)
        assert store.version["count"] == "2100"

    async def test_the_loop_outlives_every_error(
        self, worker: Worker, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What Redis refuses, broken lists and bugs are said, once each, and the loop goes on. That Redis
        was emptied or is away is no fault of the list, and is said by whoever publishes or claims."""
        monkeypatch.setattr(reconcile, "RETRY_S", 0.001)
        stop = asyncio.Event()
        gone = StateRegressedError("emptied")
        refused, away = StoreError("NOPERM"), StoreError("no answer", "timeout")
        steps = iter([gone, away, refused, refused, KeyError("bug"), None])
        run_once = worker.reconciler.run_once

        async def step() -> Any:
            error = next(steps, None)
            if error:
                raise error
            outcome = await run_once()
            stop.set()
            return outcome

        monkeypatch.setattr(worker.reconciler, "run_once", step)
        await asyncio.wait_for(worker.reconciler.run(stop), 30)
        assert store.urls() == numbered(3)
        assert worker.said() == ["feed_list_failed"] * 2 + ["feed_list_loaded"]
