"""A list in YAML (or JSON, which is YAML): read event by event, so that every error has its line.

No document tree is built: it would cost a kilobyte a feed. Scalars are taken as they are written
(``language: no`` is Norwegian, ``id: 0123`` keeps its zero), and nothing is ever constructed from a
YAML tag. Aliases are refused: with them a small file can stand for an endless one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from workers.feedlist import fields
from workers.feedlist.entries import Entries, ListResult, Options
from workers.urls import split_userinfo

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


def parse_yaml(text: bytes, entries: Entries) -> ListResult:
    """Read a list, or a mapping whose ``feeds`` is one; an item is an address or a mapping.

    Args:
        text: UTF-8.

    Raises:
        FeedListError: the list cannot be read whole.
    """
    try:
        _Reader(text, entries).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        what = error.problem or error.context or "cannot be read"
        raise entries.fail(f"this is not valid YAML: {what}", line) from None
    except yaml.YAMLError:
        raise entries.fail("this is not valid YAML: it holds characters YAML forbids") from None
    return entries.result()


_SCALARS: dict[str, tuple[str, Callable[[str], object]]] = {
    "id": ("id", fields.check_id),
    "name": ("name", lambda text: fields.clean(text, fields.MAX_NAME)),
    "language": ("language", fields.check_language),
    "body": ("body", fields.check_body),
    "interval": ("interval_s", fields.check_interval),
    "backfill": ("backfill", fields.check_backfill),
    "enabled": ("enabled", fields.check_enabled),
    "basicAuthFrom": ("basic_auth_from", fields.check_basic_auth),
    "userAgent": ("user_agent", fields.check_user_agent),
    "proxy": ("direct", lambda text: not fields.check_proxy(text)),
}
"""A key with a single value: the option that it becomes, and what its value must be."""


class _Reader:
    """A recursive descent over the events of one document; the form itself bounds the nesting."""

    def __init__(self, text: bytes, entries: Entries) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._entries = entries

    def document(self) -> None:
        self._next()  # the start of the stream
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._top(self._next())
            self._next()  # the end of the document
            event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._entries.fail(
                "a second YAML document begins here (---); put all feeds into one", _line(event)
            )

    def _top(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.SequenceStartEvent):
            self._items()
        elif isinstance(event, yaml.MappingStartEvent):
            self._wrapper()
        elif not (isinstance(event, yaml.ScalarEvent) and event.value in _NULL):
            raise self._entries.fail(
                "this is not a list of feeds: write one address a line, or in YAML '- url: https://…'",
                _line(event),
            )

    def _wrapper(self) -> None:
        seen = False
        while not isinstance(key := self._next(), yaml.MappingEndEvent):
            value = self._next()
            name = key.value if isinstance(key, yaml.ScalarEvent) else ""
            if name != "feeds":
                raise self._entries.fail(fields.unknown_key(name, ["feeds"]), _line(key))
            if seen:
                raise self._entries.fail("feeds stands here for the second time", _line(key))
            seen = True
            if isinstance(value, yaml.SequenceStartEvent):
                self._items()
            elif not (isinstance(value, yaml.ScalarEvent) and value.value in _NULL):
                raise self._entries.fail("feeds must be a list ('- url: https://…')", _line(key))

    def _items(self) -> None:
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            if isinstance(event, yaml.ScalarEvent):
                self._entries.add(_line(event), event.value.strip(), {})
            elif isinstance(event, yaml.MappingStartEvent):
                self._feed(_line(event))
            else:
                self._skip(event)
                self._entries.problems.add(
                    _line(event), "a list within the list; an item is an address or a mapping"
                )

    def _feed(self, line: int) -> None:
        problems, before = self._entries.problems, self._entries.problems.count
        options: Options = {}
        url = ""
        seen: set[str] = set()
        while not isinstance(key := self._next(), yaml.MappingEndEvent):
            event = self._next()
            name = key.value if isinstance(key, yaml.ScalarEvent) else ""
            if name in seen or name not in fields.KEYS:
                self._skip(event)
                twice = f"{name} is given twice"
                problems.add(
                    _line(key), twice if name in seen else fields.unknown_key(name, fields.KEYS)
                )
                continue
            seen.add(name)
            try:
                if name == "url":
                    url = self._scalar(name, event).strip()
                else:
                    self._field(name, event, options)
            except ValueError as error:
                problems.add(_line(key), str(error))
        if not url and "url" not in seen:
            problems.add(line, "a feed without url")
        elif options.get("basic_auth_from") and _has_authorization(options, url):
            problems.add(line, "basicAuthFrom and another Authorization; give the feed one of them")
        elif problems.count == before:
            self._entries.add(line, url, options)

    def _field(self, name: str, event: yaml.Event, options: Options) -> None:
        if name == "tags":
            options["tags"] = fields.check_tags(self._sequence(name, event))
            return
        if name == "headersFrom":
            options["headers_from"] = fields.check_headers(self._mapping(name, event))
            return
        text = self._scalar(name, event)
        if not text:
            return  # nothing after the colon says nothing
        option, check = _SCALARS[name]
        options[option] = check(text)  # type: ignore[literal-required] # the table's keys are Options'

    def _scalar(self, name: str, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._skip(event)
            raise ValueError(f"{name}: must be a single value")
        null = not event.style and event.value in _NULL  # unquoted
        return "" if null else str(event.value)

    def _sequence(self, name: str, event: yaml.Event) -> list[str]:
        if isinstance(event, yaml.ScalarEvent) and event.value in _NULL:
            return []
        if not isinstance(event, yaml.SequenceStartEvent):
            self._skip(event)
            raise ValueError(f"{name}: must be a list, such as [world, politics]")
        found: list[str] = []
        whole = True
        while not isinstance(item := self._next(), yaml.SequenceEndEvent):
            if isinstance(item, yaml.ScalarEvent):
                found.append(item.value)
            else:
                self._skip(item)
                whole = False
        if not whole:
            raise ValueError(f"{name}: each must be a single value")
        return found

    def _mapping(self, name: str, event: yaml.Event) -> dict[str, str]:
        if isinstance(event, yaml.ScalarEvent) and event.value in _NULL:
            return {}
        if not isinstance(event, yaml.MappingStartEvent):
            self._skip(event)
            raise ValueError(f"{name}: must be a mapping, such as {{Authorization: env:TOKEN}}")
        found: dict[str, str] = {}
        wrong = ""
        while not isinstance(key := self._next(), yaml.MappingEndEvent):
            value = self._next()
            if not (isinstance(key, yaml.ScalarEvent) and isinstance(value, yaml.ScalarEvent)):
                self._skip(key)
                self._skip(value)
                wrong = f"{name}: each value must be env:NAME or file:/path"
            elif key.value in found:
                wrong = f"{name}: {fields.clean(key.value, 40)} is given twice"
            else:
                found[key.value] = value.value
        if wrong:
            raise ValueError(wrong)
        return found

    def _skip(self, event: yaml.Event) -> None:
        """Pass over the node that ``event`` begins."""
        depth = int(isinstance(event, yaml.CollectionStartEvent))
        while depth:
            event = self._next()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def _next(self) -> yaml.Event:
        event = next(self._events)
        if isinstance(event, yaml.AliasEvent):
            raise self._entries.fail(
                "aliases (*name) are not read; write the value out", _line(event)
            )
        if getattr(event, "tag", None) not in (None, "!"):
            raise self._entries.fail("YAML tags (!name) are not read; leave it out", _line(event))
        return event


def _has_authorization(options: Options, url: str) -> bool:
    names = (name.lower() for name in options.get("headers_from", {}))
    return "authorization" in names or bool(split_userinfo(url)[1])


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return int(mark.line) + 1 if mark else 1
