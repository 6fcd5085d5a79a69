"""What the doctor found, as lines, JSON and an exit code. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import orjson

from workers.log_clean import Cleaner

Level = Literal["ok", "warn", "fail"]
EXIT_CODES: dict[Level, int] = {"ok": 0, "warn": 1, "fail": 2}
_COLORS: dict[Level, str] = {"ok": "\x1b[32m", "warn": "\x1b[33m", "fail": "\x1b[1;31m"}
_RESET = "\x1b[0m"
_INDENT = " " * 17


class Finding(NamedTuple):
    """One thing that was looked at: where, what is so, and what to do when it is not well."""

    level: Level
    area: str
    text: str
    todo: str = ""


def ok(area: str, text: str) -> Finding:
    """All is well."""
    return Finding("ok", area, text)


def warn(area: str, text: str, todo: str = "") -> Finding:
    """To be looked at; a worker runs."""
    return Finding("warn", area, text, todo)


def fail(area: str, text: str, todo: str = "") -> Finding:
    """A worker cannot do its work, or breaks a promise."""
    return Finding("fail", area, text, todo)


def worst(found: Sequence[Finding]) -> Level:
    """The level of all."""
    return max((f.level for f in found), key=lambda level: EXIT_CODES[level], default="ok")


def as_text(found: Sequence[Finding], secrets: Sequence[str], *, color: bool) -> str:
    """A line for each finding, under it what to do, and their number; without secrets."""
    clean = Cleaner(secrets).text
    lines = []
    for f in found:
        level = f.level if f.level == "ok" else f.level.upper()
        shown = f"{level:<6}"
        painted = f"{_COLORS[f.level]}{shown}{_RESET}" if color else shown
        lines.append(f"{painted} {f.area:<9} {clean(f.text)}")
        lines += [f"{_INDENT}-> {clean(f.todo)}"] if f.todo else []
    counts = [f"{sum(f.level == level for f in found)} {level}" for level in EXIT_CODES]
    return "\n".join([*lines, ", ".join(counts), ""])


def as_json(found: Sequence[Finding], secrets: Sequence[str]) -> bytes:
    """All findings as one JSON object, without secrets."""
    clean = Cleaner(secrets).text
    rows = [
        {"level": f.level, "area": f.area, "text": clean(f.text), "todo": clean(f.todo)}
        for f in found
    ]
    answer = {"level": worst(found), "findings": rows}
    return orjson.dumps(answer, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
