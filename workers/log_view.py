"""Log lines for people: one renderer for a terminal and for `newswire logs` (piped JSON)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

import orjson

from workers.log_clean import Cleaner
from workers.log_fields import FIELD_NAMES

_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_BOLD = "\x1b[1m"
_LEVEL_COLORS = {"DEBUG": _DIM, "INFO": "\x1b[32m", "WARN": "\x1b[33m", "ERROR": "\x1b[1;31m"}
_LEVEL_COLORS["FATAL"] = _LEVEL_COLORS["ERROR"]
_HEAD = frozenset({"time", "level", "event", "instance", "worker"})
_POLL = frozenset({"reason", "feed_id", "feed", "next_due", "next_why"})
_SHORT = {name: short for short, name in FIELD_NAMES.items()}
_NEWS = frozenset({"new", "updated"})
_NUMBERS = {"status": 3, "bytes": 7, "entries": 4, "new": 3, "changed": 3, "ms": 5}
"""The numbers that nearly every poll has, and how wide their columns are."""
_NUMBERED = frozenset(FIELD_NAMES.get(name, name) for name in _NUMBERS)
_NAME_WIDTH = 32
_MAX_LINE = 1 << 20
"""Bytes of a line that are read at once: a stream without line ends must not fill the memory."""
# Colours and cursor moves of other programs, which only hide their own parameters. Other escapes may hide
# text up to an end that never comes, so of them each control character is shown as such.
_CSI = re.compile("(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]")


def render_text(fields: dict[str, Any], *, color: bool, worker: bool = False) -> str:
    """One line without its newline: time, level, event, then what the event says.

    Args:
        fields: a line's fields, already clean.
        color: with ANSI colours.
        worker: say which worker wrote it, at the end.
    """
    level, event = str(fields.get("level", "")), str(fields.get("event", ""))
    polled = event == "feed_polled"
    rest = _poll(fields, color) if polled else _pairs(fields, _HEAD, color)
    event_color = _LEVEL_COLORS[level] if level in ("WARN", "ERROR", "FATAL") else _BOLD
    parts = [
        _paint(str(fields.get("time", ""))[11:23] or "-", _DIM, color),
        _paint(f"{level:<5}", _LEVEL_COLORS.get(level, ""), color),
        _paint(f"{event:<18}", event_color, color),
        rest,
    ]
    if worker and fields.get("worker"):
        parts.append(_paint(str(fields["worker"]), _DIM, color))
    return " ".join(part for part in parts if part).rstrip()


def pretty(stream_in: BinaryIO, stream_out: TextIO) -> None:
    """Render JSON log lines from ``stream_in`` readably; what is none passes through, without anything that
    a terminal would obey.

    The prefix that `docker compose logs` and `kubectl logs --prefix` put before a line stays.
    Returns at the end of the input, or when the reader of the output has gone away.
    """
    color = stream_out.isatty()
    cleaner = Cleaner()
    try:
        for raw in _lines(stream_in):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            stream_out.write(_pretty_line(line, cleaner, color) + "\n")
            stream_out.flush()
    except BrokenPipeError:
        return


def _lines(stream_in: BinaryIO) -> Iterator[bytes]:
    while line := stream_in.readline(_MAX_LINE):
        yield line


def _foreign(text: str, cleaner: Cleaner) -> str:
    return cleaner.text(_CSI.sub("", text))


def _pretty_line(line: str, cleaner: Cleaner, color: bool) -> str:
    prefix, brace, rest = line.partition("{")
    try:
        fields = orjson.loads(brace + rest)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        fields = None
    if not isinstance(fields, dict) or "event" not in fields:
        return _foreign(line, cleaner)
    text = render_text(cleaner.fields(fields), color=color, worker=not prefix.strip())
    before = _foreign(prefix, cleaner).strip()
    return (_paint(before, _DIM, color) + " " if before else "") + text


def _poll(fields: dict[str, Any], color: bool) -> str:
    """``new            Heise      status=200 bytes=5714    … next 12:30:00 cadence``, in columns."""
    reason = str(fields.get("reason", ""))
    tone = _LEVEL_COLORS["INFO"] if reason in _NEWS else ""
    if fields.get("level") != "INFO":
        tone = _LEVEL_COLORS["WARN"]
    name = str(fields.get("feed") or fields.get("feed_id", ""))
    due = str(fields.get("next_due", ""))[11:19]
    parts = [_paint(f"{reason:<14}", tone, color), _paint(_fit(name, _NAME_WIDTH), _BOLD, color)]
    for key, width in _NUMBERS.items():
        value = _plain(fields.get(FIELD_NAMES.get(key, key), "-"))
        parts.append(f"{_paint(key + '=', _DIM, color)}{value:<{width}}")
    if due:
        parts.append(_paint(f"next {due} {fields.get('next_why', ''):<9}", _DIM, color))
    parts.append(_pairs(fields, _HEAD | _POLL | _NUMBERED, color))
    return " ".join(parts)


def _fit(text: str, width: int) -> str:
    """``text`` cut or filled to so many columns of a terminal: wide characters take two, marks none."""
    made, left = [], width
    for character in text:
        takes = 0 if unicodedata.combining(character) else 1
        takes += unicodedata.east_asian_width(character) in "WF"
        if takes > left:
            break
        made.append(character)
        left -= takes
    return "".join(made) + " " * left


def _pairs(fields: dict[str, Any], without: frozenset[str], color: bool) -> str:
    return " ".join(
        f"{_paint(_SHORT.get(key, key) + '=', _DIM, color)}{_plain(value)}"
        for key, value in fields.items()
        if key not in without and value not in ("", None)
    )


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"' if " " in value or not value else value
    if isinstance(value, dict):
        return ",".join(f"{key}:{_plain(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list):
        return ",".join(map(_plain, value)) or "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _paint(text: str, code: str, color: bool) -> str:
    return f"{code}{text}{_RESET}" if color and code and text else text
