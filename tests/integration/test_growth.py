"""The short form of ``make growth``: what a feed and an entry take in Redis."""

from __future__ import annotations

from pathlib import Path

from tests.bench.growth import FEED_BYTES, SHORT, redis_cases

ENTRY_BYTES = 150
"""Of 3,000 feeds, whose articles have a bucket each; thirty times as many share them, and take half."""


def test_a_feed_and_an_entry_keep_to_their_bytes(tmp_path: Path) -> None:
    """Three thousand feeds that are polled for weeks take at most 600 bytes each without what they remember,
    and are claimed and committed as they come."""
    (found,) = redis_cases(tmp_path, SHORT)
    assert found.feed_bytes <= FEED_BYTES
    assert found.entry_bytes <= ENTRY_BYTES
    assert found.commit_p50_ms > 0
