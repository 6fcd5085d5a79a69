"""A list in OPML, read and written. Folders and ``category`` become tags.

Read with expat, event by event: no tree, no entities, no document type, nothing fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from xml.parsers import expat

from workers.errors import FeedListError
from workers.feedlist import fields
from workers.feedlist.entries import Entries, ListResult, Options
from workers.model import FeedConfig

MAX_DEPTH = 32
"""Folders within folders."""

NAMESPACE = "urn:newswire:opml:v1"
_CHUNK = 1 << 20
_FORBIDDEN_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse_opml(data: bytes, entries: Entries, *, first_line: int = 1) -> ListResult:
    """Read the outlines that have an ``xmlUrl``.

    ``text`` or ``title`` is the name; an outline that is commented out (``isComment``) is a feed
    that is not enabled. What other readers write into ``language`` is taken when it is a language.

    Args:
        data: the document as it was read, in any encoding that expat knows.
        first_line: the line of the file on which ``data`` begins.

    Raises:
        FeedListError: the list cannot be read whole.
    """
    reader = _Reader(entries, first_line)
    try:
        for start in range(0, len(data), _CHUNK):
            reader.parser.Parse(data[start : start + _CHUNK], False)
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise entries.fail(
            f"this is not well-formed XML: {expat.ErrorString(error.code)}"
            " (an & in an address is written &amp;, and the encoding must be the declared one)",
            error.lineno + first_line - 1,
        ) from None
    except (LookupError, ValueError):
        raise entries.fail("the encoding it declares is unknown; save it as UTF-8") from None
    return entries.result()


class _Reader:
    def __init__(self, entries: Entries, first_line: int) -> None:
        self._entries = entries
        self._offset = first_line - 1
        self._open: list[tuple[str, bool]] = []  # a folder's name, or "", and whether it is live
        self._depth = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _line(self) -> int:
        return self.parser.CurrentLineNumber + self._offset

    def _fail(self, text: str) -> FeedListError:
        return self._entries.fail(text, self._line())

    def _doctype(self, _name: str, _system: object, _public: object, _subset: object) -> None:
        raise self._fail("a document type (<!DOCTYPE …>) is not read; remove it")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and tag.lower() != "opml":
            raise self._fail(f"the document is <{fields.clean(tag, 40)}>, not <opml>")
        if self._depth > MAX_DEPTH:
            raise self._fail(f"outlines are nested deeper than {MAX_DEPTH}")
        if tag.lower() != "outline":
            return
        # Names of attributes as people write them: xmlUrl, xmlURL, xmlurl.
        given = {name.lower(): value.strip() for name, value in attributes.items()}
        live = given.get("iscomment", "").lower() != "true" and all(on for _, on in self._open)
        name = fields.clean(given.get("text") or given.get("title", ""), fields.MAX_NAME)
        url = given.get("xmlurl", "")
        self._open.append(("" if url else name, live))
        if url:
            self._feed(url, name, given, live)
        elif given.get("type", "").lower() in ("rss", "atom"):
            self._entries.problems.add(self._line(), "a feed without xmlUrl")

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if tag.lower() == "outline":
            self._open.pop()

    def _feed(self, url: str, name: str, given: dict[str, str], live: bool) -> None:
        line = self._line()
        options: Options = {"name": name, "enabled": live}
        folders = [folder for folder, _ in self._open if folder]
        try:
            options["tags"] = fields.check_tags([*folders, *_categories(given.get("category", ""))])
        except ValueError as error:
            self._entries.problems.add(line, str(error))
            return
        if language := given.get("language"):
            try:
                options["language"] = fields.check_language(language)
            except ValueError:
                if language.lower() != "unknown":  # the specification's own example
                    self._entries.warnings.add(line, "what stands in language is none; left out")
        self._entries.add(line, url, options)


def _categories(text: str) -> list[str]:
    """OPML 2.0: comma-separated; one that begins with a slash is a path, else it is a tag."""
    found: list[str] = []
    for part in text.split(","):
        found += part.split("/") if part.strip().startswith("/") else [part]
    return found


class OpmlExport:
    """Feeds as OPML 2.0: the first tag is the folder, the others are ``category``.

    Goes through any feed reader and back, without what OPML has no word for: given ids, intervals,
    headers, and how to fetch. A comma within a category would part it and becomes a space. What is said
    beside a feed stands in attributes of a namespace of ours, which readers leave alone.
    """

    def __init__(self, *, title: str = "Newswire feeds") -> None:
        self._title = title
        self._folders: dict[str, list[str]] = {}

    def add(self, feed: FeedConfig, said: Mapping[str, str] | None = None) -> None:
        """Take in one feed, and what is ``said`` of it by name."""
        folder, *categories = feed.tags or ("",)
        self._folders.setdefault(folder, []).append(_outline(feed, categories, said or {}))

    def document(self) -> bytes:
        """The whole list."""
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<opml version="2.0" xmlns:newswire="{NAMESPACE}">',
            f"  <head><title>{_quoted(self._title)}</title></head>",
            "  <body>",
        ]
        for folder, outlines in self._folders.items():
            if not folder:
                lines += (f"    {line}" for line in outlines)
                continue
            lines.append(f'    <outline text="{_quoted(folder)}">')
            lines += (f"      {line}" for line in outlines)
            lines.append("    </outline>")
        lines += ["  </body>", "</opml>", ""]
        return "\n".join(lines).encode()


def _outline(feed: FeedConfig, categories: list[str], said: Mapping[str, str]) -> str:
    attributes = {
        "type": "rss",
        "text": feed.name or feed.id,
        "xmlUrl": feed.url,
        "language": feed.language,
        "category": ",".join(c.replace(",", " ").lstrip("/") for c in categories),
        "isComment": "" if feed.enabled else "true",
    }
    attributes |= {f"newswire:{name}": value for name, value in said.items()}
    pairs = " ".join(f'{key}="{_quoted(value)}"' for key, value in attributes.items() if value)
    return f"<outline {pairs}/>"


def _quoted(text: str) -> str:
    return escape(_FORBIDDEN_IN_XML.sub(" ", text), quote=True)
