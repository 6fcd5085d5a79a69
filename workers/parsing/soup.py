"""Tag soup in text fields: HTML that is no XML, put into a title or a description as it is.

Pure. The markup of such a field is escaped, so that it is text to the XML parser, as it should have
been. Fields that are well-formed stay as they are: the rest of the document then reads exactly as it
did before the soup came, and no guid or link changes.
"""

from __future__ import annotations

import re

from lxml import etree

from workers.parsing.repair import CDATA, declare_prefixes

_FIELDS = (
    rb"title|description|summary|content|content:encoded|subtitle|tagline|info|rights|copyright"
)
_TOKEN = re.compile(
    CDATA
    + rb"|<(?:atom:)?(?P<open>"
    + _FIELDS
    + rb")(?P<attributes>\s[^<>]*)?>|</(?:atom:)?(?P<close>"
    + _FIELDS
    + rb")\s*>|(?P<bound></?(?:item|entry|channel|image)[\s>])",
    re.I | re.S,
)
_SECTION = re.compile(CDATA, re.S)
_TYPE = re.compile(rb"""\s(?:type|mode)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)""", re.I)


def escape_soup(data: bytes) -> bytes:
    """Return ``data`` with the markup of fields that are not well-formed escaped, unclosed ones closed."""
    pieces: list[bytes] = []
    copied = 0
    field: re.Match[bytes] | None = None
    for token in _TOKEN.finditer(data):
        if field is None:
            if token["open"] and not (token["attributes"] or b"").endswith(b"/"):
                field = token
        elif token["close"] and token["close"].lower() == field["open"].lower():
            inside = data[field.end() : token.start()]
            if b"<" in inside and not _well_formed(inside):
                pieces += data[copied : field.start()], _escaped(field, inside), token.group()
                copied = token.end()
            field = None
        elif token["bound"]:  # never closed: it ends where its entry does
            inside = data[field.end() : token.start()]
            end = b"</" + field.group()[1:].split(b">")[0].split()[0] + b">"
            pieces += data[copied : field.start()], _escaped(field, inside), end
            copied = token.start()
            field = None
    pieces.append(data[copied:])
    return b"".join(pieces)


def _well_formed(inside: bytes) -> bool:
    try:
        etree.fromstring(declare_prefixes(b"<x>" + inside + b"</x>"), _PARSER)
    except etree.XMLSyntaxError:
        return False
    return True


_PARSER = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True)


def _escaped(field: re.Match[bytes], inside: bytes) -> bytes:
    """Return the start tag, which now says ``html``, and ``inside`` as text; CDATA stays."""
    attributes = _TYPE.sub(b"", field["attributes"] or b"")
    start = field.group()[1:].split(b">")[0].split()[0]
    pieces = [b"<" + start + attributes + b' type="html">']
    end = 0
    for section in _SECTION.finditer(inside):
        pieces += _escape(inside[end : section.start()]), section.group()
        end = section.end()
    pieces.append(_escape(inside[end:]))
    return b"".join(pieces)


def _escape(markup: bytes) -> bytes:
    return markup.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
