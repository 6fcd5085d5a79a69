"""Where a list comes from: files, directories, addresses."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from workers.errors import FeedListError
from workers.feedlist import source as source_module
from workers.feedlist.source import ListSource, Loaded
from workers.model import Fetched, FetchRequest

NOW = 1_800_000_000_000


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = NOW

    def __call__(self) -> int:
        """Epoch ms."""
        return self.ms


@pytest.fixture
def clock() -> Clock:
    """The clock of the source."""
    return Clock()


def write(path: Path, text: str, written_ms: int = NOW - 60_000) -> Path:
    """A file with a time of writing."""
    path.write_text(text)
    os.utime(path, ns=(written_ms * 1_000_000, written_ms * 1_000_000))
    return path


async def loaded(source: ListSource) -> Loaded:
    """What a call of load gives that must give something."""
    found = await source.load()
    assert found is not None
    return found


class TestFile:
    """A path."""

    async def test_content_is_given_once(self, tmp_path: Path, clock: Clock) -> None:
        """An unchanged list is None; reload gives it again, with its first times."""
        source = ListSource(str(write(tmp_path / "a.yaml", "[]")), now_ms=clock)
        first = await loaded(source)
        clock.ms += 5_000
        assert await source.load() is None
        assert await source.reload() == first
        assert (first.data, first.stamp_ms, first.loaded_ms) == (b"[]", NOW - 60_000, NOW)

    async def test_a_change_seen_happening_is_as_new_as_the_seeing(
        self, tmp_path: Path, clock: Clock
    ) -> None:
        """A backup put in place keeps its old time; that it was put there just now counts."""
        source = ListSource(str(write(tmp_path / "a.yaml", "[]")), now_ms=clock)
        first = await loaded(source)
        clock.ms += 5_000
        write(tmp_path / "a.yaml", "[x]", NOW - 999_000)
        second = await loaded(source)
        assert second.hash != first.hash
        assert (second.stamp_ms, second.loaded_ms) == (NOW + 5_000, NOW + 5_000)

    @pytest.mark.parametrize("written", [0, 315_532_800_000, NOW + 3_600_000])
    async def test_times_that_say_nothing_are_now(
        self, tmp_path: Path, clock: Clock, written: int
    ) -> None:
        """Image builders write 1970 or 1980, and wrong clocks the future: neither may win for ever."""
        source = ListSource(str(write(tmp_path / "a.yaml", "[]", written)), now_ms=clock)
        assert (await loaded(source)).stamp_ms == NOW

    async def test_a_file_being_written_is_waited_for(
        self, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Half a list looks like a list: a fresh file is taken when two readings agree."""
        path = write(tmp_path / "a.txt", "https://a.exam", NOW)
        parts = iter(["https://a.example/\nhttps://b.", "https://a.example/\nhttps://b.example/"])

        async def writer(_seconds: float) -> None:
            if part := next(parts, ""):
                write(path, part, NOW)

        monkeypatch.setattr(source_module.asyncio, "sleep", writer)
        found = await loaded(ListSource(str(path), now_ms=clock))
        assert found.data.endswith(b"https://b.example/")

    async def test_a_file_written_without_a_pause_is_refused(
        self, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The wait has an end, and the error says how to write a list."""
        path = write(tmp_path / "a.txt", "", NOW)

        async def writer(_seconds: float) -> None:
            write(path, path.read_text() + "x", NOW)

        monkeypatch.setattr(source_module.asyncio, "sleep", writer)
        with pytest.raises(FeedListError, match="rename"):
            await ListSource(str(path), now_ms=clock).load()

    async def test_a_missing_file_is_an_error_until_it_is_there(
        self, tmp_path: Path, clock: Clock
    ) -> None:
        """Each call tries again."""
        source = ListSource(str(tmp_path / "a.yaml"), now_ms=clock)
        with pytest.raises(FeedListError, match="no such file"):
            await source.load()
        write(tmp_path / "a.yaml", "[]")
        assert (await loaded(source)).data == b"[]"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    async def test_an_unreadable_file_is_an_error(self, tmp_path: Path) -> None:
        """The error says that it is a matter of permission."""
        path = write(tmp_path / "a.yaml", "[]")
        path.chmod(0)
        with pytest.raises(FeedListError, match="may not be read"):
            await ListSource(str(path)).load()

    async def test_a_pipe_is_refused_instead_of_waited_for(self, tmp_path: Path) -> None:
        """Opening a pipe that nobody writes would block a thread for ever."""
        os.mkfifo(tmp_path / "p")
        with pytest.raises(FeedListError, match="no ordinary file"):
            await asyncio.wait_for(ListSource(str(tmp_path / "p")).load(), 20)

    @pytest.mark.parametrize("path", ["a\x00b", "x" * 5_000, "/dev/null/x"])
    async def test_a_path_that_cannot_be_is_an_error(self, path: str) -> None:
        """Whatever the system says of a path, it is a feed list error."""
        with pytest.raises(FeedListError):
            await ListSource(path).load()


class TestDirectory:
    """A directory, as containers mount them."""

    async def test_the_only_list_is_found_through_links(self, tmp_path: Path) -> None:
        """A mounted ConfigMap: a link to a link, beside directories whose names begin with a dot."""
        (tmp_path / "..v1").mkdir()
        write(tmp_path / "..v1" / "feeds.yaml", "[1]")
        (tmp_path / "..data").symlink_to("..v1")
        (tmp_path / "feeds.yaml").symlink_to("..data/feeds.yaml")
        write(tmp_path / "README.md", "")
        source = ListSource(str(tmp_path))
        assert (await loaded(source)).data == b"[1]"
        (tmp_path / "..v2").mkdir()
        write(tmp_path / "..v2" / "feeds.yaml", "[2]")
        (tmp_path / "..new").symlink_to("..v2")
        (tmp_path / "..new").rename(tmp_path / "..data")
        assert (await loaded(source)).data == b"[2]"

    async def test_none_or_several_lists_are_an_error(self, tmp_path: Path) -> None:
        """The choice is not guessed; what is there is named."""
        with pytest.raises(FeedListError, match=r"0 lists in it \(none\)"):
            await ListSource(str(tmp_path)).load()
        write(tmp_path / "a.yaml", "")
        write(tmp_path / "b.opml", "")
        with pytest.raises(FeedListError, match=r"2 lists in it \(a.yaml, b.opml\)"):
            await ListSource(str(tmp_path)).load()


class Server:
    """Answers fetches from a list and remembers the requests."""

    def __init__(self, *answers: Fetched) -> None:
        self.answers = list(answers)
        self.requests: list[FetchRequest] = []

    async def __call__(self, request: FetchRequest) -> Fetched:
        """The next answer."""
        self.requests.append(request)
        return self.answers.pop(0)


URL = "https://user:hunter2@lists.example/feeds.opml?token=hunter2"
OK = Fetched("", URL, 200, b"[]", etag='"1"', last_modified="yesterday")


class TestAddress:
    """An http(s) address."""

    async def test_the_second_fetch_is_conditional(self, clock: Clock) -> None:
        """304 means unchanged; so do the same bytes once more."""
        server = Server(OK, Fetched("not_modified", URL, 304), OK)
        source = ListSource(URL, server, clock)
        assert (await loaded(source)).stamp_ms == NOW
        assert await source.load() is None
        assert await source.load() is None
        assert [(r.etag, r.last_modified) for r in server.requests] == [
            ("", ""),
            ('"1"', "yesterday"),
            ('"1"', "yesterday"),
        ]

    async def test_a_reload_is_unconditional(self, clock: Clock) -> None:
        """Who needs the content gets it, not a 304."""
        server = Server(OK, OK)
        source = ListSource(URL, server, clock)
        await source.load()
        assert (await source.reload()).data == b"[]"
        assert server.requests[1].etag == ""

    async def test_a_failed_fetch_is_an_error_without_secrets(self, clock: Clock) -> None:
        """It says the reason and the status, and neither password nor token."""
        server = Server(Fetched("not_found", URL, 404, detail="gone fishing"), OK)
        source = ListSource(URL, server, clock)
        with pytest.raises(FeedListError, match="not_found, HTTP 404") as caught:
            await source.load()
        assert "gone fishing" in str(caught.value)
        assert "hunter2" not in str(caught.value) + source.shown
        assert (await loaded(source)).data == b"[]"

    async def test_an_address_that_is_none_is_an_error(self) -> None:
        """It is never handed to the fetcher."""
        with pytest.raises(FeedListError, match="no host"):
            await ListSource("https:///x", Server()).load()
