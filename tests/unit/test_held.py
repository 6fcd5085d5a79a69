"""Edits that wait, through the whole poll: the newest state of a storm is published when its window ends, an
earlier version when it has stayed; once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.test_search import Web
from workers.errors import StoreError
from workers.fetcher import held
from workers.fetcher.decide import Decision, Policy
from workers.fetcher.memory import Held, Memory, Remembered, pack, unpack
from workers.model import Article

URL = "http://paper.example/feed.xml"
MINUTE = 60_000
STORM = [f"Version {n}" for n in range(8)]
"""One announcement, five free edits, and two that wait."""


def rss(*titles: str) -> bytes:
    """Entries by their titles; the first is the article of the storm, the others stay as they are."""
    items = "".join(
        f"<item><title>{title}</title><link>http://paper.example/{n}</link><guid>{n}</guid></item>"
        for n, title in enumerate(titles)
        if title
    )
    return f"<rss version='2.0'><channel><title>Paper</title>{items}</channel></rss>".encode()


class Storm(Web):
    """A feed whose first article has been edited at every poll; the last edits wait."""

    @classmethod
    async def broken_out(cls) -> Storm:
        """The storm at its height: five revisions are published, and two edits wait."""
        storm = cls(URL)
        for title in STORM:
            await storm.shows(rss(title, "Harbour reopens"))
        assert storm.revisions == STORM[:6]
        return storm

    async def shows(self, what: bytes | int) -> str:
        """One poll that finds this; its reason."""
        self.pages[URL] = what
        return await self.poll()

    async def until_the_end(self, what: bytes | int) -> None:
        """Polls, when they are due, for two hours."""
        end = self.clock.now + 120 * MINUTE
        while max(self.clock.now, self.store.due_ms) < end:
            await self.shows(what)

    @property
    def revisions(self) -> list[str]:
        """The headlines of the article of the storm, event by event."""
        values: list[dict[str, Any]] = [json.loads(e.value) for e in self.store.events]
        values = [v for v in values if v.get("guid") == "0"]
        assert [v["revision"] for v in values] == list(range(1, len(values) + 1))
        return [v["headline"] for v in values]


LEFT = rss("", "Harbour reopens", "Market opens")


@pytest.mark.parametrize(
    "later",
    [rss(STORM[-1], "Harbour reopens"), LEFT, rss(""), 500, 404, b"<html><p>Soon back.</p></html>"],
    ids=["stays", "left", "empty", "fails", "missing", "no feed"],
)
async def test_the_newest_state_is_published_whatever_becomes_of_its_entry(
    later: bytes | int,
) -> None:
    """The entry stays or leaves, the feed fails or is no feed any more: one revision with the last text."""
    storm = await Storm.broken_out()
    await storm.until_the_end(later)
    assert storm.revisions == [*STORM[:6], STORM[-1]]


async def test_it_is_published_when_the_window_ends() -> None:
    """Not before the hour after the last revision is over, and by then the feed is due."""
    storm = await Storm.broken_out()
    last_ms = storm.store.state.held_due_ms - 60 * MINUTE
    while len(storm.revisions) == 6:
        await storm.shows(LEFT)
    assert 60 * MINUTE <= storm.clock.now - last_ms < 66 * MINUTE


async def test_the_newest_of_those_that_wait_counts() -> None:
    """What the feed shows last before the entry leaves takes the place of what waited before."""
    storm = await Storm.broken_out()
    await storm.shows(rss("Version 8", "Harbour reopens"))
    await storm.until_the_end(LEFT)
    assert storm.revisions == [*STORM[:6], "Version 8"]


async def test_an_edit_that_was_taken_back_is_none() -> None:
    """The feed shows the published state again before the window ends: nothing waits any more."""
    storm = await Storm.broken_out()
    await storm.shows(rss(STORM[5], "Harbour reopens"))
    await storm.until_the_end(LEFT)
    assert storm.revisions == STORM[:6]


@pytest.mark.parametrize("later", [LEFT, 500], ids=["left", "fails"])
async def test_a_kill_between_the_edit_and_the_feed_publishes_it_once(later: bytes | int) -> None:
    """The worker dies after the article was admitted and before the feed's own commit: the next worker
    finds the edit waiting still, and published."""
    storm = await Storm.broken_out()
    commit = storm.store.commit
    killed = 0

    async def dies(*_: Any) -> None:
        nonlocal killed
        if len(storm.revisions) == 7 and not killed:
            killed = 1
            raise StoreError("killed", "killed")
        await commit(*_)

    storm.store.commit = dies  # type: ignore[method-assign]
    await storm.until_the_end(later)
    assert killed
    assert storm.revisions == [*STORM[:6], STORM[-1]]
    assert not storm.store.state.held_due_ms
    assert not unpack(storm.store.packed).held


async def test_without_the_kept_text_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with no room for texts that wait, an entry that leaves takes the edit with it."""
    monkeypatch.setattr(held, "MAX_HELD", 0)
    storm = await Storm.broken_out()
    await storm.until_the_end(LEFT)
    assert storm.revisions == STORM[:6]


async def taken_back() -> Storm:
    """A feed whose first article was edited, and shows its first version again."""
    paper = Storm(URL)
    for title in ("Mayor wins", "Mayor dies", "Mayor wins"):
        await paper.shows(rss(title, "Harbour reopens"))
    assert paper.revisions == ["Mayor wins", "Mayor dies"]
    return paper


@pytest.mark.parametrize(
    "later",
    [rss("Mayor wins", "Harbour reopens"), LEFT, rss(""), 304, 500, 404],
    ids=["stays", "left", "empty", "not modified", "fails", "missing"],
)
async def test_an_edit_that_is_taken_back_is_published_when_it_has_stayed(
    later: bytes | int,
) -> None:
    """The bytes stay as they are, the entry leaves, the feed fails: one revision with the first text."""
    paper = await taken_back()
    await paper.until_the_end(later)
    assert paper.revisions == ["Mayor wins", "Mayor dies", "Mayor wins"]
    assert not unpack(paper.store.packed).held


async def test_a_cache_that_went_back_in_time_takes_nothing_back() -> None:
    """The edited version is there again before the earlier one has stayed: nothing waits any more."""
    paper = await taken_back()
    await paper.until_the_end(rss("Mayor dies", "Harbour reopens"))
    assert paper.revisions == ["Mayor wins", "Mayor dies"]
    assert not unpack(paper.store.packed).held


async def test_an_older_document_takes_no_edit_that_waits_for_the_end_of_a_storm() -> None:
    """What waits outlives a cache that shows an older version, and is published when its window ends."""
    storm = await Storm.broken_out()
    await storm.shows(rss(STORM[4], "Harbour reopens"))
    await storm.until_the_end(LEFT)
    assert storm.revisions == [*STORM[:6], STORM[-1]]


def test_what_waits_is_bounded() -> None:
    """A feed's texts that wait have 1 MiB together; a newer text of an article takes its old one's room."""
    memory = Memory()
    noise = "".join(chr(0x4E00 + (n * n * 7919) % 20_000) for n in range(100_000))
    policy = Policy("f", bytes(8), 0, bool, bool, 60)
    for number in range(40):
        text = Article(f"{number}", body=noise[number:])
        known = Remembered(
            bytes(8), bytes(8), bytes(10), bytes([number % 20] * 10), *[bytes(4)] * 3
        )
        held.hold(memory, known, text, Decision("hold", known.article, None), policy)
    assert 2 <= len(memory.held) < 20
    assert sum(len(h.packed) for h in memory.held.values()) <= held.MAX_HELD


def test_an_older_release_reads_the_memory() -> None:
    """What waits stands among the learned blocks, where a release that does not know of it passes it by."""
    known = Remembered(bytes(8), bytes(8), bytes(10), b"a" * 10, bytes(4), bytes(4), bytes(4))
    learned = {b"block---": b"tag1"}
    waits = {b"a" * 10: Held(7, b"packed")}
    found = unpack(pack([known], learned, waits))
    assert (found.held, found.learned) == (waits, learned)
    assert pack([known], learned, {}) == pack([known], learned)
