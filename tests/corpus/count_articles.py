"""How many distinct articles a set of feed documents holds: an opinion independent of the worker.

Reads with feedparser and knows only the design's rule: a guid identifies within its feed, an article
URL identifies across feeds where it is unique within each of them and is no home page, else the
content does. Imports nothing of ``workers``.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import feedparser

_TRACKING = ("utm_", "fbclid", "gclid", "mc_cid", "mc_eid", "at_medium", "at_campaign")
_CHANNELS = {
    "ref",
    "src",
    "source",
    "cmp",
    "cmpid",
    "ito",
    "ocid",
    "ns_mchannel",
    "at_custom1",
    "rss",
}


def comparable(link: str) -> str:
    """A link without scheme, ``www.``, tracking, fragment and trailing slash; empty for a home page."""
    parts = urlsplit(link.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    query = sorted(
        (k, v)
        for k, v in parse_qsl(parts.query, keep_blank_values=True)
        if not k.lower().startswith(_TRACKING) and k.lower() not in _CHANNELS
    )
    path = parts.path.rstrip("/")
    fragment = parts.fragment if parts.fragment.startswith(("!", "/")) else ""
    if not path and not query and not fragment:
        return ""
    host = parts.hostname.removeprefix("www.")
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    return f"{host}{port}{path}?{urlencode(query)}#{fragment}"


class _Groups:
    """Union-find over names."""

    def __init__(self) -> None:
        self._parent: dict[object, object] = {}

    def find(self, name: object) -> object:
        self._parent.setdefault(name, name)
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def join(self, one: object, other: object) -> None:
        self._parent[self.find(one)] = self.find(other)


def count_articles(documents: Mapping[str, bytes]) -> dict[object, set[str]]:
    """Distinct articles of documents by their URL: a key for each, with the feeds that show it."""
    groups = _Groups()
    shown: list[tuple[object, str]] = []
    for feed, body in documents.items():
        for name in _entries(feed, body, groups):
            shown.append((name, feed))
    articles: dict[object, set[str]] = defaultdict(set)
    for name, feed in shown:
        articles[groups.find(name)].add(feed)
    return dict(articles)


def _entries(feed: str, body: bytes, groups: _Groups) -> list[object]:
    rows = list(dict.fromkeys(_json_rows(body) if body.lstrip()[:1] == b"{" else _rows(feed, body)))
    titles_of: dict[str, set[str]] = defaultdict(set)
    guids_of: dict[str, set[str]] = defaultdict(set)
    links_of: dict[str, set[str]] = defaultdict(set)
    for guid, link, title, _ in rows:
        titles_of[link].add(title)
        guids_of[link].add(guid)
        links_of[guid].add(link or title)
    names: list[object] = []
    for guid, link, title, text in rows:
        guid_ok = bool(guid) and len(links_of[guid]) == 1
        shared = len(titles_of[link]) > 1 and (len(guids_of[link]) > 1 or not guid_ok)
        keys: list[object] = []
        if guid_ok:
            keys.append(("guid", feed, guid))
        if link and not shared:
            keys.append(("url", link))
        if not keys:
            keys.append(("content", feed, title, text))
        for key in keys[1:]:
            groups.join(keys[0], key)
        names.append(keys[0])
    return names


def _rows(feed: str, body: bytes) -> list[tuple[str, str, str, str]]:
    """(guid, comparable link, title, text and date) of each entry, as feedparser reads it."""
    parsed = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    rows = []
    for entry in parsed.entries:
        link = entry.get("feedburner_origlink") or entry.get("link") or ""
        link = comparable(urljoin(parsed.feed.get("link") or feed, link)) if link else ""
        text = entry.get("summary", "") + "".join(c.value for c in entry.get("content", ()))
        # The same words on another day are another article, where nothing else tells them apart.
        text += entry.get("published", "") or entry.get("updated", "")
        rows.append((entry.get("id", "").strip(), link, entry.get("title", ""), text))
    return rows


def _json_rows(body: bytes) -> list[tuple[str, str, str, str]]:
    """The same of a JSON Feed, which feedparser cannot read."""
    items = json.loads(body)["items"]
    return [
        (str(i.get("id", "")), comparable(i.get("url", "")), i.get("title", ""), json.dumps(i))
        for i in items
    ]
