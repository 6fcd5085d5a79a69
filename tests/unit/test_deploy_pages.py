"""The pages of ``deploy/`` say what the tests try, no more and no less."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.audit import UNPROVED, judge
from tests.compose.bounds import ATTEMPTS, LIMITS
from tests.support.kafka_jars import ROOT
from workers.log_events import GROUPS

SECURITY = (ROOT / "deploy" / "SECURITY.md").read_text("utf-8")


def test_what_is_said_to_be_impossible_is_tried() -> None:
    """The table of what the container cannot do has a line for each attempt, and no other."""
    table = SECURITY[: SECURITY.index("| who reaches whom")]
    said = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
    assert said[0] == "it cannot"
    assert said[2:] == [*ATTEMPTS, *LIMITS]


FOUND = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
CLEAN = {"name": "b", "version": "1", "vulns": []}
UNASKED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "code"),
    [
        ([CLEAN], 0),
        ([FOUND, CLEAN], 1),
        ([CLEAN, UNASKED], UNPROVED),
        ([FOUND, UNASKED], 1),
        ([], UNPROVED),
    ],
)
def test_an_audit_that_did_not_ask_is_not_clean(dependencies: list[Any], code: int) -> None:
    """What pip-audit skips counts as not proved, though it ends with 0 itself."""
    assert judge(dependencies)[0] == code


RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text("utf-8").partition("## Alerts")[0]


def test_every_test_that_the_runbook_names_exists() -> None:
    """What is said to have been tried was."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", RUNBOOK)
    assert len(named) > 10
    for path, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), name
    ten = RUNBOOK.partition("## Ten things")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. \*\*", ten, re.MULTILINE) == [str(n) for n in range(1, 11)]


def test_every_module_that_the_architecture_names_exists() -> None:
    """A table of modules that are no more sends people astray."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    there = {
        path.name for top in ("workers", "schemas", "tests") for path in (ROOT / top).rglob("*.py")
    }
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+\.py)`", text)}
    assert len(named) > 50
    assert named <= there


def test_every_event_that_the_runbook_names_can_be_logged() -> None:
    """An event in backticks stands in the log's catalogue."""
    known = {event.name for events in GROUPS.values() for event in events}
    named = {
        word
        for word in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", RUNBOOK)
        if not word.startswith("newswire_")
    }
    assert named <= known | {"aof_rewrite_in_progress"}, named - known


def test_the_first_screen_says_what_the_tables_say() -> None:
    """The figures at the top of README.md are those of its tables: faults, lost, twice; polls an hour."""
    text = (ROOT / "README.md").read_text("utf-8")
    top, _, rest = text.partition("## Two commands")
    rows = re.findall(r"\| (\d+) / \d+ \| \d+ \| (\d+) \| (\d+) \|", rest)
    injected, lost, twice = (sum(int(row[n]) for row in rows) for n in range(3))
    assert f"{injected:,} crashes" in top and f"{lost} articles lost, {twice} twice" in top
    (polls,) = re.findall(r"mix is ([\d.]+ million polls)", rest)
    assert polls in top
