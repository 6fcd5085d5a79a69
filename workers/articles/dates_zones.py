"""Names of time zones as feeds write them."""

from __future__ import annotations

import functools
import re
import zoneinfo
from datetime import datetime, timedelta

# Minutes east of UTC. RFC 822's own names first, then what editorial systems print.
_OFFSETS = (
    "z 0, ut 0, gmt 0, utc 0, est -300, edt -240, cst -360, cdt -300, mst -420, mdt -360, "
    "pst -480, pdt -420, akst -540, akdt -480, hst -600, ast -240, adt -180, nst -210, "
    "ndt -150, wet 0, west 60, bst 60, cet 60, cest 120, met 60, mest 120, mez 60, "
    "mesz 120, eet 120, eest 180, trt 180, msk 180, msd 240, samt 240, ist 330, idt 180, "
    "irst 210, pkt 300, npt 345, bdt 360, ict 420, wib 420, wita 480, wit 540, hkt 480, "
    "sgt 480, myt 480, pht 480, awst 480, jst 540, kst 540, acst 570, acdt 630, aest 600, "
    "aedt 660, nzst 720, nzdt 780, brt -180, brst -120, art -180, clt -240, clst -180, "
    "cot -300, pet -300, bot -240, sast 120, cat 120, wat 60, eat 180"
)
OFFSETS: dict[str, int] = {
    name: int(minutes) for name, minutes in (pair.split() for pair in _OFFSETS.split(", "))
}
# More than one zone goes by these names; the language can tell them apart, else the wider known.
AMBIGUOUS = frozenset(["ist", "cst", "bst", "ast", "art", "cat", "bdt", "amt", "sst", "wit"])
_BY_LANGUAGE = {("ist", "he"): 120, ("ist", "ga"): 60, ("cst", "zh"): 480, ("bst", "bn"): 360}

# Names that change their offset with the season.
_REGIONS = {
    "et": "America/New_York",
    "ct": "America/Chicago",
    "mt": "America/Denver",
    "pt": "America/Los_Angeles",
    "at": "America/Halifax",
}
_STANDARD = {"et": -300, "ct": -360, "mt": -420, "pt": -480, "at": -240}
_MAX_OFFSET = 14 * 60

_NUMERIC = re.compile(r"([+-])(\d{1,2}):?(\d{2})?").fullmatch


def numeric_offset(text: str) -> int | None:
    """Return the minutes east of UTC of ``+hh``, ``+hmm``, ``+hhmm`` or ``+hh:mm``.

    None for what no place on earth has.
    """
    match = _NUMERIC(text)
    if match is None:
        return None
    hours, minutes = match[2], match[3] or "0"
    total = int(hours) * 60 + int(minutes)
    if total > _MAX_OFFSET or int(minutes) > 59:
        return None
    return -total if match[1] == "-" else total


def named_offset(name: str, local: datetime, language: str) -> int | None:
    """Return the minutes east of UTC of the zone ``name`` (casefolded) at the time ``local``.

    ``name`` is an abbreviation or a name of the tz database; None when it is neither.
    """
    primary = language.partition("-")[0].lower()
    if (name, primary) in _BY_LANGUAGE:
        return _BY_LANGUAGE[name, primary]
    if name in OFFSETS:
        return OFFSETS[name]
    key = _REGIONS.get(name) or ("/" in name and _tz_names().get(name)) or ""
    zone = _zone(key) if key else None
    if zone is None:
        return _STANDARD.get(name)
    offset = local.replace(tzinfo=zone).utcoffset() or timedelta()
    return int(offset.total_seconds() // 60)


def is_zone(word: str) -> bool:
    """Say whether ``word`` (casefolded) is the name of a zone."""
    return word in OFFSETS or word in _REGIONS or ("/" in word and word in _tz_names())


@functools.cache
def _tz_names() -> dict[str, str]:
    return {name.casefold(): name for name in zoneinfo.available_timezones()}


@functools.cache
def _zone(key: str) -> zoneinfo.ZoneInfo | None:
    """Return the zone; None where the machine has no tz database."""
    try:
        return zoneinfo.ZoneInfo(key)
    except (KeyError, ValueError):
        return None
