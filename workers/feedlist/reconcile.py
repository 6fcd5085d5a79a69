"""Keeps what Redis wants equal to the feed list, from one worker at a time, without a restart."""

from __future__ import annotations

import asyncio
import math
import random
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal, Protocol

import msgspec
from structlog.typing import FilteringBoundLogger

from workers.errors import FeedListError, NewswireError, StateRegressedError, StoreError
from workers.feedlist.apart import Compared, look
from workers.feedlist.comparison import Planned, Read
from workers.feedlist.plan import Change
from workers.feedlist.source import ListSource, Loaded
from workers.feedlist.version import (
    ListVersion,
    compare,
    following,
    read_version,
    version_fields,
)
from workers.model import FeedConfig

LEASE_MS = 10_000
"""How long the list waits for a worker that was killed; one at work renews the lease."""

BUSY_S = 30.0
"""After so long it is said that another worker reconciles still."""

RETRY_S = 5.0
"""Wait after a cycle that could not finish (Redis failed, another worker reconciles)."""


class ListStore(Protocol):
    """What the reconciler needs of Redis. Each method may raise ``StoreError`` and be repeated."""

    async def list_lease(self, token: str, ttl_ms: int) -> bool:
        """Take or renew the one lease to reconcile; False while another holds it."""

    async def list_unlease(self, token: str) -> None:
        """Give the lease back if it is ours."""

    async def list_version(self) -> Mapping[str, str]:
        """What was stored with the list in force, empty at first."""

    async def set_list_version(self, values: Mapping[str, str]) -> None:
        """Store which list is in force."""

    def configured(self) -> AsyncIterator[Sequence[FeedConfig]]:
        """All feeds that are configured, disabled ones too, in batches, each at least once."""

    async def put_feeds(self, changes: Sequence[Change]) -> object:
        """Write feeds.

        An enabled feed with ``delay_ms`` is due after so many ms, or earlier if it is so already (a
        poll that runs is left alone); with None it keeps its time. A disabled feed is known and
        never due, and a poll of it that runs is fenced.
        """

    async def remove_feeds(self, feed_ids: Sequence[str]) -> object:
        """Forget feeds and fence their polls; what they showed is kept for the dedupe window."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one cycle. ``detail`` is for people; the numbers are of feeds.

    ``in_force``: nothing to do. ``older``: a list newer than ours is in force. ``busy``: another
    worker reconciles now, try again. ``failed``: the list cannot be read whole. ``refused``: it can,
    but loses too much to be taken over without force.
    """

    status: Literal["applied", "in_force", "older", "busy", "refused", "failed"]
    detail: str = ""
    feeds: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


class _LeaseLostError(NewswireError):
    """Another worker reconciles; it completes what was begun."""


class Reconciler:
    """Reads the list and brings Redis in line with it.

    An interrupted run is harmless: the version is stored last, so the next run, of any worker that
    has the list, finds what is still missing. The first run of a process compares all feeds even
    when the version says that nothing is missing, since Redis may have lost a part of what it held.

    Args:
        source: the list.
        store: Redis.
        log: events ``feed_list_loaded``, ``feed_list_warning``, ``feed_list_refused``,
            ``feed_list_failed``, ``feed_list_outdated``, ``feed_list_busy``, ``feed_list_recovered``.
        reload_s: seconds between two readings.
    """

    def __init__(
        self, source: ListSource, store: ListStore, log: FilteringBoundLogger, *, reload_s: float
    ) -> None:
        self._source = source
        self._store = store
        self._log = log
        self._reload_s = reload_s
        self._token = secrets.token_hex(8)
        self._found: ListVersion | None = None
        self._held = ""  # hash of the list in force, when ours was last the same
        self._compared_all = False  # with all that is configured, once in this process
        self._settled: tuple[str, ListVersion | None] = ("", None)  # (our hash, the one in force)
        self._last = Outcome("in_force")
        self._reading: asyncio.Task[None] | None = None
        self._ahead: tuple[str, Compared] | None = (
            None  # what was read and not yet used, by its hash
        )
        self._trouble = ""  # what was complained of last; it is not said again
        self._renewing = asyncio.Lock()
        self._busy_at = math.inf  # monotonic seconds past which it is said that another is at work

    async def run(self, stop: asyncio.Event) -> None:
        """Reconcile until ``stop`` is set. Whatever goes wrong is logged and tried again."""
        try:
            if self._reading:
                await asyncio.gather(self._reading, return_exceptions=True)
                self._reading = None
            while not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), await self._turn())
        finally:
            await self.aclose()

    async def _turn(self) -> float:
        """One cycle, whatever comes of it; returns seconds until the next."""
        wait = self._reload_s * random.uniform(0.9, 1.1)  # noqa: S311 - not all at once
        try:
            outcome = await self.run_once()
            if self._waits(outcome):
                wait = min(wait, RETRY_S)
        except StateRegressedError:  # the publisher says so; it is no fault of the list
            wait = min(wait, RETRY_S)
        except NewswireError as error:
            # Redis away is said by whoever claims (store_unavailable); a refusal may be ours alone.
            if not isinstance(error, StoreError) or error.reason == "error":
                self._say(Outcome("failed", str(error)))
            wait = min(wait, RETRY_S)
        except Exception as error:
            # Feeds go on being polled from the last good list, whatever is wrong here.
            self._say(Outcome("failed", f"{type(error).__name__}: {error}"))
        return wait

    def read_ahead(self) -> None:
        """Begin to read the list while there is no Redis yet to compare it with."""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with suppress(NewswireError):  # what is wrong is said by the first cycle
            found, loaded = await self._look()
            await self._compared(found, loaded)

    async def aclose(self) -> None:
        """Let go of a list that was read and not used."""
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None
        await self._drop()

    async def _drop(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead:
            await ahead[1].aclose()

    def _waits(self, outcome: Outcome) -> bool:
        """Whether another worker reconciles; that is said once when it takes long."""
        now = time.monotonic()
        if outcome.status != "busy":
            self._busy_at = math.inf
            return False
        if math.isinf(self._busy_at):
            self._busy_at = now + BUSY_S
        elif now >= self._busy_at > 0:
            self._busy_at = 0.0  # said
            self._log.info("feed_list_busy", source=self._source.shown, detail=outcome.detail)
        return True

    async def run_once(self, *, force: bool = False) -> Outcome:
        """One cycle.

        Args:
            force: take the list over though it loses feeds or is older than the one in force.

        Raises:
            StoreError: Redis failed; what was done so far is completed by the next cycle.
        """
        try:
            outcome = await self._cycle(force)
        except BaseException:
            await self._drop()
            raise
        if outcome.status != "busy":
            await self._drop()
        return outcome

    async def _cycle(self, force: bool) -> Outcome:
        try:
            found, loaded = await self._look()
        except FeedListError as error:
            outcome = Outcome("failed", str(error))
            self._say(outcome)
            return outcome
        in_force = read_version(await self._store.list_version())
        if not force and self._settled == (found.hash, in_force):
            self._say(self._last)
            return self._last
        verdict = compare(found, in_force, self._held)
        if not force:
            if verdict == "older":
                return self._older(found, in_force)
            if verdict == "in_force" and self._compared_all:
                self._held = found.hash
                return self._settle(found, in_force, Outcome("in_force", feeds=_count(in_force)))
        try:
            listed = await self._compared(found, loaded)
        except FeedListError as error:
            return self._settle(found, in_force, Outcome("failed", str(error)))
        return await self._leased(self._found or found, listed, force)

    async def _look(self) -> tuple[ListVersion, Loaded | None]:
        """Which list there is, and its content if it has changed."""
        loaded = await (self._source.load() if self._found else self._source.reload())
        if loaded is not None:
            self._found = _version(loaded, self._source.key)
        elif self._found is None:
            raise AssertionError("a reload always gives the content")
        return self._found, loaded

    async def _compared(self, found: ListVersion, loaded: Loaded | None) -> Compared:
        """The list that was found, read; what was read ahead is kept until it is used."""
        if self._ahead and self._ahead[0] == found.hash:
            return self._ahead[1]
        await self._drop()
        loaded = loaded or await self._source.reload()
        self._found = _version(loaded, self._source.key)
        listed = await look(loaded.data, self._source.shown)
        self._ahead = loaded.hash, listed
        return listed

    async def _leased(self, found: ListVersion, listed: Compared, force: bool) -> Outcome:
        if not await self._store.list_lease(self._token, LEASE_MS):
            return Outcome("busy", "another worker reconciles the list now")
        keeping = asyncio.create_task(self._keep())
        try:
            return await self._reconcile(found, listed, force)
        except _LeaseLostError as error:
            return Outcome("busy", str(error))
        finally:
            async with self._renewing:  # a renewal under way would take back what is given up
                keeping.cancel()
            with suppress(NewswireError):  # it ends by itself
                await self._store.list_unlease(self._token)

    async def _reconcile(self, found: ListVersion, listed: Compared, force: bool) -> Outcome:
        """Compare and write, under the lease."""
        in_force = read_version(await self._store.list_version())
        verdict = compare(found, in_force, self._held)
        if verdict == "older" and not force:
            return self._older(found, in_force)
        async for batch in self._store.configured():
            await listed.see(batch)
            await self._renew()
        # A list in force was accepted once; completing it must not be refused half-way.
        plan = await listed.plan(force=force or verdict == "in_force")
        if plan.refused:
            detail = f"{plan.refused}; if that is meant: newswire feeds apply --force"
            return self._settle(found, in_force, Outcome("refused", detail))
        await self._write(listed)
        if verdict != "in_force":
            in_force = msgspec.structs.replace(following(found, in_force), count=listed.read.feeds)
            await self._renew()
            await self._store.set_list_version(version_fields(in_force))
        self._held = found.hash
        self._compared_all = True
        return self._settle(found, in_force, self._applied(plan, listed.read))

    async def _write(self, listed: Compared) -> None:
        while (batch := await listed.take()).changes or batch.removals:
            await self._renew()
            if batch.changes:
                await self._store.put_feeds(batch.changes)
            else:
                await self._store.remove_feeds(batch.removals)

    async def _keep(self) -> None:
        """Renew the lease beside steps that take longer than it lasts, until cancelled."""
        while True:
            await asyncio.sleep(LEASE_MS / 3000)
            async with self._renewing:
                with suppress(NewswireError):  # who writes asks before each batch
                    await self._renew()

    async def _renew(self) -> None:
        if not await self._store.list_lease(self._token, LEASE_MS):
            raise _LeaseLostError("the lease of the feed list went to another worker")

    def _settle(
        self, found: ListVersion, in_force: ListVersion | None, outcome: Outcome
    ) -> Outcome:
        """Nothing more is to be done until our list or the one in force changes."""
        self._settled = (found.hash, in_force)
        applied = outcome.status == "applied"
        self._last = Outcome("in_force", feeds=outcome.feeds) if applied else outcome
        self._say(outcome)
        return outcome

    # -- what is said of it -----------------------------------------------------------------------

    def _applied(self, plan: Planned, read: Read) -> Outcome:
        numbers = {"added": plan.added, "changed": plan.changed, "removed": plan.removed}
        self._log.info(
            "feed_list_loaded", source=self._source.shown, feeds=read.feeds, **numbers,
            unchanged=plan.unchanged, disabled=read.disabled,
        )  # fmt: skip
        for warning in read.warnings:
            self._log.warning("feed_list_warning", source=self._source.shown, detail=warning)
        self._trouble = ""
        changed = any(numbers.values())
        return Outcome("applied" if changed else "in_force", "", read.feeds, **numbers)

    def _older(self, found: ListVersion, in_force: ListVersion | None) -> Outcome:
        # A list that was in force before is no trouble: another worker has seen the new one first,
        # and ours will follow.
        detail = "" if found.hash == self._held else (
            f"a newer list of {_count(in_force)} feeds is in force;"
            " if this one is meant: newswire feeds apply --force"
        )  # fmt: skip
        return self._settle(found, in_force, Outcome("older", detail))

    def _say(self, outcome: Outcome) -> None:
        """Say what is wrong, once until something else is, and when nothing is any more."""
        source, detail = self._source.shown, outcome.detail
        if not detail and self._trouble:
            self._log.info("feed_list_recovered", source=source)
        elif detail and detail != self._trouble:
            match outcome.status:
                case "older":
                    self._log.warning("feed_list_outdated", source=source, detail=detail)
                case "refused":
                    self._log.error("feed_list_refused", source=source, detail=detail)
                case _:
                    self._log.error("feed_list_failed", source=source, detail=detail)
        self._trouble = detail


def _version(loaded: Loaded, source: str) -> ListVersion:
    return ListVersion(loaded.hash, source, loaded.stamp_ms, loaded.loaded_ms)


def _count(version: ListVersion | None) -> int:
    return version.count if version else 0
