"""URLs are shown without their secrets, whatever they look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.fetcher.event import base_url
from workers.urls import MAX_SHOWN, credentials_for, redact_url, split_userinfo

SHOWN = [
    ("https://example.com/feed.xml", "https://example.com/feed.xml"),
    ("https://example.com/?page=2&q=news", "https://example.com/?page=2&q=news"),
    ("https://user:pass@example.com:8443/a", "https://example.com:8443/a"),
    ("https://user@example.com/", "https://example.com/"),
    ("https://a:b@c@example.com/", "https://example.com/"),
    ("https://user:pa/ss@example.com/feed", "https://example.com/feed"),
    ("//user:pass@example.com/a", "//example.com/a"),
    ("user:pass@example.com", "example.com"),
    ("https://example.com/@author/feed", "https://example.com/@author/feed"),
    ("https://[::1]:80/@a", "https://[::1]:80/@a"),
    ("https://example.com/feed#access_token=1", "https://example.com/feed"),
    ("https://h/?token=1", "https://h/?token=***"),
    ("https://h/?a=1&KEY=2&b=3", "https://h/?a=1&KEY=***&b=3"),
    ("https://h/?api_key=1;apikey=2;apiKey=3", "https://h/?api_key=***;apikey=***;apiKey=***"),
    ("https://h/?access_token=1&auth=2&sig=3", "https://h/?access_token=***&auth=***&sig=***"),
    ("https://h/?X-Amz-Signature=1", "https://h/?X-Amz-Signature=***"),
    ("https://h/?client%5Fsecret=1", "https://h/?client%5Fsecret=***"),
    ("https://h/?user_password=1&pwd=2", "https://h/?user_password=***&pwd=***"),
    ("https://h/?author=jane&monkey=1&keyword=x", "https://h/?author=jane&monkey=1&keyword=x"),
    ("https://h/?token=&key", "https://h/?token=&key"),
    ("https://h/?u=http://a:b@i/?key=1", "https://h/?u=http://i/?key=***"),
    ("https://h/?u=http%3A%2F%2Fa%3Ab%40i%2F", "https://h/?u=http%3A%2F%2Fi%2F"),
    ("https://h/a\r\n\x1b[31mb\u202e", "https://h/a[31mb"),
    ("", ""),
]


@pytest.mark.parametrize(("url", "shown"), SHOWN)
def test_redact_url(url: str, shown: str) -> None:
    """Credentials, fragments, secret parameters and control characters are not shown; the rest is."""
    assert redact_url(url) == shown


@given(st.text())
def test_any_string_can_be_shown(url: str) -> None:
    """Whatever is given, the result is one printable line of bounded length."""
    shown = redact_url(url)
    assert shown.isprintable()
    assert len(shown) <= MAX_SHOWN + 1


@given(
    st.sampled_from(["token", "api_key", "password", "X-Amz-Credential", "sig"]),
    st.text(st.characters(codec="ascii", exclude_characters="&;#"), min_size=1),
    st.sampled_from(["https://h/", "//h/", "/feed", "https://u:p@h:1/a"]),
)
def test_secret_parameters_are_masked(name: str, secret: str, base: str) -> None:
    """No part of a secret parameter's value is shown, wherever it stands."""
    assert (
        redact_url(f"{base}?a=1&{name}={secret}&b=2") == redact_url(f"{base}?a=1&{name}=x&b=2")
        or not secret.isprintable()
    )


@pytest.mark.parametrize(
    ("url", "bare", "authorization"),
    [
        ("https://example.com/a@b", "https://example.com/a@b", ""),
        ("https://user:pass@example.com/a", "https://example.com/a", "Basic dXNlcjpwYXNz"),
        ("https://user@example.com/", "https://example.com/", "Basic dXNlcjo="),
        ("https://us%40er:p%3Ass@h/", "https://h/", "Basic dXNAZXI6cDpzcw=="),
        ("https://ü:ß@h/", "https://h/", "Basic w7w6w58="),
        ("https://@h/", "https://h/", ""),
        ("https://:@h/", "https://h/", ""),
        ("not a url", "not a url", ""),
    ],
)
def test_split_userinfo(url: str, bare: str, authorization: str) -> None:
    """Userinfo becomes a basic authorization, decoded from percent-encoding and sent as UTF-8."""
    assert split_userinfo(url) == (bare, authorization)


@pytest.mark.parametrize(
    ("url", "configured", "kept"),
    [
        ("https://h/b", "https://h/a", True),
        ("https://h:443/b", "https://H/a", True),
        ("https://h/a", "http://h/a", True),
        ("http://h/a", "https://h/a", False),
        ("https://i/a", "https://h/a", False),
        ("https://h:8443/a", "https://h/a", False),
        ("https://h:8443/a", "http://h:8080/a", False),
        ("https://h.i/a", "https://h/a", False),
        ("https://h@i/a", "https://h/a", False),
        ("http://[x/", "http://[x/", False),
    ],
)
def test_credentials_for(url: str, configured: str, kept: bool) -> None:
    """A feed's credentials go where a redirect might carry them, and nowhere else."""
    assert credentials_for(url, configured, {"X-Key": "k"}) == ({"X-Key": "k"} if kept else {})


def test_userinfo_is_a_credential() -> None:
    """The userinfo of the configured URL follows a move within its origin, below a given header."""
    moved, configured = "https://h/b", "https://u:p@h/a"
    assert credentials_for(moved, configured, {}) == {"Authorization": "Basic dTpw"}
    given = {"authorization": "Bearer x"}
    assert credentials_for(moved, configured, given) == given


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://a.example/feed?page=2", "https://a.example/feed?page=2"),
        ("https://a.example/feed?token=s3cr3t&x=1", "https://a.example/feed?token=***&x=1"),
        (f"https://a.example/feed?token=s3cr3t&x={'y' * 3_000}", "https://a.example/feed"),
    ],
)
def test_links_are_resolved_against_no_secret(url: str, base: str) -> None:
    """A document's own address is what entries with an empty link come to; its secrets stay out of it."""
    assert base_url(url) == base
