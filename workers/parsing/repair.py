"""Mend what XML forbids and feeds contain, so that the strict parser reads the rest as it stands.

Pure, on UTF-8 from the root element on. Mended are: control characters, character references to
nothing (surrogate pairs are joined), HTML and DTD entities, bare ``&`` and ``<``, CDATA in CDATA,
comments, undeclared prefixes, junk after the root element, and a cut end: the document then stops
behind its last whole entry. Tag soup is left for ``soup``.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import NamedTuple

from workers.parsing.names import prefix_uris

_CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 13)) + b"\x7f"
_NONCHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]")
_NESTED_OPEN = re.compile(rb"<!\[CDATA\[\s{0,64}(?=<!\[CDATA\[)")
_NESTED_CLOSE = re.compile(rb"\]\]>\s{0,64}(?=\]\]>)")
# Up to its end, or the document's. Needs re.S.
CDATA = rb"<!\[CDATA\[.*?(?:\]\]>|\Z)"
_SECTION = re.compile(CDATA + rb"|<!--.*?(?:-->|\Z)", re.S)
_SURROGATES = re.compile(
    rb"&#(?:[xX]([dD][89abAB][0-9a-fA-F]{2})|(5[56]\d{3}));"
    rb"&#(?:[xX]([dD][c-fC-F][0-9a-fA-F]{2})|(5[67]\d{3}));"
)
_AMPERSAND = re.compile(rb"&(?:#(?:([0-9]{1,8})|[xX]([0-9a-fA-F]{1,7}));|([A-Za-z][\w.-]{0,31});)?")
_STRAY_LESS = re.compile(rb"<(?![A-Za-z_/!?\x80-\xff])")
_PREFIX_USED = re.compile(rb"""[<\s]/?([A-Za-z_][\w.-]{0,30}):[A-Za-z_][\w.-]*(?=[\s/>=])""")
_ROOT_NAME_END = re.compile(rb"<[^\s/>]+")
_CHANNEL = re.compile(rb"<((?:[A-Za-z_][\w.-]*:)?channel)[\s>]", re.I)
_ENTRY_END = re.compile(CDATA + rb"|</(?:[A-Za-z_][\w.-]*:)?(?:item|entry|url)\s*>", re.I | re.S)
_XML_ENTITIES = frozenset({b"amp", b"lt", b"gt", b"quot", b"apos"})
_ESCAPED = {"&": b"&amp;", "<": b"&lt;", ">": b"&gt;"}


class Mended(NamedTuple):
    """``data`` is the document as it should have been; ``cut`` when it ends in its first entry."""

    data: bytes
    cut: bool


def mend(data: bytes, root: str, entities: dict[bytes, bytes]) -> Mended:
    """Return ``data`` mended. ``root`` is the root's qualified name, ``entities`` the DTD's."""
    data = _NONCHARACTERS.sub(b"", data.translate(None, _CONTROLS))
    data = data.replace(b"\r\n", b"\n")  # as any XML parser would; not every fallback is one
    if b"<![CDATA[" in data:
        data = _NESTED_CLOSE.sub(b"", _NESTED_OPEN.sub(b"", data))
    pieces: list[bytes] = []
    end = 0
    for section in _SECTION.finditer(data):
        pieces.append(_mend_markup(data[end : section.start()], entities))
        if section.group().startswith(b"<![CDATA["):
            pieces.append(section.group())
        end = section.end()
    pieces.append(_mend_markup(data[end:], entities))
    data, cut = _close(b"".join(pieces), root.encode())
    return Mended(declare_prefixes(data), cut)


def _mend_markup(data: bytes, entities: dict[bytes, bytes]) -> bytes:
    if b"&" in data:
        if b"&#" in data:
            data = _SURROGATES.sub(_join_surrogates, data)
        data = _AMPERSAND.sub(lambda match: _reference(match, entities), data)
    return _STRAY_LESS.sub(b"&lt;", data).replace(b"]]>", b"]]&gt;")


def _join_surrogates(match: re.Match[bytes]) -> bytes:
    high_hex, high_dec, low_hex, low_dec = match.groups()
    high = int(high_hex, 16) if high_hex else int(high_dec)
    low = int(low_hex, 16) if low_hex else int(low_dec)
    if 0xD800 <= high < 0xDC00 <= low < 0xE000:
        return b"&#%d;" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    return match.group()


def _reference(match: re.Match[bytes], entities: dict[bytes, bytes]) -> bytes:
    decimal, hexadecimal, name = match.groups()
    if decimal or hexadecimal:
        return (
            match.group() if _is_char(int(decimal or hexadecimal, 10 if decimal else 16)) else b""
        )
    if name is None:
        return b"&amp;"
    if name in _XML_ENTITIES:
        return match.group()
    if name in entities:
        return entities[name]
    text = html5.get(name.decode("ascii", "replace") + ";")
    if text is None:
        return b"&amp;" + name + b";"
    return b"".join(_ESCAPED.get(char) or char.encode() for char in text)


def _is_char(code: int) -> bool:
    return (
        code in (9, 10, 13)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )


def _close(data: bytes, root: bytes) -> tuple[bytes, bool]:
    """End ``data`` at its root's end tag, or, when that is missing, behind the last whole entry.

    Returns the document and whether neither was there.
    """
    end_tag = re.compile(CDATA + rb"|</" + re.escape(root) + rb"\s*>", re.S)
    for match in end_tag.finditer(data):
        if match.group().startswith(b"</"):
            return data[: match.end()], False
    last = 0
    for match in _ENTRY_END.finditer(data):
        if match.group().startswith(b"</"):
            last = match.end()
    if not last:
        return data, True
    data = data[:last]
    channel = _CHANNEL.search(data, 0, 65536)
    if channel and channel.group(1) != root and b"</" + channel.group(1) not in data:
        data += b"</" + channel.group(1) + b">"
    return data + b"</" + root + b">", False


def declare_prefixes(data: bytes) -> bytes:
    """Declare the prefixes that ``data`` uses and never declares, at its first element."""
    used = set(_PREFIX_USED.findall(data)) - {b"xml", b"xmlns"}
    missing = [prefix for prefix in sorted(used) if b"xmlns:" + prefix not in data]
    root = _ROOT_NAME_END.match(data)
    if not missing or root is None:
        return data
    usual = prefix_uris()
    declared = b"".join(
        b' xmlns:%s="%s"'
        % (name, usual.get(name.decode(), f"urn:undeclared:{name.decode()}").encode())
        for name in missing[:64]
    )
    return data[: root.end()] + declared + data[root.end() :]
