"""Text and markup out of XML elements: strings as a reader of the document would see them."""

from __future__ import annotations

import binascii
from html import escape

from lxml import etree

from workers.parsing.names import XML_LANG

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "source", "track", "wbr"}
)
_HTML_TYPES = frozenset({"html", "text/html"})
_XHTML_TYPES = frozenset({"xhtml", "application/xhtml+xml"})
_TEXT_TYPES = frozenset({"", "text", "plain", "text/plain"})
_CDATA = "<![CDATA["


def plain(element: etree._Element) -> str:
    """Return all text below ``element``, outer white space removed."""
    text = "".join(map(str, element.itertext())) if len(element) else element.text or ""
    text = text.strip()
    if text.startswith(_CDATA) and text.endswith("]]>"):  # CDATA escaped once too often
        return text[len(_CDATA) : -3].strip()
    return text


def open_text(element: etree._Element) -> tuple[str, str]:
    """Return (value, type) where the format leaves text or HTML open: type is empty, or ``html``."""
    if len(element):
        return inner_markup(element), "html"
    return plain(element), ""


def text_construct(element: etree._Element) -> tuple[str, str]:
    """Return (value, type) of an Atom 0.3/1.0 text construct or ``atom:content``.

    Out-of-line and binary content has no value.
    """
    kind = (element.get("type") or "").strip().lower().partition(";")[0]
    mode = (element.get("mode") or "").strip().lower()
    if len(element):
        holder = _wrapped(element)
        if kind in _HTML_TYPES and not len(holder):  # TypePad: escaped HTML in a real div
            return plain(holder), "html"
        return inner_markup(holder if kind in _XHTML_TYPES else element), "html"
    value = plain(element)
    if kind in _XHTML_TYPES:
        return escape(value, quote=False), "html"
    if mode == "base64" or not (kind.startswith("text/") or kind in _TEXT_TYPES | _HTML_TYPES):
        value = _from_base64(value) if kind.startswith("text/") or kind in _HTML_TYPES else ""
    if kind in _HTML_TYPES:
        return value, "html"
    # Atom 0.3 escapes HTML under its default type.
    return value, "" if mode == "escaped" else "text"


def inner_markup(element: etree._Element) -> str:
    """Return what is inside ``element`` as HTML: no prefixes, no namespace declarations."""
    pieces: list[str] = [escape(element.text or "", quote=False)]
    _append_children(element, pieces)
    return "".join(pieces).strip()


def _wrapped(element: etree._Element) -> etree._Element:
    """Return the ``div`` that XHTML content is wrapped in, or ``element`` where there is none."""
    if len(element) != 1 or _local(element[0].tag) != "div":
        return element
    outside = (element.text or "") + (element[0].tail or "")
    return element if outside.strip() else element[0]


def _append_children(element: etree._Element, pieces: list[str]) -> None:
    # Recursion is bounded: the parser refuses more than 256 levels.
    for child in element:
        name = _local(child.tag)
        attributes = "".join(
            f' {_attribute(str(key))}="{escape(str(value))}"' for key, value in child.attrib.items()
        )
        if name in _VOID and not len(child) and not child.text:
            pieces.append(f"<{name}{attributes} />")
        else:
            pieces.append(f"<{name}{attributes}>{escape(child.text or '', quote=False)}")
            _append_children(child, pieces)
            pieces.append(f"</{name}>")
        pieces.append(escape(child.tail or "", quote=False))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attribute(key: str) -> str:
    return "lang" if key == XML_LANG else _local(key)


def _from_base64(value: str) -> str:
    try:
        return (
            binascii.a2b_base64(value.encode("ascii", "ignore")).decode("utf-8", "replace").strip()
        )
    except binascii.Error:
        return ""
