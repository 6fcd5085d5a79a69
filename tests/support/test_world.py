"""The world tells the truth about itself: what it serves is what it says existed."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections import defaultdict
from typing import get_args

import aiohttp
import feedparser
import pytest

from tests.support.world import plan_faults, plan_quirks, serve
from tests.support.world_documents import Request, Response, Site, article_text
from tests.support.world_model import HIDING, Fault, FaultKind, Quirk, World
from tests.support.world_process import WorldProcess

_EPOCH_MS = 1_770_000_000_000
_BOTH, _ETAG, _DATE, _NONE = 0, 1, 3, 6
"""Feeds by the validators that they send."""


def _world(feeds: int = 12, **options: object) -> World:
    settings: dict[str, object] = {"rate": 0.2, "window": 8, "edited": 0.3, "shared": 0.2}
    return World(3, feeds, epoch_ms=_EPOCH_MS, **{**settings, **options})  # type: ignore[arg-type]


def _world_of_now(feeds: int = 12) -> World:
    """A world that has just begun, as a served one needs it."""
    return World(3, feeds, epoch_ms=int(time.time() * 1000), rate=0.2, window=8)


def _ask(
    site: Site, feed: int, at_s: float, number: int = 0, etag: str = "", date: str = ""
) -> Response:
    return site.respond(feed, at_s, at_s, Request(site.path(feed), number, etag, date))


def _titles(response: Response) -> list[str]:
    if "json" in response.headers["Content-Type"]:
        return [item["title"] for item in json.loads(response.body)["items"]]
    return [entry.title for entry in feedparser.parse(response.body).entries]


def _changes(world: World, feed: int, until_s: float) -> list[float]:
    """All times at which a feed changes, from 0 on."""
    times = [0.0]
    while (after := world.snapshot(feed, times[-1]).until_s) <= until_s:
        times.append(after)
    return times


@pytest.mark.parametrize("feed", range(3))
def test_document_holds_what_the_response_says(feed: int) -> None:
    """In each format a reader that is not ours finds the articles that the world says are shown."""
    response = _ask(Site(_world()), feed, 30.0)
    assert [title.rpartition(" ")[2] for title in _titles(response)] == [
        key for key, _ in response.shown
    ]
    assert len(response.shown) == 8
    for key, revision in response.shown:
        assert f"version {key}r{revision}." in response.body.decode()


def test_feed_changes_just_when_it_says() -> None:
    """Between two changes a feed holds the same; at each change it holds something else."""
    world = _world()
    for feed in range(world.feeds):
        for at in _changes(world, feed, 60):
            now = world.snapshot(feed, at)
            last = world.snapshot(feed, math.nextafter(now.until_s, 0))
            after = world.snapshot(feed, now.until_s)
            assert (now.since_s, now.until_s) == (last.since_s, last.until_s)
            assert [e.article.revision(last.at_s) for e in last.entries] == [
                e.article.revision(now.at_s) for e in now.entries
            ]
            assert last.entries == now.entries
            assert after.since_s == now.until_s


def test_expected_is_what_a_tireless_reader_sees() -> None:
    """Reading every state of every feed yields just the articles and revisions that are expected."""
    world = _world()
    seen: dict[str, set[int]] = defaultdict(set)
    for feed in range(world.feeds):
        for at in _changes(world, feed, 120):
            for entry in world.snapshot(feed, at).entries:
                seen[entry.article.key].add(entry.article.revision(at))
    expected = world.expected(until_s=120, frozen_s=math.inf, shown_for_s=0)
    assert {a.key: a.last_revision for a in expected} == {k: max(v) for k, v in seen.items()}
    assert all(a.required for a in expected)


def test_required_is_what_a_slow_reader_sees() -> None:
    """A reader that looks every 5 s, at any phase, sees each article that 5 s make required, and
    its least revision or a later one."""
    world = _world()
    required = [
        a for a in world.expected(until_s=100, frozen_s=math.inf, shown_for_s=5) if a.required
    ]
    assert len(required) > 200
    for phase in (0.0, 1.3, 4.9):
        seen: dict[str, int] = {}
        for feed in range(world.feeds):
            for step in range(20):
                at = phase + 5 * step
                for entry in world.snapshot(feed, at).entries:
                    key, revision = entry.article.key, entry.article.revision(at)
                    seen[key] = max(seen.get(key, 0), revision)
        missed = [a for a in required if seen.get(a.key, 0) < a.least_revision]
        assert missed == []


def test_lent_article_is_one_article() -> None:
    """An article in two feeds is expected once, and both show it under one URL with other guids."""
    site = Site(_world(shared=1.0, edited=0.0))
    lent = site.world.snapshot(3, 60.0).entries[0].article
    if lent.feed == 3:
        lent = next(e.article for e in site.world.snapshot(3, 60.0).entries if e.article.feed != 3)
    bodies = [_ask(site, feed, lent.lent_s + 1).body.decode() for feed in (lent.feed, 3)]
    assert all(f"news.example/{lent.feed}/{lent.key}" in body for body in bodies)
    assert [f":{feed}/{lent.key}" in body for feed, body in zip((2, 3), bodies, strict=True)] == [
        True,
        True,
    ]
    keys = [a.key for a in site.world.expected(until_s=60, frozen_s=60, shown_for_s=0)]
    assert keys.count(lent.key) == 1


@pytest.mark.parametrize("feed", [_BOTH, _ETAG, _DATE])
def test_not_modified_until_it_is(feed: int) -> None:
    """With its validators a feed answers 304 as long as it holds the same, and 200 right after."""
    site = Site(_world())
    for at in (math.ceil(t) for t in _changes(site.world, feed, 40)):
        first = _ask(site, feed, at)
        known = [first.headers.get(name, "") for name in ("ETag", "Last-Modified")]
        assert any(known)
        for later in (at, at + 0.4, at + 1, at + 5):
            again = _ask(site, feed, later, 0, *known)
            same = _ask(site, feed, later).body == first.body
            assert again.status == (304 if same else 200)


def test_feed_without_validators_never_answers_304() -> None:
    """What sends no validators cannot be asked conditionally."""
    site = Site(_world())
    response = _ask(site, _NONE, 9.0)
    assert not {"ETag", "Last-Modified"} & response.headers.keys()
    assert _ask(site, _NONE, 9.0, etag='"x"').status == 200


@pytest.mark.parametrize("quirk", get_args(Quirk))
def test_quirk_changes_what_identifies_and_not_what_is_shown(quirk: Quirk) -> None:
    """An odd feed shows the same articles as a sound one, and its entries are odd as named."""
    sound, odd = Site(_world(shared=0.0)), Site(_world(shared=0.0, quirks={0: quirk}))
    polls = [_ask(odd, 0, 20.0, number) for number in (1, 2)]
    plain = _ask(sound, 0, 20.0)
    assert sorted(polls[0].shown) == sorted(plain.shown)
    entries = [feedparser.parse(poll.body).entries for poll in polls]
    one, other = entries
    guids = [{entry.get("id") for entry in poll} for poll in entries]
    links = [{entry.get("link") for entry in poll} for poll in entries]
    holds = {
        "guid_changing": not guids[0] & guids[1] and links[0] == links[1],
        "one_guid": len(guids[0] - {None}) == 1 and len(links[0]) == 8,
        "no_guid": guids[0] == {None},
        "no_link": links[0] == {None},
        "no_dates": not any("published" in entry for entry in one),
        "tracking": not links[0] & links[1] and guids[0] == guids[1],
        "reordered": [e.title for e in one] != [e.title for e in other] and guids[0] == guids[1],
    }
    assert [name for name, odd_here in holds.items() if odd_here] == [quirk]


def test_edit_changes_the_text_and_keeps_the_identity() -> None:
    """Two revisions of an article differ in one paragraph, and not in headline or key."""
    article = next(
        e.article for n in range(12) for e in _world().snapshot(n, 60).entries if e.article.edits
    )
    (headline, one), (same, two) = article_text(article, 1), article_text(article, 2)
    assert headline == same
    assert sum(a != b for a, b in zip(one, two, strict=True)) == 1


def test_hidden_articles_are_not_required() -> None:
    """What a feed showed only behind a fault, or not long enough between two, is not required."""
    world = _world(feeds=1, shared=0.0)
    world.faults[0] = [Fault("500", 10, 70, 0)]
    required = {a.key: a.required for a in world.expected(until_s=70, frozen_s=70, shown_for_s=4)}
    assert all(required[e.article.key] for e in world.snapshot(0, 6).entries)
    assert not any(required[e.article.key] for e in world.snapshot(0, 69).entries)
    late = world.expected(until_s=6, frozen_s=6, shown_for_s=4, since_s=3)
    assert {a.key for a in late} <= required.keys()
    assert not any(a.required for a in late)
    world.faults[0] = [Fault("old_document", 10, 70, 0)]
    assert all(a.required for a in world.expected(until_s=70, frozen_s=70, shown_for_s=0))


def test_fault_comes_again() -> None:
    """A fault with a period holds in each period, and its spans say the same."""
    fault = Fault("hang", 5, 7, 10)
    held = [at for at in range(40) if fault.active(at)]
    assert held == [5, 6, 15, 16, 25, 26, 35, 36]
    assert held == [at for at in range(40) if any(a <= at < b for a, b in fault.spans(40))]


def test_plans_depend_on_the_seed_alone() -> None:
    """The same seed plans the same quirks and faults, another one others."""
    assert plan_quirks(1, 50, 0.5) == plan_quirks(1, 50, 0.5) != plan_quirks(2, 50, 0.5)
    worlds = [_world(feeds=50), _world(feeds=50)]
    for world in worlds:
        plan_faults(world, 0.5, every_s=10, length_s=2)
    assert worlds[0].faults == worlds[1].faults
    assert 10 < len(worlds[0].faults) < 40


def _keys(answer: tuple[int, str, bytes]) -> list[str]:
    """The articles in a document that was read over HTTP."""
    return re.findall(r"version (w\d+f\d+km?\d+)r", answer[2].decode())


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[int, str, bytes]:
    """Status, header Location, body; raises as a client would."""
    async with session.get(url, allow_redirects=False) as response:
        return response.status, response.headers.get("Location", ""), await response.read()


@pytest.mark.parametrize("kind", get_args(FaultKind))
async def test_fault_over_http(kind: FaultKind) -> None:
    """Each fault is seen by a real client as what it is, and only by the feed that has it."""
    statuses = {"bad_gzip": 200, "html": 200, "empty": 200, "old_document": 200, "lying_304": 304}
    statuses |= {"redirect": 302, "redirect_loop": 302, "moved": 301}
    async with (
        serve(_world_of_now(), hosts=3) as server,
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=0.5 if kind == "hang" else 10),
            headers={"If-None-Match": '"x"'},
        ) as session,
    ):
        server.inject(1, kind)
        if kind in ("hang", "reset", "truncated", "bad_gzip"):
            with pytest.raises((aiohttp.ClientError, TimeoutError)):
                await _get(session, server.url(1))
        else:
            status, location, body = await _get(session, server.url(1))
            assert status == statuses.get(kind) or status == int(kind)
            assert (kind in HIDING) == (b"news.example" not in body and "/moved/" not in location)
        assert (await _get(session, server.url(2)))[0] == 200
        assert {asked.feed for asked in server.requests} == {1, 2}


async def test_server_freezes_and_remembers() -> None:
    """After the freeze the feeds stay as they are, and the ledger holds who asked, where and how."""
    async with (
        serve(_world_of_now(feeds=3), hosts=3) as server,
        aiohttp.ClientSession(headers={"User-Agent": "reader"}) as session,
    ):
        server.freeze()
        expected = server.expected(0)
        one, two = [await _get(session, server.url(0)) for _ in range(2)]
        assert one == two
        assert [a.key for a in server.expected(0)] == [a.key for a in expected]
        assert len({url.split("/")[2] for url in server.urls()}) == 3
        served = {a.key: a.served for a in server.expected(0)}
        assert {key: n for key, n in served.items() if n} == dict.fromkeys(_keys(one), 2)
        asked = server.requests[0]
        assert (asked.feed, asked.status, asked.conditional) == (0, 200, False)
        assert (asked.host, asked.user_agent) == (f"{server.hosts[0]}:{server.port}", "reader")


def test_old_document_is_older_and_catches_up() -> None:
    """Every second answer of a forgetful cache is the document of some time ago, never of a time
    before the world; when nothing new happens any more, it is the same document at last."""
    site, sound = Site(_world()), Site(_world())
    site.world.faults[0] = [Fault("old_document")]
    new, old = (_ask(site, 0, 60.0, number) for number in (0, 1))
    assert old.shown == _ask(sound, 0, 40.0).shown != new.shown
    assert _ask(site, 0, 5.0, 1).shown == _ask(sound, 0, 0.0).shown
    assert site.respond(0, 60.0, 80.0, Request(site.path(0), 1)).shown == new.shown


def test_world_as_a_process() -> None:
    """A world of its own process serves its feeds, and answers for itself."""
    with WorldProcess(feeds=6, seed=2, rate=5, hosts=2) as world:
        urls = world.urls()
        assert len(urls) == 6

        async def read() -> None:
            async with aiohttp.ClientSession() as session:
                await asyncio.gather(*(_get(session, url) for url in urls))

        asyncio.run(read())
        world.freeze()
        world.inject(0, "404", for_s=600)
        asyncio.run(read())
        assert world.state()["statuses"] == {"200": 11, "404": 1}
        assert [asked.feed for asked in world.requests()].count(0) == 2
        assert sum(a.required for a in world.expected(0)) > 100
