"""Gathers the feeds of one list, whatever its format: checks, doubles, all problems at once."""

from __future__ import annotations

from typing import TypedDict

import msgspec

from workers.errors import FeedListError
from workers.feedlist import fields
from workers.feedlist.identity import check_url, feed_id
from workers.model import FeedConfig
from workers.urls import redact_url

MAX_SHOWN = 10
"""Problems and warnings that are spelt out; of the rest only the number is said."""


class ListResult(msgspec.Struct, frozen=True):
    """A list that was read whole: its feeds in their order, each once, and what to tell people."""

    feeds: list[FeedConfig]
    warnings: tuple[str, ...] = ()


class Options(TypedDict, total=False):
    """What an entry may say beside its address, already checked."""

    id: str
    name: str
    tags: tuple[str, ...]
    language: str
    body: str
    interval_s: float | None
    headers_from: dict[str, str]
    basic_auth_from: str
    user_agent: str
    direct: bool
    backfill: str
    enabled: bool


class Notes:
    """Remarks of which the first few are kept: 100,000 lines may be wrong 100,000 times."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, line: int, text: str) -> None:
        """Note something about a line (from 1)."""
        self.count += 1
        if self.count <= MAX_SHOWN:
            self._first.append(f"line {line}: {text}")

    def texts(self) -> tuple[str, ...]:
        """The first remarks, and how many more there are."""
        more = self.count - len(self._first)
        return (*self._first, f"and {more} more") if more else tuple(self._first)


class Entries:
    """The feeds of one list while it is read.

    Args:
        name: what errors call the list: its path or address, without secrets.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems = Notes()
        self.warnings = Notes()
        self._feeds: list[FeedConfig] = []
        self._lines: list[int] = []
        self._by_address: dict[str, int] = {}  # id of the address → index
        self._by_id: dict[str, int] = {}  # only ids that are not their address's own
        self._tags: dict[tuple[str, ...], tuple[str, ...]] = {}  # a million feeds share few sets
        self._no_headers: dict[str, str] = {}

    def fail(self, text: str, line: int | None = None) -> FeedListError:
        """The error that ends the reading at once."""
        return FeedListError(f"{self.name}{f', line {line}' if line else ''}: {text}")

    def add(self, line: int, url: str, options: Options) -> None:
        """Take in one feed; an address that is there already only adds its tags."""
        try:
            url = check_url(url)
            own = feed_id(url)
        except ValueError as error:
            # What is no address is not repeated: the file may be no list but someone's secrets.
            shown = f": {redact_url(url)[:120]}" if "://" in url else ""
            self.problems.add(line, f"{error}{shown}")
            return
        index = self._by_address.get(own)
        if index is not None:
            self._merge(index, line, url, options.get("tags", ()))
            return
        given = options.get("id") or own
        other = self._by_id.get(given, self._by_address.get(given))
        if other is not None and self._feeds[other].id == given:
            self.problems.add(
                line, f"id {given} is that of line {self._lines[other]} too; give it another id"
            )
            return
        tags = options.get("tags", ())
        self._by_address[own] = len(self._feeds)
        if given != own:
            self._by_id[given] = len(self._feeds)
        self._lines.append(line)
        self._feeds.append(
            FeedConfig(
                id=given,
                url=url,
                name=options.get("name", ""),
                tags=self._tags.setdefault(tags, tags),
                language=options.get("language", ""),
                body=options.get("body", ""),
                interval_s=options.get("interval_s"),
                headers_from=options.get("headers_from") or self._no_headers,
                backfill=options.get("backfill", ""),
                enabled=options.get("enabled", True),
                basic_auth_from=options.get("basic_auth_from", ""),
                user_agent=options.get("user_agent", ""),
                direct=options.get("direct", False),
            )
        )

    def _merge(self, index: int, line: int, url: str, tags: tuple[str, ...]) -> None:
        first = self._feeds[index]
        merged = tuple(dict.fromkeys(first.tags + tags))[: fields.MAX_TAGS]
        if merged != first.tags:
            merged = self._tags.setdefault(merged, merged)
            self._feeds[index] = msgspec.structs.replace(first, tags=merged)
        self.warnings.add(
            line, f"{redact_url(url)} stands on line {self._lines[index]} already; the first counts"
        )

    def result(self) -> ListResult:
        """The whole list.

        Raises:
            FeedListError: with every problem that was found, the first ten in full.
        """
        if self.problems.count:
            what = "problem" if self.problems.count == 1 else "problems"
            texts = "; ".join(self.problems.texts())
            raise self.fail(f"{self.problems.count} {what}, nothing was taken over: {texts}")
        return ListResult(self._feeds, self.warnings.texts())
