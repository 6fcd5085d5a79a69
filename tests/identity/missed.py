"""Cases that are known and not met yet: what somebody wanted, and what does not come of it."""

from __future__ import annotations

from tests.identity.documents import HOME, Case, each, tailed

MISSED: dict[str, Case] = {
    # Nothing but the time tells the entries of a status page apart: they are taken for versions of one.
    "notices that only their time tells apart are articles each": Case(
        [
            each(
                numbers,
                lambda _, n: {
                    "guid": "",
                    "link": HOME,
                    "title": "Maintenance",
                    "summary": "<p>Work on the network.</p>",
                },
            )
            for numbers in ([1, 2, 3], [4, 1, 2, 3])
        ],
        4,
        0,
        "FreshRSS/FreshRSS#4487",
    ),
    # Other words at each fetch are text like any other.
    "an advertisement whose words change is no edit": Case(
        [
            tailed(
                f'<div class="alt-pub"><a href="https://ads.example/{p}">Offer {p}</a></div>', 1, 2
            )
            for p in range(4)
        ],
        2,
        0,
        "FreshRSS/FreshRSS#1840",
    ),
}
