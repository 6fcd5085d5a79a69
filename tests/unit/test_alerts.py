"""Prometheus's alert rules: they fire when they should, each has its paragraph, each metric exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tests.support.kafka_jars import ROOT
from tests.support.missing import program
from workers.metrics import MetricName

FOLDER = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
TESTS = yaml.safe_load((FOLDER / "alerts_test.yml").read_text("utf-8"))["tests"]
RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text("utf-8")

SUFFIXES = ("_bucket", "_sum", "_count")


def paragraphs() -> set[str]:
    """The anchors of the runbook's headings that have a text of some length."""
    parts = re.split(r"^#+ (.+)$", RUNBOOK, flags=re.MULTILINE)[1:]
    found = zip(parts[::2], parts[1::2], strict=True)
    return {title.lower().replace(" ", "-") for title, text in found if len(text.split()) > 20}


def promtool(*words: str, cwd: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """Run it; skips where there is none."""
    command = program(
        "promtool", package="prometheus", unproved="that alerts fire when they should"
    )
    return subprocess.run([command, *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_alerts_are_valid() -> None:
    """promtool takes the rules and the example configuration that loads them."""
    for words in (("check", "rules", "alerts.yml"), ("check", "config", "prometheus.yml")):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_fire_when_they_should() -> None:
    """Each alert is quiet before its time, fires at it, and none fires in half a day without trouble."""
    done = promtool("test", "rules", "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def _never(rule: dict[str, Any]) -> None:
    rule["expr"] = "vector(0) > 1"


def _always(rule: dict[str, Any]) -> None:
    rule["expr"] = "vector(1)"
    rule.pop("for", None)


@pytest.mark.parametrize("spoil", [_never, _always])
def test_the_tests_can_fail(spoil: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    """Of alerts that never fire, or always do, each one is found."""
    shutil.copy(FOLDER / "alerts_test.yml", tmp_path)
    document = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
    for rule in document["groups"][0]["rules"]:
        spoil(rule)
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(document))
    done = promtool("test", "rules", "alerts_test.yml", cwd=tmp_path)
    assert done.returncode != 0
    said = (done.stdout + done.stderr).replace("\\", "")
    for rule in RULES:
        assert f'alertname="{rule["alert"]}"' in said


def test_every_alert_is_tested() -> None:
    """Each alert has a test of its name that looks twice, and takes part in the time without trouble."""
    by_name = {test["name"]: test for test in TESTS}
    assert [rule["alert"] for rule in RULES] == [name for name in by_name if name != "all is well"]
    for rule in RULES:
        quiet, fires = by_name[rule["alert"]]["promql_expr_test"]
        assert "exp_samples" not in quiet
        assert len(fires["exp_samples"]) == 1


def metrics_of(expression: str) -> set[str]:
    """Names of ours in an expression, without what histograms add to them."""
    found = re.findall(r"\b(?:newswire|process)_[a-z_]+", re.sub(r'"[^"]*"', "", expression))
    stripped = set()
    for name in found:
        suffix = next((s for s in SUFFIXES if name.endswith(s)), "")
        histogram = name.removesuffix(suffix)
        stripped.add(histogram if histogram in get_args(MetricName) else name)
    return stripped


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """It has a severity, words, a paragraph in the runbook, and names only metrics that exist."""
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert file == "deploy/RUNBOOK.md"
    assert anchor == rule["alert"].lower()
    assert anchor in paragraphs()
    names = metrics_of(rule["expr"])
    known = {*get_args(MetricName), "process_resident_memory_bytes"}
    assert names <= known, names - known
    assert names or rule["expr"].startswith("up{")
