"""What the words in a date mean: months, weekdays and words that say nothing, in any language."""

from __future__ import annotations

import functools
import re
import unicodedata

from workers.articles.dates_names import MONTHS, WEEKDAYS

_COMMENT = re.compile(r"\([^()]*\)")
# Words that may stand in a date without adding to it.
FILLERS = frozenset(
    (
        *("a", "al", "alle", "am", "at", "d", "da", "das", "de", "del", "dell", "den", "der", "di"),
        *(
            "do",
            "e",
            "el",
            "em",
            "en",
            "g",
            "gada",
            "god",
            "h",
            "hrs",
            "i",
            "il",
            "kl",
            "klo",
            "la",
        ),
        *("le", "les", "m", "o", "of", "om", "on", "ora", "ore", "os", "p", "r", "roku", "s", "t"),
        *("the", "to", "u", "uhr", "um", "v", "ve", "y", "st", "nd", "rd", "th", "er", "re", "eme"),
        *("г", "года", "в", "р", "року", "о", "ngay", "luc", "thu", "hai", "ba", "tu", "nam"),
        *("sau", "bay", "chu", "nhat", "jen", "an", "by"),
    )
)
_SAME_NAMES = {"no": "nb", "nn": "nb", "bs": "hr", "sr": "sh"}
ENGLISH = [row.partition("|")[0] for row in MONTHS["en"].split()]


def fold(text: str) -> str:
    """Return ``text`` in one width and case, without accents, comments and doubled spaces."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("ı", "i")
    text = "".join(
        char for char in unicodedata.normalize("NFD", text) if not "\u0300" <= char <= "\u036f"
    )
    text = _COMMENT.sub(" ", unicodedata.normalize("NFC", text))
    return " ".join(text.split()).strip(" ,;.'\"")


def month_of(word: str, weekday: str, language: str) -> int | None:
    """Return the month; where languages disagree, the weekday's language decides, then English."""
    readings = month_readings(word)
    primary = language.partition("-")[0].lower()
    declared = {primary, _SAME_NAMES.get(primary, primary)}
    for languages in (weekday_languages(weekday), {"en"}, declared):
        months = {month for month, spoken in readings if spoken & languages}
        if len(months) == 1:
            return months.pop()
    months = {month for month, _ in readings}
    return months.pop() if len(months) == 1 else None


@functools.cache
def _table() -> dict[str, dict[int, frozenset[str]]]:
    """Return word -> month -> the languages in which it is that month's name."""
    table: dict[str, dict[int, frozenset[str]]] = {}
    for language, row in MONTHS.items():
        for month, forms in enumerate(row.split(), 1):
            for form in forms.split("|"):
                readings = table.setdefault(fold(form), {})
                readings[month] = readings.get(month, frozenset()) | {language}
    return table


@functools.cache
def _weekdays() -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {
        # RFC 822 in two letters, as German, Dutch and Finnish systems write it
        **dict.fromkeys(["mo", "di", "mi", "do", "fr", "sa", "so"], frozenset(["de"])),
        **dict.fromkeys(["tues", "wednes", "thur", "thurs"], frozenset(["en"])),
    }
    for language, row in WEEKDAYS.items():
        for forms in row.split():
            for form in forms.split("|"):
                word = fold(form)
                table[word] = table.get(word, frozenset()) | {language}
    return table


def weekday_languages(word: str) -> frozenset[str]:
    """Return the languages in which ``word`` is a weekday."""
    return _weekdays().get(word, frozenset())


@functools.lru_cache(maxsize=2048)
def month_readings(word: str) -> tuple[tuple[int, frozenset[str]], ...]:
    """Return the months that ``word`` may be, each with its languages.

    Three letters or more of a name are its abbreviation where the languages have no other.
    """
    table = _table()
    if readings := table.get(word):
        return tuple(readings.items())
    found: dict[int, frozenset[str]] = {}
    if len(word) >= 3:
        for name, readings in table.items():
            if name.startswith(word):
                for month, languages in readings.items():
                    found[month] = found.get(month, frozenset()) | languages
    return tuple(found.items())
