"""Short names for XML elements: ``prefix:local`` in lower case, whatever prefix the document chose."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

XML = "{http://www.w3.org/XML/1998/namespace}"
XML_LANG = XML + "lang"
XML_BASE = XML + "base"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"

_PLAIN = ""
# Written as in documents, compared without scheme, case and trailing slash or hash.
_PREFIXES = {
    "http://purl.org/rss/1.0/": _PLAIN,
    "http://purl.org/rss/1.0/modules/rss091#": _PLAIN,
    "http://my.netscape.com/rdf/simple/0.9/": _PLAIN,
    "http://channel.netscape.com/rdf/simple/0.9/": _PLAIN,
    "http://my.netscape.com/publish/formats/rss-0.91.dtd": _PLAIN,
    "http://backend.userland.com/rss": _PLAIN,
    "http://backend.userland.com/rss2": _PLAIN,
    "http://backend.userland.com/rss091": _PLAIN,
    "http://backend.userland.com/rss092": _PLAIN,
    "http://blogs.law.harvard.edu/tech/rss": _PLAIN,
    "http://cyber.law.harvard.edu/rss/rss.html": _PLAIN,
    "http://www.rssboard.org/rss-specification": _PLAIN,
    "http://www.w3.org/2005/Atom": "atom",
    "http://purl.org/atom/ns#": "atom",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/elements/1.0/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://search.yahoo.com/mrss/": "media",
    "http://www.rssboard.org/media-rss": "media",
    "http://www.itunes.com/DTDs/PodCast-1.0.dtd": "itunes",
    "http://purl.org/rss/1.0/modules/syndication/": "sy",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://www.pheedo.com/namespace/pheedo": "pheedo",
    "http://webns.net/mvcb/": "admin",
    "http://web.resource.org/cc/": "cc",
    "http://creativecommons.org/ns#": "cc",
    "http://creativecommons.org/ns#license": "cc",
    "http://backend.userland.com/creativeCommonsRssModule": "creativecommons",
    "http://cyber.law.harvard.edu/rss/creativeCommonsRssModule.html": "creativecommons",
    "http://purl.org/atompub/tombstones/1.0": "at",
    "http://www.w3.org/1999/xhtml": "xhtml",
    "http://prismstandard.org/namespaces/basic/2.0/": "prism",
    "http://prismstandard.org/namespaces/1.2/basic/": "prism",
    "http://prismstandard.org/namespaces/basic/1.2/": "prism",
    "http://news.yandex.ru": "yandex",
    "http://www.google.com/schemas/sitemap-news/0.9": "news",
    "http://www.google.com/schemas/sitemap-image/1.1": "image",
    "http://www.sitemaps.org/schemas/sitemap/0.9": _PLAIN,
}


@lru_cache(maxsize=512)
def _comparable(uri: str) -> str:
    return uri.strip().lower().removeprefix("https").removeprefix("http").rstrip("/#")


_BY_URI = {_comparable(uri): prefix for uri, prefix in _PREFIXES.items()}
_WELL_KNOWN = frozenset(filter(None, _PREFIXES.values()))


class Names(dict[str, str]):
    """Maps lxml tags of one document to short names; a namespace nobody knows is ``?:local``.

    Args:
        root: the root element's tag: its namespace, known or not, is that of the format itself.
        declared: prefixes by the namespaces declared at the root. Where a namespace is unknown (misspelt),
            a well-known prefix says what was meant.
    """

    def __init__(self, root: str, declared: Mapping[str, str]) -> None:
        uri, _, local = root.rpartition("}")
        self._own = _comparable(uri[1:])
        self._own_prefix = "atom:" if local.lower() == "feed" else ""
        if _BY_URI.get(self._own, "?") == "rdf":
            self._own = ":none"
        self._meant = {
            _comparable(uri): prefix.lower()
            for uri, prefix in declared.items()
            if prefix.lower() in _WELL_KNOWN
        }
        super().__init__()

    def __missing__(self, tag: str) -> str:
        uri, _, local = tag.rpartition("}")
        local = local.lower()
        key = _comparable(uri[1:])
        if key == self._own:
            name = self._own_prefix + local
        elif not key:
            name = local
        else:
            prefix = _BY_URI.get(key) if key in _BY_URI else self._meant.get(key, "?")
            name = f"{prefix}:{local}" if prefix else local
        self[tag] = name
        return name


def prefix_uris() -> dict[str, str]:
    """Return the usual namespace of each known prefix, for documents that forgot to declare it."""
    usual: dict[str, str] = {}
    for uri, prefix in _PREFIXES.items():
        if prefix:
            usual.setdefault(prefix, uri)
    usual["creativeCommons"] = usual["creativecommons"]
    return usual
