"""One fetch between the permits of every host on its way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from workers.errors import NewswireError
from workers.fetcher.clock import Clock
from workers.fetcher.fetch import Fetcher
from workers.fetcher.gate import HostGate
from workers.fetcher.validators import request_for
from workers.model import Claim, Fetched, FetchRequest
from workers.urls import credentials_for


class Visitor:
    """Fetches a claimed feed's document as its hosts allow it."""

    def __init__(
        self, fetcher: Fetcher, gate: HostGate, clock: Clock, credentials: Callable[[str], str]
    ) -> None:
        self._fetcher = fetcher
        self._gate = gate
        self._clock = clock
        self._credentials = credentials

    async def visit(self, claim: Claim) -> tuple[Fetched, FetchRequest]:
        """Fetch the feed's document; what came, and what was asked for.

        Raises:
            HostBusy: the first host has no permit now.
        """
        url = claim.state.url or claim.config.url
        entered: dict[str, bool] = {}  # and whether the host refuses some requests as too many

        async def enter(host: str) -> None:
            host = host.lower()
            if host not in entered:
                entered[host] = await self._gate.enter(host, claim.token)

        fetched: Fetched | None = None
        started = self._clock.now_ms()
        try:
            await enter(urlsplit(url).hostname or "")
            secret = {n: self._credentials(ref) for n, ref in claim.config.headers_from.items()}
            headers = credentials_for(url, claim.config.url, secret)
            request = request_for(url, claim.state, headers, self._clock.now_ms())
            fetched = await self._fetcher.fetch(request, on_hop=enter)
            if fetched.reason == "forbidden" and [*entered.values()][-1]:
                # Many hosts refuse with 403 whoever went on after their 429s.
                detail = "403 from a host that has lately answered 429"
                fetched = msgspec.structs.replace(fetched, reason="throttled", detail=detail)
            return fetched, request
        finally:
            now_ms = self._clock.now_ms()
            last = next(reversed(entered), "")
            for host in entered:
                with suppress(NewswireError):  # a permit runs out by itself
                    answer = fetched if host == last else None
                    await self._gate.leave(host, claim.token, now_ms - started, answer, now_ms)
