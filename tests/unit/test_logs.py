"""The log: one safe line an event, whatever is put into it."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from workers import logs
from workers.log_clean import MAX_TEXT, Cleaner
from workers.log_events import EVENTS
from workers.log_fields import FIELDS, REASONS
from workers.log_library import LibraryHandler
from workers.log_scan import render_markdown, scan
from workers.log_view import pretty
from workers.log_writer import MAX_WAITING, LineWriter
from workers.model import DEFERRED, SUCCESS, PollResult, Reason
from workers.poll_log import PollLog, Summary, resident_bytes

ROOT = Path(__file__).parents[2]
SECRET = "hunter2hunter2"


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts back what `configure` sets for the whole process."""
    for owner, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    level = root.level
    monkeypatch.setattr(logs, "_state", logs._State())
    yield
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def configured(stream: io.StringIO | None = None, **options: Any) -> Callable[[], str]:
    """Configure the log; the result returns all that was written."""
    stream = stream or io.StringIO()
    given_options = {"fmt": "json", "level": "debug", "instance": "blue", "worker_id": "w1"}
    logs.configure(**{**given_options, **options}, stream=stream)

    def written() -> str:
        assert logs.flush()
        return stream.getvalue()

    return written


def lines(written: str) -> list[dict[str, Any]]:
    """The parsed JSON lines."""
    return [json.loads(line) for line in written.splitlines()]


def test_a_line_is_json_with_its_origin() -> None:
    """A line has time, level, event, instance and worker, then its fields in OpenTelemetry names."""
    written = configured()
    logs.get().warning("feed_retired", feed_id="a", status=410, url="https://example.org/feed")
    (line,) = lines(written())
    assert list(line)[:5] == ["time", "level", "event", "instance", "worker"]
    assert (line["level"], line["event"]) == ("WARN", "feed_retired")
    assert (line["instance"], line["worker"]) == ("blue", "w1")
    assert line["http.response.status_code"] == 410
    assert line["url.full"] == "https://example.org/feed"
    assert len(line["time"]) == len("2026-03-01T07:30:00.000Z")


def test_a_logger_made_before_configure_follows_it() -> None:
    """Modules take their logger at import; the configuration comes later."""
    log = logs.get()
    written = configured()
    log.info("worker_started")
    assert lines(written())[0]["event"] == "worker_started"


def test_level() -> None:
    """Lines below the level are not written."""
    written = configured(level="warning")
    logs.get().info("worker_started")
    logs.get().error("startup_failed")
    assert [line["event"] for line in lines(written())] == ["startup_failed"]


def test_own_keys_win() -> None:
    """A field cannot take the place of time, level or instance."""
    written = configured()
    logs.get().info("worker_started", level="evil", instance="evil", time="evil")
    assert "evil" not in written()


HOSTILE = "a\x1b[31mred\r\nnew\u2028line\u202egnp\u0000\ud800\x9b1m\ufeff"


@pytest.mark.parametrize("fmt", ["json", "text"])
def test_hostile_text_stays_on_its_line(fmt: str) -> None:
    """Escapes, line breaks, bidi controls and half characters of a value never reach the stream."""
    written = configured(fmt=fmt)
    value = {"list": [HOSTILE, {HOSTILE: HOSTILE}], "bytes": HOSTILE.encode("utf-8", "replace")}
    logs.get().info("worker_started", detail=HOSTILE, extra=value)
    text = written()
    assert text.count("\n") == 1
    shown = text[:-1] if fmt == "text" else json.dumps(json.loads(text), ensure_ascii=False)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@given(st.text())
def test_any_text_is_clean_after_cleaning(text: str) -> None:
    """No control or separator survives, and what is harmless is not touched."""
    clean = Cleaner().text(text)
    assert not [c for c in clean if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert len(clean) <= MAX_TEXT + 1
    if text.isalnum() and len(text) < MAX_TEXT:
        assert clean == text


def test_joiners_that_scripts_need_survive() -> None:
    """Persian and Indic text keeps its joiners."""
    assert Cleaner().text("می\u200cخواهم क्\u200dष") == "می\u200cخواهم क्\u200dष"


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{SECRET}@example.org/x",
        f"see (https://example.org/x?api_key={SECRET}&a=1)",
        f"redis+cluster://:{SECRET}@a:1,b:2/0",
        f"redis://:pa/ss@{SECRET}@a",
        f"Authorization: Bearer {SECRET}",
        f"sasl_plain_password='{SECRET}'",
        f'{{"password": "{SECRET}"}}',
        f"known {SECRET} value",
        "x" * (MAX_TEXT - 20) + f" https://user:{SECRET}{'y' * 100}@example.org/",
    ],
)
def test_secrets_are_redacted(text: str) -> None:
    """Credentials in URLs and pairs, and known secrets, are blotted out wherever they stand."""
    cleaner = Cleaner(secrets=(SECRET,)) if text.startswith("known") else Cleaner()
    assert SECRET[:7] not in cleaner.text(text)
    assert SECRET[:7] not in json.dumps(cleaner.value([{"a": text}]))


def test_fields_with_secret_names_are_hidden() -> None:
    """A field called password or headers shows nothing, at any depth."""
    written = configured()
    logs.get().info("worker_started", headers={"a": SECRET}, extra={"Password": SECRET})
    assert SECRET not in written()


def test_values_are_bounded() -> None:
    """Long texts, long lists and deep structures are cut."""
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    clean = Cleaner().value({"t": "x" * 10_000, "l": list(range(1000)), "d": deep})
    assert len(clean["t"]) == MAX_TEXT + 1
    assert len(clean["l"]) == 51
    assert len(json.dumps(clean["d"])) < 1000


def test_odd_values_are_written() -> None:
    """Huge numbers, NaN, bytes and objects give a line, not an exception."""
    written = configured()
    logs.get().info("worker_started", big=1 << 80, nan=float("nan"), path=Path("/x"), raw=b"\xff")
    (line,) = lines(written())
    assert line["big"] == str(1 << 80)
    assert line["path"] == "/x"


def test_a_value_that_cannot_be_shown_is_said() -> None:
    """A log call whose value raises ends as `log_failed`, and raises nothing."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    written = configured()
    logs.get().info("worker_started", extra=Broken())
    assert lines(written())[0]["event"] == "log_failed"


def test_exceptions_are_one_line() -> None:
    """An exception becomes type, message and stack on one line, without its secrets."""
    written = configured()
    try:
        raise ValueError(f"no way to redis://:{SECRET}@host\nsecond line")
    except ValueError:
        logs.get().exception("unhandled_error")
    (line,) = lines(written())
    assert line["level"] == "ERROR"
    assert line["exception.type"] == "ValueError"
    assert line["exception.message"] == "no way to redis://***@host second line"
    assert "test_exceptions_are_one_line" in line["exception.stacktrace"]


def test_crash_of_a_thread_is_logged() -> None:
    """An exception that ends a thread is an ERROR with the thread's name."""
    written = configured()
    thread = threading.Thread(target=lambda: 1 // 0, name="publisher-3")
    thread.start()
    thread.join()
    (line,) = lines(written())
    assert (line["event"], line["thread.name"]) == ("unhandled_error", "publisher-3")
    assert line["exception.type"] == "ZeroDivisionError"


def test_libraries_are_heard_once_a_minute() -> None:
    """Equal library messages but for their numbers are one line; what is below WARNING is none."""
    written = configured()
    for port in range(50):
        logging.getLogger("kafka.conn").error(f"no way to https://u:{SECRET}@host:{port}")
    logging.getLogger("kafka.conn").warning("another kind")
    logging.getLogger("httpx").info("GET https://example.org/?token=x")
    found = lines(written())
    assert [line["otel.scope.name"] for line in found] == ["kafka.conn", "kafka.conn"]
    assert {line["level"] for line in found} == {"WARN"}
    assert SECRET not in written()


def test_a_flood_of_kinds_of_one_library_is_bounded() -> None:
    """A library that never says the same twice gets ten lines a minute."""
    written = configured()
    for letter in "abcdefghijklmnopqrst":
        logging.getLogger("kafka").warning("failed " + letter)
    assert len(lines(written())) == 10


def test_errors_of_asyncio_stay_errors() -> None:
    """A task's lost exception is a bug, so it stays an ERROR."""
    written = configured()
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    assert lines(written())[0]["event"] == "library_error"


def test_unformattable_library_record() -> None:
    """A library's wrong arguments neither raise nor show its values."""
    written = configured()
    handler = LibraryHandler(logs.get(), logs.once_per)
    handler.handle(logging.LogRecord("lib", logging.WARNING, "", 0, "%d", (SECRET,), None))
    assert lines(written())[0]["event"] == "library_warning"
    assert SECRET not in written()


def test_once_per_counts_what_it_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first goes through, the rest of the period is counted and told by the next."""
    now = [100.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    assert [logs.once_per(60, "a") for _ in range(4)] == [0, None, None, None]
    assert logs.once_per(60, "b") == 0
    now[0] += 61
    assert logs.once_per(60, "a") == 3


def test_once_per_is_bounded() -> None:
    """Endless different keys do not fill the memory."""
    for key in range(10_000):
        logs.once_per(60, key)
    assert len(logs._state.once) <= 4096


def test_format_follows_the_terminal() -> None:
    """`auto` is coloured text on a terminal and JSON elsewhere; NO_COLOR is obeyed."""
    for stream, options, start in (
        (io.StringIO(), {}, "{"),
        (Terminal(), {}, "\x1b["),
        (Terminal(), {"no_color": True}, "2"),
    ):
        written = configured(stream, fmt="auto", **options)
        logs.get().info("worker_started")
        text = written()
        assert text.startswith(start) or (start == "2" and text[2] == ":"), text


def test_a_reader_that_is_gone_is_ignored() -> None:
    """Writing into a closed pipe loses lines and raises nothing."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        configured(stream)  # type: ignore[arg-type]
        logs.get().info("worker_started")
        assert logs.flush()


def test_a_reader_that_stalls_costs_lines_not_time() -> None:
    """Beyond its bound a stalled log drops lines, and says how many once it flows again."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream, os.fdopen(reader, "rb") as source:
        out = LineWriter(stream, lambda n: b"dropped %d\n" % n)
        line = b"x" * 99 + b"\n"
        for _ in range(MAX_WAITING + 3000):
            out.write(line)
        assert not out.flush(0.05)
        found: list[bytes] = []
        wanted = threading.Event()

        def read() -> None:
            for got in source:
                found.append(got)
                if got.startswith(b"dropped"):
                    wanted.set()
                    return

        threading.Thread(target=read, daemon=True).start()
        assert wanted.wait(30)
    assert len(found) - 1 + int(found[-1].split()[1]) == MAX_WAITING + 3000


def result(reason: str, **more: Any) -> PollResult:
    """A poll's result."""
    return PollResult(reason, **more)


def test_poll_line() -> None:
    """A poll's line says what came of it, when the feed is next polled, and why then."""
    written = configured()
    PollLog(logs.get()).poll(
        "abc",
        "Example",
        result(
            "new",
            status=200,
            bytes=10,
            entries=3,
            new=2,
            changed=1,
            elapsed_ms=12,
            next_due_ms=1_772_350_200_000,
            next_why="cadence",
            url="https://example.org",
        ),
    )
    (line,) = lines(written())
    assert {k: v for k, v in line.items() if k not in ("time", "instance", "worker")} == {
        "level": "INFO",
        "event": "feed_polled",
        "feed_id": "abc",
        "feed": "Example",
        "reason": "new",
        "http.response.status_code": 200,
        "bytes": 10,
        "entries": 3,
        "new": 2,
        "changed": 1,
        "ms": 12,
        "next_due": "2026-03-01T07:30:00.000Z",
        "next_why": "cadence",
    }


@pytest.mark.parametrize("reason", get_args(Reason))
def test_level_of_each_reason(reason: str) -> None:
    """Failures are WARN, our own bugs ERROR, all that is in order INFO; each is one line."""
    written = configured()
    PollLog(logs.get()).poll("a", "", result(reason, url="https://u:p@h/x", detail="why"))
    (line,) = lines(written())
    calm = reason in SUCCESS or (reason in DEFERRED and reason != "store_error")
    expected = "ERROR" if reason == "internal_error" else "INFO" if calm else "WARN"
    assert line["level"] == expected
    assert line.get("url.full") == (None if reason in SUCCESS else "https://h/x")


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("all", ["new", "updated", "not_modified", "host_busy", "timeout"]),
        ("changed", ["new", "updated", "timeout"]),
        ("failed", ["timeout"]),
    ],
)
def test_poll_modes(mode: Any, shown: list[str]) -> None:
    """NEWSWIRE_LOG_POLLS chooses between all polls, those with news or failure, and failures."""
    written = configured()
    polls = PollLog(logs.get(), mode)
    for reason in ("new", "updated", "not_modified", "host_busy", "timeout"):
        polls.poll("a", "", result(reason))
    assert [line["reason"] for line in lines(written())] == shown


def test_quiet_polls_are_sampled_above_100_a_second() -> None:
    """Sampled lines say for how many they stand; news and failures are never left out."""
    written = configured()
    now = [0.0]
    polls = PollLog(logs.get(), clock=lambda: now[0])
    for i in range(10_000):
        now[0] = i / 2000
        polls.poll("a", "", result("new" if i % 100 == 0 else "not_modified"))
    now[0] = 10
    polls.poll("a", "", result("not_modified"))
    found = lines(written())
    quiet = [line for line in found if line["reason"] == "not_modified"]
    assert sum(line["reason"] == "new" for line in found) == 100
    assert sum(line.get("sampled", 1) for line in quiet) == 9_901
    assert len(quiet) < 3000
    assert any("sampled" in line for line in quiet)


def test_100_polls_a_second_are_all_written() -> None:
    """At the bound nothing is sampled."""
    written = configured()
    now = [0.0]
    polls = PollLog(logs.get(), clock=lambda: now[0])
    for i in range(300):
        now[0] = i / 100
        polls.poll("a", "", result("unchanged"))
    assert len(lines(written())) == 300


def test_summary_counts_and_begins_anew() -> None:
    """A summary holds what happened since the one before, and what the store adds."""
    written = configured()
    summary = Summary(logs.get())
    summary.polled(result("new", new=3, changed=1))
    summary.polled(result("timeout"))
    summary.polled(result("timeout"))
    summary.polled(result("host_busy"))
    summary.published([0.1] * 98 + [2.0, 9.0])
    summary.lagged(0.02)
    summary.tick({"outbox_events": 7})
    summary.tick({})
    first, second = lines(written())
    assert (first["polls"], first["new"], first["updated"]) == (4, 3, 1)
    assert (first["failed"], first["deferred"]) == ({"timeout": 2}, {"host_busy": 1})
    assert (first["published"], first["delay_p50_s"], first["delay_p99_s"]) == (100, 0.1, 9.0)
    assert (first["outbox_events"], first["loop_lag_max_ms"]) == (7, 20)
    assert (second["polls"], second["new"], second["failed"]) == (0, 0, {})
    assert "delay_p50_s" not in second


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
def test_resident_memory_is_plausible() -> None:
    """A Python process holds between 5 MB and 5 GB."""
    assert 5e6 < (resident_bytes() or 0) < 5e9


def shown(text: str, stream: io.StringIO | None = None) -> str:
    """What `newswire logs` makes of a text."""
    out = stream or io.StringIO()
    pretty(io.BytesIO(text.encode("utf-8", "surrogatepass")), out)
    return out.getvalue()


def test_pretty_reads_what_was_written() -> None:
    """JSON lines become aligned text with short field names."""
    written = configured()
    PollLog(logs.get()).poll("a", "Example", result("timeout", status=200, detail="no answer"))
    text = shown(written())
    assert "WARN  feed_polled" in text
    assert "Example" in text
    assert "status=200" in text
    assert 'detail="no answer"' in text
    assert text.rstrip().endswith("w1")


def test_pretty_keeps_prefixes_and_other_lines() -> None:
    """The prefix of `docker compose logs` stays; lines of other programs pass."""
    line = '{"time":"2026-03-01T07:30:00.000Z","level":"INFO","event":"worker_started"}'
    text = shown(f'worker-1  | {line}\nplain {{text}}\n{{"a": 1}}\n\n')
    assert text.splitlines() == [
        "worker-1  | 07:30:00.000 INFO  worker_started",
        "plain {text}",
        '{"a": 1}',
        "",
    ]


def test_pretty_does_not_trust_its_input() -> None:
    """Escapes in foreign lines, and such as JSON had hidden, are not passed to the terminal."""
    line = '{"event":"x\\u001b[2J","level":"\\u001b","a":"\\u001b]0;x\\u0007"}'
    text = shown(f"\x1b[2J\n{line}\n")
    assert "\x1b" not in text
    assert "\x1b[2J" not in shown(f"\x1b[2J\n{line}\n", Terminal())


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m", "red and green"),
        ("\x1b[2K\x1b[1A\rforged", " forged"),
        ("a\x9b2Jb", "ab"),
        ("\x1b]0;title\x07text", "\ufffd]0;title\ufffdtext"),
        ("\x1bPnever ends", "\ufffdPnever ends"),
        ("\x1b[" + "1" * 500 + "m", "\ufffd[" + "1" * 500 + "m"),
        ("rtl \u202eevil", "rtl \ufffdevil"),
    ],
)
def test_escapes_of_other_programs(written: str, seen: str) -> None:
    """Colours and cursor moves go without a trace; what could hide text is seen as what it is; also in the
    prefix of a line, and in a value that JSON had hidden."""
    assert shown(f"{written}\n") == f"{seen}\n"
    line = '{"time":"2026-03-01T07:30:00.000Z","level":"INFO","event":"worker_started"}'
    assert (
        shown(f"{written} | {line}\n") == f"{seen.lstrip()} | 07:30:00.000 INFO  worker_started\n"
    )
    hidden = json.dumps({"event": "feed_polled", "feed": written, written: written})
    for sink in (io.StringIO(), Terminal()):
        told = shown(f"{hidden}\n", sink)
        told = re.sub("\x1b\\[(?:0|1|2|3[0-9]|1;31)m", "", told)  # our own colours
        assert told.rstrip("\n").isprintable()
        assert not set(told) & set("\x1b\x9b\u202e")


def test_polls_stand_in_columns() -> None:
    """Also beside names in wide characters, and with numbers of other lengths."""
    names = ("Example", "日本経済新聞のとても長い名前の新聞と雑誌", "e\u0301te\u0301", "x" * 99)
    numbers = ({"status": 200, "bytes": 5}, {"status": 404, "bytes": 1_234_567})
    columns = set()
    for name in names:
        for number in numbers:
            written = configured()
            PollLog(logs.get()).poll("a", name, result("timeout", detail="d", **number))
            text = shown(written())
            at = text.index("status=")
            wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text[:at])
            marks = sum(unicodedata.combining(c) > 0 for c in text[:at])
            columns.add((at + wide - marks, text.index("entries=") - at))
    assert len(columns) == 1


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    """It is read and shown in pieces."""
    pieces = shown("x" * (3 << 20)).splitlines()
    assert len(pieces) == 3
    assert all(len(piece) < 3_000 for piece in pieces)


def test_every_log_call_is_catalogued() -> None:
    """Each call in the package uses an event of the catalogue at its level, with known fields."""
    wrong = []
    for call in scan():
        event = EVENTS.get(call.event)
        if event is None:
            wrong.append(f"{call.where}: {call.event} is not in workers/log_events.py")
        elif call.level not in event.levels:
            wrong.append(f"{call.where}: {call.event} is not catalogued at level {call.level}")
        wrong += [
            f"{call.where}: field {field} is not in workers/log_fields.py"
            for field in call.fields
            if field not in FIELDS
        ]
    assert wrong == []


PENDING = {"publisher_stopped"}
"""Events of the loop and the command line, which are to come. Take out what is written by now."""


def test_every_catalogued_event_is_written() -> None:
    """The catalogue promises no event that no code writes, but for those that are to come."""
    inside = {"log_failed", "log_lines_dropped"}  # of the log itself, made without a log call
    assert set(EVENTS) - {call.event for call in scan()} - inside <= PENDING


def test_the_scan_sees_calls(tmp_path: Path) -> None:
    """Calls on log and self._log are found, names that are not written out are `?`."""
    (tmp_path / "a.py").write_text(
        "log.info('one', a=1, exc_info=True)\n"
        "self._log.exception('two' if x else 'three', **more)\n"
        "log.error(name)\nother.info('four')\n"
    )
    assert [(c.event, c.level, c.fields) for c in scan(tmp_path)] == [
        ("one", "info", ("a",)),
        ("two", "error", ()),
        ("three", "error", ()),
        ("?", "error", ()),
    ]


def test_reasons_are_explained() -> None:
    """Every reason of a poll has its meaning in the catalogue."""
    assert sorted(REASONS) == sorted(get_args(Reason))


def test_fields_of_dictionaries_are_explained() -> None:
    """Fields that events declare beside those in the code have a meaning too."""
    assert {f for e in EVENTS.values() for f in e.fields} <= set(FIELDS)


def test_catalogue_in_deploy_is_current() -> None:
    """deploy/LOGS.md is what `python -m workers.log_scan` prints now."""
    assert (ROOT / "deploy" / "LOGS.md").read_text("utf-8") == render_markdown()


def test_the_scan_leaves_library_loggers_alone(tmp_path: Path) -> None:
    """A logger of the standard library writes prose, not events."""
    (tmp_path / "a.py").write_text("_log = logging.getLogger(__name__)\n_log.info('reading %s', x)")
    assert scan(tmp_path) == []


def test_a_command_is_told_of_warnings_alone() -> None:
    """What a library of ours warns of is said in its words; courses and errors, which are raised, are not."""
    told: list[str] = []
    log = logs.warnings_for(told.append)
    log.info("feed_list_loaded", feeds=3)
    log.warning("feed_list_warning", detail="line 3: twice")
    log.error("feed_list_failed", detail="raised as well")
    assert told == ["line 3: twice"]
