"""What robots.txt allows, and what a hostile one costs."""

from __future__ import annotations

import pytest

from workers.fetcher.robots import MAX_BYTES, MAX_WORK, Robots, _work

FEED, OTHER = "https://news.example/blog/feed", "https://news.example/private/rss.xml"


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", [FEED, OTHER]),
        ("<html>not found</html>", [FEED, OTHER]),
        ("User-agent: *\nDisallow: /private", [FEED]),
        ("User-agent: *\nDisallow: /\nAllow: /*/feed$", [FEED]),
        ("User-agent: newswire\nDisallow: /blog\n\nUser-agent: *\nDisallow: /", [OTHER]),
        ("User-agent: wire\nDisallow: /\n\nUser-agent: *\nDisallow: /private", [FEED]),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Newswire\nDisallow:\n", [FEED, OTHER]),
        ("User-agent: *\r\nDisallow: /*.xml\r\n", [FEED]),
    ],
)
def test_what_is_allowed(text: str, allowed: list[str]) -> None:
    """By our name before all others, the longest rule first, with wildcards (RFC 9309)."""
    assert Robots(text.encode()).allowed([FEED, OTHER]) == allowed


def test_a_feed_with_a_name_of_its_own_goes_by_that() -> None:
    """The group is chosen by the User-Agent that is sent."""
    body = b"User-agent: paper\nDisallow: /blog\n\nUser-agent: newswire\nDisallow: /"
    assert Robots(body, "Paper/1.0 (+https://paper.example)").allowed([FEED, OTHER]) == [OTHER]


def test_rules_that_would_fill_the_memory_allow_nothing() -> None:
    """Each rule is kept once for each crawler of its group: a thousand by a thousand are not read."""
    names = "".join(f"User-agent: a{n}\n" for n in range(1_000))
    rules = "".join(f"Disallow: /{n}\n" for n in range(1_000))
    assert Robots((names + rules).encode()).allowed([FEED]) == []


def test_a_long_list_of_unwelcome_crawlers_is_read() -> None:
    """Two thousand crawlers with a rule each are what some sites have."""
    text = "".join(f"User-agent: bot{n}\nDisallow: /\n\n" for n in range(2_000))
    assert _work(text) < MAX_WORK / 10
    assert Robots(text.encode()).allowed([FEED]) == [FEED]


def test_no_more_is_read_than_the_bound() -> None:
    """What follows on half a megabyte counts no more."""
    padding = "#" * (MAX_BYTES - 20)
    assert Robots(f"{padding}\nUser-agent: *\nDisallow: /\n".encode()).allowed([FEED]) == [FEED]


def test_sitemaps() -> None:
    """The sitemaps that the file names, in its order."""
    body = b"Sitemap: https://n.example/a.xml\nUser-agent: *\nDisallow: /\nsitemap: https://n.example/b.xml"
    assert Robots(body).sitemaps() == ["https://n.example/a.xml", "https://n.example/b.xml"]
