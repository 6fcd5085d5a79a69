"""A real Prometheus scrapes a real worker: every query of the dashboard and of the alerts has an answer."""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tests.conftest import Names
from tests.integration.helpers import settings, until
from tests.support.kafka_jars import ROOT
from tests.support.missing import program
from tests.support.processes import free_port, kill_session, spawn
from tests.support.static_site import StaticSite, rss
from tests.support.worker import WorkerProcess
from tests.unit.test_alerts import FOLDER, RULES, metrics_of
from workers.metrics import MetricName
from workers.ops.dashboard import dashboard, text

pytestmark = pytest.mark.usefixtures("redis_hygiene")


class Prometheus:
    """The HTTP API of a Prometheus."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, path: str, **params: str) -> Any:
        """The data of an answer."""
        url = f"{self.base}/{path}?{urllib.parse.urlencode(params)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Any]:
        """The samples of an expression, now."""
        found: list[Any] = self.ask("query", query=expression)["result"]
        return found


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[Prometheus]:
    """One that runs deploy/prometheus with another target and a shorter pace, until the end."""
    command = program(
        "prometheus",
        package="prometheus",
        unproved="that dashboard and alerts ask for what is there",
    )
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / "alerts.yml")]
    del config["scrape_configs"][0]["dns_sd_configs"]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    port = free_port()
    words = [command, f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
    words.append(f"--web.listen-address=127.0.0.1:{port}")
    with (folder / "prometheus.log").open("wb") as log:
        process = spawn(words, cwd=folder, env=os.environ, stdout=log)
    try:
        yield Prometheus(port)
    finally:
        kill_session(process)


def test_every_query_has_an_answer(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """With a worker that polls, fails and publishes, no panel is empty, every rule is evaluated without an
    error, and what the alerts watch is there."""
    with StaticSite() as site:
        site.pages["/feed"] = rss(site.base, "harbour", 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n{site.base}/missing\n")
        with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
            port = worker.wait_for("ops_started")["server.port"]
            with prometheus(tmp_path, f"127.0.0.1:{port}") as prom:
                worker.wait_for("feed_polled", reason="new")
                ready = "newswire_feeds_failing > 0 and on() rate(newswire_transactions_total[1m])"
                until(lambda: bool(_quietly(prom, ready)), 90, "scraped and counted")
                until(lambda: not _empty(prom), 30, f"panels without an answer: {_empty(prom)}")
                groups = prom.ask("rules")["groups"]
                rules = [rule for group in groups for rule in group["rules"]]
                assert len(rules) == len(RULES)
                assert [r for r in rules if r["health"] != "ok"] == []
                for name in {name for rule in RULES for name in metrics_of(rule["expr"])}:
                    suffix = "_bucket" if prom.query(f"{name}_bucket") else ""
                    assert prom.query(name + suffix), name
                alerts = prom.ask("alerts")["alerts"]
                assert [a["labels"] for a in alerts if a["state"] == "firing"] == []
            assert worker.stop() == 0, worker.tail()


def _quietly(prom: Prometheus, expression: str) -> list[Any]:
    try:
        return prom.query(expression)
    except OSError:
        return []


def _empty(prom: Prometheus) -> list[str]:
    """The queries of the dashboard that find nothing."""
    found = []
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            expr = target["expr"].replace("$__rate_interval", "1m").replace("$job", ".+")
            if not prom.query(expr):
                found.append(f"{panel['title']}: {expr}")
    return found


def test_the_dashboard_is_current() -> None:
    """What is checked in is what the code says; else run `python -m workers.ops.dashboard`."""
    path = ROOT / "deploy" / "grafana" / "newswire.json"
    assert path.read_text("utf-8") == text()


def test_the_dashboard_is_laid_out() -> None:
    """Panels have ids of their own, a title, do not overlap, and lie within Grafana's 24 columns."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_metric_is_on_the_dashboard() -> None:
    """No metric of ours is left out: what nobody can see need not be counted."""
    shown = {
        name
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
        for name in metrics_of(target["expr"])
    }
    assert set(get_args(MetricName)) <= shown
