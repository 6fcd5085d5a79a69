"""The lists that stand in ``deploy/``, and the schema that editors check lists with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from workers.errors import FeedListError
from workers.feedlist.fields import KEYS
from workers.feedlist.formats import parse_list

DEPLOY = Path(__file__).parents[2] / "deploy"
URL = "https://a.example/rss"


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema itself."""
    return json.loads((DEPLOY / "feeds.schema.json").read_text())


@pytest.fixture(scope="module")
def validator(schema: Any) -> Draft202012Validator:
    """A validator of lists."""
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_schema_and_the_reader_know_the_same_keys(schema: Any) -> None:
    """A key that one of them lacks is a mistake in either."""
    assert sorted(schema["$defs"]["feed"]["properties"]) == sorted(KEYS)


def test_the_example_is_valid_and_shows_every_key(validator: Draft202012Validator) -> None:
    """The example holds to the schema, the reader takes it, and no key is missing in it."""
    data = (DEPLOY / "feeds.example.yaml").read_bytes()
    document = yaml.safe_load(data)
    validator.validate(document)
    result = parse_list(data, name="example")
    assert len(result.feeds) == len(document["feeds"])
    assert result.warnings == ()
    shown = {key for item in document["feeds"] if isinstance(item, dict) for key in item}
    assert shown == set(KEYS)


def test_the_sample_list_is_read_whole() -> None:
    """At least a dozen feeds, each with a name, a language and a folder, none twice."""
    result = parse_list((DEPLOY / "feeds.opml").read_bytes(), name="sample")
    assert len(result.feeds) >= 12
    assert result.warnings == ()
    assert all(feed.name and feed.language and len(feed.tags) == 1 for feed in result.feeds)
    assert all(feed.url.startswith("https://") for feed in result.feeds)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"feeds": []},
        [URL],
        ["HTTP://A.example"],
        [{"url": URL}],
        [{"url": URL, "interval": 900}, {"url": URL + "1", "interval": "1.5h"}],
        [{"url": URL, "interval": 1}, {"url": URL + "1", "interval": 30 * 86_400}],
        [{"url": URL, "backfill": "all"}, {"url": URL + "1", "backfill": "14d"}],
        [{"url": URL, "headersFrom": {"X-A": "env:_A1", "B": "file:/run/b"}}],
        [{"url": URL, "id": "a.B_c-1", "tags": ["x"] * 64, "language": "zh-Hant"}],
        [{"url": URL, "enabled": False, "name": "x", "tags": []}],
        [{"url": URL, "proxy": "off"}, {"url": URL + "1", "proxy": False, "userAgent": "A/1 (+b)"}],
        [
            {"url": URL, "basicAuthFrom": "env:LOGIN"},
            {"url": URL + "1", "basicAuthFrom": "file:/b"},
        ],
    ],
)
def test_what_the_schema_takes_the_reader_takes(
    validator: Draft202012Validator, document: Any
) -> None:
    """Both take these; the reader gets them as YAML and as JSON."""
    validator.validate(document)
    parse_list(yaml.safe_dump(document).encode(), name="list")
    parse_list(json.dumps(document).encode(), name="list")


@pytest.mark.parametrize(
    "document",
    [
        "x",
        {"feed": []},
        {"feeds": [], "x": 1},
        {"feeds": URL},
        [[URL]],
        ["ftp://a.example/"],
        ["https://"],
        ["https://a.example/x y"],
        [{"name": "x"}],
        [{"url": URL, "title": "x"}],
        [{"url": URL, "interval": 0}],
        [{"url": URL, "interval": 0.5}],
        [{"url": URL, "interval": 31 * 86_400}],
        [{"url": URL, "interval": "often"}],
        [{"url": URL, "interval": -1}],
        [{"url": URL, "backfill": "some"}],
        [{"url": URL, "id": "a b"}],
        [{"url": URL, "id": "x" * 65}],
        [{"url": URL, "language": "english"}],
        [{"url": URL, "tags": "x"}],
        [{"url": URL, "tags": [str(n) for n in range(65)]}],
        [{"url": URL, "headersFrom": {"A": "Bearer x"}}],
        [{"url": URL, "headersFrom": {"A": "file:relative"}}],
        [{"url": URL, "headersFrom": {"A b": "env:X"}}],
        [{"url": URL, "headersFrom": {f"H{n}": "env:X" for n in range(33)}}],
        [{"url": URL, "enabled": "maybe"}],
        [{"url": URL, "headersFrom": {"user-agent": "env:X"}}],
        [{"url": URL, "basicAuthFrom": "user:password"}],
        [{"url": URL, "userAgent": "a\nb"}],
        [{"url": URL, "userAgent": "ä"}],
        [{"url": URL, "proxy": "socks5://p"}],
    ],
)
def test_what_the_schema_refuses_the_reader_refuses(
    validator: Draft202012Validator, document: Any
) -> None:
    """An editor underlines what the worker would refuse."""
    assert not validator.is_valid(document)
    with pytest.raises(FeedListError):
        parse_list(yaml.safe_dump(document).encode(), name="list")
