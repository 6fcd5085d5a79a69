"""Which shards are asked for due feeds, and when."""

from __future__ import annotations

from workers.fetcher.turns import CLAIM_MOST, FEW, IDLE_MS, SPACING_MS, Turns


def _ask(turns: Turns, now_ms: float, room: int, gives: int, next_in_ms: float = -1) -> list[int]:
    asked = turns.now(now_ms, room)
    for shard, most in asked:
        turns.answered(shard, now_ms, asked=most, claimed=min(gives, most), next_in_ms=next_in_ms)
    return [shard for shard, _ in asked]


def test_little_room_goes_to_few_shards() -> None:
    """Room for two handfuls goes to two shards, each asked for a handful."""
    assert Turns(16).now(0, 2 * FEW) == [(0, FEW), (1, FEW)]


def test_each_shard_has_its_turn() -> None:
    """With more due feeds than room, every shard is asked as often as any other."""
    turns = Turns(4)
    rounds = [_ask(turns, now, FEW, gives=FEW) for now in range(0, 160, 20)]
    assert rounds == [[0], [1], [2], [3], [0], [1], [2], [3]]


def test_no_claim_is_larger_than_a_script_may_hold() -> None:
    """Room for thousands is asked for in bounded claims."""
    assert Turns(2).now(0, 5_000) == [(0, CLAIM_MOST), (1, CLAIM_MOST)]


def test_a_shard_is_asked_when_its_next_feed_is_due() -> None:
    """A shard without due feeds rests until the moment that it named, not longer."""
    turns = Turns(1)
    _ask(turns, 0, 100, gives=0, next_in_ms=7)
    assert turns.now(6, 100) == []
    assert turns.wait_ms(6) == 1
    assert turns.now(7, 100) == [(0, CLAIM_MOST)]


def test_an_empty_shard_is_looked_at_again() -> None:
    """A shard that has no feed, or none for long, is asked after IDLE_MS: a list may have brought some."""
    for far in (-1, 10 * IDLE_MS):
        turns = Turns(1)
        _ask(turns, 0, 100, gives=0, next_in_ms=far)
        assert turns.wait_ms(0) == IDLE_MS


def test_a_few_due_feeds_are_waited_for_together() -> None:
    """A shard that gave less than it was asked for rests, so that the next claim takes several."""
    turns = Turns(1)
    _ask(turns, 0, 100, gives=3, next_in_ms=1)
    assert turns.wait_ms(0) == SPACING_MS


def test_a_shard_that_failed_is_asked_first() -> None:
    """A shard whose claim had no answer is still on, before those that have answered."""
    turns = Turns(3)
    turns.now(0, 100)
    for shard in (0, 2):
        turns.answered(shard, 5, asked=33, claimed=33, next_in_ms=0)
    assert turns.now(20, FEW) == [(1, FEW)]
