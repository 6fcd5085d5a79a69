"""Cases of documents that come again, of doubles and edits, and of two feeds."""

from __future__ import annotations

from tests.identity.documents import SAME_DAY, Case, Of, doc, each, tailed
from tests.unit.newsdesk import entry

EDITS: dict[str, Case] = {
    # -- nothing happens -----------------------------------------------------------------------------
    "the same document says nothing": Case(
        [doc(1, 2, 3), doc(1, 2, 3)],
        3,
        0,
        "skx/rss2email#137",
    ),
    "a reordered document says nothing": Case(
        [doc(1, 2, 3), doc(3, 1, 2)],
        3,
        0,
        "wking/rss2email#90",
    ),
    "an empty document loses nothing": Case(
        [doc(1, 2), [], doc(1, 2)],
        2,
        0,
        "matrix-org/go-neb#134",
    ),
    "an entry that leaves and comes back is known": Case(
        [doc(1, 2, 3), doc(2, 3), doc(1, 2, 3)],
        3,
        0,
        "matrix-org/go-neb#135",
    ),
    "an entry that comes back late is known": Case(
        [doc(1, 2), doc(2), doc(2), doc(1, 2)],
        2,
        0,
        "Ranchero-Software/NetNewsWire#3009",
    ),
    "an old document after a newer one says nothing": Case(
        [doc(1, 2), doc(1, 2, 3), doc(1, 2)],
        3,
        0,
        "mmcdole/gofeed#68",
    ),
    "two caches that take turns say nothing": Case(
        [doc(1, 2), doc(2, 3)] * 4,
        3,
        0,
        "flok99/rsstail#24",
    ),
    "a window that slides announces what is new": Case(
        [doc(3, 2, 1), doc(4, 3, 2), doc(5, 4, 3), doc(6, 5, 4)],
        6,
        0,
        "BitQuote/AwesomeBot#47",
    ),
    "an entry whose comments are counted anew says nothing": Case(
        [doc(1, 2), [entry(1, comments="https://site.example/c/9"), entry(2)]],
        2,
        0,
        "QuiteRSS/quiterss#207",
    ),
    # -- doubles within a document -------------------------------------------------------------------
    "an entry that stands twice is one article": Case(
        [[*doc(1, 2), *doc(1)]] * 2,
        2,
        0,
        "brief-rss/brief#344",
    ),
    "an entry under two guids is one article": Case(
        [[*doc(1, 2), entry(1, guid="other")]] * 2,
        2,
        0,
        "jocmp/capyreader#865",
    ),
    "an entry that stands twice, once without a guid, is one article": Case(
        [[*doc(1, 2), entry(1, guid="")]] * 2,
        2,
        0,
        "dauphine-dev/drop-feeds#132",
    ),
    "a double that comes later is known": Case(
        [doc(1, 2), [*doc(1, 2), entry(1, guid="other")]],
        2,
        0,
        "FreshRSS/FreshRSS#6521",
    ),
    "a double whose twin is byte for byte as before is known": Case(
        [
            [entry(1), entry(1, comments="https://site.example/c/1")],
            [entry(1), entry(1, comments="https://site.example/c/2")],
            [entry(1, comments="https://site.example/c/3"), entry(1)],
        ],
        1,
        0,
        "lemon24/reader#340",
    ),
    "of two versions the later dated one counts": Case(
        [
            [
                entry(1, title="Old", updated="2026-05-12T09:00:00Z"),
                entry(1, title="New", updated="2026-05-12T10:00:00Z"),
            ]
        ]
        * 3,
        1,
        0,
    ),
    "a later version beside the old one is an edit": Case(
        [
            doc(1, 2),
            [entry(1, title="New", updated="2026-05-12T10:00:00Z"), *doc(1, 2)],
            [entry(1, title="New", updated="2026-05-12T10:00:00Z"), *doc(1, 2)],
        ],
        2,
        1,
    ),
    "an older version beside the newer one says nothing": Case(
        [
            [entry(1, title="New", updated="2026-05-12T10:00:00Z"), entry(2)],
            [entry(1, title="New", updated="2026-05-12T10:00:00Z"), entry(2), entry(1)],
        ],
        2,
        0,
    ),
    # -- edits ---------------------------------------------------------------------------------------
    "each edit is one revision": Case(
        [doc(1), doc(1, title="One"), doc(1, title="Two"), doc(1, title="Three")],
        1,
        3,
        "fiatjaf/narr#4",
    ),
    "an edit of the text is an edit": Case(
        [doc(1), doc(1, summary="Told anew.")],
        1,
        1,
        "feedbin/support#145",
    ),
    "a text that vanished is no edit": Case(
        [doc(1), doc(1, summary="")],
        1,
        0,
        "joearms/old.blog#63",
    ),
    "a text that vanished and came back is no edit": Case(
        [doc(1), doc(1, summary=""), doc(1)],
        1,
        0,
    ),
    "a headline that vanished is no edit": Case(
        [doc(1), doc(1, title="", summary=""), doc(1)],
        1,
        0,
        "Ranchero-Software/NetNewsWire#4101",
    ),
    "a moved date is an edit": Case(
        [doc(1, 2), [entry(1, published="2026-05-20T01:00:00Z"), entry(2)]],
        2,
        1,
        "matrix-org/go-neb#84",
    ),
    "dates of the fetch are no edits": Case(
        [doc(1, 2, 3, 4, published=f"2026-06-01T09:0{m}:00Z") for m in range(4)],
        4,
        0,
        "ncarlier/feedpushr#53",
    ),
    "an edit beside dates of the fetch is one": Case(
        [
            doc(1, 2, 3, 4, published="2026-06-01T09:00:00Z"),
            [
                entry(1, title="New", published="2026-06-01T09:05:00Z"),
                *doc(2, 3, 4, published="2026-06-01T09:05:00Z"),
            ],
        ],
        4,
        1,
        "brief-rss/brief#238",
    ),
    "a date that moves at each fetch is one edit at most": Case(
        [doc(1, published=f"2026-06-01T09:0{m}:00Z") for m in range(6)],
        1,
        1,
        "qbittorrent/qBittorrent#24570",
    ),
    "caches that take turns with an edit are one edit": Case(
        [doc(1), doc(1, title="New")] * 4,
        1,
        1,
        "martinrotter/rssguard#451",
    ),
    "a cache that goes back two edits says nothing": Case(
        [
            doc(1),
            doc(1, title="A"),
            doc(1, title="B"),
            doc(1),
            doc(1, title="A"),
            doc(1, title="B"),
        ],
        1,
        2,
    ),
    "an edit that is taken back, and stays so, is the next revision": Case(
        [doc(1, 2), [entry(1, title="Mayor dies"), entry(2)], *[doc(1, 2)] * 14], 2, 2
    ),
    "a text that is taken back, and stays so, is the next revision": Case(
        [doc(1), doc(1, summary="<p>An invented claim.</p>"), *[doc(1)] * 14], 1, 2
    ),
    "an edit that is taken back while the feed grows is the next revision": Case(
        [doc(1), doc(1, title="New"), *[doc(n, 1) for n in range(2, 16)]], 15, 2
    ),
    "a date that moves after an edit, and stays so, is the next revision": Case(
        [
            doc(1),
            doc(1, title="New"),
            *[doc(1, title="New", published="2026-05-27T10:00:00Z")] * 14,
        ],
        1,
        2,
    ),
    "caches that take turns for an hour with an edit are one edit": Case(
        [doc(1), doc(1, title="New")] * 30, 1, 1
    ),
    "caches that take turns unevenly with an edit are one edit": Case(
        [
            *[doc(1)] * 3,
            *[doc(1, title="New")] * 2,
            doc(1),
            doc(1, title="New"),
            *[doc(1)] * 15,
            doc(1, title="New"),
        ],
        1,
        1,
    ),
    "a storm of edits is five revisions": Case(
        [doc(1, title=f"Version {n}") for n in range(12)],
        1,
        5,
        "scripting/Scripting-News#42",
    ),
    # -- edits and noise, as others met them -------------------------------------------------------
    "several entries that come at once are all announced": Case(
        [doc(1, 2), doc(5, 4, 3, 1, 2)], 5, 0, "home-assistant/core#110595"
    ),
    "several entries of one second are all announced": Case(
        [doc(1, 2, **SAME_DAY), doc(5, 4, 3, 1, 2, **SAME_DAY)], 5, 0, "home-assistant/core#104925"
    ),
    "a headline that counts comments is edited, not announced again": Case(
        [[entry(1, title=f"Harbour story ({count} comments)"), entry(2)] for count in (0, 3, 12)],
        2,
        2,
        "feedbin/support#198",
    ),
    "a date that is moved on one entry is one edit": Case(
        [doc(1, 2, 3), *[[entry(1, published="2026-05-28T08:00:00Z"), *doc(2, 3)]] * 2],
        3,
        1,
        "nextcloud/news#3796",
    ),
    "an update's date that moves at each fetch is no edit": Case(
        [doc(1, 2, 3, 4, updated=f"2026-06-01T09:0{m}:00Z") for m in range(4)],
        4,
        0,
        "home-assistant/core#73397",
    ),
    "an image whose address carries a token is no edit": Case(
        [
            tailed(
                f'<img src="https://img.site.example/eq.png?v=1&amp;t=iaja{p}&amp;s=60{p}">',
                1,
                2,
                guid="",
            )
            for p in range(4)
        ],
        2,
        0,
        "owncloud-archive/news#807",
    ),
    "an advertisement whose link changes is no edit": Case(
        [
            tailed(
                f'<div class="alt-pub"><a href="https://ads.example/{p}">Advertisement</a></div>',
                1,
                2,
            )
            for p in range(4)
        ],
        2,
        0,
        "FreshRSS/FreshRSS#1840",
    ),
    # -- two feeds ------------------------------------------------------------------------------
    "an article that two feeds show is one": Case(
        [doc(1, 2), Of("city", doc(2, 3))], 3, 0, "feedbin/feedbin#227"
    ),
    "an article that an aggregator shows under a guid of its own is one": Case(
        [
            doc(1, 2),
            Of("planet", each([1, 7], lambda _, n: {"guid": f"https://planet.example/{n}"})),
        ],
        3,
        0,
        "Athou/commafeed#542",
    ),
    "articles that three feeds show in turns are one each": Case(
        [
            doc(1, 2, 3),
            Of("city", doc(2, 3, 4)),
            Of("town", doc(3, 4, 5)),
            doc(5, 1, 2, 3),
            Of("city", doc(5, 2, 3, 4)),
        ],
        5,
        0,
        "nextcloud/news#859",
    ),
    "one guid in two feeds is two articles": Case(
        [doc(1, guid="7", link=""), Of("city", doc(2, guid="7", link=""))], 2, 0, "SlyMarbo/rss#36"
    ),
    "one headline in two feeds is two articles": Case(
        [doc(1, title="Weather"), Of("city", doc(2, title="Weather"))], 2, 0, "forem/forem#13028"
    ),
}
