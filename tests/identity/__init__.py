"""Which entries are one article: cases, most with the public thread that they come from."""

from __future__ import annotations

from tests.identity.columns import COLUMNS
from tests.identity.content import CONTENT
from tests.identity.documents import NO_COMPLAINT, Case
from tests.identity.edits import EDITS
from tests.identity.guids import GUIDS
from tests.identity.missed import MISSED
from tests.identity.turning import TURNING

__all__ = ["CASES", "MISSED", "NO_COMPLAINT", "Case"]

CASES: dict[str, Case] = {**EDITS, **GUIDS, **TURNING, **CONTENT, **COLUMNS}
