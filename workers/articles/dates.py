"""Dates as feeds write them.

The two forms that nearly all feeds use are read here, in three microseconds; everything else by
`dates_text`. Of the libraries, dateutil knows English alone and takes "10/11/12" for certain, and
dateparser (100 ms to import, milliseconds a date) reads "12" as the 12th of this month: a date made
up from now is worse than none.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Literal, NamedTuple

from workers.articles.dates_text import Moment, clock_ms, read_moment
from workers.articles.dates_words import ENGLISH
from workers.articles.dates_zones import AMBIGUOUS, OFFSETS, numeric_offset

Confidence = Literal["exact", "assumed_zone", "guessed", "clamped"]

MAX_RAW = 200
"""Longest string read as a date, in characters; what is longer is no date."""

_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()
_MIN_MS = (date(1990, 1, 1).toordinal() - _EPOCH) * _DAY_MS
_MAX_AHEAD_MS = 2 * _DAY_MS
_YEARS = range(1605, 2200)  # newspapers are that old
# "No date" as machines write it: the zero of Unix, Windows, OLE, SQL and classic Mac clocks.
_UNSET = frozenset(
    (date(*ymd).toordinal() - _EPOCH) * _DAY_MS
    for ymd in ((1970, 1, 1), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1904, 1, 1))
)

_MONTHS = {name[:3].title(): number for number, name in enumerate(ENGLISH, 1)}
_RFC822 = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), +)?([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-][0-9]{4}|[A-Z]{1,4})"
).fullmatch
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:[.,]([0-9]{1,12}))?(Z|z|[+-][0-9]{2}:?[0-9]{2})?)?"
).fullmatch


class ParsedDate(NamedTuple):
    """An instant and how sure we are. Epoch milliseconds UTC.

    ``confidence``: ``exact``; ``assumed_zone`` (no zone, or one with several meanings; a date
    without a time counts from midnight UTC); ``guessed`` (day and month may be the other way
    round, or words were passed over); ``clamped`` (``ms`` is not what the feed said).
    """

    ms: int  # clamped to [1990-01-01, now + 2 days]
    exact_ms: int  # unclamped: what edits are recognised by
    confidence: Confidence


def parse_date(raw: str, now_ms: int, language: str = "") -> ParsedDate | None:
    """Return the instant that ``raw`` names, None when it names none.

    ``language`` (BCP 47) decides between readings, never whether there is one. Years before 1605
    and after 2199 and the zero dates of machines are None. The clock is ``now_ms`` alone, and only
    bounds the result and two-digit years.
    """
    if len(raw) > MAX_RAW:
        return None
    text = raw.strip()
    try:
        moment = _rfc822(text) or _rfc3339(text) or read_moment(text, now_ms, language)
        return None if moment is None else _instant(moment, now_ms)
    except ValueError:  # 30 February, 25 o'clock
        return None


def _rfc822(text: str) -> Moment | None:
    match = _RFC822(text)
    if match is None:
        return None
    day, name, year, hour, minute, second, zone = match.groups()
    month = _MONTHS.get(name)
    offset = OFFSETS.get(zone.lower()) if zone.isalpha() else numeric_offset(zone)
    if month is None or offset is None or zone.lower() in AMBIGUOUS:
        return None
    return Moment(int(year), month, int(day), clock_ms(hour, minute, second, None), offset)


def _rfc3339(text: str) -> Moment | None:
    match = _RFC3339(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if zone is None:
        offset = None
    elif zone in "Zz":
        offset = 0
    else:
        offset = numeric_offset(zone.replace(":", ""))
    clock = clock_ms(hour, minute, second, fraction) if hour else 0
    return Moment(int(year), int(month), int(day), clock, offset)


def _instant(moment: Moment, now_ms: int) -> ParsedDate | None:
    if moment.year not in _YEARS:
        return None
    days = date(moment.year, moment.month, moment.day).toordinal() - _EPOCH
    local_ms = days * _DAY_MS + moment.clock_ms
    exact_ms = local_ms - (moment.offset_min or 0) * 60_000
    if local_ms in _UNSET or exact_ms in _UNSET:
        return None
    ms = min(max(exact_ms, _MIN_MS), now_ms + _MAX_AHEAD_MS)
    if ms != exact_ms:
        return ParsedDate(ms, exact_ms, "clamped")
    if moment.guessed:
        return ParsedDate(ms, exact_ms, "guessed")
    if moment.offset_min is None or moment.zone_assumed:
        return ParsedDate(ms, exact_ms, "assumed_zone")
    return ParsedDate(ms, exact_ms, "exact")
