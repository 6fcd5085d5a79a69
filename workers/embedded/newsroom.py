"""The invented news of the sample site: what each publication shows at a time. Pure.

The same seed, start and time give the same articles, so that a document changes only when its news
does. Times are epoch seconds, UTC.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Literal

NEW_EVERY_S = 20
"""Each publication has a new article after this many seconds."""

EDIT_AFTER_S = 25
"""The age at which an article that gets edited is edited."""

_BACKLOG = 5
_BACKLOG_STEP_S = 1700
_SHOWN = 15
_EDIT_EACH = 4
_SHARE_EACH = 3

Format = Literal["rss2", "rss1", "atom", "json"]


@dataclass(frozen=True)
class Publication:
    """One feed of the site. ``borrows`` is the publication some of whose articles it repeats."""

    slug: str
    name: str
    format: Format
    offset_s: int
    people: tuple[str, ...]
    tags: tuple[str, ...]
    edits: bool = False
    borrows: str = ""
    faulty: bool = False

    @property
    def home(self) -> str:
        """The home page: a reserved name that leads nowhere."""
        return f"https://{self.slug}.example"


@dataclass(frozen=True)
class Item:
    """An article as a publication shows it; ``paragraphs`` are plain text."""

    guid: str
    url: str
    headline: str
    paragraphs: tuple[str, ...]
    author: str
    tags: tuple[str, ...]
    image: str
    published: float
    modified: float


PUBLICATIONS = (
    Publication(
        "harbour-gazette",
        "Harbour Gazette",
        "rss2",
        0,
        ("Ines Quayle", "Tom Breaker", "Adaeze Winch"),
        ("Local", "Harbour", "Transport"),
    ),
    Publication(
        "lantern-science",
        "Lantern Science",
        "rss1",
        4,
        ("Dr. Mira Solberg", "Pavel Oaks"),
        ("Science", "Nature", "Space"),
    ),
    Publication(
        "northway-courier",
        "Northway Courier",
        "atom",
        8,
        ("Lena Fjord", "Óscar Peña", "Yuki Tanabe"),
        ("Region", "Culture", "Weather"),
        edits=True,
        borrows="harbour-gazette",
    ),
    Publication(
        "pixel-and-plough",
        "Pixel & Plough",
        "json",
        12,
        ("Rosa Binder", "Chidi Field"),
        ("Technology", "Farming"),
    ),
    Publication(
        "wobbly-wire",
        "The Wobbly Wire",
        "rss2",
        16,
        ("Wire staff",),
        ("Wire",),
        faulty=True,
    ),
)

_WHO = (
    "Ferry crew",
    "School orchestra",
    "Garden society",
    "Town bakery",
    "Lighthouse keeper",
    "Cycling club",
    "Retired engineer",
    "Library team",
    "Astronomy circle",
    "Beekeeping society",
    "Chess club",
    "Market guild",
    "Night bus driver",
    "Pottery class",
)
_DID = (
    "finds a 1920s map of",
    "plans a lantern walk through",
    "counts record swallows over",
    "repairs the old clock of",
    "opens a tool library in",
    "records the dawn chorus of",
    "restores the footbridge at",
    "maps every bench in",
    "plants a hundred pear trees in",
    "paints a mural for",
    "tests a solar kiosk at",
    "holds a quiet parade in",
)
_WHERE = (
    "Saltmarsh Quay",
    "Upper Fennwick",
    "Old Mill Lane",
    "Gull Island",
    "Station Square",
    "the Cress Valley",
    "Kestrel Hill",
    "Port Amble",
    "the Botanic Steps",
    "Ninepin Bridge",
    "Juniper Park",
)
_WHEN = (
    "after a long winter",
    "ahead of the summer fair",
    "for the third year",
    "to everyone’s surprise",
    "with help from neighbours",
    "before the first frost",
)
_OPENING = (
    "The {who} in {where} had hoped for a handful of helpers; by noon {n} people had come.",
    "What began as a chat over coffee has become the talk of {where} this week.",
    "On a bright morning in {where}, {n} people watched the first results being shown.",
)
_MIDDLE = (
    "The work took {n} days and cost less than planned, since most of the material was donated.",
    "“We kept a list of all that went wrong,” said {person}, “and it is the best part.”",
    "A second visit is planned for the spring, when the light is better and the paths are dry.",
    "Records of {where} go back {n} years, and none of them mentions anything like it.",
    "Children from two schools made the drawings, which can be seen in the library until Friday.",
    "Measurements were taken every {n} minutes; the full table is on display at the town hall.",
    "Rain is expected at the weekend, but the organisers say that the tents have seen worse.",
)
_CLOSING = (
    "Anyone who would like to join can simply turn up with stout shoes.",
    "The next report is due in a month.",
    "There will be tea, and a map for those who come by bus.",
)
_EDITED = "This article was edited to correct a number: it was {n}, as {person} pointed out."


def publication(slug: str) -> Publication:
    """The publication of that slug; KeyError when there is none."""
    return {p.slug: p for p in PUBLICATIONS}[slug]


def shown(pub: Publication, seed: int, start_s: float, now_s: float) -> list[Item]:
    """What ``pub`` shows at ``now_s``, newest first, down to a backlog from before ``start_s``."""
    first = int(start_s) + pub.offset_s
    latest = int(now_s - first) // NEW_EVERY_S
    items: list[Item] = []
    for number in range(latest, max(-_BACKLOG - 1, latest - _SHOWN), -1):
        items.append(_item(pub, seed, number, first, now_s))
        if pub.borrows and number % _SHARE_EACH == 0:
            lender = publication(pub.borrows)
            lent = _item(lender, seed, number, int(start_s) + lender.offset_s, now_s)
            if lent.published <= now_s:
                items.append(_borrowed(pub, lent))
    return items


def _borrowed(pub: Publication, lent: Item) -> Item:
    """The lender's article under a guid of the borrower's, at the same address."""
    address, _, _ = lent.url.partition("?")
    return Item(
        guid=f"tag:{pub.slug}.example,2026:syndicated:{_digest(lent.guid)}",
        url=f"{address}?utm_source={pub.slug}&utm_medium=syndication",
        headline=lent.headline,
        paragraphs=lent.paragraphs,
        author=lent.author,
        tags=lent.tags,
        image=lent.image,
        published=lent.published,
        modified=lent.modified,
    )


def _item(pub: Publication, seed: int, number: int, first: int, now_s: float) -> Item:
    age = number * (NEW_EVERY_S if number >= 0 else _BACKLOG_STEP_S)
    published = float(first + age)
    # Seeded by text: the same on every Python, where hash() of a string is not.
    chance = Random(f"{seed}/{first}/{pub.slug}/{number}")  # noqa: S311 - news, not secrets
    person = chance.choice(pub.people)
    who, where = chance.choice(_WHO), chance.choice(_WHERE)
    headline = f"{who} {chance.choice(_DID)} {where} {chance.choice(_WHEN)}"
    n = chance.randint(11, 240)
    words = {"who": who.lower(), "where": where, "person": person, "n": n}
    body = [chance.choice(_OPENING), *chance.sample(_MIDDLE, 3), chance.choice(_CLOSING)]
    paragraphs = [line.format(**words) for line in body]
    modified = published
    if pub.edits and number >= 0 and number % _EDIT_EACH == 1 and now_s >= published + EDIT_AFTER_S:
        modified = published + EDIT_AFTER_S
        headline += " (updated)"
        paragraphs.append(_EDITED.format(**words))
    guid = _digest(f"{seed}/{first}/{pub.slug}/{number}")
    slug = re.sub(r"[^a-z0-9]+", "-", f"{who} {where}".lower()).strip("-")
    day = datetime.fromtimestamp(published, UTC)
    return Item(
        guid=f"{pub.slug}-{guid}",
        url=f"{pub.home}/{day:%Y/%m/%d}/{slug}-{guid[:6]}?utm_source=feed&utm_medium={pub.format}",
        headline=headline,
        paragraphs=tuple(paragraphs),
        author=person,
        tags=tuple(chance.sample(pub.tags, min(2, len(pub.tags)))),
        image=f"{pub.home}/images/{guid}.jpg",
        published=published,
        modified=modified,
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
