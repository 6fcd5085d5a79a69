"""What a list changes in Redis, whether it may, and which of two lists counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.feedlist.plan import Change, Difference, Plan, first_due_ms
from workers.feedlist.version import (
    ListVersion,
    compare,
    following,
    read_version,
    version_fields,
)
from workers.model import FeedConfig


def feed(n: int, **fields: Any) -> FeedConfig:
    """The n-th feed."""
    return FeedConfig(**{"id": f"f{n}", "url": f"https://h{n}.example/", **fields})


def feeds(*numbers: int) -> list[FeedConfig]:
    """Feeds by number."""
    return [feed(n) for n in numbers]


def plan(configured: list[FeedConfig], wanted: list[FeedConfig], *, force: bool = False) -> Plan:
    """The plan when ``configured`` is seen in small batches, and one of them twice."""
    difference = Difference(wanted)
    for at in range(0, len(configured), 3):
        difference.see(configured[at : at + 3])
    difference.see(configured[:3])
    return difference.plan(force=force)


class TestPlan:
    """What is written."""

    def test_a_first_list_adds_all(self) -> None:
        """Into an empty Redis every feed is new, due at once."""
        made = plan([], feeds(1, 2, 3))
        assert {c.feed.id: c.delay_ms for c in made.add} == {"f1": 0, "f2": 0, "f3": 0}
        assert (made.change, made.remove, made.unchanged, made.refused) == ([], [], 0, "")

    def test_the_same_list_changes_nothing(self) -> None:
        """A plan without work says so."""
        made = plan(feeds(1, 2, 3, 4, 5), feeds(5, 4, 3, 2, 1))
        assert made.empty
        assert made.unchanged == 5

    def test_added_removed_and_changed_feeds_are_told_apart(self) -> None:
        """Each feed is in exactly one group."""
        made = plan(feeds(1, 2, 3), [feed(1), feed(2, name="new"), feed(4)])
        assert [c.feed.id for c in made.add] == ["f4"]
        assert [c.feed.id for c in made.change] == ["f2"]
        assert made.remove == ["f3"]
        assert made.unchanged == 1
        assert not made.empty

    @pytest.mark.parametrize(
        "fields",
        [
            {"url": "https://new.example/"},
            {"headers_from": {"A": "env:X"}},
            {"direct": True},
            {"interval_s": 60.0},
        ],
    )
    def test_a_change_of_how_a_feed_is_fetched_polls_it_soon(self, fields: dict[str, Any]) -> None:
        """A repaired address must not wait out the backoff of the broken one."""
        assert plan(feeds(1), [feed(1, **fields)]).change == [Change(feed(1, **fields), 0)]

    @pytest.mark.parametrize("fields", [{"name": "x"}, {"tags": ("x",)}, {"language": "de"}])
    def test_a_change_of_words_leaves_the_schedule_alone(self, fields: dict[str, Any]) -> None:
        """New tags on a hundred thousand feeds are no reason to poll them all."""
        assert plan(feeds(1), [feed(1, **fields)]).change == [Change(feed(1, **fields), None)]

    def test_a_disabled_feed_stays_known_and_is_polled_again_when_enabled(self) -> None:
        """Disabling is a change, not a removal, and counts as no loss."""
        off = [feed(n, enabled=False) for n in range(20)]
        on = [feed(n) for n in range(20)]
        made = plan(on, off)
        assert (len(made.change), made.remove, made.refused) == (20, [], "")
        assert {c.delay_ms for c in made.change} == {None}
        assert {c.delay_ms for c in plan(off, on).change} == {0}
        assert {c.delay_ms for c in plan([], off).add} == {None}

    def test_feeds_that_stand_together_do_not_start_together(self) -> None:
        """A platform's feeds stand in one block of the list; the schedule mixes them with others."""
        made = plan([], feeds(*range(4_000)))
        block = [c.delay_ms for c in made.add if int(c.feed.id[1:]) < 200]
        assert min(block, key=lambda d: d or 0) == 0
        assert max(d or 0 for d in block) > 5_000

    def test_changed_feeds_line_up_behind_new_ones(self) -> None:
        """A list that changes every address is spread like a fresh one."""
        made = plan(feeds(*range(1_000)), [feed(n, interval_s=60.0) for n in range(1_000)])
        delays = sorted(c.delay_ms or 0 for c in made.change)
        assert delays[199] == 0
        assert delays[-1] == first_due_ms(999)


class TestSpread:
    """When the feeds of a fresh list begin."""

    def test_two_thousand_feeds_begin_within_five_seconds(self) -> None:
        """The first begin at once, the rest at a bounded rate."""
        delays = [first_due_ms(n) for n in range(2_000)]
        assert delays[:200] == [0] * 200
        assert delays[200] > 0
        assert delays[-1] <= 5_000

    def test_a_hundred_thousand_feeds_are_no_herd(self) -> None:
        """After the first few, no second begins more than 400 feeds, and nobody waits for ever."""
        delays = [first_due_ms(n) for n in range(100_000)]
        assert delays == sorted(delays)
        assert max(delays.count(d) for d in set(delays[200:2_000])) <= 1
        assert all(b - a >= 999 for a, b in zip(delays[200::400], delays[600::400], strict=False))
        assert delays[-1] < 300_000


class TestRefusal:
    """Losses that nobody meant."""

    @pytest.mark.parametrize(
        ("before", "kept", "refused"),
        [
            (10, 1, False),  # nine are not more than ten
            (11, 1, False),
            (12, 1, True),  # eleven of twelve
            (22, 11, False),  # half is not more than half
            (23, 11, True),
            (1_000, 500, False),
            (1_000, 499, True),
        ],
    )
    def test_more_than_half_and_more_than_ten_is_refused(
        self, before: int, kept: int, refused: bool
    ) -> None:
        """Both must hold; a refused plan does nothing at all."""
        made = plan(feeds(*range(before)), feeds(*range(kept)))
        assert bool(made.refused) is refused
        if refused:
            assert made.empty
            assert f"{before - kept} of the {before}" in made.refused

    def test_new_feeds_do_not_make_up_for_lost_ones(self) -> None:
        """A list swapped for another of the same length loses everything."""
        assert plan(feeds(*range(20)), feeds(*range(20, 40))).refused

    def test_an_empty_list_is_refused_however_few_feeds_there_were(self) -> None:
        """An empty list is never taken over unasked."""
        for before in (0, 1, 100):
            assert "no feeds" in plan(feeds(*range(before)), []).refused

    def test_force_takes_over_anything(self) -> None:
        """``newswire feeds apply --force`` means it."""
        assert len(plan(feeds(*range(100)), [], force=True).remove) == 100
        assert plan(feeds(*range(100)), feeds(1), force=True).unchanged == 1


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.sampled_from("xy")), unique_by=lambda t: t[0]),
    st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.sampled_from("xy")), unique_by=lambda t: t[0]),
)  # fmt: skip
def test_a_plan_makes_what_is_configured_what_is_wanted(
    old: list[tuple[int, bool, str]], new: list[tuple[int, bool, str]]
) -> None:
    """Carried out, a forced plan leaves exactly the list, whatever was there before."""
    configured = [feed(n, enabled=e, name=x) for n, e, x in old]
    wanted = [feed(n, enabled=e, name=x) for n, e, x in new]
    made = plan(configured, wanted, force=True)
    state = {f.id: f for f in configured}
    for change in [*made.add, *made.change]:
        state[change.feed.id] = change.feed
    for feed_id in made.remove:
        del state[feed_id]
    assert state == {f.id: f for f in wanted}
    assert len(made.add) + len(made.change) + made.unchanged == len(wanted)


def version(hash: str, *, source: str = "place", stamp: int = 0, loaded: int = 0) -> ListVersion:
    """A list as one worker found it."""
    return ListVersion(hash, source, stamp, loaded)


_found = st.builds(
    ListVersion, st.sampled_from("abc"), st.sampled_from("pq"), st.integers(0, 9), st.integers(0, 9)
)


class TestWhichListCounts:
    """During a deployment workers see different lists."""

    def test_the_first_list_counts(self) -> None:
        """Where none is in force, any is newer."""
        assert compare(version("a"), None, "") == "newer"

    def test_the_same_content_is_in_force_whatever_its_times(self) -> None:
        """A copied or touched file is no new list."""
        assert compare(version("a", stamp=9, loaded=9), version("a"), "") == "in_force"

    def test_of_one_place_the_later_written_counts(self) -> None:
        """A restarted old worker (late load, old file) does not undo the new list."""
        new, old = version("b", stamp=20, loaded=20), version("a", stamp=10, loaded=99)
        assert compare(old, new, "") == "older"
        assert compare(new, old, "") == "newer"

    def test_of_two_places_the_later_loaded_counts(self) -> None:
        """A worker sent to another file follows that, though it was written long ago."""
        new, old = version("b", source="q", stamp=1, loaded=20), version("a", stamp=10, loaded=10)
        assert compare(new, old, "") == "newer"
        assert compare(old, new, "a") == "older"

    def test_what_replaced_the_list_in_force_counts_by_no_clock(self) -> None:
        """A backup put back keeps its old time; the worker that saw it happen knows better."""
        assert compare(version("a", stamp=1), version("b", stamp=20), "b") == "newer"

    def test_equal_times_change_nothing(self) -> None:
        """Of two lists of one moment the one in force stays: anything else would flap."""
        assert compare(version("a", stamp=5), version("b", stamp=5), "") == "older"

    @given(st.lists(_found, min_size=2, max_size=5), st.data())
    def test_workers_with_fixed_lists_never_flap(
        self, workers: list[ListVersion], data: st.DataObject
    ) -> None:
        """However often workers with different lists look, each takes its own over at most once."""
        held = [""] * len(workers)
        in_force: ListVersion | None = None
        applied: list[int] = []
        for _ in range(20):
            at = data.draw(st.integers(0, len(workers) - 1))
            verdict = compare(workers[at], in_force, held[at])
            if verdict == "newer":
                in_force = following(workers[at], in_force)
                applied.append(at)
            if verdict != "older":
                held[at] = workers[at].hash
        assert len(applied) == len(set(applied))

    def test_what_is_stored_is_later_than_what_was(self) -> None:
        """A forced old list is not undone by workers that have the new one."""
        new = version("b", stamp=20, loaded=30)
        forced = following(version("a", stamp=1, loaded=40), new)
        assert (forced.stamp_ms, forced.loaded_ms) == (21, 40)
        assert compare(new, forced, "b") == "older"
        elsewhere = following(version("c", source="q", loaded=5), forced)
        assert (elsewhere.stamp_ms, elsewhere.loaded_ms) == (22, 41)

    def test_a_version_survives_storage(self) -> None:
        """Stored strings give the version back, fields of a later release ignored; else nothing."""
        stored = version_fields(ListVersion("h", "s", 12, 34, 56))
        assert all(isinstance(value, str) for value in stored.values())
        assert read_version({**stored, "later": "x"}) == ListVersion("h", "s", 12, 34, 56)
        assert read_version({}) is None
        assert read_version({"hash": "h"}) is None
