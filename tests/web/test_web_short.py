"""The simulated web in a short form; ``make web`` runs the long one and prints the figures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.servers import KafkaServer, ValkeyServer
from tests.web import figures
from tests.web.addresses import addresses
from tests.web.credentials import credentials
from tests.web.figures import Figure
from tests.web.ledger import Asked, most_at_once, most_within, too_early
from tests.web.lies import lies
from tests.web.runs import crowd, manners, memory
from tests.web.stage import Ground


@pytest.fixture
def ground(tmp_path: Path, kafka_server: KafkaServer, valkey_server: ValkeyServer) -> Ground:
    """The suite's servers."""
    return Ground(tmp_path, kafka_server, valkey_server)


def _all_good(found: Iterable[Figure]) -> None:
    figures_ = list(found)
    assert all(figure.good for figure in figures_), "\n" + figures.table(figures_)


def _asked(start_s: float, end_s: float, not_before_s: float = 0.0, path: str = "/a") -> Asked:
    return Asked(start_s, end_s, "h", path, 200, not_before_s)


def test_the_ledger_is_read_right() -> None:
    """What began within a window, what was under way together, and what came before its time is counted."""
    requests = [_asked(0, 3), _asked(1, 2), _asked(1.5, 4, 9.0), _asked(5.5, 6, path="/b")]
    assert most_within(requests, 1.5) == 3
    assert most_at_once(requests) == 3
    assert too_early(requests) == 1
    assert too_early([_asked(0, 1, 9.0), _asked(1.9, 2), _asked(9.1, 10)]) == 0


@pytest.mark.servers
def test_hosts_are_asked_as_they_may_be(ground: Ground) -> None:
    """Three workers, one killed and replaced, keep to gap and number at once and wait when told to, also
    on redirects; a worker without the gate exceeds each bound."""
    _all_good(figures.of_manners(manners(ground, 7), manners(ground, 3, polite=False)))


@pytest.mark.servers
def test_no_form_of_a_forbidden_address_is_dialled(ground: Ground) -> None:
    """In lists, redirects and links of pages; a worker without the check reaches listeners by all three."""
    found, control = addresses(ground, 60), addresses(ground, 10, checked=False)
    _all_good(figures.of_addresses(found, control))


@pytest.mark.servers
def test_a_crowd_starves_nobody(ground: Ground) -> None:
    """Of 150 feeds on a host that bears far less than they want each has its turn, and lone feeds
    beside them are polled."""
    found = crowd(ground, 20, 150, 8, patience_s=60)
    assert len(found.beside.crowd_polls) == 150, found.beside.crowd_polls
    assert not found.unfair
    assert found.beside.first


@pytest.mark.servers
def test_hostile_documents_cost_bounded_memory(ground: Ground) -> None:
    """A hundred bombs, drips, endless and very large documents at once, and others are polled beside them."""
    found = memory(ground, 8, ["large", "wide", "endless", "drip", "bomb"])
    _all_good(figures.of_memory("", found))


@pytest.mark.servers
def test_lies_are_found_out(ground: Ground) -> None:
    """304s for ever, caches that go back in time, an ETag that changes each time."""
    _all_good(figures.of_lies(lies(ground, 40)))


@pytest.mark.servers
def test_secrets_go_nowhere_else(ground: Ground) -> None:
    """Neither to another host or port nor into log, records, metrics or prints; the control leaks both."""
    found, control = credentials(ground, 3), credentials(ground, 2, without="secrets")
    _all_good(figures.of_credentials(found, control))
