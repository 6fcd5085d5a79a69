"""Routing by rule: names that an article's event carries in its header ``ce_route``. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, cast
from urllib.parse import urlsplit

MAX_ROUTES = 64
FORM = (
    "rules such as sport=tag:sport,german=language:de,wire=host:wire.example.org, each a name of "
    "lower-case letters, digits and hyphens, and what it takes (at most 64)"
)
_RULE = re.compile(r"([a-z0-9][a-z0-9-]{0,31})\s*=\s*(tag|language|host)\s*:\s*(\S[^,]{0,99})")


class Route(NamedTuple):
    """One rule. Several of one name: either is enough."""

    name: str
    by: Literal["tag", "language", "host"]
    value: str  # case-folded

    def takes(self, tags: Sequence[str], language: str, host: str) -> bool:
        """Whether the rule holds: a tag of the feed, a BCP 47 range (``de`` takes ``de-CH``), a host and
        its subdomains."""
        if self.by == "tag":
            return self.value in (tag.casefold() for tag in tags)
        if self.by == "language":
            tag = language.casefold()
            return tag == self.value or tag.startswith(f"{self.value}-")
        return host == self.value or host.endswith(f".{self.value}")


def parse_routes(text: str) -> tuple[Route, ...]:
    """Rules from the setting's form. Raises ValueError, which quotes the rule that is none."""
    found = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise ValueError(f"“{part}” is no rule")
        name, by, value = match.groups()
        value = value.strip().casefold()
        found.append(Route(name, cast(Literal["tag", "language", "host"], by), value))
    if len(found) > MAX_ROUTES:
        raise ValueError("too many")
    return tuple(found)


def route(routes: Sequence[Route], tags: Sequence[str], language: str, url: str) -> str:
    """The names of the rules that take an article, each once, joined by commas; empty for none."""
    if not routes:
        return ""
    try:
        host = (urlsplit(url).hostname or "").casefold()
    except ValueError:
        host = ""
    return ",".join(dict.fromkeys(r.name for r in routes if r.takes(tags, language, host)))
