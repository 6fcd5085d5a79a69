"""What a list of feeds is written in, and reading it whole or not at all; pure.

A list is recognised by what it holds, not by its name: a URL has no suffix, and files are renamed.
"""

from __future__ import annotations

import re

from workers.feedlist.entries import Entries, ListResult
from workers.feedlist.identity import feed_id
from workers.feedlist.opml import parse_opml
from workers.feedlist.yaml_form import parse_yaml

__all__ = ["MAX_BYTES", "ListResult", "feed_id", "parse_list"]

MAX_BYTES = 64 << 20
"""Bytes of a list: a million feeds of 64 bytes each."""

_SNIFF = 8_192
_PROSE_LINES = 20  # lines of which none is an address: prose, of which not each line is named
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a ZIP archive",
    b"%PDF": "a PDF",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"SQLite format 3": "an SQLite database",
}
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# What may stand before the first element: declarations, comments, white space.
_XML_HEAD = re.compile(r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*", re.DOTALL)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|title|script|div)\b", re.IGNORECASE)
_FEED = re.compile(r"<(?:rss|feed|rdf:RDF|urlset|sitemapindex)\b", re.IGNORECASE)
_YAML_LINE = re.compile(r"(?:-(?:\s|$)|---|%YAML|[\[{!&*]|[\"']?[\w-]+[\"']?\s*:(?:\s|$))")
_TRAILING_COMMENT = re.compile(r"\s+#.*")


def parse_list(data: bytes, *, name: str) -> ListResult:
    """Read a list of feeds: OPML, YAML (or JSON), or one address a line with ``#`` comments.

    A list that says that it holds no feeds (``[]``, an OPML without outlines, comments alone) is
    read as one of none; nothing at all is an error, it is what a broken write leaves behind.

    Args:
        data: the list's bytes, at most ``MAX_BYTES``.
        name: what errors call it: its path or its address without secrets.

    Raises:
        FeedListError: the list cannot be read whole; says where, what is wrong and what to do.
    """
    entries = Entries(name)
    _refuse_binary(data, entries)
    encoding = _UTF16.get(data[:2])
    start = data[: _SNIFF * 2].decode(encoding or "utf-8-sig", "replace").lstrip("\ufeff")
    if start.lstrip().startswith("<"):
        return _parse_xml(data, start, entries)
    text = _decode(data, encoding or "utf-8", entries)
    if not text.strip():
        raise entries.fail("the list is empty; to stop polling every feed write [] and apply it")
    if _is_yaml(text):
        return parse_yaml(text.encode(), entries)
    return _parse_lines(text, entries)


def _refuse_binary(data: bytes, entries: Entries) -> None:
    if len(data) > MAX_BYTES:
        raise entries.fail(f"the list is larger than {MAX_BYTES >> 20} MiB; split it")
    for magic, what in _MAGIC.items():
        if data.startswith(magic):
            raise entries.fail(f"this is {what}, not a list of feeds; unpack or export it first")
    if data[:2] not in _UTF16 and (found := _BINARY.search(data)):
        line = data.count(b"\n", 0, found.start()) + 1
        raise entries.fail("this is binary data, not a list of feeds", line)


def _decode(data: bytes, encoding: str, entries: Entries) -> str:
    try:
        return data.decode(encoding).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise entries.fail("the text is not UTF-8; save the list as UTF-8", line) from None


def _parse_xml(data: bytes, start: str, entries: Entries) -> ListResult:
    head = _XML_HEAD.match(start)
    rest = start[head.end() if head else 0 :]
    if _HTML.match(rest):
        raise entries.fail(
            "this is an HTML page, not a list of feeds; give the address of the list itself"
            " (behind a login or a file viewer a page stands in its place)"
        )
    if _FEED.match(rest):
        raise entries.fail("this is a feed, not a list of feeds; put its address into a list")
    if data[:2] in _UTF16:
        return parse_opml(data, entries)
    # White space before the XML declaration is an error to expat, and common after copying.
    body = data.removeprefix(b"\xef\xbb\xbf")
    stripped = body.lstrip()
    skipped = body[: len(body) - len(stripped)].count(b"\n")
    return parse_opml(stripped, entries, first_line=1 + skipped)


def _is_yaml(text: str) -> bool:
    """Tell YAML from plain lines by the first line that says anything."""
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].strip()
        if line and not line.startswith("#"):
            return bool(_YAML_LINE.match(line))
        at = end + 1
    return False


def _parse_lines(text: str, entries: Entries) -> ListResult:
    said = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = _TRAILING_COMMENT.sub("", raw.strip())
        if not line or line.startswith("#"):
            continue
        entries.add(number, line, {})
        said += 1
        if said == entries.problems.count == _PROSE_LINES:
            raise entries.fail(
                "this is not a list of feeds, none of its lines is an address; expected OPML, YAML,"
                " or one address a line"
            )
    return entries.result()
