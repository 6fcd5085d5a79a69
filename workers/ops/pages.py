"""Facts to HTML: the only importer of ``jinja2``. Everything is escaped unless a template of ours says it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from workers.clock import rfc3339
from workers.explain import ago, span_of
from workers.log_clean import Cleaner
from workers.ops.ring import quantile

MAX_SHORT = 160
"""Characters of a name or address in a list."""

_clean = Cleaner().text
_css = resources.files(__package__).joinpath("templates/style.css").read_text("utf-8")
_css_hash = base64.b64encode(hashlib.sha256(_css.encode()).digest()).decode()

HEADERS = {
    # Nothing but the page itself, its one style sheet by its hash, and its own form.
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_css_hash}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Content-Type": "text/html; charset=utf-8",
}


def render(template: str, **values: Any) -> str:
    """A page. Raises UndefinedError when the template wants a value that is not given."""
    return _environment.get_template(template).render(css=Markup(_css), **values)  # noqa: S704 - our own file


def short(text: str) -> str:
    """Clean, and no longer than a line or two."""
    text = _clean(text)
    return text if len(text) <= MAX_SHORT else text[: MAX_SHORT - 1] + "…"


def _due(ms: int, now_ms: int) -> str:
    return f"for {span_of((now_ms - ms) / 1000)}" if ms <= now_ms else ago(ms, now_ms)


def within(delays: Sequence[int], share: float) -> str:
    """The delay that a share of the events stays within, in words."""
    found = quantile(delays, share)
    return "–" if found is None else span_of(found)


_environment = Environment(
    loader=PackageLoader("workers.ops"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "ago": ago,
    "clean": _clean,
    "clock": lambda ms: rfc3339(ms)[11:16],
    "due": _due,
    "moment": lambda ms: rfc3339(ms)[:19].replace("T", " "),
    "short": short,
    "urlencode": urlencode,
    "within": within,
}
