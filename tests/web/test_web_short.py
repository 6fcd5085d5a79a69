"""The simulated web in a short form; ``make web`` runs the long one and prints the figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.servers import KafkaServer, ValkeyServer
from tests.web.ledger import Asked, most_at_once, most_within, too_early
from tests.web.runs import AT_ONCE, MOST, Ground, crowd, manners, memory

pytestmark = pytest.mark.servers


@pytest.fixture
def ground(tmp_path: Path, kafka_server: KafkaServer, valkey_server: ValkeyServer) -> Ground:
    """The suite's servers."""
    return Ground(tmp_path, kafka_server, valkey_server)


def _asked(start_s: float, end_s: float, not_before_s: float = 0.0, path: str = "/a") -> Asked:
    return Asked(start_s, end_s, "h", path, 200, not_before_s)


def test_the_ledger_is_read_right() -> None:
    """What began within a window, what was under way together, and what came before its time is counted."""
    requests = [_asked(0, 3), _asked(1, 2), _asked(1.5, 4, 9.0), _asked(5.5, 6, path="/b")]
    assert most_within(requests, 1.5) == 3
    assert most_at_once(requests) == 3
    assert too_early(requests) == 1
    assert too_early([_asked(0, 1, 9.0), _asked(1.9, 2), _asked(9.1, 10)]) == 0


def test_hosts_are_asked_as_they_may_be(ground: Ground) -> None:
    """Three workers, one killed and replaced, keep to gap and number at once and wait when told to."""
    found = manners(ground, 10)
    assert found.most_within <= MOST and found.most_at_once <= AT_ONCE, found
    assert found.refusals >= 10 and found.too_early == 0, found


def test_without_the_gate_it_is_seen(ground: Ground) -> None:
    """The control: a worker that keeps to no bound exceeds each of them."""
    found = manners(ground, 6, polite=False)
    assert found.most_within > MOST and found.most_at_once > AT_ONCE and found.too_early, found


def test_a_crowd_on_one_host_starves_nobody(ground: Ground) -> None:
    """Of two hundred feeds on a host that bears far less than they want each has its turn."""
    found = crowd(ground, 20, 200, 14)
    assert found.crowd_polled == 200 and found.crowd_most <= 3 * found.crowd_least, found


def test_hostile_bodies_cost_bounded_memory(ground: Ground) -> None:
    """A hundred bombs and drips at once cost less than 200 MiB, and ordinary feeds are polled beside."""
    found = memory(ground, 8)
    assert found.ordinary_polled == 10
    assert found.hostile - found.ordinary < 200 << 20, found
