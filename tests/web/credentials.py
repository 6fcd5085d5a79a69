"""Where the secrets of feeds turn up: in requests to other hosts, in anything that is written or printed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from tests.support.hostile_server import Exchange, answer, fixed, redirect
from tests.support.kafka_jars import ROOT
from tests.support.processes import LOOPBACK
from tests.support.static_site import rss
from tests.support.topic import read_topic
from tests.support.worker import WorkerProcess
from tests.web.pages import NETWORK, Pages, address
from tests.web.stage import Ground, Stage

HEADER, BASIC, QUERY = "s3cr3t-of-a-header", "s3cr3t-of-a-login", "s3cr3t-of-a-query"
SECRETS = (HEADER, BASIC, QUERY, base64.b64encode(f"user:{BASIC}".encode()).decode())


class Kept(NamedTuple):
    """Who was given secrets. ``right``: requests of feeds to their own server that had theirs."""

    right: int
    others_asked: int
    others_told: list[str]
    written: int  # texts that were looked through
    found: list[str]  # secrets in them


def _ends(home: Pages, other: Pages, port: Pages) -> dict[str, bytes]:
    """What servers do with a request that has credentials, by name."""
    feed = rss("http://news.example", "story", 2)
    away, there = other.url(1, "/away"), port.url(0, "/port")
    ends = {
        "feed": answer(feed, content_type="application/rss+xml"),
        **{f"to-{status}": redirect(away, status) for status in (301, 302, 303, 307, 308)},
        "to-port": redirect(there, 302),
        "to-userinfo": redirect(away.replace("://", "://other:login@"), 302),
        "to-and-back": redirect(other.url(1, "/back"), 302),
        "to-nowhere": redirect("http://no.such.example/x", 302),
        "to-forbidden": redirect("http://127.0.0.1/x", 302),
        "to-no-url": redirect(f"http://[{HEADER}", 302),
        "page": answer(
            b'<html><head><link rel="alternate" type="application/rss+xml" href="%s"></head></html>'
            % away.encode(),
            content_type="text/html",
        ),
        "unauthorized": answer(b"no", "401 Unauthorized"),
        "broken": answer(b"<rss><channel><item><title>\x00<<<&" * 3, content_type="text/xml"),
        "links": answer(_own_links("rss"), content_type="application/rss+xml"),
        "atom-links": answer(_own_links("atom"), content_type="application/atom+xml"),
        "garbage": b"HTTP/9 what\r\n\r\n",
        "none": answer(b"", "404 Not Found"),
    }
    other.pages["/away"] = answer(feed, content_type="application/rss+xml")
    other.pages["/back"] = redirect(home.url(0, "/feed-again"), 302)
    home.pages["/feed-again"] = ends["feed"]
    port.pages["/port"] = ends["feed"]
    return ends


def _own_links(form: str) -> bytes:
    """Entries whose links are the feed's own address, in the ways that relative links allow."""
    items = "".join(
        f"<item><title>{n} link</title><guid>{n}</guid><link>{link}</link></item>"
        if form == "rss"
        else f'<entry><title>{n} link</title><id>{n}</id><link href="{link}"/></entry>'
        for n, link in enumerate(("", "#part", "?", ".", "?page=2", "&amp;x"))
    )
    if form == "rss":
        return (
            f"<rss version='2.0'><channel><title>t</title><link/>{items}</channel></rss>".encode()
        )
    return f"<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title>{items}</feed>".encode()


async def _mirror(exchange: Exchange) -> None:
    """Says back what it was told, wherever a text may go."""
    told = " ".join(exchange.request.headers.values())
    head = f"HTTP/1.1 302 {told}\r\nlocation: http://[{told}\r\ncontent-type: {told}\r\netag: {told}\r\n"
    await exchange.send(f"{head}x-{HEADER}: y\r\ncontent-length: 0\r\n\r\n".encode())


def credentials(ground: Ground, seconds: float, *, without: str = "") -> Kept:
    """Poll feeds with a header, a login, userinfo and a secret query, whose servers lead them anywhere;
    ``without`` a guard, as a control."""
    with ExitStack() as stack:
        home = stack.enter_context(Pages([address(0)]))
        other = stack.enter_context(Pages([address(1)]))
        port = stack.enter_context(Pages([address(0)]))
        ends = _ends(home, other, port)
        stage = stack.enter_context(Stage(ground, NEWSWIRE_ALLOWED_NETWORKS=NETWORK))
        login = ground.directory / "login"
        login.write_text(f"user:{BASIC}\n")
        feeds = []
        for name, end in ends.items():
            home.pages |= {f"/{kind}/{name}": fixed(end) for kind in ("header", "login", "user")}
            home.pages[f"/query/{name}?token={QUERY}"] = fixed(end)
            feeds += _feeds(home, name, str(login))
        home.pages["/header/mirror"] = _mirror
        feeds += _feeds(home, "mirror", str(login))[:1]
        stage.feeds(feeds)
        worker = stage.start(without=without, HEADER_SECRET=HEADER)
        worker.wait_for("feed_list_loaded")
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and len(stage.polls()) < len(feeds):
            time.sleep(0.2)
        time.sleep(seconds / 4)  # several polls: permanent redirects come into force
        texts = dict(_written(stage, worker))
        if not without:
            texts |= dict(_printed(stage))
        worker.stop()
        texts["stopping"] = json.dumps(worker.lines())
    outside = [*other.requests, *port.requests]
    told = [f"{r.path}: {s}" for r in outside for s in SECRETS if s in f"{r.path} {r.headers}"]
    right = [r for r in home.requests if any(s in f"{r.path} {r.headers}" for s in SECRETS)]
    found = [f"{s} in {name}" for name, text in texts.items() for s in SECRETS if s in text]
    return Kept(len(right), len(outside), told, len(texts), found)


def _feeds(home: Pages, name: str, login: str) -> list[dict[str, object]]:
    url = home.url(0, f"/header/{name}")
    return [
        {"id": f"h-{name}", "url": url, "headersFrom": {"X-Key": "env:HEADER_SECRET"}},
        {"id": f"l-{name}", "url": home.url(0, f"/login/{name}"), "basicAuthFrom": f"file:{login}"},
        {
            "id": f"u-{name}",
            "url": home.url(0, f"/user/{name}").replace("://", f"://user:{BASIC}@"),
        },
        {"id": f"q-{name}", "url": home.url(0, f"/query/{name}?token={QUERY}")},
    ]


def _written(stage: Stage, worker: WorkerProcess) -> Iterator[tuple[str, str]]:
    """All that leaves the worker: log, records, metrics."""
    yield "log", json.dumps(worker.lines())
    yield "stderr", "\n".join(worker.stderr)
    prefix = stage.settings["NEWSWIRE_TOPIC_PREFIX"]
    for topic in ("articles", "feeds", "dead-letters", "positions"):
        for record in read_topic(stage.ground.kafka.bootstrap, prefix + topic):
            yield record.place, f"{record.key} {record.headers} {json.dumps(record.value)}"
    port = worker.wait_for("ops_started")["server.port"]
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as response:
        yield "metrics", response.read().decode()


def _printed(stage: Stage) -> Iterator[tuple[str, str]]:
    """What the commands of the worker print."""
    env = {**os.environ, **stage.settings, "NO_COLOR": "1"}
    commands = [["config"], ["feeds"], ["replay"], ["explain", "u-to-301"], ["explain", "q-to-301"]]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "workers.cli", *command],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        yield "newswire " + " ".join(command), done.stdout + done.stderr
