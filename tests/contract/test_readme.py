"""What README.md tells a consumer: its example is an event, its program works as it stands."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

from schemas.examples import CREATED, plain
from schemas.generate import json_schemas
from schemas.topics import DAY_MS, PREFIX, TOPICS, data_schema
from tests.conftest import Names
from tests.contract.test_examples import LIVE, _lines, _publish
from tests.support.kafka_jars import ROOT
from tests.support.topic import create_topic

README = (ROOT / "README.md").read_text("utf-8")
PART = README[README.index("## Read it") : README.index("## Take it back")]


def _block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PART, re.DOTALL)
    return str(found)


def test_its_article_is_the_schema_s_example() -> None:
    """What a reader copies validates."""
    article = json.loads(_block("json"))
    Draft202012Validator(json_schemas()["article"]).validate(article)
    assert article == plain(CREATED)


def test_what_is_always_there_is_what_the_schema_requires() -> None:
    """The README names the required fields of an article, and no other."""
    sentence = PART[PART.index("Always there are") : PART.index("everything else")]
    named = {name.split(".")[0] for name in re.findall("`([A-Za-z.]+)`", sentence)}
    assert named == set(json_schemas()["article"]["required"])


def test_it_names_every_topic_and_type() -> None:
    """Each topic stands in the table with its retention, each type with its schema."""
    for topic in TOPICS:
        (row,) = [x for x in PART.splitlines() if x.startswith(f"| `{PREFIX}{topic.name}`")]
        if kept := topic.config.get("retention.ms"):
            assert f"{int(kept) // DAY_MS} days" in row
        else:
            assert topic.config["cleanup.policy"] == "compact" and "compacted" in row
        for message in topic.messages:
            if message.ce_type.startswith(("news.article", "news.feed")):
                assert f"`{message.ce_type}`" in PART
                assert data_schema(message.schema) in PART


def test_its_consumer_works(kafka: str, kafka_server: object, names: Names, tmp_path: Path) -> None:
    """The program, with only topic and servers replaced, on a topic with all that a topic can hold: each
    event once, in order, nothing that was aborted, nothing of a type that it does not know."""
    create_topic(kafka, names.articles, for_ever=True)
    _publish(kafka, names.articles, LIVE)
    text = _block("python")
    for old, new in (("news.articles", names.articles), ("127.0.0.1:9092", kafka)):
        assert text.count(f'"{old}"') == 1
        text = text.replace(f'"{old}"', f'"{new}"')
    program = tmp_path / "consumer.py"
    program.write_text(text)
    lines = [x.split(" ")[:3] for x in _lines([sys.executable, str(program)], "zzzzzzzz")]
    ident = CREATED.article_id
    assert lines == [
        ["news.article.created", ident, "1"],
        ["news.article.updated", ident, "2"],
        ["news.article.withdrawn", ident, "3"],
        ["news.article.created", "zzzzzzzzzzzzzzzz", "1"],
    ]
