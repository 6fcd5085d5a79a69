"""The short form of ``make growth``: what a feed and an entry take in Redis."""

from __future__ import annotations

from pathlib import Path

from tests.bench.growth import FEED_BYTES, SHORT, redis_cases

SLACK = 1.2
"""Tables and buffers of a moment are up to a fifth of so few feeds; version 1 of the state would be twice as
much."""

ENTRY_BYTES = 150
"""Of 3,000 feeds, whose articles have a bucket each; thirty times as many share them, and take half."""


def test_a_feed_and_an_entry_keep_to_their_bytes(tmp_path: Path) -> None:
    """Three thousand feeds that are polled for weeks take about 600 bytes each without what they remember,
    and are claimed and committed as they come."""
    (found,) = redis_cases(tmp_path, SHORT)
    assert found.feed_bytes <= SLACK * FEED_BYTES
    assert found.entry_bytes <= ENTRY_BYTES
    assert found.commit_p50_ms > 0
