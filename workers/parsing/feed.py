"""The fast path: a document's bytes to ``ParsedFeed`` in one walk over lxml's tree. Pure.

It reads only what is well-formed, by itself or after ``repair``; anything else raises
``UnsureError``, and the reference parser decides. Why not fastfeedparser, which is quick too: it hands out
no raw dates, drops what the schedule needs (ttl, sy:*, skipHours), rewrites authors, tags and ids,
and one that repaired it would walk the tree as well (``python -m tests.corpus.differential``).
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
from lxml import etree

from workers.errors import NewswireError
from workers.model import ParsedFeed
from workers.parsing.channel import Channel
from workers.parsing.draft import Scope
from workers.parsing.entry import read_entry
from workers.parsing.json_feed import MAX_ENTRIES, parse_json_feed
from workers.parsing.names import XML_BASE, Names
from workers.parsing.pieces import context_of
from workers.parsing.repair import mend
from workers.parsing.sitemap import read_sitemap
from workers.parsing.soup import escape_soup
from workers.parsing.source import SITEMAP_ROOT, Source, read_source

_ENTRY_IN_BYTES = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(?:item|entry)[\s/>]", re.I)
_ENTRIES = frozenset({"item", "entry", "atom:item", "atom:entry"})


class UnsureError(NewswireError):
    """The fast path does not vouch for its reading.

    Attributes:
        partial: what it did read, where the document was well-formed but shows no entries.
    """

    def __init__(self, message: str, partial: ParsedFeed | None = None) -> None:
        super().__init__(message)
        self.partial = partial


def parse_fast(body: bytes, content_type: str, url: str) -> ParsedFeed:
    """Parse what needs no mending, in time linear in ``body``.

    Args:
        body: the document as received, decompressed.
        content_type: the HTTP header, for its charset; may be empty.
        url: the document's final URL, what relative links are resolved against.

    Raises:
        ParseError: ``empty_body``, ``not_a_feed``, or ``parse_failed`` (JSON only).
        UnsureError: not well-formed, or no entries although the bytes look as if there were.
    """
    source = read_source(body, content_type)
    if source.kind == "json":
        return parse_json_feed(source.data, url, mended=source.mended)
    return _parse_xml(source.data, source, url, recovered=source.mended)


def parse_mended(source: Source, url: str) -> ParsedFeed:
    """Parse an XML document after mending it; of a cut document, the whole entries.

    Raises:
        ParseError: ``not_a_feed``.
        UnsureError: markup beyond mending, or cut before its first whole entry.
    """
    data = mend(source.data, source.root, source.entities).data
    try:
        return _parse_xml(data, source, url, recovered=True)
    except UnsureError as error:
        if error.partial is not None:
            raise
    return _parse_xml(escape_soup(data), source, url, recovered=True)


class Part(NamedTuple):
    """A document of which some entries were left out: the feed with the others; and what entries of it
    depend on beside their own bytes, as a hash."""

    feed: ParsedFeed
    context: bytes


def parse_part(data: bytes, root_name: str, url: str, entries: int) -> Part:
    """Parse a document from ``Pieces.document``: an empty entry, and so many others.

    Raises:
        UnsureError: not well-formed, or other entries than these.
    """
    root, scope, kind = _tree(data, root_name, url)
    channel, holders, items = _gather(root, scope, kind)
    if len(items) != entries + 1 or len(items[0]) or items[0].text or items[0].attrib:
        raise UnsureError("entries elsewhere")
    above = list(items[0].iterancestors())
    if above[0] not in holders:  # within what the feed says of itself
        raise UnsureError("entries in a wrapper")
    around = [(e.nsmap, e.get(XML_BASE)) for e in above]
    authors = channel.authors if kind == "feed" else ()
    context = context_of(root.tag, url, around, authors)
    return Part(_feed(root, scope, kind, channel, holders, items[1:]), context)


def _parse_xml(data: bytes, source: Source, url: str, *, recovered: bool) -> ParsedFeed:
    root, scope, kind = _tree(data, source.root, url)
    if kind == SITEMAP_ROOT:
        feed = read_sitemap(root, scope, MAX_ENTRIES)
    else:
        feed = _feed(root, scope, kind, *_gather(root, scope, kind))
        if not feed.entries and _ENTRY_IN_BYTES.search(data):
            raise UnsureError("no entries in their place", feed)
    if recovered and not feed.recovered:
        return msgspec.structs.replace(feed, recovered=True)
    return feed


def _tree(data: bytes, root_name: str, url: str) -> tuple[etree._Element, Scope, str]:
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        raise UnsureError(f"not well-formed: {str(error)[:200]}") from None
    declared = {uri: prefix for prefix, uri in root.nsmap.items() if prefix and uri}
    scope = Scope(Names(root.tag, declared), url, b"xml:base" in data)
    return root, scope, root_name.rpartition(":")[2].lower()


def _parser() -> etree.XMLParser:
    # The limits of libxml2 stay on: 256 levels, 10 MB a text. A DTD never gets here.
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )


def _gather(
    root: etree._Element, scope: Scope, kind: str
) -> tuple[Channel, list[etree._Element], list[etree._Element]]:
    """What the feed says of itself, the elements that hold its entries, and the entries."""
    channel = Channel(scope)
    holders = [root]
    items: list[etree._Element] = []
    for holder in holders:  # grows while it is read: channels found in the root
        for child in holder:
            name = scope.names[child.tag]
            if name in _ENTRIES:
                items.append(child)
                if len(items) > MAX_ENTRIES:
                    break
            elif name == "channel" and holder is root:
                holders.append(child)
            elif holder is not root or kind != "rdf" or name == "at:deleted-entry":
                channel.take(child, name)
    if not items:
        items = _nested_items(root, scope)
    return channel, holders, items


def _feed(
    root: etree._Element,
    scope: Scope,
    kind: str,
    channel: Channel,
    holders: list[etree._Element],
    items: list[etree._Element],
) -> ParsedFeed:
    inherited = tuple(channel.authors) if kind == "feed" else ()
    return ParsedFeed(
        entries=tuple([read_entry(item, scope, inherited) for item in items[:MAX_ENTRIES]]),
        title=channel.text("title"),
        link=channel.link,
        language=channel.language(holders[-1], root),
        rights=channel.text("rights"),
        publisher=channel.text("publisher"),
        format={"feed": "atom", "rdf": "rdf"}.get(kind, "rss"),
        ttl_s=channel.ttl_s,
        update_period_s=channel.update_period_s,
        update_base=channel.update_base,
        skip_hours=channel.skip_hours,
        skip_days=channel.skip_days,
        deleted=tuple(channel.deleted[:MAX_ENTRIES]),
        parser="fast",
        recovered=len(items) > MAX_ENTRIES,
    )


def _nested_items(root: etree._Element, scope: Scope) -> list[etree._Element]:
    """Entries in wrappers that no format knows; none inside another."""
    items: list[etree._Element] = []
    walk = etree.iterwalk(root, events=("start",))
    for _, element in walk:
        if scope.names[element.tag] in _ENTRIES:
            walk.skip_subtree()
            items.append(element)
            if len(items) > MAX_ENTRIES:
                break
    return items
