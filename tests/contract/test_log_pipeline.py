"""The log on its way to Loki: Vector's program on real lines, and alerts that name what is there."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.npm import node_modules
from tests.support.kafka_jars import ROOT
from tests.support.missing import skip_loudly
from tests.unit.test_alerts import paragraphs
from workers.log_events import EVENTS, SUMMARY_FIELDS
from workers.log_fields import BASE_FIELDS

VECTOR = yaml.safe_load((ROOT / "deploy" / "vector.yaml").read_text("utf-8"))
RULES = yaml.safe_load((ROOT / "deploy" / "loki" / "rules.yml").read_text("utf-8"))["groups"][0][
    "rules"
]
PARSER = {"@grafana/lezer-logql": "0.4.2", "@lezer/lr": "1.4.10"}
LINE = {
    "time": "2026-11-24T21:49:23.257Z", "level": "INFO", "event": "summary", "instance": "newswire",
    "worker": "w1-7-21:49:20", "polls": 7, "failed": {"timeout": 2}, "oldest_due_s": 0.4,
}  # fmt: skip


def vrl() -> Any:
    """The compiler and runtime of Vector's language; skips where it is not installed."""
    try:
        return importlib.import_module("vrl_python").VRLRuntime
    except ImportError:
        skip_loudly("vrl-python (pip install vrl-python)", "that Vector's program reads the log")


def remapped(message: str) -> dict[str, Any]:
    """An event as it leaves the program, for one line as Docker gives it."""
    event = {"message": message, "timestamp": "2026-01-01T00:00:00Z", "container_name": "w"}
    program = VECTOR["transforms"]["newswire"]["source"]
    found: dict[str, Any] = vrl().run(program, event, "UTC").processed_event
    return found


def test_a_line_of_ours_is_taken_as_it_is() -> None:
    """Its fields become the event's, and its own time is the event's time; nothing of Docker's stays."""
    found = remapped(json.dumps(LINE))
    assert found.pop("timestamp").startswith("2026-11-24 21:49:23.257")
    assert found == LINE


@pytest.mark.parametrize("message", ["Traceback (most recent call last):", "[1, 2]", "", "{"])
def test_what_is_no_line_of_ours_is_kept(message: str) -> None:
    """It is a warning with the text as its body, at Docker's time."""
    assert remapped(message) == {
        "level": "WARN",
        "event": "raw",
        "body": message,
        "timestamp": "2026-01-01T00:00:00Z",
    }


def test_lines_are_weighed() -> None:
    """Problems and summaries go their own way; a failed poll is no problem of the worker's."""
    routes = VECTOR["transforms"]["by_weight"]["route"]

    def taken(event: str, level: str) -> list[str]:
        line = {"event": event, "level": level}
        return [
            n for n, rule in routes.items() if vrl().run(rule, dict(line), "UTC").runtime_result
        ]

    assert taken("store_unavailable", "ERROR") == ["problem"]
    assert taken("outbox_full", "WARN") == ["problem"]
    assert taken("feed_polled", "WARN") == []
    assert taken("worker_started", "INFO") == []
    assert taken("summary", "INFO") == ["summary"]


def test_the_pipeline_hangs_together() -> None:
    """Every input is somebody's output, every output is taken, and each kind of line has its sink."""
    routes = {
        f"by_weight.{name}" for name in [*VECTOR["transforms"]["by_weight"]["route"], "_unmatched"]
    }
    outputs = {*VECTOR["sources"], "newswire", *routes}
    parts = [*VECTOR["transforms"].values(), *VECTOR["sinks"].values()]
    inputs = [name for part in parts for name in part["inputs"]]
    assert set(inputs) == outputs
    kinds = {sink["labels"]["kind"]: sink["inputs"] for sink in VECTOR["sinks"].values()}
    assert kinds == {
        "problem": ["by_weight.problem"],
        "summary": ["by_weight.summary"],
        "course": ["by_weight._unmatched"],
    }
    # Newer releases refuse labels from a line's fields, and each value would be a stream of its own.
    assert not [s for s in VECTOR["sinks"].values() if "{{" in str(s["labels"])]


def _parsed(expressions: list[str], tmp_path: Path) -> list[list[str]]:
    file = tmp_path / "expressions.json"
    file.write_text(json.dumps(expressions))
    script = Path(__file__).with_name("logql_check.mjs")
    command = ["node", str(script), str(node_modules(PARSER)), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_the_rules_are_logql(tmp_path: Path) -> None:
    """Grafana's grammar of LogQL reads every expression, and finds errors where some are."""
    expressions = [rule["expr"] for rule in RULES]
    assert _parsed(expressions, tmp_path) == [[] for _ in expressions]
    broken = [text.replace("| json", "| jason ,", 1) for text in expressions if "| json" in text]
    assert all(_parsed(broken, tmp_path))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_a_rule_asks_for_what_is_there(rule: dict[str, Any]) -> None:
    """Its labels are those of the pipeline, its events and fields stand in the catalogue, at their level."""
    expr = rule["expr"]
    kinds = {sink["labels"]["kind"] for sink in VECTOR["sinks"].values()}
    (selector,) = re.findall(r"\{([^}]*)\}", expr)
    labels = dict(re.findall(r'(\w+)="(\w+)"', selector))
    assert labels.keys() == {"job", "kind"}
    assert labels["job"] == "newswire"
    assert labels["kind"] in kinds
    extracted = dict(re.findall(r'(\w+)="(\w+)"', expr.partition("| json")[2].partition("|")[0]))
    assert all(name == path for name, path in extracted.items())
    assert extracted.keys() <= {*BASE_FIELDS, *SUMMARY_FIELDS}
    grouped = re.findall(r"by \(([^)]*)\)", expr)
    assert {name.strip() for names in grouped for name in names.split(",")} <= extracted.keys()
    assert set(re.findall(r"unwrap (\w+)", expr)) <= set(SUMMARY_FIELDS)
    named = {
        n for names in re.findall(r'\bevent(?:=|!~|=~)"([^"]+)"', expr) for n in names.split("|")
    }
    named.discard("event")  # the extraction itself
    assert named <= set(EVENTS)
    anchor = rule["annotations"]["runbook_url"].partition("#")[2]
    assert anchor == rule["alert"].lower()
    assert anchor in paragraphs() | _short_paragraphs()
    assert rule["labels"]["severity"] in ("page", "ticket")


def _short_paragraphs() -> set[str]:
    """Headings whose paragraph sends on to another alert that exists."""
    text = (ROOT / "deploy" / "RUNBOOK.md").read_text("utf-8")
    found = re.findall(r"^### (\w+)\n\nThe same as (\w+), told from", text, flags=re.MULTILINE)
    return {name.lower() for name, other in found if other.lower() in paragraphs()}
