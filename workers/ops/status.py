"""The status page: `/`, `/feeds` and `/feeds/<id>`. Reads, never writes; what it costs is bounded."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from workers.errors import NewswireError
from workers.explain import STATES, Standing, facts, state_of
from workers.feed_table import host_of
from workers.feedlist.identity import ID_PATTERN
from workers.fetcher.clock import Clock
from workers.fetcher.event import feed_name
from workers.fetcher.schedule import Bounds
from workers.log_fields import REASONS
from workers.ops import pages
from workers.ops.census import stored
from workers.ops.overview import Overview, overview
from workers.ops.ring import read_notes
from workers.ops.search import MAX_QUERY, BusyError, Searcher, row_of
from workers.store import scheduled, watching
from workers.store.pauses import held
from workers.store.store import Store

Handler = Callable[[web.Request], Awaitable[web.Response]]

FRESH_S = 2.0
"""So long an overview is shown again instead of being made anew."""
OVERDUE = 5
PAGE = 50
_ID = re.compile(ID_PATTERN)


class StatusPage:
    """The pages of one worker, about the whole instance.

    Args:
        problems: what is wrong with this worker, in words.
    """

    def __init__(
        self,
        instance: str,
        worker: str,
        store: Store,
        clock: Clock,
        bounds: Bounds,
        problems: Callable[[], list[str]],
    ) -> None:
        self._instance = instance
        self._worker = worker
        self._store = store
        self._clock = clock
        self._bounds = bounds
        self._problems = problems
        self._searcher = Searcher(store, bounds)
        self._lock = asyncio.Lock()
        self._made: tuple[float, Overview] | None = None

    def routes(self) -> list[web.RouteDef]:
        """What to serve."""
        return [
            web.get("/", self._on_overview),
            web.get("/feeds", self._guarded(self._on_feeds)),
            web.get("/feeds/{id}", self._guarded(self._on_feed)),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            except NewswireError as error:
                return await self._problem(503, "Redis cannot be used now", str(error))

        return guarded

    async def _page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        values = {"refresh": "", "now": self._clock.now_ms(), **values}
        values |= {"instance": self._instance, "worker": self._worker}
        # In a thread: polls need not wait, above all not for the first, which compiles the template.
        text = await asyncio.to_thread(pages.render, template, **values)
        return web.Response(status=status, body=text.encode(), headers=pages.HEADERS)

    async def _problem(self, status: int, title: str, text: str) -> web.Response:
        return await self._page("problem.html", status, title=title, text=text)

    async def _on_overview(self, request: web.Request) -> web.Response:
        problems = list(self._problems())
        view: Overview | None = None
        try:
            view = await self._overview()
            problems += view.problems
        except NewswireError as error:
            problems.append(str(error))
        refresh = "30" if request.query.get("refresh") == "30" else ""
        return await self._page(
            "overview.html", problems=problems, view=view, states=STATES, refresh=refresh
        )

    async def _overview(self) -> Overview:
        async with self._lock:
            if self._made is None or time.monotonic() - self._made[0] > FRESH_S:
                made = await self._make()
                self._made = (time.monotonic(), made)
            return self._made[1]

    async def _make(self) -> Overview:
        now_ms = await self._store.now_ms()
        notes = read_notes((await watching.notes(self._store)).values())
        rows = []
        for feed, due_ms in await watching.most_overdue(self._store, OVERDUE, now_ms):
            if found := await scheduled.feed(self._store, feed):
                rows.append(row_of(found[0], found[1], due_ms, self._bounds, now_ms))
        totals = await watching.totals(self._store, now_ms)
        return overview(notes, totals, await stored(self._store), rows, now_ms)

    async def _on_feeds(self, request: web.Request) -> web.Response:
        query, state = request.query.get("q", "")[:MAX_QUERY], request.query.get("state", "")
        if state not in ("", *STATES):
            return await self._problem(
                400, "No such state", f"A feed is one of: {', '.join(STATES)}."
            )
        try:
            found = await self._searcher.find(query, state, await self._store.now_ms())
        except BusyError:
            text = "Other searches are under way, and all feeds are looked at for each. Try again soon."
            return await self._problem(503, "Busy", text)
        count = max(1, -(-len(found.rows) // PAGE))
        wanted = request.query.get("page", "")
        page = min(count, max(1, int(wanted) if wanted.isdecimal() and len(wanted) < 6 else 1))
        return await self._page(
            "feeds.html",
            query=query, state=state, states=STATES, found=found,
            rows=found.rows[(page - 1) * PAGE : page * PAGE], page=page, pages=count,
        )  # fmt: skip

    async def _on_feed(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        found = await held(self._store, wanted) if _ID.fullmatch(wanted) else None
        if found is None:
            return await self._problem(404, "No such feed", "No feed on the list has this id.")
        config, state = found.config, found.state
        now_ms = await self._store.now_ms()
        standing = Standing(
            found.claimed,
            await scheduled.placed(self._store, config.id),
            await self._store.hosts.rests_until_ms(host_of(config, state)),
            found.pause,
        )
        story = facts(config, state, found.due_ms, self._bounds, now_ms, standing)
        return await self._page(
            "feed.html",
            id=config.id,
            name=feed_name(config, state) or config.id,
            state=state_of(config, state, self._bounds, now_ms, found.pause),
            story=story[1:],
            polls=[(*poll, REASONS.get(poll[1], "")) for poll in reversed(state.history)],
        )
