"""``python -m tests.support.next_release COMMAND…``: ``newswire`` of a release that is to come.

Its newest version of the state is one higher. What it stores is the same: it proves when a version comes
into force and who works under it, not how it is read.
"""

from __future__ import annotations

import sys

import workers.model

workers.model.NEWEST_STATE += 1

from workers.cli import main  # noqa: E402 - after the change

if __name__ == "__main__":
    sys.exit(main())
