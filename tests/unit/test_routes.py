"""Routing by rule: which names an article's header carries."""

from __future__ import annotations

import pytest

from workers.errors import ConfigError
from workers.fetcher.event import Revision, article_event
from workers.model import Article, FeedConfig, FeedState
from workers.routes import parse_routes, route
from workers.settings import load

RULES = parse_routes(
    "sport = tag:Sport, german=language:de, wire=host:wire.example, wire=tag:agency"
)


@pytest.mark.parametrize(
    ("tags", "language", "url", "names"),
    [
        (("sport",), "", "", "sport"),
        (("SPORT", "world"), "de-CH", "https://x.example/", "sport,german"),
        ((), "de", "https://wire.example:8443/a", "german,wire"),
        ((), "den", "https://notwire.example/a", ""),
        (("agency",), "en", "https://news.WIRE.example/a", "wire"),
        ((), "", "https://[::1/a", ""),
        ((), "", "", ""),
    ],
)
def test_a_rule_takes_by_tag_language_and_host(
    tags: tuple[str, ...], language: str, url: str, names: str
) -> None:
    """Case is nothing, de takes de-CH, a host its subdomains; names come once, in the rules' order."""
    assert route(RULES, tags, language, url) == names


@pytest.mark.parametrize(
    "text", ["sport", "sport=tag", "Sport=tag:x", "a=topic:x", "a=tag:", "=tag:x"]
)
def test_what_is_no_rule_is_quoted(text: str) -> None:
    """A wrong rule ends the start, and the message has the rule and the form."""
    with pytest.raises(ConfigError, match="is no rule") as caught:
        load({"NEWSWIRE_ROUTES": f"ok=tag:a,{text}"})
    assert "NEWSWIRE_ROUTES" in str(caught.value) and "sport=tag:sport" in str(caught.value)


def test_the_header_is_there_only_for_articles_that_a_rule_takes() -> None:
    """Without a rule that takes it an event has no such header, and is the same, byte for byte."""
    config, article = FeedConfig("f", "https://f.example/", tags=("sport",)), Article("Headline")
    made = Revision(bytes(10), 1, 0, 0)
    plain, routed = (
        article_event("i", config, FeedState(), article, made, rules) for rules in ((), RULES)
    )
    assert dict(routed.headers) == dict(plain.headers) | {"ce_route": b"sport"}
    assert routed.value == plain.value
    other = FeedConfig("f", "https://f.example/")
    assert "ce_route" not in dict(
        article_event("i", other, FeedState(), article, made, RULES).headers
    )
