"""Encodings: what is declared, what the server says, what the bytes are."""

from __future__ import annotations

import pytest

from workers.parsing.child import parse_document
from workers.parsing.source import to_utf8

TEXT = "Ärger über 東京 – Привет"


def document(declared: str, title: str) -> str:
    """Return an RSS document that declares its encoding as ``declared``."""
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    return f"{head}<rss><channel><item><title>{title}</title></item></channel></rss>"


@pytest.mark.parametrize(
    ("encoding", "declared", "header", "title"),
    [
        ("utf-8", "utf-8", "", TEXT),
        ("utf-8", "", "", TEXT),
        ("utf-8", "iso-8859-1", "", TEXT),
        ("utf-8", "utf-16", "", TEXT),
        ("utf-8", "nonsense", "text/xml; charset=nonsense", TEXT),
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-1", TEXT),
        ("utf-8-sig", "windows-1251", "", TEXT),
        ("utf-16", "utf-16", "", TEXT),
        ("utf-16-le", "utf-16", "", TEXT),
        ("utf-16-be", "", "", TEXT),
        ("utf-32", "", "", TEXT),
        ("windows-1251", "windows-1251", "", "Привет, мир"),
        ("windows-1251", "", "text/xml; charset=windows-1251", "Привет, мир"),
        ("windows-1251", "utf-8", "text/xml; charset=windows-1251", "Привет, мир"),
        ("windows-1251", "windows-1251", "text/xml; charset=utf-8", "Привет, мир"),
        ("windows-1251", "windows-1251", "text/xml; charset=iso-8859-1", "Привет, мир"),
        ("koi8-r", "koi8-r", "", "Привет, мир"),
        ("shift_jis", "Shift_JIS", "", "東京のニュース"),
        ("euc-jp", "EUC-JP", "", "東京のニュース"),
        ("iso-2022-jp", "ISO-2022-JP", "", "東京のニュース"),
        ("gbk", "gb2312", "", "北京新闻"),
        ("big5", "big5", "", "台北新聞"),
        ("euc-kr", "euc-kr", "", "서울 뉴스"),
        ("windows-1252", "iso-8859-1", "", "“Ärger” – 5 €"),
        ("windows-1252", "", "", "“Ärger” – 5 €"),
        ("windows-1252", "utf-8", "", "“Ärger” – 5 €"),
        ("windows-1252", "us-ascii", "", "Ärger"),
        ("iso-8859-2", "iso-8859-2", "", "Żółć"),
    ],
)
def test_encodings(encoding: str, declared: str, header: str, title: str) -> None:
    """Text comes out right in the encoding it is in, whoever is wrong about it."""
    body = document(declared, title).encode(encoding)
    feed = parse_document(body, header, "https://n.example/")
    assert [entry.title for entry in feed.entries] == [title]
    assert not feed.recovered


def test_stray_bytes_in_utf8_are_windows_1252() -> None:
    """A UTF-8 document with an item pasted from windows-1252 keeps both right, and says so."""
    body = document("utf-8", "über–@é").encode().replace(b"@", b"\x93x\x94")
    feed = parse_document(body, "", "https://n.example/")
    assert feed.entries[0].title == "über–“x”é"
    assert feed.recovered


def test_odd_utf16_is_replaced_not_raised() -> None:
    """A UTF-16 document cut within a character still decodes."""
    data, mended = to_utf8("<rss/>é".encode("utf-16")[:-1], "")
    assert data.startswith(b"<rss/>")
    assert mended


@pytest.mark.parametrize(
    "charset", ["utf-7", "rot13", "base64", "zip", "undefined", "idna", "\x00"]
)
def test_codecs_that_are_no_encodings_are_not_used(charset: str) -> None:
    """A charset that names one of Python's other codecs is ignored."""
    data, _ = to_utf8(b"<a>\xe9+ADw-</a>", f"text/xml; charset={charset}")
    assert data == "<a>é+ADw-</a>".encode()
