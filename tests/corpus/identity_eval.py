"""The tables of identity and of links, as they come out: ``python -m tests.corpus.identity_eval``."""

from __future__ import annotations

import sys

from tests.unit.newsdesk import MINUTE, Desk, kinds
from tests.unit.test_canonical import DIFFERENT, NO_ARTICLE, SAME
from tests.unit.test_dedupe import CASES
from workers.fetcher.canonical import canonical_url


def main() -> None:
    """Print each case of identity with what came of it, then the links by what is expected of them."""
    wrong = 0
    for name, (documents, created, updated) in CASES.items():
        desk = Desk()
        for document in documents:
            desk.poll(document)
            desk.pass_time(MINUTE)
        got = kinds(desk.events)
        right = (got.count("created"), got.count("updated")) == (created, updated)
        wrong += not right
        print(f"{'ok   ' if right else 'WRONG'} {created:3} articles {updated:2} edits  {name}")
    same = [(link, form) for form, links in SAME.items() for link in links]
    merged = sum(canonical_url(link) == canonical_url(form) for link, form in same)
    apart = sum(len({canonical_url(u) for u in links}) == len(links) for links in DIFFERENT)
    none = sum(not canonical_url(link) for link in NO_ARTICLE)
    print(f"identity: {len(CASES)} cases, {wrong} wrong")
    print(
        f"links: {len(same)} forms of {len(SAME)} articles, {len(same) - merged} not recognised; "
        f"{len(DIFFERENT)} groups of different articles, {len(DIFFERENT) - apart} merged; "
        f"{len(NO_ARTICLE)} that name no article, {len(NO_ARTICLE) - none} taken for one"
    )
    if wrong or merged < len(same) or apart < len(DIFFERENT) or none < len(NO_ARTICLE):
        sys.exit(1)


if __name__ == "__main__":
    main()
