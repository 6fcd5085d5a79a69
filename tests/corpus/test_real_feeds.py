"""A hundred real feed documents through the whole worker, counted by an independent script."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Names
from tests.corpus.count_articles import count_articles
from tests.integration.helpers import polled, settings, until
from tests.support.static_site import StaticSite
from tests.support.topic import read_topic
from tests.support.worker import WorkerProcess


@pytest.mark.timeout(240)
@pytest.mark.parametrize("workers", [1, 3])
def test_each_article_once(
    workers: int, corpus: Path, kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """One event for each distinct article of 100 real feeds, none twice, none at later polls."""
    documents = {p.stem: p.read_bytes() for p in sorted((corpus / "real-feeds").iterdir())}
    with StaticSite() as site, ExitStack() as stack:
        urls = {f"{site.base}/{stem}": body for stem, body in documents.items()}
        site.pages |= {f"/{stem}": body for stem, body in documents.items()}
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("\n".join(urls) + "\n")
        env = settings(
            names, kafka, valkey, feeds, NEWSWIRE_FETCH_DEADLINE="20s", NEWSWIRE_CLAIM_LEASE="60s"
        )
        running = [stack.enter_context(WorkerProcess(env)) for _ in range(workers)]
        until(lambda: len(polled(running)) == len(urls), 90, "every feed polled")
        # From now on every answer differs in bytes and in nothing that is news.
        for path, body in list(site.pages.items()):
            assert isinstance(body, bytes)
            site.pages[path] = body + b"\n<!-- built again -->\n"
        seen = polled(running)
        until(
            lambda: all(n >= seen[f] + 3 for f, n in polled(running).items()),
            60,
            "three more polls of every feed",
        )
        for worker in running:
            assert worker.stop() == 0, worker.tail()
    records = read_topic(kafka, names.articles)
    ids = Counter(r.key for r in records)
    expected = count_articles(urls)
    assert [k for k, n in ids.items() if n > 1] == [], "events of one article more than once"
    assert len(ids) == len(expected)
