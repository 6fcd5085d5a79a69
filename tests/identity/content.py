"""Cases of URLs, and of entries that only their content names."""

from __future__ import annotations

from tests.identity.documents import (
    DATELESS,
    HOME,
    NAMELESS,
    SAME_DAY,
    Case,
    doc,
    each,
    moved,
)
from tests.unit.newsdesk import entry
from workers.model import ParsedEntry


def _place(n: int, **changes: str) -> ParsedEntry:
    return entry(n, guid="", published="", link=f"{HOME}#notice-{n}", **changes)


CONTENT: dict[str, Case] = {
    # -- URLs ----------------------------------------------------------------------------------------
    "tracking parameters are no other article": Case(
        [
            doc(1, 2, guid=""),
            each(
                [1, 2],
                lambda _, n: {"guid": "", "link": f"{entry(n).link}?utm_source=rss&fbclid=Z{n}"},
            ),
        ],
        2,
        0,
        "feedhq/feedhq#107",
    ),
    "a fragment is no other article": Case(
        [
            doc(1, 2, guid=""),
            each([1, 2], lambda _, n: {"guid": "", "link": f"{entry(n).link}#top"}),
        ],
        2,
        0,
        "iovxw/rssbot#290",
    ),
    "places of one page are articles each, and keep their names over an edit, without guids and dates": Case(
        [
            [_place(1), _place(2)],
            [_place(3), _place(1), _place(2)],
            [
                _place(3),
                _place(1, title="Other words", summary="<p>All of it is new.</p>"),
                _place(2),
            ],
        ],
        3,
        1,
    ),
    "a URL holds over an edited headline, without guids": Case(
        [doc(1, 2, guid=""), [entry(1, guid="", title="New"), entry(2, guid="")]],
        2,
        1,
        "sismics/reader#49",
    ),
    "a home page that all link to names nothing": Case(
        [doc(1, 2, 3, link="https://site.example/"), doc(4, 1, 2, link="https://site.example/")],
        4,
        0,
        "RssBandit/RssBandit#101",
    ),
    "a home page that all link to, without guids, names nothing": Case(
        [
            doc(1, 2, 3, guid="", link=HOME),
            doc(4, 1, 2, guid="", link=HOME),
            doc(5, 4, 1, guid="", link=HOME),
            doc(6, guid="", link=HOME),
        ],
        6,
        0,
        "owncloud-archive/news#217",
    ),
    "a page that all link to is remembered as shared": Case(
        [doc(1, 2, 3, link=HOME), doc(4, 1, 2, 3, link=HOME), doc(5, link=HOME), doc(6, link=HOME)],
        6,
        0,
        "skx/rss2email#111",
    ),
    "two stories on one page are two articles": Case(
        [[entry(1, link=HOME), entry(2, link=HOME), entry(3)]] * 2,
        3,
        0,
        "sentientwaffle/feed-read#7",
    ),
    "a page that carries another story under another guid is another article": Case(
        [doc(1, link=HOME), doc(2, link=HOME), doc(3, link=HOME)],
        3,
        0,
        "fastladder/fastladder#170",
    ),
    "links that all turn to the home page change no article": Case(
        [doc(1, 2, 3), doc(4, 1, 2, 3, link=HOME), doc(5, 4, 1, 2, link=HOME)],
        5,
        0,
    ),
    # -- content -------------------------------------------------------------------------------------
    "without guid and link the content tells": Case(
        [doc(1, 2, **NAMELESS), doc(3, 1, 2, **NAMELESS)],
        3,
        0,
        "nkanaev/yarr#215",
    ),
    "without guid and link an entry that comes back is known": Case(
        [doc(1, 2, **NAMELESS), doc(2, **NAMELESS), doc(1, 2, **NAMELESS)],
        2,
        0,
        "Etuldan/spaRSS#221",
    ),
    "without guid and link an edited text is an edit": Case(
        [doc(1, 2, **NAMELESS), [entry(1, summary="Told anew.", **NAMELESS), entry(2, **NAMELESS)]],
        2,
        1,
        "rss2email/rss2email#11",
    ),
    "mere titles tell articles apart": Case(
        [
            doc(1, 2, summary="", **NAMELESS, **DATELESS),
            doc(3, 1, 2, summary="", **NAMELESS, **DATELESS),
        ],
        3,
        0,
        "r7kamura/weneedfeed#32",
    ),
    "undated entries are known again": Case(
        [doc(1, 2, **DATELESS), doc(2, 1, **DATELESS)],
        2,
        0,
        "yang991178/fluent-reader#286",
    ),
    "a CMS that moved announces nothing again": Case(
        [doc(1, 2, 3, 4), moved(1, 2, 3, 4)],
        4,
        0,
        "lwindolf/liferea#1195",
    ),
    "a CMS that moved announces what is new": Case(
        [doc(1, 2, 3), moved(4, 1, 2, 3)],
        4,
        0,
        "havenweb/haven#72",
    ),
    "a CMS that moved and shows more of its past announces nothing again": Case(
        [doc(1, 2, 3), doc(2, 3, 4), moved(1, 2, 3, 4)],
        4,
        0,
        "LeaVerou/blog#18",
    ),
    "a CMS that moved and dates anew announces nothing again": Case(
        [doc(1, 2, 3, 4), moved(1, 2, 3, 4, published="2026-06-01T09:00:00Z")],
        4,
        0,
        "vickonrails/next-starter-peacock#10",
    ),
    "a CMS that moved without dates announces nothing again": Case(
        [doc(1, 2, 3, **DATELESS), moved(1, 2, 3, **DATELESS)],
        3,
        0,
    ),
    "the same words on another day are news": Case(
        [
            [entry(1, title="Morning news", summary="The day's news, told."), *doc(7, 8)],
            [*doc(7, 8), entry(2, title="Morning news", summary="The day's news, told.")],
        ],
        4,
        0,
        "feedbin/support#597",
    ),
    "the same words every day in a feed of one entry are news": Case(
        [[entry(n, title="Morning news", summary="The day's news, told.")] for n in (1, 2, 3)],
        3,
        0,
    ),
    "one headline on two stories is two articles": Case(
        [doc(1, 2, title="Weather")] * 2,
        2,
        0,
        "FreshRSS/FreshRSS#948",
    ),
    "one headline under two links without guids is two articles": Case(
        [doc(1, 2, guid="", title="Weather", summary="", published="")] * 2,
        2,
        0,
        "RssBandit/RssBandit#790",
    ),
    # -- without guids, as others met them ---------------------------------------------------------
    "the same document without guids says nothing": Case(
        [doc(1, 2, 3, guid="")] * 4, 3, 0, "feedbin/support#416"
    ),
    "links that turn between two hosts, without guids, change no article": Case(
        [
            each(
                [1, 2],
                lambda _, n, h=h: {"guid": "", "link": f"https://{h}site.example/doi/{n}?af=R"},
            )
            for h in ("journal.", "", "journal.", "")
        ],
        2,
        0,
        "miniflux/v2#458",
    ),
    "links that carry another token at each poll, without guids, change no article": Case(
        [
            each(
                [1, 2, 3],
                lambda _, n, p=p: {
                    "guid": "",
                    "link": f"https://site.example/url?ei=T{p}{n}x&id=story-{n}",
                },
            )
            for p in range(4)
        ],
        3,
        0,
        "jfroelich/rss-reader#90",
    ),
    "one link and one date for all, without guids: headline and text tell": Case(
        [
            doc(1, 2, 3, guid="", link=HOME, **SAME_DAY),
            doc(4, 1, 2, 3, guid="", link=HOME, **SAME_DAY),
        ],
        4,
        0,
        "Ranchero-Software/NetNewsWire#4540",
    ),
    "a new date, without guids, is an edit": Case(
        [
            doc(1, 2, guid=""),
            [entry(1, guid="", published="2026-05-27T09:00:00Z"), entry(2, guid="")],
        ],
        2,
        1,
        "newsboat/newsboat#1729",
    ),
    "dates of the fetch, without guids, are no edits": Case(
        [doc(1, 2, 3, 4, guid="", published=f"2026-06-0{d}T09:00:00Z") for d in (1, 2, 3)],
        4,
        0,
        "feedbin/support#287",
    ),
    "news among undated entries is announced": Case(
        [doc(1, 2, 3, **DATELESS), doc(4, 1, 2, 3, **DATELESS)], 4, 0, "emacs-elfeed/elfeed#26"
    ),
    "entries without headlines are known again": Case(
        [doc(1, 2, 3, title="")] * 3, 3, 0, "QuiteRSS/quiterss#997"
    ),
    "a CMS that moved and sets its texts anew announces nothing again": Case(
        [doc(1, 2, 3, 4), moved(5, 1, 2, 3, 4, summary="<p>All told anew by the new system.</p>")],
        5,
        4,
        "lemon24/reader#322",
    ),
}
