"""One worker: builds the parts from the settings, starts them in order, and stops them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

from structlog.typing import FilteringBoundLogger

from workers import logs, tracing
from workers.dataset_watch import DatasetWatch
from workers.dependencies import look_at_topics, wait_for_both, wait_for_kafka, wait_for_redis
from workers.errors import EXIT_OK, StoreError
from workers.feed_list import reconciler_of
from workers.feed_log import FeedLog
from workers.feedlist.reconcile import Reconciler
from workers.fetcher.budget import Budget
from workers.fetcher.clock import Clock
from workers.fetcher.gate import HostGate
from workers.fetcher.line import HostLines
from workers.fetcher.loop import PollLoop
from workers.fetcher.network import Network
from workers.fetcher.parse import Parser
from workers.fetcher.poll import Poller
from workers.heap import keep_small
from workers.http.fetch import Fetcher
from workers.ops.loop_lag import LoopWatch
from workers.ops.server import OpsServer
from workers.ops.status import StatusPage
from workers.ops.watch import Facts, Watch
from workers.parts import (
    anywhere,
    bounds_of,
    feed_fetcher,
    host_rules,
    kafka_connection,
    open_store,
    poll_settings,
    publish_settings,
    slots_of,
    topics_of,
    traces_of,
    worker_id,
)
from workers.publisher.publish import Session
from workers.publisher.supervisor import Publisher
from workers.settings import Settings, read_reference
from workers.store.address import Address
from workers.store.outbox import Entry
from workers.store.scheduled import sample
from workers.store.watching import outbox_totals

DRAIN_LOOK_S = 0.5


class Worker:
    """One worker from start to stop; with ``drain`` it polls nothing, and ends when all is published."""

    def __init__(
        self, settings: Settings, *, start_empty: bool = False, drain: bool = False
    ) -> None:
        self._s = settings
        self._drain = drain
        self._log: FilteringBoundLogger = logs.get()
        self._stop = asyncio.Event()
        self._clock = Clock()
        self._kafka = kafka_connection(settings)
        self._store = open_store(settings)
        self._dataset = DatasetWatch(
            settings, self._store, self._kafka, self._log, start_empty=start_empty
        )
        self._bounds = bounds_of(settings)
        self._budget = Budget(
            partial(sample, self._store), self._clock, self._bounds, settings.polls_per_hour
        )
        self._problem = "starting"
        self._loop: PollLoop | None = None
        self._publisher: Publisher | None = None
        self._watch = Watch(
            self._store,
            self._clock,
            self._log,
            bounds=self._bounds,
            worker=worker_id(),
            log_polls=settings.log_polls,
            facts=Facts(
                problems=self._problems,
                in_flight=lambda: self._loop.in_flight if self._loop else 0,
                publishers=lambda: self._publisher.states() if self._publisher else [],
            ),
        )
        self._watch.metrics.outbox_limit.set(settings.outbox_max_bytes)

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT. Returns the exit code.

        Raises:
            ConfigError: something must be changed by a person.
            UnavailableError: Redis or Kafka was not there within NEWSWIRE_CONNECT_WAIT.
        """
        self._handle_signals()
        async with AsyncExitStack() as stack:
            if self._s.traces:
                tracing.use(traces_of(self._s))
                stack.push_async_callback(asyncio.to_thread, tracing.close)
            stack.push_async_callback(self._store.aclose)
            page = StatusPage(
                self._s.instance,
                worker_id(),
                self._store,
                self._clock,
                self._bounds,
                self._problems,
            )
            ops = OpsServer(
                self._s.ops_host,
                self._s.ops_port,
                live=self._live,
                ready=self._problems,
                metrics=self._watch.render,
                pages=page.routes(),
                log=self._log,
            )
            await ops.start()
            stack.push_async_callback(ops.stop)
            reconciler = None if self._drain else self._read_list(stack)
            if not await self._unless_stopped(self._connect()):
                return EXIT_OK
            await (self._work(stack, reconciler) if reconciler else self._only_publish())
        self._log.info("worker_stopped")
        return EXIT_OK

    # -- start ------------------------------------------------------------------------------------

    def _read_list(self, stack: AsyncExitStack) -> Reconciler:
        """Begin to read the list, beside the connecting."""
        fetcher = anywhere(self._s)
        stack.push_async_callback(fetcher.aclose)
        reconciler = reconciler_of(self._s, self._store, fetcher, self._clock, self._log)
        stack.push_async_callback(reconciler.aclose)
        reconciler.read_ahead()
        return reconciler

    async def _unless_stopped(self, start: Any) -> bool:
        """Wait for the start, but not longer than until a stop is asked for."""
        task, stop = asyncio.ensure_future(start), asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            return False
        await task
        return True

    async def _connect(self) -> None:
        """Reach Redis and Kafka, and find the dataset."""
        s, specs = self._s, topics_of(self._s)
        deadline = time.monotonic() + s.connect_wait
        await wait_for_both(
            wait_for_redis(self._store.client, s.connect_wait, self._log),
            wait_for_kafka(
                self._kafka,
                specs,
                create=s.kafka_create_topics,
                wait_s=s.connect_wait,
                log=self._log,
            ),
        )
        window_ms = int(s.dedupe_window * 1000)
        looking = look_at_topics(self._kafka, specs, window_ms=window_ms, log=self._log)
        await asyncio.gather(looking, self._dataset.wait(deadline))

    # -- work -------------------------------------------------------------------------------------

    async def _work(self, stack: AsyncExitStack, reconciler: Reconciler) -> None:
        s = self._s
        fetcher = feed_fetcher(s)
        parser = Parser()
        stack.push_async_callback(fetcher.aclose)
        stack.push_async_callback(parser.aclose)
        publisher = self._publisher = self._make_publisher()
        loop = self._loop = self._make_loop(fetcher, parser)
        background = [
            asyncio.create_task(publisher.run()),
            asyncio.create_task(LoopWatch(self._log, self._watch.lagged).run()),
            asyncio.create_task(keep_small()),
            asyncio.create_task(self._watch.run()),
            asyncio.create_task(self._follow_budget()),
            asyncio.create_task(self._dataset.follow(self._regressed)),
            asyncio.create_task(reconciler.run(self._stop)),
        ]
        self._problem = ""
        self._log.info("worker_started", pid=os.getpid(), dataset=self._dataset.marker.dataset)
        try:
            polling = asyncio.create_task(loop.run(self._stop))
            done, _ = await asyncio.wait(
                {polling, *background}, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()  # a bug in one of them ends the worker, loudly
        finally:
            self._stop.set()
            await self._wind_down(loop, publisher, background)

    async def _wind_down(
        self, loop: PollLoop, publisher: Publisher, background: list[asyncio.Task[None]]
    ) -> None:
        started = time.monotonic()
        self._log.info("worker_stopping", in_flight=loop.in_flight)
        cancelled = await loop.close(self._s.grace * 0.5)
        await publisher.close(max(0.5, self._s.grace * 0.8 - (time.monotonic() - started)))
        if cancelled:
            self._log.warning("grace_exceeded", in_flight=cancelled)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._watch.stopped()

    async def _only_publish(self) -> None:
        """Publish until nothing waits any more, or a stop is asked for."""
        publisher = self._publisher = self._make_publisher()
        publishing = asyncio.create_task(publisher.run())
        self._problem = ""
        self._log.info("worker_draining", pid=os.getpid(), dataset=self._dataset.marker.dataset)
        try:
            while not self._stop.is_set():
                if publishing.done():
                    publishing.result()  # a bug in it ends the worker, loudly
                with suppress(StoreError):  # asked again
                    if not (await outbox_totals(self._store))[0]:
                        break
                await asyncio.sleep(DRAIN_LOOK_S)
        finally:
            await publisher.close(self._s.grace * 0.8)
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)

    def _make_publisher(self) -> Publisher:
        address = Address(self._s.redis_url)
        aio = asyncio.get_running_loop()

        def published(_shard: int, entries: list[Entry]) -> None:
            with suppress(RuntimeError):  # the loop is closed: the worker is gone already
                aio.call_soon_threadsafe(self._watch.published, entries)

        def session(shard: int) -> Session:
            # Anew for each: the dataset may be another.
            settings = publish_settings(self._s, self._dataset.marker, self._store.marker)
            return Session(
                shard, settings, self._kafka, address, self._store.keys, self._log, published
            )

        backoff_max_ms = int(self._s.retry_backoff_max * 1000)
        return Publisher(
            self._s.shards,
            session,
            self._log,
            backoff_max_ms=backoff_max_ms,
            on_failure=self._watch.metrics.publisher_failed,
        )

    def _make_loop(self, fetcher: Fetcher, parser: Parser) -> PollLoop:
        s = self._s
        lines = HostLines(self._store, self._clock, self._log, host_rules(s))
        longest_ms = int(s.max_interval * 1000)
        gate = HostGate(
            self._store.hosts,
            self._clock,
            lines,
            longest_ms=longest_ms,
            on_rest=self._watch.metrics.rested,
        )
        slots = slots_of(s)
        poller = Poller(
            settings=poll_settings(s),
            store=self._store,
            fetcher=fetcher,
            parser=parser,
            gate=gate,
            network=Network(self._log),
            clock=self._clock,
            credentials=read_reference,
            on_bug=self._bug,
            on_committed=FeedLog(self._log).committed,
            stretch=self._budget.stretch,
            slots=slots,
        )
        return PollLoop(
            store=self._store,
            poller=poller,
            lines=lines,
            clock=self._clock,
            log=self._log,
            on_polled=self._watch.polled,
            on_put_off=self._watch.put_off,
            slots=slots,
            outbox_max_bytes=s.outbox_max_bytes,
            blocked=self._blocked,
            on_store_error=self._watch.metrics.store_error,
        )

    # -- what is seen from outside ------------------------------------------------------------------

    def _regressed(self) -> bool:
        return self._publisher is not None and bool(self._publisher.regressed)

    def _blocked(self) -> str:
        regressed = self._publisher.regressed if self._publisher else {}
        return next(iter(regressed.values()), "")

    def _bug(self, feed_id: str, error: BaseException) -> None:
        self._log.error("unhandled_error", feed_id=feed_id, exc_info=error)

    async def _follow_budget(self) -> None:
        await self._budget.run()
        await self._stop.wait()  # no budget: a task that ends would end the worker

    def _live(self) -> list[str]:
        if self._publisher is not None and not self._publisher.threads_alive():
            return ["a publisher thread died and none took its place"]
        return []

    def _problems(self) -> list[str]:
        problem = self._dataset.problem or self._problem
        problems = [problem] if problem else []
        if self._loop is not None and self._loop.problem:
            problems.append(self._loop.problem)
        return problems

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._on_signal)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            # Asked twice: whoever asks does not want to wait. Claims and leases run out by themselves.
            logs.flush(0.5)
            os._exit(130)
        self._stop.set()
