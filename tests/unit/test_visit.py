"""One fetch between the permits of its hosts: what is sent, and what the hosts are given rest for."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from workers import logs
from workers.errors import ConfigError, StoreError
from workers.fetcher.clock import Clock
from workers.fetcher.gate import BUSY_MS, STRICT_MS, HostGate, verdict_of
from workers.fetcher.line import HostLines
from workers.fetcher.visit import Visitor
from workers.http.fetch import Fetcher, OnHop
from workers.http.room import Place, Room
from workers.model import Claim, FeedConfig, FeedState, Fetched, FetchRequest
from workers.store.store import NO_VERDICT, HostRules, Store, Verdict

NOW = 1_767_571_200_000
HOUR_MS = 3_600_000


class _Store:
    """Grants every permit and keeps what hosts are said to bear."""

    def __init__(self, strict: tuple[str, ...] = ()) -> None:
        self._strict = strict
        self.done: dict[str, Verdict] = {}
        self.away = False

    async def permit(self, host: str, *_: Any, **__: Any) -> tuple[int, str]:
        return 0, "strict" if host in self._strict else ""

    async def permit_done(self, host: str, token: str, elapsed_ms: int, verdict: Verdict) -> None:
        if self.away:
            raise StoreError("Redis: no connection", "down")
        self.done[host] = verdict


class _Clock(Clock):
    """Goes on as a test says."""

    now = NOW

    def now_ms(self) -> int:
        return self.now


class _Fetcher:
    """Answers every request the same, by way of other hosts."""

    def __init__(self, answer: Fetched, hops: tuple[str, ...] = ()) -> None:
        self._answer = answer
        self._hops = hops
        self.requests: list[FetchRequest] = []

    async def fetch(self, request: FetchRequest, *, on_hop: OnHop, place: Place) -> Fetched:
        self.requests.append(request)
        for host in self._hops:
            await on_hop(host)
        return self._answer


def gate_of(store: _Store, longest_ms: int) -> HostGate:
    """The gate of a worker with that store."""
    redis = cast(Store, store)
    lines = HostLines(redis, Clock(), logs.get(), HostRules(0, 1, 1))
    return HostGate(redis, Clock(), lines, longest_ms=longest_ms)


def visitor(store: _Store, fetcher: _Fetcher) -> Visitor:
    """A visitor of the web that ``fetcher`` makes up."""
    gate = gate_of(store, 24 * HOUR_MS)
    secrets = {"env:PASS": "it's me"}
    return Visitor(cast(Fetcher, fetcher), gate, Clock(), secrets.__getitem__)


def claim(**config: Any) -> Claim:
    """A claim of a feed that was never polled."""
    feed = FeedConfig("f", "http://a.example/feed", **config)
    return Claim("f", 0, "t", 0, 0, feed, FeedState())


@pytest.mark.parametrize(
    ("answer", "kind", "pause_ms", "times"),
    [
        (Fetched("throttled", "", 429), "strict", 0, STRICT_MS),
        (Fetched("throttled", "", 429, retry_after="120"), "strict", 120_000, STRICT_MS),
        (Fetched("throttled", "", 503, retry_after="7"), "strict", 7_000, STRICT_MS),
        (Fetched("server_error", "", 503), "busy", 0, BUSY_MS),
        (Fetched("server_error", "", 500), "well", 0, (0, 0)),
        (Fetched("forbidden", "", 403), "well", 0, (0, 0)),
        (Fetched("", "", 200), "well", 0, (0, 0)),
        (Fetched("timeout", ""), "", 0, (0, 0)),
    ],
)
def test_what_an_answer_says_of_its_host(
    answer: Fetched, kind: str, pause_ms: int, times: tuple[int, int]
) -> None:
    """429 and 503 give the host rest, for as long as it says; other answers end that, silence does not."""
    assert verdict_of(answer, NOW, 24 * HOUR_MS, 0.0) == Verdict(kind, pause_ms, *times)


@pytest.mark.parametrize(
    ("status", "asked", "last", "before_ms"),
    [
        (503, "", (NOW - 9, "throttled", 503), NOW - 9),
        (503, "", (NOW - 9, "server_error", 503), NOW - 9),
        (503, "60", (NOW - 9, "server_error", 503), 0),
        (503, "", (NOW - 9, "new", 200), 0),
        (503, "", None, 0),
        (429, "", (NOW - 9, "throttled", 503), 0),
        (429, "", (NOW - 9, "throttled", 429), 0),
    ],
)
def test_a_feed_that_is_refused_by_503_again_is_told_apart(
    status: int, asked: str, last: tuple[int, str, int] | None, before_ms: int
) -> None:
    """429, and a time that a host names, are for all of the host; 503 may be the feed's own when its last
    poll met it, too."""
    answer = Fetched("throttled", "", status, retry_after=asked)
    assert verdict_of(answer, NOW, 24 * HOUR_MS, 0.0, last).before_ms == before_ms


def test_the_rest_of_a_host_is_bounded_and_never_twice_the_same() -> None:
    """No rest that nobody asked for is much longer than the longest interval; chance makes them differ."""
    refusal = Fetched("throttled", "", 429)
    short, long = (verdict_of(refusal, NOW, 1_000, jitter) for jitter in (0.0, 0.9))
    assert (short.first_ms, short.most_ms) == (1_000, 1_000)
    assert short.first_ms < long.first_ms <= 1_250


async def test_only_the_host_that_answered_is_given_rest() -> None:
    """A redirect's first host has nothing to do with the second's 429."""
    store = _Store()
    answer = Fetched("throttled", "http://b.example/", 429, retry_after="60")
    await visitor(store, _Fetcher(answer, ("b.example",))).visit(claim(), Room().place())
    assert store.done["a.example"] == NO_VERDICT
    assert store.done["b.example"].kind == "strict"
    assert store.done["b.example"].pause_ms == 60_000


async def test_what_a_feed_met_last_goes_with_its_refusal() -> None:
    """A 503 after a 503 is told with when the first came."""
    store = _Store()
    held = claim()
    held = msgspec.structs.replace(held, state=FeedState(history=((NOW, "server_error", 503),)))
    await visitor(store, _Fetcher(Fetched("server_error", "", 503))).visit(held, Room().place())
    assert store.done["a.example"].before_ms == NOW


@pytest.mark.parametrize(("strict", "reason"), [(("a.example",), "throttled"), ((), "forbidden")])
async def test_forbidden_by_a_host_that_throttles(strict: tuple[str, ...], reason: str) -> None:
    """403 of a host that has lately answered 429 is throttling; of any other it is what it says."""
    store = _Store(strict)
    fetched, _ = await visitor(store, _Fetcher(Fetched("forbidden", "", 403))).visit(
        claim(), Room().place()
    )
    assert fetched.reason == reason
    assert store.done["a.example"].kind == ("strict" if strict else "well")


async def test_a_feed_is_asked_for_as_its_list_says() -> None:
    """Login, User-Agent and the way around the proxy go into the request."""
    fetcher = _Fetcher(Fetched("", "", 200))
    config = {"basic_auth_from": "env:PASS", "user_agent": "Paper/1", "direct": True}
    _, request = await visitor(_Store(), fetcher).visit(claim(**config), Room().place())
    assert fetcher.requests == [request]
    assert request.headers == {"Authorization": "Basic aXQncyBtZQ=="}
    assert (request.user_agent, request.direct) == ("Paper/1", True)


async def test_a_secret_that_cannot_be_read_is_the_feeds_own_failure() -> None:
    """Nothing is asked without it; the reason names where it should be."""

    def nowhere(reference: str) -> str:
        raise ConfigError(f"{reference}: the environment has no TOKEN, or it is empty")

    store, fetcher = _Store(), _Fetcher(Fetched("", "", 200))
    gate = gate_of(store, 1)
    lost = Visitor(cast(Fetcher, fetcher), gate, Clock(), nowhere)
    fetched, _ = await lost.visit(claim(headers_from={"X-Key": "env:TOKEN"}), Room().place())
    assert fetched.reason == "credentials_missing"
    assert "env:TOKEN" in fetched.detail
    assert fetcher.requests == []
    assert store.done["a.example"] == NO_VERDICT


async def test_a_host_that_answers_after_it_led_away_is_the_one_that_is_meant() -> None:
    """Where two hosts send a poll to and fro, the rest is for the one that refused."""
    store = _Store()
    answer = Fetched("throttled", "http://a.example/2", 429, retry_after="60")
    await visitor(store, _Fetcher(answer, ("b.example", "a.example"))).visit(
        claim(), Room().place()
    )
    assert store.done["a.example"].kind == "strict"
    assert store.done["b.example"] == NO_VERDICT


async def test_all_spellings_of_a_host_are_one() -> None:
    """Letters of other scripts, case and a last dot make no second host."""
    store = _Store()
    hops = ("B\u00dcCHER.example", "xn--bcher-kva.example.", "xn--bcher-kva.example")
    await visitor(store, _Fetcher(Fetched("", "", 200), hops)).visit(claim(), Room().place())
    assert set(store.done) == {"a.example", "xn--bcher-kva.example"}


async def test_a_refusal_that_redis_did_not_hear_is_told_before_the_next_permit() -> None:
    """A 429 that comes while Redis is away keeps the host alone for what is left of its time; one whose time
    is over is not told."""
    store, clock = _Store(), _Clock()
    gate = HostGate(
        cast(Store, store),
        clock,
        HostLines(cast(Store, store), clock, logs.get(), HostRules(0, 1, 1)),
        longest_ms=HOUR_MS,
    )
    store.away = True
    for host, seconds in (("long.example", "60"), ("short.example", "5")):
        refusal = Fetched("throttled", "", 429, retry_after=seconds)
        with pytest.raises(StoreError):
            await gate.leave(host, "t", 20, refusal, clock.now_ms(), None)
    with pytest.raises(StoreError):  # still away: neither is forgotten
        await gate.enter("other.example", "t", placed=False)
    store.away = False
    clock.now += 10_000
    await gate.enter("other.example", "t", placed=False)
    assert {host: verdict.pause_ms for host, verdict in store.done.items()} == {
        "long.example": 50_000
    }
    store.done.clear()
    await gate.enter("other.example", "t", placed=False)
    assert store.done == {}
