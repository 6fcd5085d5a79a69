"""An outage of our own network, and what only looks like one."""

from __future__ import annotations

from workers import logs
from workers.fetcher.network import HOSTS, UNREACHED, Network
from workers.model import Fetched

MISSED = Fetched("dns_error", "")


def missed(network: Network, hosts: int) -> list[bool]:
    """So many hosts that cannot be reached, one after the other."""
    return [network.is_to_blame(f"h{n}.example", MISSED) for n in range(hosts)]


def test_ten_hosts_in_a_row_are_no_chance() -> None:
    """The tenth and all after it fail for no fault of theirs, until one answers, whatever it says."""
    network = Network(logs.get())
    assert missed(network, HOSTS + 2) == [False] * (HOSTS - 1) + [True] * 3
    assert not network.is_to_blame("well.example", Fetched("server_error", "", 500))
    assert missed(network, 1) == [False]


def test_feeds_of_one_host_are_no_outage() -> None:
    """A platform that is down is one host, however many feeds it has."""
    network = Network(logs.get())
    assert not any(network.is_to_blame("platform.example", MISSED) for _ in range(100))


def test_what_says_nothing_of_the_network() -> None:
    """A request that was not sent, or an answer that broke off, neither counts nor ends an outage."""
    network = Network(logs.get())
    missed(network, HOSTS)
    assert not network.is_to_blame("a.example", Fetched("address_forbidden", ""))
    assert network.is_to_blame("b.example", MISSED)
    assert not network.is_to_blame("c.example", Fetched("timeout", "", 200))
    assert not network.is_to_blame("d.example", MISSED)
    assert "timeout" in UNREACHED
