"""Cases of columns: many articles under one headline and one link, and what only looks like them."""

from __future__ import annotations

from tests.identity.documents import DATELESS, HOME, SAME_DAY, Case, Document, Of, bulletins, each
from tests.unit.newsdesk import entry

BBC = "https://site.example/news/articles/cvgeydkz08go"


def version(count: int, title: str, minute: int) -> Document:
    """A broadcaster's entry, whose guid is its link and a count of its versions."""
    at = f"2026-05-28T09:{minute:02d}:00Z"
    text = f"<p>{title}, as the paper was told at {minute} past nine.</p>"
    link = f"{BBC}?at_medium=RSS"
    return [entry(1, guid=f"{BBC}#{count}", link=link, title=title, published=at, summary=text)]


COLUMNS: dict[str, Case] = {
    "bulletins under one headline and link, each with a guid, are articles each": Case(
        [bulletins(3, 2, 1), bulletins(4, 3, 2), bulletins(5, 4, 3), bulletins(8, 7, 6)], 8, 0
    ),
    "undated bulletins, each with a guid, are articles each": Case(
        [bulletins(3, 2, 1, **DATELESS), bulletins(4, 3, 2, **DATELESS)], 4, 0
    ),
    "bulletins of one day, each with a guid, are articles each": Case(
        [bulletins(3, 2, 1, **SAME_DAY), bulletins(5, 3, 2, **SAME_DAY)], 4, 0
    ),
    "bulletins without guids are told apart by date and text": Case(
        [bulletins(3, 2, 1, guid=""), bulletins(4, 3, 2, guid=""), bulletins(7, 6, 5, guid="")],
        7,
        0,
    ),
    "bulletins whose guid is their link are told apart by date and text": Case(
        [bulletins(3, 2, 1, guid=HOME), bulletins(4, 3, 2, guid=HOME)], 4, 0
    ),
    "a second bulletin beside the first is an article": Case(
        [bulletins(1), bulletins(2, 1), bulletins(3, 2)], 3, 0
    ),
    "a second bulletin beside the first, without guids, is an article": Case(
        [bulletins(1, guid=""), bulletins(2, 1, guid=""), bulletins(3, 2, guid="")], 3, 0
    ),
    "bulletins that take each other's place are articles each": Case(
        [bulletins(1), bulletins(2), bulletins(3)], 3, 0
    ),
    "an edited bulletin is edited": Case(
        [
            bulletins(3, 2, 1),
            [*bulletins(3), *bulletins(2, summary="<p>Put right.</p>"), *bulletins(1)],
        ],
        3,
        1,
    ),
    "bulletins of two feeds on one page are articles each": Case(
        [
            bulletins(3, 2, 1),
            Of("city", bulletins(13, 12, 11, title="Journal")),
            bulletins(4, 3, 2),
            Of("city", bulletins(14, 13, 12, title="Journal")),
        ],
        8,
        0,
    ),
    # -- what only looks like a column -----------------------------------------------------------
    "a bulletin that stands twice under two guids is one": Case(
        [[*bulletins(2, 1), *bulletins(1, guid="other")]] * 2, 2, 0
    ),
    "an article and its edit of the same time under two guids are one": Case(
        [[entry(1), entry(1, guid="other", summary="<p>Told a little better.</p>")]] * 2, 1, 0
    ),
    "versions side by side whose guids count them are one article": Case(
        [[*version(3, "Mayor wins", 30), *version(0, "Mayor leads", 10)]] * 2,
        1,
        0,
        "jocmp/capyreader#865",
    ),
    "three versions side by side whose guids count them are one article": Case(
        [
            version(0, "Mayor leads", 10),
            [*version(1, "Mayor wins", 20), *version(0, "Mayor leads", 10)],
            [
                *version(2, "Mayor sworn in", 30),
                *version(1, "Mayor wins", 20),
                *version(0, "Mayor leads", 10),
            ],
        ],
        1,
        2,
        "Ranchero-Software/NetNewsWire#4808",
    ),
    "headings on one page, whose links and guids name the place, are articles each": Case(
        [
            each(
                numbers,
                lambda _, n: {"guid": f"{HOME}#v{n}", "link": f"{HOME}#v{n}"},
            )
            for numbers in ([2, 1], [3, 2, 1])
        ],
        3,
        0,
    ),
    "guids made anew beside an edited text make no article of it": Case(
        [
            *(each([1, 2], lambda _, n, p=p: {"guid": f"{p}-{n}"}) for p in range(3)),
            [entry(1, guid="3-1", summary="<p>Told anew.</p>"), entry(2, guid="3-2")],
        ],
        2,
        1,
    ),
}
