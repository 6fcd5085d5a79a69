"""Reading a list: YAML, OPML or lines, whole or not at all."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import FeedListError
from workers.feedlist import identity
from workers.feedlist.formats import feed_id, parse_list
from workers.feedlist.opml import OpmlExport
from workers.model import FeedConfig

A, B, C = "https://a.example/rss", "https://b.example/atom.xml", "http://c.example/"


def read(text: str | bytes) -> list[FeedConfig]:
    """The feeds of a list that must be readable."""
    return parse_list(text.encode() if isinstance(text, str) else text, name="list").feeds


def urls(text: str | bytes) -> list[str]:
    """Their addresses."""
    return [feed.url for feed in read(text)]


def refusal(text: str | bytes) -> str:
    """What is said of a list that must not be readable."""
    with pytest.raises(FeedListError) as caught:
        read(text)
    assert str(caught.value).startswith("list")
    return str(caught.value)


def opml(body: str, head: str = "") -> str:
    """An OPML document around outlines, which begin on line 3."""
    return f'<?xml version="1.0"?>\n{head}<opml version="2.0"><body>\n{body}\n</body></opml>'


class TestRecognition:
    """What a list is written in."""

    @pytest.mark.parametrize(
        "text",
        [
            f"{A}\n{B}\n{C}\n",
            f"# mine\r\n\r\n  {A}  # the first\r\n{B}\t#x\r\n{C}",
            f"- {A}\n- {B}\n- url: {C}\n",
            f"# c\n---\nfeeds:\n  - {A}\n  - {{url: '{B}'}}\n  - url: {C}\n",
            f'["{A}", {{"url": "{B}"}}, "{C}"]',
            f'{{"feeds": ["{A}", "{B}", "{C}"]}}',
            opml("".join(f'<outline xmlUrl="{u}"/>' for u in (A, B, C))),
            opml("".join(f'<outline XMLURL="{u}"/>' for u in (A, B, C)), "<!-- x -->"),
        ],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_a_list_is_known_by_what_it_holds(self, text: str, encoding: str) -> None:
        """Every format is read without a file name, in UTF-8 with or without BOM and in UTF-16."""
        assert urls(text.encode(encoding)) == [A, B, C]

    @pytest.mark.parametrize(
        "text", ["[]", "feeds: []", "feeds:\n", "# nothing now\n", opml(""), "---\n", "{feeds: []}"]
    )
    def test_a_list_that_says_that_it_is_empty_is_read(self, text: str) -> None:
        """An explicit list of none is no error here; the plan refuses it unless forced."""
        assert read(text) == []

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "empty"),
            (b" \n\t\n", "empty"),
            (b"\xef\xbb\xbf\n", "empty"),
            (b"<!DOCTYPE html><html><body>Login</body></html>", "HTML page"),
            (b"\n<!-- x --><HTML lang='en'>", "HTML page"),
            (b'<?xml version="1.0"?><rss version="2.0"><channel/></rss>', "is a feed"),
            (b'<feed xmlns="http://www.w3.org/2005/Atom"/>', "is a feed"),
            (b"<rdf:RDF xmlns:rdf='x'/>", "is a feed"),
            (b"<catalog><book/></catalog>", "<catalog>, not <opml>"),
            (gzip.compress(b"https://a.example/", mtime=0), "gzip"),
            (b"PK\x03\x04rest", "ZIP"),
            (b"https://a.example/\nhttp\x00\x01", "line 2: this is binary"),
            ("https://a.example/\n# é\n".encode("latin-1"), "line 2: the text is not UTF-8"),
            (b"just: some\nother: thing\n", "unknown key 'just'; known are feeds"),
            (b"feed:\n- https://a.example/\n", "did you mean feeds?"),
            (b"feeds: https://a.example/\n", "feeds must be a list"),
            (b"'a text'", "not an address"),
            (b"Not found", "must begin with http:// or https://"),
            (b"lorem ipsum dolor\n" * 50, "none of its lines is an address"),
            (b"--- hello\n", "this is not a list of feeds"),
            (b"- https://a.example/\n---\n- https://b.example/\n", "second YAML document"),
            (b"- https://a.example/\n- [\n", "not valid YAML"),
            (b"- url: 'https://a.example/\n", "not valid YAML"),
            (b"- &a https://a.example/\n- *a\n", "line 2: aliases"),
            (b"- !!python/object:os.system {}\n", "YAML tags"),
        ],
    )
    def test_what_is_no_list_is_refused_with_words(self, data: bytes, said: str) -> None:
        """Whatever is not a list is named for what it is."""
        assert said in refusal(data)

    def test_a_list_over_64_mib_is_refused_unread(self) -> None:
        """The size is bounded before anything is parsed."""
        assert "64 MiB" in refusal(b"#" * ((64 << 20) + 1))

    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    def test_any_bytes_give_a_list_or_a_feed_list_error(self, data: bytes) -> None:
        """No input makes the reader fail in any other way."""
        try:
            parse_list(data, name="list")
        except FeedListError as error:
            assert str(error).isprintable()

    @given(
        st.lists(st.sampled_from(["<opml>", "<outline xmlUrl='", A, "'>", "</outline>", "- ", "url:",
                                  "{", "[", "]", "}", "\n", "tags: ", "x", "<!DOCTYPE", " ", "&a;"]))
    )  # fmt: skip
    def test_broken_structure_gives_a_list_or_a_feed_list_error(self, parts: list[str]) -> None:
        """Scrambled fragments of all formats are read or refused, never worse."""
        with suppress(FeedListError):
            parse_list("".join(parts).encode(), name="list")


class TestAddresses:
    """Which addresses are taken, and when two are one."""

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("ftp://a.example/x", "ftp:// is not polled"),
            ("a.example/feed", "must begin with http"),
            ("http:///x", "no host"),
            ("https://", "no host"),
            ("https://a.example:99999/", "port"),
            ("https://a.example:0/", "port 0"),
            ("https://[::1/", "not valid"),
            ("https://a b.example/", "space"),
            ("https://a.example/x y", "space"),
            ("https://a..example/", "host name"),
            ("https://<script>/", "host name"),
            ("https://a.example/" + "x" * 4096, "4096"),
            ("file:///etc/passwd", "file:// is not polled"),
            ("javascript:alert(1)", "must begin with http"),
        ],
    )
    def test_an_address_that_cannot_be_polled_is_refused(self, url: str, said: str) -> None:
        """Each is named with its line, in every format."""
        for text in (f"{B}\n{url}\n", f'["{B}",\n"{url}"]'):
            error = refusal(text)
            assert said in error
            assert "line 2" in error

    @pytest.mark.parametrize(
        "url", ["https://user:hunter2@[::1/", "https://x:hunter2@a b/", "password hunter2"]
    )
    def test_no_error_repeats_a_password(self, url: str) -> None:
        """Errors name the place, not the secret."""
        assert "hunter2" not in refusal(url)
        assert "hunter2" not in refusal(f"- url: {url}\n  name: x\n")

    @pytest.mark.parametrize(
        "url",
        [
            "https://bücher.example/öffentlich?q=ü",
            "http://127.0.0.1:8080/a",
            "http://[2001:db8::1]:81/",
            "https://user:pw@a.example/feed",
            "https://a_b.example/~x/%20?a=1&b=;",
            "HTTPS://A.example",
        ],
    )
    def test_addresses_are_kept_as_written(self, url: str) -> None:
        """What can be dialled is not rewritten, only a fragment goes."""
        assert urls(url) == [url]
        assert urls(f'- "{url}#part"') == [url]

    def test_one_feed_spelt_differently_is_one_feed(self) -> None:
        """Case of scheme and host, default port, fragment, empty path do not count; all else does."""
        same = ["https://A.Example", "HTTPS://a.example:443/", "https://a.example/#x"]
        assert len({feed_id(url) for url in same}) == 1
        other = ["http://a.example/", "https://a.example/?x", "https://a.example/X",
                 "https://a.example/x", "https://a.example:444/", "https://b@a.example/"]  # fmt: skip
        assert len({feed_id(url) for url in [*other, *same]}) == len(other) + 1

    @given(st.text("aZ0-._:/?#@&%=[]~é ", max_size=16), st.sampled_from(["http://", "https://"]))
    def test_plain_addresses_are_read_as_all_others(self, rest: str, scheme: str) -> None:
        """The short way for most addresses gives what the long one gives."""

        def read() -> tuple[str, ...]:
            with suppress(ValueError):
                return identity.check_url(scheme + rest), feed_id(scheme + rest)
            return ()

        short = read()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(identity, "_PLAIN", re.compile("(?!)"))
            assert read() == short

    def test_an_id_is_stable_for_ever(self) -> None:
        """Ids are stored and published: this value may never change."""
        assert feed_id("https://a.example/rss") == "fiemmstrp5mbomdod"

    def test_a_changed_password_keeps_the_feeds_id(self) -> None:
        """The id says nothing of a password and does not depend on it."""
        assert feed_id("https://u:one@a.example/") == feed_id("https://u:two@a.example/")


class TestDoubles:
    """Entries that stand there twice."""

    def test_an_address_twice_is_kept_once_with_all_tags(self) -> None:
        """The first entry counts, tags are merged, and a warning names both lines."""
        result = parse_list(
            f"- url: {A}\n  name: one\n  tags: [x, y]\n"
            f"- {B}\n- url: HTTPS://A.example:443/rss#f\n  name: two\n  tags: [y, z]\n".encode(),
            name="list",
        )
        assert [(f.name, f.tags) for f in result.feeds] == [("one", ("x", "y", "z")), ("", ())]
        assert len(result.warnings) == 1
        assert "line 5" in result.warnings[0]
        assert "line 1" in result.warnings[0]

    def test_many_doubles_give_few_warnings(self) -> None:
        """A hundred thousand doubles do not make a hundred thousand warnings."""
        result = parse_list(f"{A}\n".encode() * 1_000, name="list")
        assert len(result.feeds) == 1
        assert len(result.warnings) == 11
        assert result.warnings[-1] == "and 989 more"

    def test_an_id_twice_is_an_error(self) -> None:
        """Two addresses under one id would overwrite each other; also when one id was derived."""
        assert "line 3" in refusal(f"- url: {A}\n  id: x\n- url: {B}\n  id: x\n")
        for text in (f"- {B}\n- url: {A}\n  id: {feed_id(B)}\n",
                     f"- url: {A}\n  id: {feed_id(B)}\n- {B}\n"):  # fmt: skip
            assert f"id {feed_id(B)} is that of line 1 too" in refusal(text)


class TestYaml:
    """The YAML form."""

    def test_every_field_is_read(self) -> None:
        """A feed may say all of this; scalars are taken as written."""
        [feed] = read(
            f"""
- id: 007
  url: {A}
  name: No News
  tags: [a, 1, 'b  c', a]
  language: no
  body: Summary
  interval: 15m
  headersFrom: {{X-Key: 'file:/run/k', Authorization: env:TOKEN}}
  backfill: 48H
  enabled: off
  userAgent: Paper/1 (+https://paper.example)
  proxy: off
"""
        )
        assert feed == FeedConfig(
            id="007",
            url=A,
            name="No News",
            tags=("a", "1", "b c"),
            language="no",
            body="summary",
            interval_s=900.0,
            headers_from={"Authorization": "env:TOKEN", "X-Key": "file:/run/k"},
            backfill="48h",
            enabled=False,
            user_agent="Paper/1 (+https://paper.example)",
            direct=True,
        )

    def test_fields_without_a_value_say_nothing(self) -> None:
        """``name:`` with nothing after it is as if it were not there."""
        text = (
            f"- url: {A}\n  id:\n  name: ~\n  tags: null\n  interval:\n  headersFrom:\n  enabled:\n"
        )
        assert read(text) == read(A)

    @pytest.mark.parametrize(
        ("field", "said"),
        [
            ("interval: soon", "interval: must be a duration"),
            ("interval: 0", "interval: must be a duration"),
            ("interval: -5", "interval: must be a duration"),
            ("interval: 90d", "interval: must be a duration"),
            ("interval: [5]", "interval: must be a single value"),
            ("id: 'a b'", "id: use 1 to 64"),
            ("id: " + "x" * 65, "id: use 1 to 64"),
            ("language: english!", "language: must be a tag"),
            ("body: half", "body: must be full, summary or none"),
            ("backfill: some", "backfill: must be all"),
            ("enabled: maybe", "enabled: must be true or false"),
            ("tags: world", "tags: must be a list"),
            ("tags: [[a]]", "tags: each must be"),
            ("tags: [" + ",".join(map(str, range(65))) + "]", "tags: 65 are too many"),
            ("headersFrom: x", "headersFrom: must be a mapping"),
            ("headersFrom: {A b: env:X}", "header name"),
            ("headersFrom: {Host: env:X}", "Host is set by the fetcher"),
            ("headersFrom: {A: env:X, a: env:Y}", "a is given twice"),
            ("headersFrom: {A: [x]}", "each value must be"),
            ("basicAuthFrom: ada:hunter2", "never the value itself"),
            ("headersFrom: {User-Agent: env:X}", "write it as userAgent"),
            ("userAgent: 'ä'", "printable ASCII"),
            ("proxy: http://p:1", "NEWSWIRE_PROXY_URL"),
            ("name: {a: b}", "name: must be a single value"),
            ("name: x\n  name: y", "name is given twice"),
            ("headers_from: {A: env:X}", "unknown key 'headers_from'; did you mean headersFrom?"),
            ("Interval: 5", "did you mean interval?"),
            ("titel: x", "known are id, url"),
        ],
    )
    def test_a_wrong_field_is_refused_with_its_line(self, field: str, said: str) -> None:
        """Nothing is guessed and nothing ignored."""
        error = refusal(f"- {B}\n- url: {A}\n  {field}\n- {C}\n")
        assert said in error
        assert "line 3" in error or "line 4" in error

    @pytest.mark.parametrize(
        "other",
        [f"url: {A}\n  headersFrom: {{authorization: env:T}}", "url: https://u:p@a.example/"],
    )
    def test_a_feed_logs_in_one_way(self, other: str) -> None:
        """A login and another Authorization contradict each other."""
        error = refusal(f"- {B}\n- basicAuthFrom: env:L\n  {other}\n")
        assert "line 2: basicAuthFrom and another Authorization" in error

    def test_a_secret_in_place_of_its_reference_is_not_repeated(self) -> None:
        """The commonest mistake with headers must not leak them into the log."""
        error = refusal(f"- url: {A}\n  headersFrom: {{Authorization: Bearer hunter2}}\n")
        assert "never the value itself" in error
        assert "hunter2" not in refusal(f"- url: {A}\n  basicAuthFrom: ada:hunter2\n")
        assert "hunter2" not in error

    def test_all_problems_are_said_at_once(self) -> None:
        """A person repairs a list once, not once a problem; and reads ten of them, not a thousand."""
        error = refusal("".join(f"- url: {A}{n}\n  enabled: x\n" for n in range(1_000)))
        assert "1000 problems" in error
        assert error.count("enabled: must be") == 10
        assert "and 990 more" in error

    def test_a_feed_without_url_and_a_nested_list_are_problems(self) -> None:
        """What is no feed inside a list is named, and the reading goes on behind it."""
        error = refusal(f"- name: x\n- [a, [b]]\n- {A}\n- url: ''\n")
        assert "line 1: a feed without url" in error
        assert "line 2: a list within" in error
        assert "line 4: not an address" in error

    def test_deep_nesting_costs_nothing(self) -> None:
        """A hundred thousand brackets are refused without recursion."""
        refusal("- url: x\n  tags: " + "[" * 100_000)


class TestOpml:
    """The OPML form."""

    def test_folders_and_categories_become_tags(self) -> None:
        """Every folder on the way is a tag, then the categories; a path is one tag a step."""
        text = opml(
            f"""<outline text="News"><outline title="World &amp; more">
            <outline type="rss" text="A" title="ignored" xmlUrl="{A}" category="x,/y/z" language="en_US"/>
            </outline><outline xmlUrl="{B}" title="B  b" language="unknown"/></outline>
            <outline text="empty"/><outline text="link" type="link" url="https://x.example/"/>
            <outline type="rss" xmlUrl=" {C} "/>"""
        )
        assert [(f.url, f.name, f.tags, f.language) for f in read(text)] == [
            (A, "A", ("News", "World & more", "x", "y", "z"), "en-US"),
            (B, "B b", ("News",), ""),
            (C, "", (), ""),
        ]

    def test_a_commented_outline_is_a_feed_that_is_not_enabled(self) -> None:
        """``isComment`` covers what stands below it, as the specification says."""
        text = opml(
            f'<outline text="off" isComment="true"><outline xmlUrl="{A}"/></outline>'
            f'<outline xmlUrl="{B}" isComment="true"/><outline xmlUrl="{C}" isComment="false"/>'
        )
        assert [feed.enabled for feed in read(text)] == [False, False, True]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                opml('<outline xmlUrl="https://a.example/?a=1&b=2"/>'),
                "line 3: this is not well-form",
            ),
            (opml('<outline xmlUrl="https://a.example/">'), "not well-formed"),
            ("<opml><body><outline", "not well-formed"),
            (opml('<outline type="rss" text="x"/>'), "line 3: a feed without xmlUrl"),
            (opml("", '<!DOCTYPE opml [<!ENTITY a "b">]>'), "document type"),
            (opml("", '<!DOCTYPE opml SYSTEM "file:///etc/passwd">'), "document type"),
            (opml("<outline text='x'>" * 40), "nested deeper"),
            ('<?xml version="1.0" encoding="klingon"?><opml/>', "encoding it declares"),
            ('<?xml version="1.0" encoding="cp037"?><opml/>', "not well-formed"),
        ],
    )
    def test_a_broken_or_dangerous_document_is_refused(self, text: str, said: str) -> None:
        """Nothing is recovered by guessing, and no entity or document type is ever read."""
        assert said in refusal(text)

    def test_a_declared_encoding_is_honoured(self) -> None:
        """Old readers export Latin-1 and Windows code pages."""
        for encoding in ("ISO-8859-1", "windows-1252"):
            text = f'<?xml version="1.0" encoding="{encoding}"?>' + opml(
                f'<outline text="Café" xmlUrl="{A}"/>'
            ).removeprefix('<?xml version="1.0"?>')
            assert read(text.encode(encoding))[0].name == "Café"

    def test_blank_lines_before_the_declaration_do_not_shift_lines(self) -> None:
        """Copied documents often begin with one; errors still name the file's own lines."""
        assert urls("\n\n" + opml(f'<outline xmlUrl="{A}"/>')) == [A]
        assert "line 5" in refusal("\n\n" + opml('<outline xmlUrl="ftp://a.example"/>'))


_letters = st.characters(exclude_categories=("C", "Z"), exclude_characters=",/")
_words = st.text(_letters, min_size=1, max_size=8)
_feeds = st.lists(
    st.builds(
        lambda n, name, tags, language, enabled: FeedConfig(
            id=feed_id(f"https://h{n}.example/?a=1&b=<"),
            url=f"https://h{n}.example/?a=1&b=<",
            name=name,
            tags=tags,
            language=language,
            enabled=enabled,
        ),
        st.integers(0, 10_000),
        _words,
        st.lists(_words, max_size=3, unique=True).map(tuple),
        st.sampled_from(["", "en", "zh-Hant"]),
        st.booleans(),
    ),
    unique_by=lambda feed: feed.id,
)


def export(feeds: Iterable[FeedConfig]) -> bytes:
    """Feeds as OPML, each with something said of it."""
    made = OpmlExport()
    for feed in feeds:
        made.add(feed, {"state": "failing", "note": '<"&\x1b'})
    return made.document()


@given(_feeds)
def test_an_export_is_read_back_as_it_was(feeds: list[FeedConfig]) -> None:
    """Export and import agree on address, name, tags, language and whether a feed is enabled."""
    back = read(export(feeds))
    assert sorted(back, key=lambda f: f.id) == sorted(feeds, key=lambda f: f.id)


def test_an_export_survives_names_xml_cannot_hold() -> None:
    """Control characters, quotes and markup in a name never break the document."""
    feed = FeedConfig(id="x", url=A, name="a\x00\x1b\ufffe<\"'&>\nb", tags=("\x07t",))
    [back] = read(export([feed]))
    assert back.name == "a <\"'&> b"
    assert back.tags == ("t",)
