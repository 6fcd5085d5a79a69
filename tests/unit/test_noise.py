"""What of a text is compared: each cheap first look lets through all that the costly one would find."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.articles import noise, wording
from workers.articles.characters import fold
from workers.articles.normalise import _folded
from workers.articles.repetition import _DIGITS, _ZEROS

COUNTED = st.lists(
    st.sampled_from(
        ["12", "3", "an", "one", "comments", " comments", "min read", " hours", " ago", "vor einer",
         " stunde", "il y a une", " heure", "hace una", " hora", "há uma", "3 分前", "Updated:", ".",
         " | ", "(", ")", " ", "комментариев", "views", "1.2k", "AGO", "Vor Einer Stunde", "word"]
    ),
    max_size=12,
).map("".join)  # fmt: skip
ASSIGNED = st.lists(
    st.sampled_from(["ad", "token", "slot", "Ad", "ref", "=", "#", ":", ": ", " ", "7x", "-", "_", "é"]),
    max_size=10,
).map("".join)  # fmt: skip


@given(COUNTED)
def test_a_counter_at_the_end_is_looked_for(line: str) -> None:
    """Wherever the pattern finds a count at the end of a line, the first look says so."""
    tail = line.strip()[-80:]
    digits = any(c in "0123456789" for c in tail) or "ago" in tail
    if digits and wording.TRAILING_COUNTER.search(tail):
        assert noise._may_count(tail)


@given(ASSIGNED)
def test_a_value_of_a_machine_is_looked_for(text: str) -> None:
    """Where the first look sees no sign of a value, the pattern has nothing to remove either."""
    signs = "=" in text or "#" in text or any(name in text for name in noise._AD_COLON)
    if signs and not noise._is_assigned(text):
        assert noise._ASSIGNED.sub(noise._drop_assigned, text) == text


@given(st.text(alphabet="ab01239 ", max_size=40))
def test_digits_are_folded_alike(text: str) -> None:
    """A run of digits is one zero, by bytes as by characters."""
    data = text.encode().translate(_ZEROS)
    while b"00" in data:
        data = data.replace(b"00", b"0")
    assert data == _DIGITS.sub("0", text).encode()


@given(st.text(alphabet="ab \n", max_size=30))
def test_white_space_is_folded_alike(text: str) -> None:
    """What is hashed as content does not depend on how its white space was folded."""
    body = "\n\n".join(filter(None, map(fold, text.split("\n\n"))))
    assert _folded(body) == " ".join(body.split())
    assert _folded(text) == " ".join(text.split())
