"""A document is read in small steps, so that a large one holds up no other feed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from workers.fetcher import dedupe, reading
from workers.fetcher.memory import Memory
from workers.fetcher.reading import read_document
from workers.model import FeedConfig, FeedState, ParsedEntry, ParsedFeed

ENTRIES = 2_500
URL = "https://site.example/feed"


def _entry(number: int) -> ParsedEntry:
    link = f"https://site.example/story-{number}"
    text = (
        f"The harbour master counted {number} boats, and wrote down what each of them had brought."
    )
    return ParsedEntry(guid=link, link=link, title=f"Boat {number}", content=text)


def test_a_step_normalises_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two steps one entry is normalised at most, and at most a thousand are named."""
    steps: list[Counter[str]] = [Counter()]

    def counting(module: Any, name: str) -> None:
        call = getattr(module, name)

        def counted(*args: Any, **more: Any) -> Any:
            steps[-1][name] += 1
            return call(*args, **more)

        monkeypatch.setattr(module, name, counted)

    counting(reading, "normalise")
    counting(dedupe, "_identified")
    feed = ParsedFeed(tuple(_entry(n) for n in range(ENTRIES)))
    run = read_document(FeedConfig("f", URL), FeedState(), Memory(), feed, URL, 0, "full")
    while True:
        try:
            next(run)
        except StopIteration as end:
            assert len(end.value.found) == ENTRIES
            break
        steps.append(Counter())
    assert max(step["normalise"] for step in steps) == 1
    assert sum(step["normalise"] for step in steps) == ENTRIES
    assert max(step["_identified"] for step in steps) == dedupe.SLICE
