"""What the bytes of a document are: their encoding, their format, and where the root element starts.

Pure. The result is always UTF-8, so that the parser behind never guesses an encoding again.
"""

from __future__ import annotations

import codecs
import re
from typing import Literal, NamedTuple

from workers.errors import ParseError
from workers.parsing.guess import guess

SITEMAP_ROOT = "urlset"
FEED_ROOTS = frozenset({"rss", "rdf", "feed", "channel", SITEMAP_ROOT})

_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']?\s*([\w.:-]{2,40})""", re.I)
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.I)
_JUNK = re.compile(rb"(?:[ \t\r\n\x0b\x0c\x00]|\xef\xbb\xbf)+")
_START = re.compile(rb"<\?xml[\s?]|<(?:[A-Za-z][\w.-]{0,40}:)?(?:rss|feed|rdf|urlset)[\s>]", re.I)
_START_WITHIN = 8192  # leading junk (server warnings, log lines) is skipped up to here
_ROOT = re.compile(rb"<((?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*))")
_C1_REFERENCE = re.compile(rb"&#(?:0*(1[2-5]\d)|[xX]0*([89][0-9a-fA-F]));")
_C1_RAW = re.compile(rb"\xc2[\x80-\x9f]")
_ENTITY = re.compile(
    rb"""<!ENTITY\s+([\w.-]{1,32})\s+(["'])((?:[^"'<&%]|&\#x?[0-9a-fA-F]{1,6};){0,32})\2\s*>"""
)
_SUBSET_END = re.compile(rb"\]\s*>")
_MAX_ENTITIES = 256
_MAX_SINGLE_MENDS = 1000  # above it the document is not "UTF-8 with a few bad bytes"

# What people who write these names really send (as browsers read them).
_ALIASES = {
    "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252",
    "us-ascii": "cp1252", "ascii": "cp1252", "iso-8859-9": "cp1254", "iso-8859-11": "cp874",
    "tis-620": "cp874", "windows-874": "cp874", "dos-874": "cp874",
    "windows-949": "cp949", "cn-big5": "big5", "x-x-big5": "big5", "x-euc-jp": "euc_jp",
    "x-mac-roman": "mac_roman", "x-mac-cyrillic": "mac_cyrillic", "iso-8859-8-i": "iso8859_8",
    "win-1251": "cp1251", "cp-1251": "cp1251", "windows1251": "cp1251", "x-cp1251": "cp1251",
    "x-windows-1252": "cp1252", "iso88591": "cp1252", "koi": "koi8_r", "koi8": "koi8_r",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "sjis": "cp932",
    "windows-31j": "cp932", "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
}  # fmt: skip
# Text in these is pure ASCII or has zeros: valid UTF-8 proves nothing.
_SEVEN_BIT = ("iso-2022", "iso2022", "hz")
_MULTI_BYTE = frozenset(
    {"gb18030", "cp932", "cp949", "big5", "big5hkscs", "euc_jp", "euc_jis_2004", "johab"}
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Source(NamedTuple):
    """A document ready for its parser: UTF-8 from the root element (or ``{``) on."""

    kind: Literal["xml", "json"]
    data: bytes
    root: str = ""  # qualified name as written
    entities: dict[bytes, bytes] = {}  # noqa: RUF012 - never written to; from the document's DTD
    mended: bool = False  # bytes that are no text in any encoding were replaced


def read_source(body: bytes, content_type: str) -> Source:
    """Decode ``body`` and find what it is.

    Raises:
        ParseError: ``empty_body``; ``not_a_feed`` when it cannot be one, whatever follows.
    """
    data, mended = to_utf8(body, content_type)
    junk = _JUNK.match(data)
    if junk:
        data = data[junk.end() :]
    if not data:
        raise ParseError("the document is empty", "empty_body")
    if data.startswith(b"{"):
        return Source("json", data, mended=mended)
    start, root, entities = _find_root(data)
    if not root or root[1] not in FEED_ROOTS:
        cut = None if root and root[1] == "html" else _START.search(data, 0, _START_WITHIN)
        if cut is None:
            what = f"the root element is {root[1][:40]!r}" if root else "no markup in it"
            raise ParseError(f"not a feed: {what}", "not_a_feed")
        data = data[cut.start() :]
        start, root, entities = _find_root(data)
        if not root or root[1] not in FEED_ROOTS:
            raise ParseError("not a feed: no known root element", "not_a_feed")
    return Source("xml", _map_c1(data[start:] if start else data), root[0], entities, mended)


def to_utf8(body: bytes, content_type: str) -> tuple[bytes, bool]:
    """Return ``body`` as valid UTF-8 without a mark, and whether bytes had to be replaced.

    A byte order mark decides; then UTF-8 when the bytes are valid UTF-8, whatever is declared
    (other encodings hardly ever look like it); then what is declared; then what the letters show; then
    windows-1252.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return _decode(body[len(mark) :], encoding)
    head = body[:4]
    if b"\x00" in head and len(head) == 4:
        return _decode(body, _guess_wide(head))
    declared = _declared(_DECLARED.search(body, 0, 1024))
    if not declared.startswith(_SEVEN_BIT):
        try:
            body.decode()
        except UnicodeDecodeError:
            pass
        else:
            return body, False
    for encoding in _candidates(declared, _CHARSET.search(content_type)):
        try:
            return body.decode(encoding).encode(), False
        except (UnicodeError, LookupError):
            continue
    return _decode_mixed(body)


def _declared(match: re.Match[bytes] | None) -> str:
    return match.group(1).decode("ascii").lower() if match else ""


def _candidates(declared: str, charset: re.Match[str] | None) -> list[str]:
    """Encodings to try in order: those that can fail first, the vague default of servers last."""
    names = [declared, charset.group(1).lower() if charset else ""]
    found = []
    for name in names:
        try:
            codec = codecs.lookup(_ALIASES.get(name, name))
        except (LookupError, ValueError):
            continue
        if codec._is_text_encoding and codec.name not in ("utf-8", "utf-7"):
            found.append(codec.name)
    return sorted(
        dict.fromkeys(found),
        key=lambda n: 0 if n in _MULTI_BYTE or n.startswith(_SEVEN_BIT) else 1 + (n == "cp1252"),
    )


def _guess_wide(head: bytes) -> str:
    zeros = [byte == 0 for byte in head]
    if zeros[:2] == [True, True]:
        return "utf-32-be"
    if zeros[2:] == [True, True]:
        return "utf-32-le"
    return "utf-16-be" if zeros[0] else "utf-16-le"


def _decode(body: bytes, encoding: str) -> tuple[bytes, bool]:
    if encoding == "utf-8":
        try:
            body.decode()
        except UnicodeDecodeError:
            return _decode_mixed(body)
        return body, False
    try:
        return body.decode(encoding).encode(), False
    except UnicodeDecodeError:
        return body.decode(encoding, "replace").encode("utf-8", "replace"), True


def _decode_mixed(body: bytes) -> tuple[bytes, bool]:
    """Read as UTF-8 with stray windows-1252 bytes (mixed sources), or as windows-1252 altogether."""
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = len(text) - len(text.encode("ascii", "ignore")) - bad
    if bad > good:
        return body.decode(guess(body) or "cp1252", "replace").encode(), False
    if bad > _MAX_SINGLE_MENDS:
        return text.encode(), True
    return body.decode("utf-8", "newswire.cp1252").encode(), True


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("newswire.cp1252", _as_cp1252)


def _find_root(data: bytes) -> tuple[int, tuple[str, str] | None, dict[bytes, bytes]]:
    """Step over declaration, comments, instructions and DOCTYPE; linear in their length.

    Returns the offset of the first element, its (qualified, lower-case local) name, and the plain
    entities of a DTD. The DTD itself is never given to the parser: no bombs, no external subset.
    """
    entities: dict[bytes, bytes] = {}
    position = data.find(b"<")
    while position != -1:
        if data.startswith(b"<?", position):
            end, width = data.find(b"?>", position + 2), 2
        elif data.startswith(b"<!--", position):
            end, width = data.find(b"-->", position + 4), 3
        elif data.startswith(b"<!", position):
            end, width, entities = _doctype_end(data, position)
        else:
            match = _ROOT.match(data, position)
            if match is None:
                return 0, None, entities
            local = match.group(2).decode("ascii").lower()
            return position, (match.group(1).decode("ascii"), local), entities
        if end == -1:
            return 0, None, entities
        position = data.find(b"<", end + width)
    return 0, None, entities


def _doctype_end(data: bytes, start: int) -> tuple[int, int, dict[bytes, bytes]]:
    end = data.find(b">", start)
    subset = data.find(b"[", start, end if end != -1 else None)
    if subset == -1:
        return end, 1, {}
    close = _SUBSET_END.search(data, subset)
    if close is None:
        return -1, 0, {}
    entities: dict[bytes, bytes] = {}
    for match in _ENTITY.finditer(data, subset, close.start()):
        if len(entities) >= _MAX_ENTITIES:
            break
        entities.setdefault(match.group(1), match.group(3))
    return close.start(), close.end() - close.start(), entities


def _map_c1(data: bytes) -> bytes:
    """Read C1 controls as the windows-1252 characters they were meant to be, as HTML does."""
    if b"#" in data and _C1_REFERENCE.search(data):
        data = _C1_REFERENCE.sub(_c1_reference, data)
    if not data.isascii() and _C1_RAW.search(data):
        data = _C1_RAW.sub(lambda m: _C1_BYTES[m.group()[1]], data)
    return data


_C1_BYTES = {
    code: bytes([code]).decode("cp1252", "ignore").encode() or b"\xef\xbf\xbd"
    for code in range(0x80, 0xA0)
}


def _c1_reference(match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal = match.groups()
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return _C1_BYTES.get(code, match.group())
