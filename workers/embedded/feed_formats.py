"""A publication's articles as RSS 2.0, RSS 1.0, Atom 1.0 or JSON Feed 1.1. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from workers.embedded.newsroom import Format, Item, Publication

CONTENT_TYPES: dict[Format, str] = {
    "rss2": "application/rss+xml; charset=utf-8",
    "rss1": "application/rdf+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json",
}

_APPEAL = (
    "<p><em>Did you like this article? Our letter brings the harbour to your inbox each Sunday: "
    "<a href='{home}/letter'>sign up for free</a>.</em></p>"
)


def render(pub: Publication, items: Sequence[Item]) -> bytes:
    """The feed document in the format of ``pub``, UTF-8."""
    formats = {"rss2": _rss2, "rss1": _rss1, "atom": _atom, "json": _json}
    return formats[pub.format](pub, items).encode()


def _html(pub: Publication, item: Item) -> str:
    figure = f'<figure><img src="{escape(item.image)}" alt=""></figure>'
    text = "".join(f"<p>{escape(p, quote=False)}</p>" for p in item.paragraphs)
    # One publication repeats an appeal under each article, as real ones do.
    return figure + text + (_APPEAL.format(home=pub.home) if pub.slug == "harbour-gazette" else "")


def _rss2(pub: Publication, items: Sequence[Item]) -> str:
    entries = "".join(
        f"<item><title>{escape(i.headline)}</title><link>{escape(i.url)}</link>"
        f'<guid isPermaLink="false">{i.guid}</guid>'
        f"<pubDate>{format_datetime(_utc(i.published))}</pubDate>"
        f"<dc:creator>{escape(i.author)}</dc:creator>"
        + "".join(f"<category>{escape(t)}</category>" for t in i.tags)
        + f'<media:content url="{escape(i.image)}" medium="image" type="image/jpeg"/>'
        f"<description>{escape(i.paragraphs[0])}</description>"
        f"<content:encoded><![CDATA[{_html(pub, i)}]]></content:encoded></item>\n"
        for i in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:media="http://search.yahoo.com/mrss/">'
        f"<channel><title>{escape(pub.name)}</title><link>{pub.home}/</link>"
        f"<description>All the news of {escape(pub.name)}</description><language>en</language>\n"
        f"{entries}</channel></rss>\n"
    )


def _rss1(pub: Publication, items: Sequence[Item]) -> str:
    places = "".join(f'<rdf:li rdf:resource="{escape(i.url)}"/>' for i in items)
    entries = "".join(
        f'<item rdf:about="{escape(i.url)}"><title>{escape(i.headline)}</title>'
        f"<link>{escape(i.url)}</link><dc:date>{_iso(i.published)}</dc:date>"
        f"<dc:creator>{escape(i.author)}</dc:creator>"
        + "".join(f"<dc:subject>{escape(t)}</dc:subject>" for t in i.tags)
        + f"<description>{escape(_html(pub, i))}</description></item>\n"
        for i in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="http://purl.org/rss/1.0/">'
        f'<channel rdf:about="{pub.home}/"><title>{escape(pub.name)}</title>'
        f"<link>{pub.home}/</link><description>Findings, explained</description>"
        f"<dc:language>en</dc:language><items><rdf:Seq>{places}</rdf:Seq></items></channel>\n"
        f"{entries}</rdf:RDF>\n"
    )


def _atom(pub: Publication, items: Sequence[Item]) -> str:
    entries = "".join(
        f"<entry><id>{_atom_id(pub, i)}</id><title>{escape(i.headline)}</title>"
        f'<link rel="alternate" href="{escape(i.url)}"/>'
        f"<published>{_iso(i.published)}</published><updated>{_iso(i.modified)}</updated>"
        f"<author><name>{escape(i.author)}</name></author>"
        + "".join(f'<category term="{escape(t)}"/>' for t in i.tags)
        + f"<summary>{escape(i.paragraphs[0])}</summary>"
        f'<content type="html">{escape(_html(pub, i))}</content></entry>\n'
        for i in items
    )
    updated = max((i.modified for i in items), default=0.0)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">'
        f"<id>tag:{pub.slug}.example,2026:feed</id><title>{escape(pub.name)}</title>"
        f'<link rel="alternate" href="{pub.home}/"/><updated>{_iso(updated)}</updated>\n'
        f"{entries}</feed>\n"
    )


def _json(pub: Publication, items: Sequence[Item]) -> str:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": pub.name,
        "home_page_url": f"{pub.home}/",
        "language": "en",
        "items": [
            {
                "id": i.guid,
                "url": i.url,
                "title": i.headline,
                "content_html": _html(pub, i),
                "image": i.image,
                "date_published": _iso(i.published),
                "date_modified": _iso(i.modified),
                "authors": [{"name": i.author}],
                "tags": list(i.tags),
            }
            for i in items
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _atom_id(pub: Publication, item: Item) -> str:
    own = not item.guid.startswith("tag:")
    return f"tag:{pub.slug}.example,2026:{item.guid}" if own else item.guid


def _utc(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def _iso(epoch_s: float) -> str:
    return _utc(epoch_s).isoformat().replace("+00:00", "Z")
