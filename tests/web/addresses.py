"""Every way to have a worker dial where it must not: in the feed list, in redirects, in a page's links."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import NamedTuple

from tests.support.forbidden_hosts import HOSTS, NAMES
from tests.support.hostile_server import answer, redirect
from tests.web.pages import NETWORK, Pages, address
from tests.web.stage import Ground, Stage
from workers.feedlist.identity import check_url

TRAPS = ("127.0.0.1", "127.0.0.2", "::1")
"""Where it must not dial and somebody listens."""

LOOPBACK = ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "localhost", "LOCALHOST")
"""Forms that lead to this machine: what the control tries, which would dial all others in earnest."""

REBINDING = {
    "rebind.example": [[address(0)], ["127.0.0.1"]],
    "both.example": [[address(0), "127.0.0.1"]],
}
_ENOUGH_POLLS = 3


class Tried(NamedTuple):
    """What was tried and what came of it. ``dialled``: by the sockets' audit, beyond the web itself.
    ``trapped``: connections that listeners of the forbidden addresses were given."""

    forms: int
    listed: int
    refused_by_list: int
    redirected: int
    linked: int
    dialled: list[str]
    trapped: int
    ways: set[str]  # in which a listener was reached
    unpolled: list[str]


def _authorities(hosts: list[str], port: int) -> list[str]:
    """The hosts with the port, and with what may stand before a host to hide it."""
    lawful = address(0)
    hidden = [
        f"{lawful}@127.0.0.1:{port}",
        f"{lawful}:80@127.0.0.1:{port}",
        f"{lawful}%20@127.0.0.1:{port}",
        f"{lawful}%40x@localhost:{port}",
        f"u:p@[::1]:{port}",
        f"{lawful}:{port}@[::ffff:127.0.0.1]:{port}",
    ]
    return [*(f"{host}:{port}" for host in hosts), *hidden]


def _odd_locations(port: int) -> list[str]:
    """What parsers of a ``Location`` disagree about, and schemes that are none of ours."""
    here = f"127.0.0.1:{port}/trap/odd"
    lawful = f"{address(0)}:{port}"
    return [
        f"//{here}",
        f"///{here}",
        f"\\\\{here}",
        f"/\\{here}",
        f"http:{here}",
        f"http:/{here}",
        f"http:///{here}",
        f"http:\\\\{here}",
        f"http://{lawful}\\@{here}",
        f"http://{here}#@{lawful}/",
        f"http://{here}?@{lawful}/",
        f"HTTP://{here}",
        f" http://{here}",
        f"http://\t{here}",
        f"ht\ttp://{here}",
        f"http://127.0.0.1:0{port}/trap/odd",
        f"gopher://{here}",
        f"ftp://{here}",
        f"dict://{here}",
        "file:///etc/passwd",
        "unix:/run/docker.sock",
        "data:application/rss+xml,x",
        "javascript:0",
    ]


def addresses(ground: Ground, seconds: float, *, checked: bool = True) -> Tried:
    """Try each form in each place. Not ``checked``: the control, with a worker that dials anything."""
    hosts = [*HOSTS, *REBINDING] if checked else [*LOOPBACK, "loopback.example", "rebind.example"]
    with ExitStack() as stack:
        traps = stack.enter_context(Pages(TRAPS))
        lawful = stack.enter_context(Pages([address(0)]))
        forms = _authorities(hosts, traps.port) if checked else [f"{h}:{traps.port}" for h in hosts]
        forms.append(f"rebind.example:{lawful.port}")  # looked up for each port
        feeds: dict[str, str] = {}
        refused = 0
        for n, form in enumerate(forms):
            targets = {way: f"http://{form}/trap/{way}/{n}" for way in ("list", "redirect", "link")}
            try:
                check_url(targets["list"])
                feeds[f"list{n}"] = targets["list"]
            except ValueError:
                refused += 1  # one bad address and a list is not taken over at all
            lawful.pages[f"/to/{n}"] = redirect(targets["redirect"], 302 if n % 2 else 308)
            lawful.pages[f"/page/{n}"] = _page(targets["link"])
            feeds |= {
                f"redirect{n}": lawful.url(0, f"/to/{n}"),
                f"link{n}": lawful.url(0, f"/page/{n}"),
            }
        odd = _odd_locations(traps.port) if checked else []
        for n, location in enumerate(odd):
            lawful.pages[f"/odd/{n}"] = redirect(location, 301)
            feeds[f"odd{n}"] = lawful.url(0, f"/odd/{n}")
        stage = stack.enter_context(Stage(ground, NEWSWIRE_ALLOWED_NETWORKS=NETWORK))
        stage.names({**{name: [found] for name, found in NAMES.items()}, **REBINDING})
        stage.feeds([{"id": name, "url": url} for name, url in feeds.items()])
        stage.start(without="" if checked else "address_check")
        end = time.monotonic() + seconds
        while time.monotonic() < end and _rest(stage, feeds):
            time.sleep(0.2)
        beyond = [f"{host} {port}" for host, port in stage.dialled() if host != address(0)]
        return Tried(
            forms=len(set(forms)) + len(odd),
            listed=sum(name.startswith("list") for name in feeds),
            refused_by_list=refused,
            redirected=len(forms) + len(odd),
            linked=len(forms),
            dialled=sorted(beyond),
            trapped=traps.server.connections,
            ways={request.path.split("/")[2] for request in traps.requests},
            unpolled=_rest(stage, feeds),
        )


def _rest(stage: Stage, feeds: Iterable[str]) -> list[str]:
    polls = stage.polls()
    return sorted(name for name in feeds if polls[name] < _ENOUGH_POLLS)


def _page(target: str) -> bytes:
    link = f'<link rel="alternate" type="application/rss+xml" href="{html.escape(target)}">'
    body = (
        f"<!doctype html><html><head><title>p</title>{link}</head><body><h1>News</h1></body></html>"
    )
    return answer(body.encode(), content_type="text/html")
