"""Cases of guids: those that deserve no trust, and those that do."""

from __future__ import annotations

from tests.identity.documents import (
    DATELESS,
    HOME,
    SAME_DAY,
    Case,
    by_place,
    doc,
    each,
    fresh_guids,
    under,
)
from tests.unit.newsdesk import entry

GUIDS: dict[str, Case] = {
    # -- guids that deserve no trust -----------------------------------------------------------------
    "guids made anew at each poll name nothing": Case(
        [fresh_guids(p, 1, 2, 3) for p in range(5)],
        3,
        0,
        "feedbin/support#580",
    ),
    "news among guids made anew is announced": Case(
        [fresh_guids(0, 1, 2, 3), fresh_guids(1, 4, 1, 2, 3), fresh_guids(2, 5, 4, 1, 2)],
        5,
        0,
        "miniflux/v2#396",
    ),
    "an edit among guids made anew is one": Case(
        [
            *(fresh_guids(p, 1, 2, 3) for p in range(3)),
            [*fresh_guids(3, 1, title="Pier closed"), *fresh_guids(3, 2, 3)],
        ],
        3,
        1,
        "brendanlong/lion-reader#1535",
    ),
    "guids made anew on entries without links name nothing": Case(
        [fresh_guids(p, 1, 2, 3, link="") for p in range(5)],
        3,
        0,
    ),
    "guids made anew on entries without links and dates name nothing": Case(
        [fresh_guids(p, 1, 2, 3, link="", published="") for p in range(5)],
        3,
        0,
    ),
    "guids made anew on mere titles name nothing": Case(
        [fresh_guids(p, 1, 2, 3, link="", published="", summary="") for p in range(5)],
        3,
        0,
    ),
    "an entry without a link that leaves and comes back under another guid is known": Case(
        [
            *(fresh_guids(p, 1, 2, 3, link="") for p in range(3)),
            fresh_guids(3, 2, 3, link=""),
            fresh_guids(4, 1, 2, 3, link=""),
        ],
        3,
        0,
    ),
    "one guid made anew at each poll names nothing": Case(
        [fresh_guids(p, 1) for p in range(4)],
        1,
        0,
        "newrelic/docs-website#1271",
    ),
    "one guid for all names nothing": Case(
        [doc(1, 2, 3, guid="x"), doc(1, 2, 3, guid="x")],
        3,
        0,
        "cocopuff2u/MOFA#24",
    ),
    "news under one guid for all is announced": Case(
        [doc(1, 2, 3, guid="x"), doc(4, 1, 2, guid="x"), doc(5, 4, 1, guid="x"), doc(6, guid="x")],
        6,
        0,
        "feedbin/support#573",
    ),
    "one guid for all and no links: the content tells": Case(
        [doc(1, 2, 3, guid="x", link=""), doc(4, 1, 2, guid="x", link="")],
        4,
        0,
        "amatya-aditya/obsidian-rss-dashboard#285",
    ),
    "one guid and one link for all: the content tells": Case(
        [doc(1, 2, 3, guid=HOME, link=HOME), doc(4, 1, 2, 3, guid=HOME, link=HOME)],
        4,
        0,
        "samuelclay/NewsBlur#1470",
    ),
    "one guid for a document of one entry names nothing": Case(
        [doc(1, guid="latest"), doc(2, guid="latest"), doc(3, guid="latest")],
        3,
        0,
        "dgtlmoon/changedetection.io#239",
    ),
    "guids that name the place name nothing": Case(
        [by_place(1, 2, 3, 4), by_place(5, 1, 2, 3), by_place(6, 5, 1, 2)],
        6,
        0,
        "felfele/felfele#133",
    ),
    "guids that name the place, all of one day, name nothing": Case(
        [by_place(1, 2, 3, 4, **SAME_DAY), by_place(5, 1, 2, 3, **SAME_DAY)],
        5,
        0,
    ),
    "guids that name the place, undated, name nothing": Case(
        [by_place(1, 2, 3, 4, **DATELESS), by_place(5, 1, 2, 3, **DATELESS)],
        5,
        0,
    ),
    "guids that name the place, without links, name nothing": Case(
        [
            by_place(1, 2, 3, 4, link=""),
            by_place(5, 1, 2, 3, link=""),
            by_place(6, 5, 1, 2, link=""),
        ],
        6,
        0,
    ),
    "guids that name the place in a reordered document name nothing": Case(
        [by_place(1, 2, 3, 4), by_place(4, 3, 2, 1), by_place(2, 1, 4, 3)],
        4,
        0,
    ),
    "a guid that is given to another story is another article": Case(
        [doc(1, 2, 3), [entry(9, guid=entry(1).guid), *doc(2, 3)]],
        4,
        0,
        "feedbin/support#604",
    ),
    # -- guids that deserve trust --------------------------------------------------------------------
    "a guid holds over an edited headline": Case(
        [doc(1, 2), [entry(1, title="New"), entry(2)]],
        2,
        1,
        "martinrotter/rssguard#451",
    ),
    "a guid holds over an edited headline and slug": Case(
        [doc(1, 2), [entry(1, title="New", link="https://site.example/news/new"), entry(2)]],
        2,
        1,
        "manton/jsonfeed-wp#35",
    ),
    "a guid holds over a new headline, slug and text": Case(
        [
            doc(1, 2),
            [
                entry(1, title="New", link="https://site.example/news/new", summary="Rewritten."),
                entry(2),
            ],
        ],
        2,
        1,
        "feedbin/support#249",
    ),
    "a guid holds over a new headline and no link": Case(
        [doc(1, 2, link=""), [entry(1, title="New", link=""), entry(2, link="")]],
        2,
        1,
        "QuiteRSS/quiterss#797",
    ),
    "a guid holds when http becomes https": Case(
        [each([1, 2], lambda _, n: {"link": f"http://site.example/news/story-{n}"}), doc(1, 2)],
        2,
        0,
        "feedbin/support#431",
    ),
    "a guid holds over another host": Case(
        [doc(1, 2), each([1, 2], lambda _, n: {"link": f"https://new.example/{n}"})],
        2,
        0,
        "getnikola/nikola#2378",
    ),
    "a guid holds when the link vanishes": Case(
        [doc(1, 2), doc(1, 2, link="")],
        2,
        0,
        "luyuhuang/vscode-rss#7",
    ),
    "a guid holds when the date vanishes": Case(
        [doc(1, 2), doc(1, 2, published="")],
        2,
        0,
    ),
    "guids that all change once, as a CMS moves, change no article": Case(
        [doc(1, 2, 3), fresh_guids(1, 1, 2, 3), fresh_guids(1, 4, 1, 2, 3)],
        4,
        0,
        "elixir-lang/elixir-lang.github.com#1843",
    ),
    "guids that changed once are trusted again": Case(
        [
            doc(1, 2, 3),
            fresh_guids(1, 1, 2, 3),
            [
                *fresh_guids(1, 1, title="New", link="https://site.example/news/new"),
                *fresh_guids(1, 2, 3),
            ],
        ],
        3,
        1,
        "FreshRSS/FreshRSS#5909",
    ),
    # -- one entry at several addresses --------------------------------------------------------------
    "an entry that a document lists under two addresses is one article": Case(
        [
            [*doc(1, 2), *doc(1, link="https://site.example/sport/story-1")],
            [*doc(1, link="https://site.example/sport/story-1"), *doc(3, 1, 2)],
        ],
        3,
        0,
    ),
    "entries of one guid with other words at other addresses are articles": Case(
        [[entry(n, guid="https://site.example/") for n in (1, 2, 3)]] * 2, 3, 0
    ),
    "an entry that is rewritten as the form of its permalink turns is one article": Case(
        [
            under("http://site.example/news/{}", 1, 2, 3),
            [
                *under(
                    "https://site.example/news/{}",
                    1,
                    title="New",
                    summary="All is new.",
                    published="",
                ),
                *under("https://site.example/news/{}", 2, 3),
            ],
        ],
        3,
        1,
    ),
}
