"""What is stored in Redis, byte for byte: releases of one state version read each other's state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from workers.errors import StateVersionError
from workers.fetcher import memory, records
from workers.fetcher.memory import Remembered
from workers.fetcher.records import ArticleRecord
from workers.model import NEWEST_STATE, OLDEST_STATE, FeedConfig, FeedState
from workers.store.dataset import Marker, check_version, decode_marker, dumps
from workers.store.store import pack_headers

_encode = msgspec.msgpack.encode
_ENTRY = Remembered(
    b"r" * 8, b"g" * 8, b"u" * 10, b"a" * 10, b"h" * 4, b"b" * 4, b"d" * 4, b"p" * 6,
    29_000_000, 29_000_001, 2, 3,
)  # fmt: skip


class Stored(NamedTuple):
    """A value, how it is written and read, and its bytes as they were when version 1 began."""

    value: Any
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]
    raw: bytes


FORMS = {
    "marker": Stored(
        Marker("0123456789abcdef", 1, 4, "news.", ("fe",)),
        lambda m: dumps(m).encode(),
        lambda b: decode_marker(b.decode()),
        b'{"dataset":"0123456789abcdef","version":1,"shards":4,"prefix":"news.","replaces":["fe"]}',
    ),
    "article record": Stored(
        ArticleRecord(20_000, 3, b"o" * 8, b"c" * 4, 1_772_000_000, ("f1", "f2"), b"v" * 4),
        ArticleRecord.pack,
        records.unpack,
        bytes.fromhex("414e2000036f6f6f6f6f6f6f6f63636363699e9300767676766631206632"),
    ),
    "alias of an article": Stored(
        b"a" * 10,
        lambda article: records.alias(20_000, article),
        records.unpack,
        bytes.fromhex("4c4e2061616161616161616161"),
    ),
    "a feed's memory": Stored(
        ([_ENTRY], {b"k" * 8: b"x"}),
        lambda both: memory.pack(*both),
        lambda b: (memory.unpack(b).entries, memory.unpack(b).learned),
        bytes.fromhex(
            "010e00000081c4086b6b6b6b6b6b6b6bc4017872727272727272726767676767676767757575757575757575"
            "75616161616161616161616868686862626262646464647070707070704081ba014181ba010203"
        ),
    ),
    "a feed's configuration": Stored(
        FeedConfig(
            "f", "http://a.example/f", tags=("t",), interval_s=60.0, headers_from={"X": "env:Y"}
        ),
        _encode,
        lambda b: msgspec.msgpack.decode(b, type=FeedConfig),
        bytes.fromhex(
            "85a26964a166a375726cb2687474703a2f2f612e6578616d706c652f66a47461677391a174aa696e74657276616c"
            "5f73cb404e000000000000ac686561646572735f66726f6d81a158a5656e763a59"
        ),
    ),
    "a feed's state": Stored(
        FeedState(
            config_url="http://a.example/f", etag='"1"', polls=2, rate=1.5, hours=(1, 2),
            history=((1, "new", 200),), body_hash=b"x",
        ),
        _encode,
        lambda b: msgspec.msgpack.decode(b, type=FeedState),
        bytes.fromhex(
            "de0007aa636f6e6669675f75726cb2687474703a2f2f612e6578616d706c652f66a465746167a3223122a9626f64"
            "795f68617368c40178a5706f6c6c7302a472617465cb3ff8000000000000a5686f757273920102a7686973746f72"
            "79919301a36e6577ccc8"
        ),
    ),
    "headers of an event": Stored(
        (("ce_id", b"1"),),
        pack_headers,
        lambda b: msgspec.msgpack.decode(b, type=tuple[tuple[str, bytes], ...]),
        bytes.fromhex("9192a563655f6964c40131"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_what_is_stored_is_what_was_stored(name: str) -> None:
    """Both ways. Where this must change, there must be a new NEWEST_STATE, and both forms are written and
    read until it is in force; new fields that an older release may ignore need none."""
    form = FORMS[name]
    assert form.write(form.value) == form.raw
    assert form.read(form.raw) == form.value


@pytest.mark.parametrize(
    ("version", "said"),
    [(NEWEST_STATE + 1, "Run the newer release"), (OLDEST_STATE - 1, "finalize")],
)
def test_a_version_that_is_not_known_is_refused(version: int, said: str) -> None:
    """A newer state, and one older than this release reads: each says which release to run."""
    with pytest.raises(StateVersionError, match=said) as caught:
        check_version(Marker("d", version, 4, "news."))
    assert caught.value.exit_code == 78
