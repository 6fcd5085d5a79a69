"""What a site's robots.txt allows (RFC 9309): the only importer of ``protego``. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from protego import Protego

PRODUCT = "Newswire"
"""Our name in robots.txt, where the feed has no User-Agent of its own."""
MAX_BYTES = 500 * 1024
"""What is read of a robots.txt, as the RFC has it."""
MAX_WORK = 300_000
"""Notes that are taken: each rule of a group is noted with each crawler that the group names."""


class Robots:
    """The rules of one site for one crawler.

    Args:
        body: the file as it came; empty when there is none, so that all is allowed.
        user_agent: the feed's own, or empty.
    """

    def __init__(self, body: bytes, user_agent: str = "") -> None:
        text = body[:MAX_BYTES].decode("utf-8", "replace")
        self._usable = _work(text) <= MAX_WORK
        self._rules = Protego.parse(text if self._usable else "")
        self._product = user_agent.partition("/")[0].split(" ")[0] or PRODUCT

    def allowed(self, urls: Iterable[str]) -> list[str]:
        """Those of the URLs that may be asked for; none when the rules are too many to be meant."""
        return [u for u in urls if self._usable and self._rules.can_fetch(u, self._product)]

    def sitemaps(self) -> list[str]:
        """The addresses of sitemaps that the file names."""
        return list(self._rules.sitemaps)


def _work(text: str) -> int:
    """How many notes the rules come to: a line counts once for each crawler of its group."""
    work = names = 0
    in_names = False
    for line in text.splitlines():
        start = line.lstrip()[:5].lower()
        if start in ("user-", "usera", "user "):
            names = names + 1 if in_names else 1
            in_names = True
        elif start[:1] not in ("", "#"):
            in_names = False
        work += names
    return work
