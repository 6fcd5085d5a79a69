"""Dates in free form: names of months in many languages, numbers in any order, missing parts.

Strict about what is a date, lenient about what stands around it: words that are passed over, and
numbers that can be read two ways, make the result a guess, and it says so.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from workers.articles.dates_words import (
    ENGLISH,
    FILLERS,
    fold,
    month_of,
    month_readings,
    weekday_languages,
)
from workers.articles.dates_zones import AMBIGUOUS, OFFSETS, is_zone, named_offset, numeric_offset


class Moment(NamedTuple):
    """A date and time as written. ``clock_ms`` is since midnight, ``offset_min`` east of UTC."""

    year: int
    month: int
    day: int
    clock_ms: int = 0
    offset_min: int | None = None  # None: no zone was written
    guessed: bool = False
    zone_assumed: bool = False


_DAY_MS = 86_400_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MAX_UNKNOWN = 2  # more words that mean nothing, and the text is not a date but holds one
_FIRST_YEAR = 1990  # a reading before it gives way to one after it

_CJK_DAY = re.compile(
    r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일号號]?"
    r"\s*(?:星期.|周[一二三四五六日天]|[月火水木金土日]曜日?|[월화수목금토일]요일)?,?"
)
_CJK_TIME = re.compile(
    r"(\d{1,2})\s*[时時點点시]\s*(?:(\d{1,2})\s*[分분])?\s*(?:(\d{1,2})\s*[秒초])?"
)
_CJK_HALF = re.compile(
    r"(上午|午前|오전|凌晨|早上|下午|午後|오후|晚上)\s*(\d{1,2}(?::\d{1,2}){1,2})"
)
_CJK_MORNING = frozenset(["上午", "午前", "오전", "凌晨", "早上"])
_VIETNAMESE_MONTH = re.compile(r"\b(?:thang|thg)\.?\s*(\d{1,2})\b")
_HALF = re.compile(r"(?<![^\W\d_])([apπμ])\.?\s?[mμ]\b\.?")
_HOUR_ONLY = re.compile(r"(?<![\d:.])(\d{1,2})\s?([ap]m)\b")
_FRENCH_TIME = re.compile(r"(?<!\d)(\d{1,2})\s?h\s?(\d{2})(?!\d)")
_DOTTED_TIME = re.compile(r"\b(?:klo|kl|um|ore|alle|at)\.?\s(\d{1,2})\.(\d{2})(?![\d.])")
_YEAR_DOTTED_TIME = re.compile(
    r"((?:[^\W\d_]\.?\s+|\d[./-])\d{4}|\d{4}-\d{2}-\d{2}),?\s+(\d{1,2})\.(\d{2})(?:\.(\d{2}))?(?![\d.])"
)
_TIME = re.compile(
    r"(?<![\d:.+-])(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(?:[.,](\d{1,12}))?(?!\d|:\d)\s*([ap]m\b)?"
)
_OFFSET = re.compile(r"(?<!\d)([+-])[+-]?(\d{1,2}:\d{2}|\d{1,4})(?::00)?(?![\d:.-])")
_DATE_OFFSET = re.compile(r"(?<=\d)\s?(z|[+-]\d{2}:\d{2})$|\s([+-]\d{4})$")
_ZONE_WORD = re.compile(r"[a-z]+(?:/[a-z_]+(?:[+-]\d{1,2})?)*")
_LAST_WORD = re.compile(r"(?<=\d\s)([a-z]{3,4})$")
_WORD = re.compile(r"[^\W\d_][^\s\d,.;:/()\[\]<>|+-]*")

_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s?([-/. ])\s?0?(\d{1,2})\s?\2\s?(\d{1,2})(?!\d|-\d)")
_YEAR_LAST = re.compile(
    r"(?<!\d)(?<!\d-)(\d{1,2})\s?([-/. ])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?!\d)"
)
_COMPACT = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:[t ]?(\d{2}):?(\d{2})(?::?(\d{2}))?(?:[.,](\d{1,12}))?)?"
    r"\s?(z|[+-]\d{2}:?\d{2})?"
).fullmatch
_ORDINAL = re.compile(r"(\d{4}|\d{2})-?(\d{3})").fullmatch
_WEEK = re.compile(r"(\d{4})-?w(\d{2})(?:-?([1-7]))?").fullmatch
_MONTH_ONLY = re.compile(r"(\d{4})(?:[-/](\d{1,2}))?").fullmatch
_SHORT_ISO = re.compile(r"(\d{2})(\d{2})(\d{2})|-(\d{2})-?(\d{2})").fullmatch
_UNIX = re.compile(r"(?:\d{9,10}(?:\.\d{1,9})?|\d{13}|\d{16})").fullmatch
_NUMBER = re.compile(r"\d+")


def read_moment(text: str, now_ms: int, language: str) -> Moment | None:
    """Return what ``text`` says, None when it is no date.

    ``now_ms`` serves to prefer a reading that is not in the future. Raises ValueError for a day or
    time that does not exist.
    """
    text = fold(text)
    if _UNIX(text):
        return _unix(text)
    cjk_offset = _cjk_offset(text, language)
    text = _plain(text)
    if (compact := _compact(text, now_ms)) is not None:
        return compact
    time = _TIME.search(text)
    clock = _clock_of(time) if time else 0
    before, after = (text[: time.start()], text[time.end() :]) if time else ("", text)
    zone, after = _split_zone(after) if time else _split_date_zone(after)
    us_order = _us_order(language, half_day=bool(time and time[5]))
    day = _read_day(f"{before} {after}".strip(), now_ms, language, us_order)
    if day is None:
        return None
    offset, assumed = cjk_offset, cjk_offset is not None
    if zone:
        local = datetime(day.year, day.month, day.day) + timedelta(milliseconds=clock)
        numeric = zone[0] in "+-"
        offset = numeric_offset(zone) if numeric else named_offset(zone, local, language)
        # RFC 822 defines CST; only its other meaning is an assumption.
        assumed = zone in AMBIGUOUS and not (zone == "cst" and offset == OFFSETS["cst"])
    return day._replace(clock_ms=clock, offset_min=offset, zone_assumed=assumed)


def clock_ms(hour: str, minute: str, second: str | None, fraction: str | None) -> int:
    """Return the milliseconds since midnight.

    Raises ValueError for a time that no clock shows; 24:00:00 and a leap second are shown.
    """
    h, m, s = int(hour), int(minute), int(second or 0)
    if m > 59 or s > 60 or h > 24 or (h == 24 and (m or s)):
        raise ValueError(f"no such time: {h}:{m}:{s}")
    return (h * 3600 + m * 60 + s) * 1000 + (int(fraction[:3].ljust(3, "0")) if fraction else 0)


def _unix(text: str) -> Moment:
    """Read seconds, milliseconds or microseconds since 1970, told apart by their length."""
    whole, _, fraction = text.partition(".")
    scale = {13: 1, 16: -1000}.get(len(whole), 1000)
    ms = int(whole) * scale if scale > 0 else int(whole) // 1000
    days, rest = divmod(ms, _DAY_MS)
    rest += int(fraction[:3].ljust(3, "0")) if fraction else 0
    on = date.fromordinal(_EPOCH_DAY + days)
    return Moment(on.year, on.month, on.day, rest, 0)


def _cjk_offset(text: str, language: str) -> int | None:
    """Return the zone of dates in Korean, Japanese or Chinese writing, which name none."""
    if "년" in text or "오전" in text or "오후" in text:
        return 540
    if "年" not in text:
        return None
    return {"ja": 540, "zh": 480}.get(language.partition("-")[0].lower())


def _plain(text: str) -> str:
    """Return ``text`` with the day as 2026-02-17 and the time as 10:30:00 pm where it was spelt."""
    if not text.isascii():
        text = _CJK_DAY.sub(r"\1-\2-\3 ", text)
        text = _CJK_TIME.sub(lambda m: f"{m[1]}:{m[2] or '00'}:{m[3] or '00'}", text)
        text = _CJK_HALF.sub(lambda m: f"{m[2]} {'am' if m[1] in _CJK_MORNING else 'pm'}", text)
    text = _VIETNAMESE_MONTH.sub(
        lambda m: f" {ENGLISH[int(m[1]) - 1]} " if 1 <= int(m[1]) <= 12 else m[0], text
    )
    text = _HALF.sub(lambda m: "am" if m[1] in "aπ" else "pm", text)
    text = _HOUR_ONLY.sub(r"\1:00 \2", text)
    text = _FRENCH_TIME.sub(r"\1:\2", text)
    text = _YEAR_DOTTED_TIME.sub(lambda m: f"{m[1]} {m[2]}:{m[3]}:{m[4] or '00'}", text)
    return _DOTTED_TIME.sub(r"\1:\2", text)


def _compact(text: str, now_ms: int) -> Moment | None:
    """Read the forms of ISO 8601 without a time of their own or without separators."""
    if match := _COMPACT(text):
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        clock = clock_ms(hour, minute, second, fraction) if hour else 0
        offset = None if zone is None else 0 if zone == "z" else numeric_offset(zone)
        return Moment(int(year), int(month), int(day), clock, offset)
    if match := _WEEK(text):
        on = date.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1))
        return Moment(on.year, on.month, on.day, guessed=match[3] is None)
    if match := _ORDINAL(text):
        year = _full_year(match[1], now_ms)
        on = date(year, 1, 1) + timedelta(int(match[2]) - 1)
        if on.year != year:
            raise ValueError("no such day of the year")
        return Moment(on.year, on.month, on.day, guessed=len(match[1]) == 2)
    if match := _MONTH_ONLY(text):
        return Moment(int(match[1]), int(match[2] or 1), 1, guessed=True)
    if match := _SHORT_ISO(text):
        year = _full_year(match[1] or match[4], now_ms)
        return Moment(year, int(match[2] or match[5]), int(match[3] or 1), guessed=True)
    return None


def _clock_of(time: re.Match[str]) -> int:
    hour, minute, second, fraction, half = time.groups()
    if half:
        number = int(hour)
        if number == 12:
            hour = "0" if half == "am" else "12"
        elif number < 12 and half == "pm":
            hour = str(number + 12)
    return clock_ms(hour, minute, second, fraction)


def _split_zone(after: str) -> tuple[str, str]:
    """Return the zone written behind a time (``""``: none) and what is left of ``after``."""
    zone = ""
    if match := _OFFSET.search(after):
        zone = match[1] + match[2]
        after = after[: match.start()] + " " + after[match.end() :]
    for word in _ZONE_WORD.finditer(after):
        if is_zone(word[0]) and not month_readings(word[0]):
            zone = zone or word[0]
            after = after[: word.start()] + " " + after[word.end() :]
            break
    return zone, after


def _split_date_zone(text: str) -> tuple[str, str]:
    """The same for a date without a time, where a zone stands at the very end."""
    if match := _DATE_OFFSET.search(text):
        return match[1] or match[2], text[: match.start()]
    if (match := _LAST_WORD.search(text)) and is_zone(match[1]) and not weekday_languages(match[1]):
        return match[1], text[: match.start()]
    return "", text


def _us_order(language: str, *, half_day: bool) -> bool:
    """Say whether 02/03 is 3 February: in the United States, and likely beside "am" and "pm"."""
    tag = language.lower().replace("_", "-")
    return tag == "en-us" or (half_day and tag in ("", "en"))


def _read_day(text: str, now_ms: int, language: str, us_order: bool) -> Moment | None:
    words = [word for word in _WORD.findall(text) if word not in FILLERS]
    weekdays = [word for word in words if weekday_languages(word)]
    numeric = _YEAR_FIRST.search(text) or _YEAR_LAST.search(text)
    if numeric:
        unknown = len(words) - len(weekdays)
        day = _numeric_day(numeric, now_ms, us_order)
    else:
        months = [word for word in words if month_readings(word)]
        if len(months) > 1 and months[0] == words[0] and weekday_languages(months[0]):
            del months[0]  # "mar, 3 mar 2026" is a martedì in marzo
        if len(set(months)) != 1:
            return None
        known = {*weekdays, *months}
        unknown = sum(word not in known for word in words)
        month = month_of(months[0], weekdays[0] if weekdays else "", language)
        day = _named_day(month, _NUMBER.findall(text), now_ms) if month else None
    if day is None or not unknown:
        return day
    if unknown > _MAX_UNKNOWN or (day.guessed and not numeric):
        return None
    return day._replace(guessed=True)


def _named_day(month: int, numbers: list[str], now_ms: int) -> Moment | None:
    """Read the day and the year beside the name of a month."""
    if len(numbers) == 1 and len(numbers[0]) == 4:  # "Jan. 2006"
        return Moment(int(numbers[0]), month, 1, guessed=True)
    if len(numbers) != 2:
        return None
    first, second = numbers
    if len(first) == 4 or int(first) > 31:
        first, second = second, first
    if len(first) > 2 or len(second) not in (2, 4):
        return None
    return Moment(_full_year(second, now_ms), month, int(first))


def _numeric_day(match: re.Match[str], now_ms: int, us_order: bool) -> Moment | None:
    """Read three numbers, where the year comes last in the order that makes sense."""
    first, separator, second, last = match.groups()
    if len(first) == 4:
        return Moment(int(first), int(second), int(last))
    year = _full_year(last, now_ms)
    a, b = int(first), int(second)
    orders = [(year, b, a)] if separator == "." else [(year, b, a), (year, a, b)]
    if us_order:
        orders.reverse()
    if len(last) == 2 and len(first) == 2 and separator == "-":
        orders.insert(0, (_full_year(first, now_ms), b, int(last)))
    latest = _EPOCH_DAY + now_ms // _DAY_MS + 2
    days = [on for order in orders if (on := _existing(order)) is not None]
    fitting = [on for on in days if on.year >= _FIRST_YEAR and on.toordinal() <= latest] or days
    if not fitting:
        return None
    on = fitting[0]
    return Moment(on.year, on.month, on.day, guessed=len(set(fitting)) > 1)


def _existing(order: tuple[int, int, int]) -> date | None:
    try:
        return date(*order)
    except ValueError:
        return None


def _full_year(digits: str, now_ms: int) -> int:
    """Return the year; two digits mean the last hundred years and the next."""
    year = int(digits)
    if len(digits) > 2:
        return year
    this_year = date.fromordinal(_EPOCH_DAY + now_ms // _DAY_MS).year
    return year + (2000 if 2000 + year <= this_year + 1 else 1900)
