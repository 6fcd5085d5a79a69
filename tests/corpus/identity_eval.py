"""The tables of identity and of links, as they come out: ``python -m tests.corpus.identity_eval``."""

from __future__ import annotations

import sys

from tests.identity import CASES, MISSED, NO_COMPLAINT, Case
from tests.unit.newsdesk import kinds
from tests.unit.test_canonical import DIFFERENT, NO_ARTICLE, SAME
from workers.articles.canonical import canonical_url


def line(word: str, name: str, case: Case) -> str:
    """A case as a line: how it went, what is expected of it, where it was met, what it says."""
    return f"{word:6} {case.created:3} articles {case.updated:2} edits  {case.source:39} {name}"


def main() -> None:
    """Print each case of identity with what came of it, then the links by what is expected of them."""
    wrong = 0
    for name, case in CASES.items():
        right = case.holds(case.run())
        wrong += not right
        print(line("ok" if right else "WRONG", name, case))
    for name, case in MISSED.items():
        got = kinds(case.run().events)
        came = f"came {got.count('created')} and {got.count('updated')}"
        print(f"{line('missed', name, case)}: {came}")
    same = [(link, form) for form, links in SAME.items() for link in links]
    merged = sum(canonical_url(link) == canonical_url(form) for link, form in same)
    apart = sum(len({canonical_url(u) for u in links}) == len(links) for links in DIFFERENT)
    none = sum(not canonical_url(link) for link in NO_ARTICLE)
    sourced = sum(case.source != NO_COMPLAINT for case in CASES.values())
    print(
        f"identity: {len(CASES)} cases, {sourced} with a source, {wrong} wrong; "
        f"{len(MISSED)} more are known and missed"
    )
    print(
        f"links: {len(same)} forms of {len(SAME)} articles, {len(same) - merged} not recognised; "
        f"{len(DIFFERENT)} groups of different articles, {len(DIFFERENT) - apart} merged; "
        f"{len(NO_ARTICLE)} that name no article, {len(NO_ARTICLE) - none} taken for one"
    )
    if wrong or merged < len(same) or apart < len(DIFFERENT) or none < len(NO_ARTICLE):
        sys.exit(1)


if __name__ == "__main__":
    main()
