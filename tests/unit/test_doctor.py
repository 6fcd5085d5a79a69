"""What the doctor makes of what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from workers.doctor.clocks import judge_clock
from workers.doctor.findings import EXIT_CODES, as_json, as_text, fail, ok, warn, worst
from workers.doctor.list_checks import look_at_list
from workers.doctor.machine import MIB, judge_files, judge_memory
from workers.doctor.redis_checks import judge_dataset, judge_latency, judge_redis
from workers.doctor.web_checks import OURS, Answered, chosen, judge_answers, judge_names
from workers.feedlist.source import ListSource
from workers.log_fields import REASONS
from workers.model import FeedConfig
from workers.store.dataset import Marker, dumps

WELL: dict[str, Any] = {
    "server_name": "valkey", "valkey_version": "9.1.0", "redis_version": "7.2.4", "role": "master",
    "aof_enabled": 1, "maxmemory": 100 * MIB, "used_memory": 10 * MIB, "maxmemory_policy": "noeviction",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("# none yet\n", "warn"),
        ("[]", "warn"),
        ("- url: https://a.example/\n  enabled: false\n", "warn"),
        ("https://a.example/\n", "ok"),
    ],
)
async def test_a_list_without_feeds(text: str, level: str, tmp_path: Path) -> None:
    """A list that can be read and names nothing to poll is a warning, not well."""
    path = tmp_path / "feeds.yaml"
    path.write_text(text)
    seen = await look_at_list(ListSource(str(path)), str, gap_s=1, longest_s=60)
    assert worst(seen.findings) == level


@pytest.mark.parametrize(
    ("info", "level", "part"),
    [
        ({}, "ok", "Valkey 9.1.0"),
        ({"redis_version": "6.2.0", "valkey_version": ""}, "fail", "too old"),
        ({"redis_version": "7.0.15", "valkey_version": ""}, "warn", "WAITAOF"),
        ({"aof_last_write_status": "err"}, "fail", "cannot be written"),
        ({"aof_last_bgrewrite_status": "err"}, "warn", "rewrite"),
        ({"used_memory": 85 * MIB}, "warn", "nearly full"),
        ({"used_memory": 96 * MIB}, "fail", "full, writes are refused"),
    ],
)
def test_what_info_says(info: dict[str, Any], level: str, part: str) -> None:
    """Version, disk and memory, each with its level."""
    found = list(judge_redis("", WELL | info))
    assert worst(found) == level
    assert any(part in f.text for f in found if f.level == level)


def test_a_node_of_a_cluster_is_named() -> None:
    """Else nobody knows where to look."""
    found = judge_redis("10.0.0.7:6379", WELL | {"aof_enabled": 0})
    assert all("10.0.0.7:6379" in f.text for f in found if f.level != "ok")


def test_round_trips() -> None:
    """The middle one counts: one slow answer is no slow server."""
    assert judge_latency([1.0, 1.0, 90.0]).level == "ok"
    assert judge_latency([1.0, 30.0, 90.0]).level == "warn"


@pytest.mark.parametrize(
    ("ahead_s", "level", "part"),
    [(0.3, "ok", "agree"), (-10, "warn", "10 s behind"), (7_200, "fail", "7200 s ahead of")],
)
def test_clocks(ahead_s: float, level: str, part: str) -> None:
    """Seconds are a warning, a minute is a failure."""
    found = judge_clock("clock", "the web", ahead_s)
    assert (found.level, part in found.text) == (level, True)


def test_states_that_belong_together() -> None:
    """Redis and Kafka must speak of one dataset, or both of none."""
    marker = dumps(Marker("d1", 1, 2, "news."))
    both = [marker, marker]
    assert judge_dataset(["", ""], {}, 2, "news.").level == "ok"
    assert judge_dataset(both, {0: "d1"}, 2, "news.").level == "ok"
    for markers, published, shards in (
        (["", ""], {0: "d1"}, 2), (both, {0: "d2"}, 2), ([marker, ""], {1: "d1"}, 2), (both, {}, 3),
        (["rubbish", ""], {}, 2),
    ):  # fmt: skip
        assert judge_dataset(markers, published, shards, "news.").level == "fail"


def test_who_is_asked() -> None:
    """Feeds without credentials, enabled, each of another host."""
    feeds = [FeedConfig(f"f{n}", f"https://h{n % 2}.example/{n}") for n in range(9)]
    feeds += [FeedConfig("off", "https://off.example/", enabled=False)]
    feeds += [FeedConfig("own", "https://own.example/", basic_auth_from="env:X")]
    hosts = sorted(f.url.split("/")[2] for f in chosen(feeds))
    assert hosts == ["h0.example", "h1.example"]


def test_our_trouble_and_theirs() -> None:
    """That no feed can be reached is a failure, that one cannot a warning, an error of a server neither."""
    well, off = Answered("u", "not_found", "", None), Answered("v", "timeout", "after 30 s", None)
    assert [f.level for f in judge_answers([well, well], "")] == ["ok"]
    assert [f.level for f in judge_answers([well, off], "")] == ["warn"]
    assert [f.level for f in judge_answers([off, off], "http://p:1")] == ["fail", "fail"]
    assert judge_names((["a", "b"], ["a"]), "").level == "warn"
    assert judge_names((["a"], ["a"]), "").level == "fail"
    assert judge_names(([], []), "http://p:1").level == "ok"
    assert set(REASONS) >= OURS


def test_limits_of_the_machine() -> None:
    """Too few files is a failure, little memory a warning, no limit is well."""
    assert judge_files(64, 300).level == "fail"
    assert judge_files(-1, 300).level == judge_files(1024, 300).level == "ok"
    assert judge_memory(100 * MIB).level == "warn"
    assert judge_memory(0).level == judge_memory(900 * MIB).level == "ok"


def test_how_it_is_told() -> None:
    """One line each and what to do beneath, harmless and without secrets; the worst gives the exit code."""
    found = [
        ok("redis", "well"),
        warn("feeds", "a\x1b[2J"),
        fail("kafka", "pass hunter22", "do\nthis"),
    ]
    text = as_text(found, ["hunter22"], color=False)
    assert text.splitlines() == [
        "ok     redis     well",
        "WARN   feeds     a\ufffd[2J",
        "FAIL   kafka     pass ***",
        "                 -> do this",
        "1 ok, 1 warn, 1 fail",
    ]
    assert "\x1b[1;31mFAIL" in as_text(found, [], color=True)
    answer = orjson.loads(as_json(found, ["hunter22"]))
    assert (answer["level"], len(answer["findings"])) == ("fail", 3)
    assert b"hunter22" not in as_json(found, ["hunter22"])
    assert [EXIT_CODES[worst(found[:n])] for n in range(4)] == [0, 0, 1, 2]
