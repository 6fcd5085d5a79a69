"""``newswire tail``: which articles are shown, how, and what never reaches a terminal."""

from __future__ import annotations

import io
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.examples import CREATED, UPDATED, WITHDRAWN
from workers.errors import ConfigError
from workers.publisher.kafka_reader import Record
from workers.tail import Tail, Wanted, printable, since_ms

NOW_MS = 1_772_350_200_000


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """True."""
        return True


def record(event: Any, ce_type: str = "news.article.created", **changes: Any) -> Record:
    """An event as the topic holds it."""
    value = msgspec.json.encode(msgspec.to_builtins(event) | changes)
    return Record(0, 0, NOW_MS, b"k", value, {"ce_type": ce_type.encode()})


def shown(*records: Record, wanted: Wanted | None = None, **options: Any) -> list[str]:
    """The lines that are written."""
    out = options.pop("out", io.StringIO())
    given_options = {"as_json": False, "color": False} | options
    Tail(out, wanted or Wanted(), **given_options).run(records)
    return [line for line in out.getvalue().split("\n") if line]


def test_created_updated_and_withdrawn_are_told_apart() -> None:
    """A line has the source and the headline; an edit its revision, a withdrawal what is taken back."""
    lines = shown(
        record(CREATED),
        record(UPDATED, "news.article.updated"),
        record(WITHDRAWN, "news.article.withdrawn"),
    )
    assert lines[0].startswith("● ")
    assert lines[0].endswith("  Northway Courier          Market guild opens a tool library")
    assert lines[1].startswith("↻ ")
    assert lines[1].endswith("on Monday  (revision 2: headline)")
    assert lines[2].startswith("✗ ")
    assert lines[2].endswith("on Monday  (withdrawn)")


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (Wanted(), True),
        (Wanted(sources=("fcwojfxwnumramdba",)), True),
        (Wanted(sources=("northway",)), True),
        (Wanted(sources=("fcwoj",)), False),
        (Wanted(sources=("harbour", "COURIER")), True),
        (Wanted(tags=("Local",)), True),
        (Wanted(tags=("loc",)), False),
        (Wanted(languages=("EN",)), True),
        (Wanted(languages=("e",)), False),
        (Wanted(languages=("en-GB",)), False),
        (Wanted(texts=("TOOL library",)), True),
        (Wanted(texts=("ladders",)), True),
        (Wanted(texts=("neighbours",)), True),
        (Wanted(texts=("a@b",)), False),
        (Wanted(tags=("local",), texts=("submarine",)), False),
    ],
)
def test_conditions(wanted: Wanted, takes: bool) -> None:
    """All kinds of conditions must hold, one value of each is enough, and case does not matter."""
    assert bool(shown(record(CREATED), wanted=wanted)) is takes


def test_a_language_takes_its_regions() -> None:
    """``en`` takes ``en-GB``, and not ``eng``."""
    for tag, takes in (("en-GB", True), ("eng", False), ("", False)):
        lines = shown(record(CREATED, inLanguage=tag), wanted=Wanted(languages=("en",)))
        assert bool(lines) is takes


def test_a_withdrawal_follows_what_was_shown() -> None:
    """With conditions, only what was shown is taken back; without, everything."""
    gone = record(WITHDRAWN, "news.article.withdrawn")
    wanted = Wanted(tags=("local",))
    assert len(shown(record(CREATED), gone, wanted=wanted)) == 2
    assert shown(gone, wanted=wanted) == []
    assert len(shown(gone)) == 1


def test_what_is_not_known_is_skipped() -> None:
    """A tombstone, another type and a value that is no JSON end nothing."""
    others = [
        Record(0, 0, NOW_MS, b"", None, {}),
        Record(0, 0, NOW_MS, b"", b"\xff\x00", {}),
        Record(0, 0, NOW_MS, b"", b'{"feedId": "a"}', {}),
        Record(0, 0, NOW_MS, b"", b"[1]", {}),
    ]
    assert len(shown(*others, record(CREATED))) == 1


HOSTILE = "a\x1b]0;title\x07b\x9b31mc\u202ed\u2028e\r\nf"


def test_nothing_that_a_terminal_would_obey_reaches_it() -> None:
    """Headline, source and changed fields lose control characters; JSON on a terminal escapes them."""
    event = record(
        CREATED,
        headline=HOSTILE,
        isPartOf={"feedId": "f", "name": HOSTILE},
        revision=2,
        changedFields=[HOSTILE],
    )
    for as_json in (False, True):
        (line,) = shown(event, out=Terminal(), as_json=as_json)
        assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
        if as_json:
            assert msgspec.json.decode(line)["headline"] == HOSTILE


def test_json_for_a_pipe_is_what_was_published() -> None:
    """Byte by byte, one event a line."""
    event = record(CREATED, headline="caf\u00e9 \u202e")
    out = io.StringIO()
    Tail(out, Wanted(), as_json=True, color=True).run([event])
    assert out.getvalue().encode() == event.value + b"\n"


def test_colour_is_for_terminals() -> None:
    """A pipe gets none, and neither does who does not want it."""
    assert "\x1b[1m" in shown(record(CREATED), out=Terminal(), color=True)[0]
    assert "\x1b" not in shown(record(CREATED), out=Terminal(), color=False)[0]
    assert "\x1b" not in shown(record(CREATED), color=True)[0]


@given(st.text())
def test_printable_text_is_one_line(text: str) -> None:
    """Whatever the text, no control, separator or half character is left."""
    assert not [c for c in printable(text) if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2h", NOW_MS - 7_200_000),
        ("90", NOW_MS - 90_000),
        ("2026-03-01T07:30:00Z", 1_772_350_200_000),
        ("2026-03-01T08:30:00+01:00", 1_772_350_200_000),
        ("9999d", NOW_MS - 9_999 * 86_400_000),
    ],
)
def test_since(text: str, ms: int) -> None:
    """A duration counts back from now; a time is a time; never before the epoch."""
    assert since_ms(text, NOW_MS) == max(1, ms)


@pytest.mark.parametrize("text", ["", "yesterday", "2h ago", "\x1b[31m"])
def test_since_when(text: str) -> None:
    """Anything else is refused, with an example, and without control characters."""
    with pytest.raises(ConfigError, match="2h") as caught:
        since_ms(text, NOW_MS)
    assert "\x1b" not in str(caught.value)
