"""One worker: builds the parts from the settings, starts them in order, and stops them in order."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_network
from typing import Any, cast

from structlog.typing import FilteringBoundLogger

from workers import logs, tracing
from workers.clock import rfc3339
from workers.dependencies import look_at_topics, wait_for_both, wait_for_kafka, wait_for_redis
from workers.errors import (
    EXIT_OK,
    OUTAGES,
    ConfigError,
    FeedListError,
    NewswireError,
    StateRegressedError,
    StateVersionError,
    StoreError,
)
from workers.feed_log import FeedLog
from workers.feedlist.plan import Change
from workers.feedlist.reconcile import Reconciler
from workers.feedlist.source import ListSource
from workers.fetcher.budget import Budget
from workers.fetcher.clock import Clock
from workers.fetcher.fetch import Fetcher
from workers.fetcher.gate import HostGate
from workers.fetcher.identity import owner_key
from workers.fetcher.line import HostLines
from workers.fetcher.loop import PollLoop
from workers.fetcher.network import Network
from workers.fetcher.parse import Parser
from workers.fetcher.poll import Poller, PollSettings
from workers.fetcher.schedule import Bounds
from workers.fetcher.status import status_headers
from workers.metrics import release
from workers.model import FeedConfig
from workers.ops.loop_lag import watch_loop
from workers.ops.server import OpsServer
from workers.ops.status import StatusPage
from workers.ops.watch import Facts, Watch
from workers.publisher.kafka import KafkaConnection, PositionReader
from workers.publisher.kafka_security import Security, options
from workers.publisher.publish import PublishSettings, Session
from workers.publisher.supervisor import Publisher
from workers.publisher.topics import TopicSpec, topic_specs
from workers.settings import Settings, read_reference
from workers.store.client import Address
from workers.store.dataset import existing_marker, last_marker, open_dataset
from workers.store.keys import Keys
from workers.store.outbox import Entry
from workers.store.store import HostRules, Store, pack_headers
from workers.threads import in_daemon

FOLLOW_S = 2.0
DRAIN_LOOK_S = 0.5


def user_agent(contact: str) -> str:
    """An honest name with a way to reach whoever runs this."""
    try:
        release = version("newswire")
    except PackageNotFoundError:
        release = "0"
    return f"Newswire/{release} (+{contact})" if contact else f"Newswire/{release}"


def kafka_connection(s: Settings) -> KafkaConnection:
    """How to reach Kafka, from the settings. Raises ConfigError when a TLS file cannot be used."""
    security = Security(
        protocol=s.kafka_security_protocol,
        mechanism=s.kafka_sasl_mechanism,
        username=s.kafka_sasl_username,
        password=s.kafka_sasl_password,
        token_file=s.kafka_sasl_tokenfile,
        cafile=s.kafka_ssl_cafile,
        certfile=s.kafka_ssl_certfile,
        keyfile=s.kafka_ssl_keyfile,
        key_password=s.kafka_ssl_key_password,
        crlfile=s.kafka_ssl_crlfile,
        check_hostname=s.kafka_ssl_check_hostname,
    )
    servers = ",".join(s.kafka_bootstrap_servers)
    return KafkaConnection(servers, s.instance, options(security), security.principal)


def topics_of(s: Settings) -> list[TopicSpec]:
    """The topics of the instance, as they are created and checked."""
    kept = {"articles": s.articles_retention, "dead-letters": s.dead_letters_retention}
    return topic_specs(
        s.topic_prefix,
        s.kafka_partitions,
        s.kafka_replication,
        window_ms=int(s.dedupe_window * 1000),
        retention_ms={topic: int(seconds * 1000) for topic, seconds in kept.items()},
    )


def open_store(s: Settings) -> Store:
    """The fetcher's view of Redis, not yet connected."""
    keys = Keys(s.instance, s.shards)
    return Store(
        Address(s.redis_url),
        keys,
        window_ms=int(s.dedupe_window * 1000),
        lease_ms=int(s.claim_lease * 1000),
        replicas=s.durable_replicas,
    )


class ListStore:
    """The store as the feed list's reconciler needs it."""

    def __init__(self, store: Store, instance: str, clock: Clock) -> None:
        self._store = store
        self._instance = instance
        self._clock = clock
        self._lease = store.keys.list_key("lease")

    async def list_lease(self, token: str, ttl_ms: int) -> bool:
        """Take or renew the one lease to reconcile."""
        return await self._store.lease(self._lease, token, ttl_ms)

    async def list_unlease(self, token: str) -> None:
        """Give the lease back."""
        await self._store.unlease(self._lease, token)

    async def list_version(self) -> Mapping[str, str]:
        """What was stored with the list in force."""
        return await self._store.list_version()

    async def set_list_version(self, values: Mapping[str, str]) -> None:
        """Store which list is in force."""
        await self._store.set_list_version(values)

    def configured(self) -> AsyncIterator[Sequence[FeedConfig]]:
        """All feeds that are configured."""
        return cast(AsyncIterator[Sequence[FeedConfig]], self._store.configured())

    async def put_feeds(self, changes: Sequence[Change]) -> int:
        """Write feeds."""
        listed = [owner_key(change.feed.id) for change in changes]
        await self._store.note_owners([], listed, self._clock.now_ms())
        return await self._store.put_feeds([(c.feed, c.delay_ms) for c in changes])

    async def remove_feeds(self, feed_ids: Sequence[str]) -> int:
        """Forget feeds, with a tombstone each; others may revise what they announced."""
        now = self._clock.now_ms()
        await self._store.note_owners([owner_key(f) for f in feed_ids], [], now)
        rows = [(f, pack_headers(status_headers(self._instance, f, now))) for f in feed_ids]
        return await self._store.remove_feeds(rows, "feeds")


async def apply_list(s: Settings, *, force: bool) -> str:
    """Bring Redis in line with the feed list now. Returns what was done, in words.

    Raises:
        FeedListError: the list cannot be read, or loses too much to be applied without ``force``.
        ConfigError: no worker has run against this Redis yet.
    """
    store = open_store(s)
    fetcher = anywhere(s)
    try:
        store.marker = await existing_marker(store)
        lists = ListStore(store, s.instance, Clock())
        source = ListSource(s.feeds, fetcher.fetch)
        reconciler = Reconciler(source, lists, logs.get(), reload_s=s.feeds_reload)
        # Another process reconciles while it is busy, so there is nothing to be woken by.
        while (outcome := await reconciler.run_once(force=force)).status == "busy":  # noqa: ASYNC110
            await asyncio.sleep(1)
    finally:
        await fetcher.aclose()
        await store.aclose()
    if outcome.status in ("failed", "refused", "older"):
        raise FeedListError(f"{outcome.detail or outcome.status}")
    return (
        f"{outcome.feeds} feeds: {outcome.added} added, {outcome.changed} changed, "
        f"{outcome.removed} removed"
    )


def anywhere(s: Settings) -> Fetcher:
    """What fetches the list itself: whoever runs the worker names it, so it may lie on a private host."""
    return Fetcher(
        allowed_networks=(ip_network("0.0.0.0/0"), ip_network("::/0")),
        user_agent=user_agent(s.contact),
        ca_file=s.ca_file,
        proxy_url=s.proxy_url,
    )


class Worker:
    """One worker from start to stop; with ``drain`` it polls nothing, and ends when all is published."""

    def __init__(
        self, settings: Settings, *, start_empty: bool = False, drain: bool = False
    ) -> None:
        self._s = settings
        self._start_empty = start_empty
        self._drain = drain
        self._log: FilteringBoundLogger = logs.get()
        self._stop = asyncio.Event()
        self._clock = Clock()
        self._kafka = kafka_connection(settings)
        self._store = open_store(settings)
        self._bounds = Bounds(settings.min_interval, settings.max_interval)
        self._budget = Budget(self._store, self._clock, self._bounds, settings.polls_per_hour)
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
                tracing.use(_traces(self._s))
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
            if not await self._unless_stopped(self._connect()):
                return EXIT_OK
            await (self._only_publish() if self._drain else self._work(stack))
        self._log.info("worker_stopped")
        return EXIT_OK

    # -- start ------------------------------------------------------------------------------------

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
        await look_at_topics(self._kafka, specs, window_ms=window_ms, log=self._log)
        while True:
            try:
                await self._open_dataset()
                return
            except StateRegressedError as error:
                if self._problem != str(error):
                    self._problem = str(error)
                    self._log.error("state_regressed", detail=str(error))
                await asyncio.sleep(5)
            except StoreError as error:  # loading, on another node of a cluster: it passes
                if error.reason not in OUTAGES or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)

    async def _open_dataset(self) -> None:
        reader = PositionReader(self._kafka, f"{self._s.topic_prefix}positions")
        positions = await in_daemon(
            reader.read_all,
            self._s.instance,
            self._s.shards,
            self._s.kafka_transaction_timeout + 10 + self._s.connect_wait,
        )
        published = {shard: p.dataset for shard, p in positions.items()}
        self._marker = await open_dataset(
            self._store, self._s.topic_prefix, published, start_empty=self._start_empty
        )
        self._start_empty = False  # it was asked for once: a Redis emptied later is a fault

    async def _follow_dataset(self) -> None:
        """Go on by itself once an emptied Redis was filled again, begun anew by another worker, or put
        into another version. Raises StateVersionError when that is one that this release does not know."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            with suppress(StoreError):
                if not await self._is_another():
                    continue
            before = self._marker
            try:
                await self._open_dataset()
            except StateVersionError:
                raise
            except NewswireError:  # still empty, or out of reach: asked again
                continue
            if self._marker.dataset != before.dataset:
                self._log.info("dataset_adopted", dataset=self._marker.dataset)
            elif self._marker.version != before.version:
                self._log.info("state_finalized", state_version=self._marker.version)

    async def _is_another(self) -> bool:
        if self._publisher is not None and self._publisher.regressed:
            return True
        return await last_marker(self._store) not in ("", self._store.marker)

    # -- work -------------------------------------------------------------------------------------

    async def _work(self, stack: AsyncExitStack) -> None:
        s = self._s
        fetcher = Fetcher(
            allowed_networks=s.allowed_networks,
            user_agent=user_agent(s.contact),
            deadline_s=s.fetch_deadline,
            concurrency=s.fetch_concurrency,
            ca_file=s.ca_file,
            proxy_url=s.proxy_url,
        )
        parser = Parser()
        stack.push_async_callback(fetcher.aclose)
        stack.push_async_callback(parser.aclose)
        publisher = self._publisher = self._make_publisher()
        loop = self._loop = self._make_loop(fetcher, parser)
        list_fetcher = anywhere(s)
        stack.push_async_callback(list_fetcher.aclose)
        source = ListSource(s.feeds, list_fetcher.fetch)
        lists = ListStore(self._store, s.instance, self._clock)
        reconciler = Reconciler(source, lists, self._log, reload_s=s.feeds_reload)
        background = [
            asyncio.create_task(publisher.run()),
            asyncio.create_task(watch_loop(self._log, self._watch.lagged)),
            asyncio.create_task(self._watch.run()),
            asyncio.create_task(self._follow_budget()),
            asyncio.create_task(self._follow_dataset()),
            asyncio.create_task(reconciler.run(self._stop)),
        ]
        self._problem = ""
        self._log.info("worker_started", pid=os.getpid(), dataset=self._marker.dataset)
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
        self._log.info("worker_draining", pid=os.getpid(), dataset=self._marker.dataset)
        try:
            while not self._stop.is_set() and not publishing.done():
                with suppress(StoreError):  # asked again
                    if not (await self._store.outbox_totals())[0]:
                        break
                await asyncio.sleep(DRAIN_LOOK_S)
        finally:
            await publisher.close(self._s.grace * 0.8)
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)

    def _publish_settings(self) -> PublishSettings:
        s = self._s
        return PublishSettings(
            instance=s.instance,
            prefix=s.topic_prefix,
            dataset=self._marker.dataset,
            replaces=self._marker.replaces,
            marker=self._store.marker,
            window_ms=int(s.dedupe_window * 1000),
            lease_ms=int(s.publisher_lease * 1000),
            transaction_timeout_ms=int(s.kafka_transaction_timeout * 1000),
            replicas=s.durable_replicas,
            compression=None if s.kafka_compression == "none" else s.kafka_compression,
            exactly_once=s.delivery == "exactly_once",
        )

    def _make_publisher(self) -> Publisher:
        address = Address(self._s.redis_url)
        aio = asyncio.get_running_loop()

        def published(_shard: int, entries: list[Entry]) -> None:
            with suppress(RuntimeError):  # the loop is closed: the worker is gone already
                aio.call_soon_threadsafe(self._watch.published, entries)

        def session(shard: int) -> Session:
            settings = self._publish_settings()  # anew: the dataset may be another
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
        rules = HostRules(
            gap_ms=int(s.host_gap * 1000),
            most=s.host_concurrency,
            ttl_ms=int((s.fetch_deadline + 5) * 1000),
        )
        lines = HostLines(self._store, self._clock, self._log, rules)
        longest_ms = int(s.max_interval * 1000)
        gate = HostGate(
            self._store,
            self._clock,
            lines,
            longest_ms=longest_ms,
            on_rest=self._watch.metrics.rested,
        )
        settings = PollSettings(
            instance=s.instance,
            bounds=self._bounds,
            backfill=s.backfill,
            body=s.body,
            window_ms=int(s.dedupe_window * 1000),
            edit_window_min=math.ceil(s.edit_window / 60),
            routes=s.routes,
        )
        poller = Poller(
            settings=settings,
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
        )
        return PollLoop(
            store=self._store,
            poller=poller,
            lines=lines,
            clock=self._clock,
            log=self._log,
            on_polled=self._watch.polled,
            on_put_off=self._watch.put_off,
            concurrency=s.fetch_concurrency,
            outbox_max_bytes=s.outbox_max_bytes,
            blocked=self._blocked,
            on_store_error=self._watch.metrics.store_error,
        )

    # -- what is seen from outside ------------------------------------------------------------------

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
        problems = [self._problem] if self._problem else []
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


def _traces(s: Settings) -> tracing.Backend:
    """Raises ConfigError without OpenTelemetry's packages."""
    try:
        # Imported here: without traces nothing of it is loaded, nor needs to be installed.
        from workers.tracing_otel import OtelTracing  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"NEWSWIRE_TRACES is on, but OpenTelemetry is not installed ({error.name}): "
            "pip install 'newswire[otel]', or set it to false."
        ) from error
    return OtelTracing(s.instance, worker_id(), release(), s.topic_prefix)


@cache
def worker_id() -> str:
    """Which process this is: host and pid, and since when."""
    return f"{socket.gethostname()}-{os.getpid()}-{rfc3339(int(time.time() * 1000))[11:19]}"
