"""What is stored in Redis, byte for byte: releases of one state version read each other's state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import StateVersionError
from workers.fetcher import memory, records
from workers.fetcher.memory import Remembered
from workers.fetcher.records import ArticleRecord
from workers.fetcher.validators import for_config
from workers.model import NEWEST_STATE, OLDEST_STATE, FeedConfig, FeedState, Search
from workers.store import forms
from workers.store.dataset import Marker, check_version, decode_marker, dumps
from workers.store.store import pack_headers

_URL = "http://a.example/f"
_ENTRY = Remembered(
    b"r" * 8, b"g" * 8, b"u" * 10, b"a" * 10, b"h" * 4, b"b" * 4, b"d" * 4, b"p" * 6,
    29_000_000, 29_000_001, 2, 3,
)  # fmt: skip


class Stored(NamedTuple):
    """A value, how it is written and read, and its bytes as they were when its version began."""

    value: Any
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]
    raw: bytes
    exact: bool = True  # False: deflated, which another zlib may do in another way


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
        lambda config: forms.pack_config(config, 1),
        lambda b: forms.unpack_config(b, "f"),
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
        lambda state: forms.pack_state(state, 1, _URL),
        lambda b: forms.unpack_state(b, _URL),
        bytes.fromhex(
            "de0007aa636f6e6669675f75726cb2687474703a2f2f612e6578616d706c652f66a465746167a3223122a9626f64"
            "795f68617368c40178a5706f6c6c7302a472617465cb3ff8000000000000a5686f757273920102a7686973746f72"
            "79919301a36e6577ccc8"
        ),
    ),
    "a feed's memory, version 2": Stored(
        ([_ENTRY], {b"k" * 8: b"x"}),
        lambda both: forms.pack_memory(memory.pack(*both), 2),
        lambda b: (
            (m := memory.unpack(forms.unpack_memory(b))).entries,
            m.learned,
        ),
        bytes.fromhex(
            "020101000000010e00000081c4086b6b6b6b6b6b6b6bc4017872727272727272726767676767676767757575"
            "757575757575756868686862626262646464641311818102307068dcc5e808c44ccc00"
        ),
        exact=False,
    ),
    "a feed's configuration of an address alone, version 2": Stored(
        FeedConfig("f", _URL),
        lambda config: forms.pack_config(config, 2),
        lambda b: forms.unpack_config(b, "f"),
        b"http://a.example/f",
    ),
    "a feed's configuration, version 2": Stored(
        FeedConfig("f", _URL, tags=("t",)),
        lambda config: forms.pack_config(config, 2),
        lambda b: forms.unpack_config(b, "f"),
        bytes.fromhex(
            "83a26964a0a375726cb2687474703a2f2f612e6578616d706c652f66a47461677391a174"
        ),
    ),
    "a feed's state, version 2": Stored(
        FeedState(
            config_url=_URL, etag='"1"', last_modified="Sun, 01 Mar 2026 08:30:00 GMT", body_hash=b"x",
            last_polled_ms=1_772_000_000_123, last_new_ms=1_771_000_000_000, polls=2, rate=1.5,
            hours=(1, 2), link="http://a.example/home", search=Search("path", ("http://b.example/",), _URL),
            history=((1_771_999_000_000, "new", 200), (1_772_000_000_123, "not_modified", 304)),
        ),
        lambda state: forms.pack_state(state, 2, _URL),
        lambda b: forms.unpack_state(b, _URL),
        bytes.fromhex(
            "029dcf002102000204035dce4aab13c6a3223122ce69a3f908c40178cf0000019c936e387bce3b9aca7b02cb"
            "3ff800000000000092010291a4686f6d6596009400cd013003ccc80000cd03e80183a473746570a470617468"
            "a5717565756591b1687474703a2f2f622e6578616d706c652fa470616765b2687474703a2f2f612e6578616d"
            "706c652f66"
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
    written = form.write(form.value)
    assert written == form.raw or not form.exact
    assert form.read(form.raw) == form.read(written) == form.value


_MS = st.integers(0, 2**43)
_WORDS = (
    st.text(max_size=30)
    | st.sampled_from(["Sun, 01 Mar 2026 08:30:00 GMT", "Sun, 99 Jan 0000 99:99:99 GMT", "new"])
    | st.just(_URL)
)
_STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "str": _WORDS,
    "bytes": st.binary(max_size=16),
    "int": _MS,
    "bool": st.booleans(),
    "float": st.floats(0, 1e300) | st.integers(0, 9),
    "tuple[int, ...]": st.lists(st.integers(0, 999), max_size=24).map(tuple),
    "tuple[bytes, ...]": st.lists(st.binary(max_size=8), max_size=3).map(tuple),
    "tuple[tuple[int, str, int], ...]": st.lists(
        st.tuples(_MS.map(lambda ms: ms // 1000 * 1000), _WORDS, st.integers(0, 599)), max_size=10
    ).map(tuple),
    "Search | None": st.none() | st.just(Search("link", ("x",), "p", 3, outage=True)),
}
_STATES = st.fixed_dictionaries(
    {}, optional={name: _STRATEGIES[kind] for name, kind in FeedState.__annotations__.items()}
)


@given(_STATES, st.sampled_from([_URL, "", "http://b.example", "no address"]))
def test_a_state_comes_back_as_it_was(fields: dict[str, Any], url: str) -> None:
    """Whatever it holds, in both versions, also with moments after the last poll."""
    state = FeedState(**fields)
    for version in (1, 2):
        assert forms.unpack_state(forms.pack_state(state, version, url), url) == state


def test_a_field_of_a_later_release_is_passed_over() -> None:
    """A state of version 2 with one field more than this release knows is read without it."""
    known = len(FeedState.__struct_fields__)
    polls = FeedState.__struct_fields__.index("polls")
    stored = b"\x02" + msgspec.msgpack.encode([1 << polls | 1 << known, 7, "of tomorrow"])
    assert forms.unpack_state(stored, _URL) == FeedState(polls=7)


def test_fields_of_a_state_keep_their_places() -> None:
    """Version 2 knows them by these: new ones go to the end, and none goes away."""
    names = ",".join(FeedState.__struct_fields__[:58]).encode()
    assert hashlib.blake2b(names, digest_size=8).hexdigest() == "e739c3e2135e5e05"


@given(
    st.lists(st.binary(min_size=64, max_size=64), max_size=30),
    st.dictionaries(st.binary(min_size=8, max_size=8), st.binary(max_size=20), max_size=3),
)
def test_a_memory_comes_back_as_it_was(rows: list[bytes], learned: dict[bytes, bytes]) -> None:
    """Whatever its records hold, in both versions."""
    plain = memory.pack([], learned) + b"".join(rows)
    for version in (1, 2):
        assert forms.unpack_memory(forms.pack_memory(plain, version)) == plain
    assert forms.unpack_memory(forms.pack_memory(b"", 2)) == b""


@pytest.mark.parametrize(
    ("version", "said"),
    [(NEWEST_STATE + 1, "Run the newer release"), (OLDEST_STATE - 1, "finalize")],
)
def test_a_version_that_is_not_known_is_refused(version: int, said: str) -> None:
    """A newer state, and one older than this release reads: each says which release to run."""
    with pytest.raises(StateVersionError, match=said) as caught:
        check_version(Marker("d", version, 4, "news."))
    assert caught.value.exit_code == 78


def test_a_state_learned_from_another_address_is_known_as_such() -> None:
    """A feed whose address was changed in the list takes nothing of the old one for its own."""
    learned = FeedState(config_url=_URL, etag='"1"', link="http://a.example/home", polls=3)
    stored = forms.pack_state(learned, 2, _URL)
    found = forms.unpack_state(stored, "http://c.example/g")
    assert found.config_url not in ("", _URL, "http://c.example/g")
    assert (found.link, found.polls) == ("", 3)
    moved = for_config(found, FeedConfig("f", "http://c.example/g"))
    assert (moved.etag, moved.config_url) == ("", "http://c.example/g")
