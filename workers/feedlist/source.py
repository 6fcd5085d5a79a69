"""Where a list comes from: a file, a directory that holds one, or an http(s) address."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from pathlib import Path

import msgspec

from workers.errors import FeedListError
from workers.feedlist.formats import MAX_BYTES
from workers.feedlist.identity import check_url
from workers.model import Fetched, FetchRequest
from workers.urls import redact_url

Fetch = Callable[[FetchRequest], Awaitable[Fetched]]

SUFFIXES = frozenset({".yaml", ".yml", ".json", ".opml", ".xml", ".txt"})
"""What a list in a directory may be called; other files there are not looked at."""

_FRESH_MS = 1_000  # a file written less than this ago may still be being written
_SETTLE_S = 0.25
_SETTLE_READS = 20
_EARLIEST_MS = 946_684_800_000  # 2000: image builders set times to 1970 or 1980, which say nothing


class Loaded(msgspec.Struct, frozen=True):
    """A list as it was found. Times in epoch ms by this machine's clock.

    ``hash`` is of the content. ``stamp_ms`` is how new the content is as far as anybody can tell:
    when the file was written, or, once this process has seen the content change, when it saw that.
    ``loaded_ms`` is when this process first saw the content.
    """

    data: bytes
    hash: str
    stamp_ms: int
    loaded_ms: int


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class ListSource:
    """One place of a list, read again and again.

    Args:
        location: a path, or an http(s) address (credentials in it are used and never shown).
        fetch: how an address is fetched.
        now_ms: epoch ms.
    """

    def __init__(
        self, location: str, fetch: Fetch | None = None, now_ms: Callable[[], int] = _now_ms
    ) -> None:
        self.location = location
        self.shown = redact_url(location) if _is_url(location) else location
        self.key = _digest(location.encode("utf-8", "surrogateescape"))
        self._fetch = fetch
        self._now_ms = now_ms
        self._last: Loaded | None = None  # without its data
        self._etag = self._last_modified = ""

    async def load(self) -> Loaded | None:
        """The list's content, or None when it is that of the call before.

        Raises:
            FeedListError: it cannot be read; the next call tries again.
        """
        before = self._last
        loaded = await self._take(conditional=before is not None)
        return None if loaded is None or (before and before.hash == loaded.hash) else loaded

    async def reload(self) -> Loaded:
        """The list's content, changed or not; raises like ``load``."""
        loaded = await self._take(conditional=False)
        if loaded is None:
            raise FeedListError(f"{self.shown}: the server answers 304 to a plain request")
        return loaded

    async def _take(self, *, conditional: bool) -> Loaded | None:
        if _is_url(self.location):
            data, written_ms = await self._download(conditional), 0
        else:
            data, written_ms = await self._read_settled()
        if data is None:
            return None
        digest, now, last = _digest(data), self._now_ms(), self._last
        if last and last.hash == digest:
            return msgspec.structs.replace(last, data=data)
        is_told = last is None and written_ms >= _EARLIEST_MS
        loaded = Loaded(data, digest, min(written_ms, now) if is_told else now, now)
        self._last = msgspec.structs.replace(loaded, data=b"")
        return loaded

    async def _read_settled(self) -> tuple[bytes, int]:
        """The file's content and when it was written (epoch ms).

        A file that was written a moment ago is taken once two readings agree: an editor or a script
        may still be writing it, and half a list looks like a list.
        """
        data, written = await asyncio.to_thread(_read, self.location)
        for _ in range(_SETTLE_READS):
            if (self._last and self._last.hash == _digest(data)) or not (
                0 <= self._now_ms() - written < _FRESH_MS
            ):
                return data, written
            await asyncio.sleep(_SETTLE_S)
            before = data
            data, written = await asyncio.to_thread(_read, self.location)
            if data == before:
                return data, written
        raise FeedListError(
            f"{self.shown}: is being written without a pause; write it aside and rename it"
        )

    async def _download(self, conditional: bool) -> bytes | None:
        if self._fetch is None:
            raise FeedListError(f"{self.shown}: no way to fetch an address was given")
        try:
            url = check_url(self.location)
        except ValueError as error:
            raise FeedListError(f"{self.shown}: {error}") from None
        validators = (self._etag, self._last_modified) if conditional else ("", "")
        got = await self._fetch(FetchRequest(url, *validators))
        if got.reason == "not_modified":
            return None
        if got.reason:
            status = f", HTTP {got.status}" if got.status else ""
            detail = f": {got.detail}" if got.detail else ""
            raise FeedListError(f"{self.shown}: cannot be fetched ({got.reason}{status}){detail}")
        self._etag, self._last_modified = got.etag, got.last_modified
        return got.body


def _is_url(location: str) -> bool:
    return location.lower().startswith(("http://", "https://"))


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def _read(location: str) -> tuple[bytes, int]:
    """The content of a path and when it was written (epoch ms); blocks."""
    path = Path(location)
    try:
        if path.is_dir():
            path = _only_list(path)
        # Looked at before it is opened: opening a pipe that nobody writes would block for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise FeedListError(f"{path}: is no ordinary file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
            written = os.fstat(file.fileno()).st_mtime_ns // 1_000_000
    except FileNotFoundError:
        raise FeedListError(f"{location}: there is no such file; check NEWSWIRE_FEEDS") from None
    except PermissionError:
        raise FeedListError(f"{path}: may not be read by this user; check its mode") from None
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "not a path"
        raise FeedListError(f"{path}: cannot be read: {what}") from None
    return data, written


def _only_list(folder: Path) -> Path:
    # Names with a dot first are how Kubernetes keeps the versions of a mounted directory.
    found = sorted(
        item
        for item in folder.iterdir()
        if item.suffix.lower() in SUFFIXES and not item.name.startswith(".") and item.is_file()
    )
    if len(found) != 1:
        names = ", ".join(item.name for item in found[:5]) or "none"
        raise FeedListError(
            f"{folder}: is a directory with {len(found)} lists in it ({names}); name the file"
        )
    return found[0]
