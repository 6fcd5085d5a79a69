"""What `newswire top` makes of two looks."""

from __future__ import annotations

import pytest

from workers.metrics import Metrics
from workers.top.sample import (
    History,
    Instance,
    Sample,
    Worker,
    is_failure,
    parse_metrics,
    quantile,
)
from workers.top.view import Part, paint, screen


def look(at_s: float, *polls: float, **more: Instance) -> Sample:
    """A look at workers that have polled so often."""
    workers = [
        Worker(f"w{n}:1", {"newswire_polls_total new": count}) for n, count in enumerate(polls)
    ]
    return Sample(at_s, workers, more.get("instance", Instance()))


def history(*samples: Sample) -> History:
    """Looks in their order."""
    made = History()
    for sample in samples:
        made.add(sample)
    return made


def test_rates_are_of_all_workers() -> None:
    """Each counts for itself, and all together."""
    seen = history(look(0, 10, 100), look(10, 30, 110))
    assert seen.rate("newswire_polls_total") == 3.0
    assert seen.rate("newswire_polls_total", "new", "w0:1") == 2.0


def test_a_restart_is_no_negative_rate() -> None:
    """A counter that fell began at 0 again; a worker that comes anew has no past."""
    assert history(look(0, 100), look(10, 20)).rate("newswire_polls_total") == 2.0
    assert history(look(0, 5), look(10, 5, 900)).rate("newswire_polls_total") == 0.0


def test_the_window_slides() -> None:
    """What is older than a minute counts no more."""
    seen = history(look(0, 0), look(50, 1_000), look(100, 1_060))
    assert seen.rate("newswire_polls_total") == pytest.approx(1.2)


def test_quantiles() -> None:
    """The bound of the bucket in which the share lies; none without an observation."""
    assert quantile({"0.1": 5, "1.0": 9, "+Inf": 10}, 0.5) == 0.1
    assert quantile({"0.1": 5, "1.0": 9, "+Inf": 10}, 0.99) == float("inf")
    assert quantile({"0.1": 0, "+Inf": 0}, 0.5) is None
    assert quantile({}, 0.5) is None


def test_metrics_are_read_by_name_and_label() -> None:
    """As the worker writes them; nonsense is refused."""
    found = parse_metrics(Metrics().render().decode())
    assert found["newswire_polls_total new"] == 0.0
    assert "newswire_publish_delay_seconds_bucket +Inf" in found
    with pytest.raises(ValueError, match="html"):
        parse_metrics("<html>no metrics</html>")


def test_what_is_a_failure() -> None:
    """News and deferrals are none."""
    assert [is_failure(r) for r in ("new", "not_modified", "host_busy", "timeout")] == [
        False, False, False, True,
    ]  # fmt: skip


def test_failing_feeds_by_reason() -> None:
    """Each worker tells it of the whole instance: it is not added up."""
    name = "newswire_feeds_failing"
    workers = [
        Worker("a:1", {f"{name} timeout": 3.0}),
        Worker("b:1", {f"{name} timeout": 3.0, f"{name} gone": 9}),
    ]
    lines = paint(
        list(screen(history(Sample(0, workers, Instance())), "i", "now")), 99, 40, color=False
    )
    assert "failing   12 feeds: gone 9, timeout 3" in lines


def test_nothing_hostile_reaches_the_terminal() -> None:
    """Names of hosts and errors come from outside."""
    instance = Instance(resting=[("\x1b[2Jevil", 5_000)], problem="\x1b]0;x\x07")
    worker = Worker("w:1", {}, "\x1b[31m")
    seen = history(Sample(0, [worker], instance))
    lines = paint(list(screen(seen, "i", "now")), 200, 100, color=False)
    assert "evil" in "".join(lines)
    assert all(line.isprintable() for line in lines)


def test_lines_are_cut_before_they_are_painted() -> None:
    """A style never counts as width, and always ends."""
    line = [Part("abc", "\x1b[1m"), Part("defgh", "\x1b[2m")]
    assert paint([line, line], 5, 1, color=True) == ["\x1b[1mabc\x1b[0m\x1b[2mde\x1b[0m"]
    assert paint([line], 2, 9, color=False) == ["ab"]
