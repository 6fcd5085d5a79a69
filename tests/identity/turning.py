"""Cases of guids and links that turn, break or are given twice, as feeds show them."""

from __future__ import annotations

from tests.identity.documents import (
    HOME,
    SCHEMES,
    STORY,
    Case,
    doc,
    each,
    under,
)
from tests.unit.newsdesk import entry

TURNING: dict[str, Case] = {
    "guids that turn between http and https change no article": Case(
        [
            each([1, 2], lambda _, n, s=s: {"guid": f"{s}://site.example/posts/{n}"})
            for s in SCHEMES
        ],
        2,
        0,
        "feedbin/support#515",
    ),
    "guids and links that turn between http and https change no article": Case(
        [under(f"{s}://site.example/news/story-{{}}", 1, 2) for s in SCHEMES],
        2,
        0,
        "miniflux/v2#1366",
    ),
    "guids and links that all become https and lose their www change no article": Case(
        [
            under("http://www.site.example/news/{}", 1, 2, 3),
            under("https://site.example/news/{}", 4, 1, 2, 3),
        ],
        4,
        0,
        "mdo/ama#298",
    ),
    "guids and links that gain and lose a slash at their end change no article": Case(
        [under(STORY, 1, 2, 3), under(f"{STORY}/", 1, 2, 3), under(STORY, 1, 2, 3)],
        3,
        0,
        "Athou/commafeed#1174",
    ),
    "guids and links that turn between two hosts change no article": Case(
        [under(f"https://{host}site.example/{{}}", 1, 2) for host in ("", "mail.", "", "mail.")],
        2,
        0,
        "Ranchero-Software/NetNewsWire#3835",
    ),
    "a guid and a link with a mended slug are the article's": Case(
        [under(STORY, 1, 2, 3), [*under(f"{STORY}-mended", 1), *under(STORY, 2, 3)]],
        3,
        0,
        "Ranchero-Software/NetNewsWire#3286",
    ),
    "guids and links that break once and are mended change no article": Case(
        [
            under(f"https://{host}/{{}}", 1, 2, 3)
            for host in ("site.example/blog", "site.exampleblog", "site.example/blog")
        ],
        3,
        0,
        "ddev/ddev.com#140",
    ),
    "a guid that counts the versions of its article is the article's": Case(
        [
            doc(1, 2),
            [entry(1, guid=f"{entry(1).link}#1"), entry(2)],
            [entry(1, guid=f"{entry(1).link}#2", title="New"), entry(2)],
        ],
        2,
        1,
        "lwindolf/liferea#1361",
    ),
    "a guid of a preview that comes once is no other article": Case(
        [
            doc(1, 2, 3),
            [entry(1, guid="https://site.example/?p=1&preview=true"), *doc(2, 3)],
            doc(1, 2, 3),
        ],
        3,
        0,
        "feedhq/feedhq#118",
    ),
    "guids that are cut to their paths change no article": Case(
        [
            each([1, 2, 3], lambda _, n, s=s: {"guid": f"{s}/?p={n}"})
            for s in ("http://site.example", "")
        ],
        3,
        0,
        "lemon24/reader#79",
    ),
    "guids that carry the day of the fetch name nothing": Case(
        [
            each(
                [1, 2, 3],
                lambda _, n, d=d: {
                    "guid": f"tag:site.example,2026-06-0{d}:{n}",
                    "updated": f"2026-06-0{d}T00:00:00Z",
                },
            )
            for d in (1, 2, 3)
        ],
        3,
        0,
        "JeffreyWay/Laracasts-Bugs#14",
    ),
    "guids that turn into one for all name nothing": Case(
        [doc(1, 2, 3), doc(4, 1, 2, guid=HOME), doc(5, 4, 1, guid=HOME)],
        5,
        0,
        "feedbin/support#573",
    ),
    "one guid for some of many names none of them": Case(
        [[*doc(1, 2, guid="554898"), *doc(3, 4)], [*doc(5, 1, 2, guid="554898"), *doc(3, 4)]],
        5,
        0,
        "DIYgod/RSSHub#5310",
    ),
    "one guid for all of a year names nothing": Case(
        [
            doc(1, 2, guid="/2018/update"),
            doc(3, 1, 2, guid="/2018/update"),
            [*doc(4, guid="/2019/update"), *doc(3, 1, guid="/2018/update")],
        ],
        4,
        0,
        "kubernetes-sigs/lwkd#10",
    ),
    "a guid made of the time names neither of two entries of one second": Case(
        [[*doc(1, 2, guid="54271time1673464802", link=HOME), *doc(3)]] * 2,
        3,
        0,
        "Sleepcap/vDiplomacy#68",
    ),
    "a guid that stands twice beside one link for all: the others hold": Case(
        [
            [*doc(1, 2, guid="https://site.example/#2d53", link=HOME), *doc(3, 4, link=HOME)],
            [
                *doc(5, link=HOME),
                *doc(1, 2, guid="https://site.example/#2d53", link=HOME),
                *doc(3, 4, link=HOME),
            ],
        ],
        5,
        0,
        "FreshRSS/FreshRSS#5329",
    ),
    "guids that are given to other stories are other articles": Case(
        [doc(1, 2, 3), [entry(5, guid=entry(1).guid), entry(6, guid=entry(2).guid), *doc(3)]],
        5,
        0,
        "feedbin/support#507",
    ),
    "an edited headline that moves guid and link is an edit": Case(
        [
            under(STORY, 1, 2, 3),
            [*under(f"{STORY}-new", 1, title="Pier closed"), *under(STORY, 2, 3)],
        ],
        3,
        1,
        "miniflux/v2#2358",
    ),
}
