"""One fetch between the permits of every host on its way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from workers.errors import ConfigError, NewswireError
from workers.fetcher.clock import Clock
from workers.fetcher.gate import HostGate
from workers.fetcher.search import target
from workers.fetcher.validators import request_for
from workers.http.fetch import Fetcher
from workers.http.net import host_key
from workers.http.room import Place
from workers.model import Claim, FeedConfig, Fetched, FetchRequest
from workers.urls import basic_authorization, credentials_for


class Visitor:
    """Fetches a claimed feed's document as its hosts allow it."""

    def __init__(
        self, fetcher: Fetcher, gate: HostGate, clock: Clock, credentials: Callable[[str], str]
    ) -> None:
        self._fetcher = fetcher
        self._gate = gate
        self._clock = clock
        self._credentials = credentials

    def _as_configured(self, request: FetchRequest, config: FeedConfig) -> FetchRequest:
        """The request with the feed's own headers, as far as they may go to its URL.

        Raises:
            ConfigError: a secret cannot be read.
        """
        secret = {name: self._credentials(ref) for name, ref in config.headers_from.items()}
        if config.basic_auth_from:
            login = self._credentials(config.basic_auth_from)
            secret["Authorization"] = basic_authorization(login)
        return msgspec.structs.replace(
            request,
            headers=credentials_for(request.url, config.url, secret),
            user_agent=config.user_agent,
            direct=config.direct,
        )

    async def visit(self, claim: Claim, place: Place) -> tuple[Fetched, FetchRequest]:
        """Fetch the feed's document; what came, and what was asked for. A large one takes ``place``.

        Raises:
            HostBusy: the first host has no permit now.
            WorkerBusy: the document is large, and there was no room for it.
        """
        url = target(claim.state, claim.config)
        entered: dict[str, bool] = {}  # and whether the host refuses some requests as too many

        last = ""  # the host that is dialled

        async def enter(host: str) -> None:
            nonlocal last
            host = host_key(host)
            if host in entered:
                await self._gate.again(host, claim.token)
            else:
                entered[host] = await self._gate.enter(host, claim.token, placed=claim.placed)
            last = host

        fetched: Fetched | None = None
        started = self._clock.now_ms()
        try:
            await enter(urlsplit(url).hostname or "")
            started = self._clock.now_ms()  # what its hosts take, not what the permit took
            request = request_for(url, claim.state, self._clock.now_ms())
            try:
                request = self._as_configured(request, claim.config)
            except ConfigError as error:
                return Fetched("credentials_missing", url, detail=str(error)), request
            fetched = await self._fetcher.fetch(request, on_hop=enter, place=place)
            if fetched.reason == "forbidden" and entered[last]:
                # Many hosts refuse with 403 whoever went on after their 429s.
                detail = "403 from a host that has lately answered 429"
                fetched = msgspec.structs.replace(fetched, reason="throttled", detail=detail)
            return fetched, request
        finally:
            now_ms = self._clock.now_ms()
            before = claim.state.history[-1] if claim.state.history else None
            for host in entered:
                with suppress(NewswireError):  # a permit runs out by itself
                    answer = fetched if host == last else None
                    elapsed_ms = now_ms - started
                    await self._gate.leave(host, claim.token, elapsed_ms, answer, now_ms, before)
