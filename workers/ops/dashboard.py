"""The Grafana dashboard, made from the metrics that exist: ``python -m workers.ops.dashboard`` prints it.

``deploy/grafana/newswire.json`` is checked against this module, and its queries against a real Prometheus.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from workers.metrics import MetricName
from workers.model import DEFERRED, SUCCESS

Kind = Literal["stat", "timeseries"]
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_COLUMNS = 24
_OK = f'reason=~"{"|".join(sorted(SUCCESS))}"'
_PUT_OFF = f'reason=~"{"|".join(sorted(DEFERRED))}"'
_FAILED = f"{_OK.replace('=~', '!~')},{_PUT_OFF.replace('=~', '!~')}"

_FAILING, _NEW = 'state="failing"', 'kind="new"'


class Panel(NamedTuple):
    """One panel: its queries with their legends, its unit as Grafana names it, and from which value on it
    is yellow and red."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: Kind = "timeseries"
    limits: tuple[float, ...] = ()
    stacked: bool = False
    about: str = ""


def series(name: MetricName, labels: str = "", suffix: str = "") -> str:
    """A selector of one of our metrics, within the chosen jobs."""
    chosen = 'job=~"$job"' + (f",{labels}" if labels else "")
    return f"{name}{suffix}{{{chosen}}}"


def _rate(name: MetricName, labels: str = "", by: str = "job", suffix: str = "") -> str:
    return f"sum by ({by}) (rate({series(name, labels, suffix)}[$__rate_interval]))"


def _most(name: MetricName, labels: str = "", by: str = "job") -> str:
    return f"max by ({by}) ({series(name, labels)})"


def _quantile(share: float, name: MetricName, by: str = "job") -> str:
    return f"histogram_quantile({share}, {_rate(name, by=f'{by}, le', suffix='_bucket')})"


def _quantiles(name: MetricName) -> tuple[tuple[str, str], ...]:
    return tuple((_quantile(s, name), f"{s * 100:g}%") for s in (0.5, 0.9, 0.99))


def _process(name: str, *, rate: bool = False) -> tuple[str, str]:
    chosen = f'process_{name}{{job=~"$job"}}'
    return (f"rate({chosen}[$__rate_interval])" if rate else chosen), "{{instance}}"


STATS = (
    Panel("Workers alive", ((_most("newswire_workers"), ""),), kind="stat"),
    Panel(
        "Workers not ready",
        ((f"sum by (job) (1 - {series('newswire_ready')})", ""),),
        kind="stat",
        limits=(1, 1),
    ),
    Panel("Feeds", ((_most("newswire_feeds"), ""),), kind="stat"),
    Panel(
        "Failing feeds",
        ((f"{_most('newswire_feeds_in_state', _FAILING)} / {_most('newswire_feeds')}", ""),),
        "percentunit",
        "stat",
        (0.1, 0.2),
    ),
    Panel("Longest overdue", ((_most("newswire_oldest_due_seconds"), ""),), "s", "stat", (60, 600)),
    Panel("Outbox, oldest", ((_most("newswire_outbox_age_seconds"), ""),), "s", "stat", (30, 300)),
    Panel(
        "99% published within",
        ((_quantile(0.99, "newswire_publish_delay_seconds"), ""),),
        "s",
        "stat",
        (5, 30),
    ),
    Panel(
        "New articles an hour",
        ((f"sum by (job) (increase({series('newswire_articles_total', _NEW)}[1h]))", ""),),
        kind="stat",
    ),
)

SECTIONS: dict[str, tuple[Panel, ...]] = {
    "Polling": (
        Panel(
            "Polls",
            (
                (_rate("newswire_polls_total", _OK), "well"),
                (_rate("newswire_polls_total", _PUT_OFF), "put off"),
                (_rate("newswire_polls_total", _FAILED), "failed"),
            ),
            "reqps",
            stacked=True,
        ),
        Panel(
            "Failed polls by reason",
            ((_rate("newswire_polls_total", _FAILED, "reason") + " > 0", "{{reason}}"),),
            "reqps",
            stacked=True,
            about="What each reason means stands in deploy/LOGS.md.",
        ),
        Panel("Duration of a poll", _quantiles("newswire_poll_seconds"), "s"),
        Panel(
            "Polls under way",
            ((f"sum by (instance) ({series('newswire_polls_in_flight')})", "{{instance}}"),),
        ),
        Panel(
            "Feeds due, and how late",
            (
                (_most("newswire_feeds_due"), "due now"),
                (_most("newswire_oldest_due_seconds"), "most overdue, seconds"),
            ),
        ),
        Panel("Read on the wire", ((_rate("newswire_fetched_bytes_total"), "bytes"),), "Bps"),
        Panel(
            "Hosts that refuse",
            ((_rate("newswire_host_rests_total", by="kind"), "{{kind}}"),),
            "reqps",
            about="strict: asked too often (429); busy: overloaded (503). All workers leave the host alone.",
        ),
    ),
    "Feeds": (
        Panel(
            "Feeds by state",
            ((_most("newswire_feeds_in_state", by="state"), "{{state}}"),),
            stacked=True,
        ),
        Panel(
            "Failing feeds by reason",
            ((_most("newswire_feeds_failing", by="reason") + " > 0", "{{reason}}"),),
            stacked=True,
        ),
        Panel(
            "Articles",
            ((f"60 * {_rate('newswire_articles_total', by='kind')}", "{{kind}} a minute"),),
            stacked=True,
        ),
    ),
    "Publishing": (
        Panel("From found to published", _quantiles("newswire_publish_delay_seconds"), "s"),
        Panel(
            "Events published",
            ((_rate("newswire_published_total", by="topic"), "{{topic}}"),),
            "reqps",
            stacked=True,
        ),
        Panel("Events in the outbox", ((_most("newswire_outbox_events"), "events"),)),
        Panel(
            "Bytes in the outbox",
            (
                (_most("newswire_outbox_bytes"), "waiting"),
                (_most("newswire_outbox_limit_bytes"), "polling pauses at"),
            ),
            "bytes",
        ),
        Panel("Transactions", ((_rate("newswire_transactions_total"), "committed"),), "ops"),
        Panel(
            "Ends of publishers",
            ((_rate("newswire_publisher_failures_total", by="kind"), "{{kind}}"),),
            "ops",
        ),
        Panel(
            "Shards by what their publishers do",
            ((f"sum by (state) ({series('newswire_publishers')}) > 0", "{{state}}"),),
            about="Each worker has one for every shard; one publishes, the others stand by.",
        ),
    ),
    "Workers": (
        Panel("Memory", (_process("resident_memory_bytes"),), "bytes"),
        Panel("CPU", (_process("cpu_seconds_total", rate=True),), "percentunit"),
        Panel("Open files", (_process("open_fds"),)),
        Panel(
            "How late the event loop is (99%)",
            ((_quantile(0.99, "newswire_loop_lag_seconds", "instance"), "{{instance}}"),),
            "s",
        ),
        Panel(
            "Refused by Redis",
            ((_rate("newswire_store_errors_total", by="reason"), "{{reason}}"),),
            "ops",
        ),
        Panel(
            "Versions", ((f"count by (version) ({series('newswire_build_info')})", "{{version}}"),)
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it; the data source and the job are chosen in it."""
    return {
        "uid": "newswire",
        "title": "Newswire",
        "tags": ["newswire"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one crosshair for all panels
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [_source_variable(), _job_variable()]},
        "panels": list(_panels()),
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _job_variable() -> dict[str, Any]:
    query = "label_values(newswire_ready, job)"
    return {
        "name": "job",
        "label": "Installation",
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "job"},
        "refresh": 2,  # when the time range changes
        "includeAll": True,
        "allValue": ".+",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    width = _COLUMNS // len(STATS)
    for n, panel in enumerate(STATS):
        yield _panel(number, panel, {"x": n * width, "y": 0, "w": width, "h": 4})
        number += 1
    y = 4
    for title, section in SECTIONS.items():
        place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        row = {"type": "row", "title": title, "collapsed": False, "panels": []}
        yield {"id": number, "gridPos": place, **row}
        number, y = number + 1, y + 1
        for n, panel in enumerate(section):
            place = {"x": n % 3 * 8, "y": y + n // 3 * 8, "w": 8, "h": 8}
            yield _panel(number, panel, place)
            number += 1
        y += -(-len(section) // 3) * 8


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(65 + n), "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
        for n, (expr, legend) in enumerate(panel.queries)
    ]
    made = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": targets,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }
    return made | ({"description": panel.about} if panel.about else {})


def _defaults(panel: Panel) -> dict[str, Any]:
    colors = ("yellow", "red")
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps += [{"color": c, "value": v} for c, v in zip(colors, panel.limits, strict=False)]
    made: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.kind == "timeseries":
        stacking = {"mode": "normal" if panel.stacked else "none"}
        made["custom"] = {"fillOpacity": 30 if panel.stacked else 0, "stacking": stacking}
    return made


_OPTIONS: dict[Kind, dict[str, Any]] = {
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
    },
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
}


def text() -> str:
    """The file's content."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
