"""What went wrong in a fetch, as a stable reason and a text that holds nothing of the server's."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

import aiohttp
from aiohttp.http_exceptions import (
    ContentLengthError,
    HttpProcessingError,
    PayloadEncodingError,
    TransferEncodingError,
)

from workers.http.net import ForbiddenAddressError
from workers.model import Reason


class FetchError(Exception):
    """A fetch that failed, for a reason that is already known."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class WireLimitError(aiohttp.ClientError):
    """The server sent more than a response may have on the wire."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class StaleConnectionError(aiohttp.ClientConnectionError):
    """A kept connection was closed before a byte of the answer came: nobody may have read the request."""


def is_stale(error: BaseException) -> bool:
    """Whether a failed request may be sent once more, since its kept connection was closed unused."""
    return any(isinstance(cause, StaleConnectionError) for cause in _causes(error))


def classify(error: BaseException) -> FetchError:
    """Find the reason of a failure by what first caused it, not by the exception it came up as.

    ``detail`` never quotes an exception's text where that may hold a URL or the server's bytes.
    """
    causes = list(_causes(error))
    for cause in causes:
        found = _of_network(cause) or _of_http(cause)
        if found is not None:
            return found
    return _from_connection(causes) or FetchError("internal_error", type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the innermost cause first."""
    seen: list[BaseException] = []
    step: object = error
    while isinstance(step, BaseException) and step not in seen:
        seen.append(step)
        step = step.__cause__ or getattr(step, "os_error", None)
    yield from reversed(seen)


def _of_network(cause: BaseException) -> FetchError | None:
    """Classify what lies below HTTP and means the same wherever it occurs."""
    match cause:
        case ForbiddenAddressError():
            return FetchError("address_forbidden", cause.why)
        case socket.gaierror():
            return FetchError("dns_error", cause.strerror or "")
        case ssl.SSLCertVerificationError():
            return FetchError("tls_error", cause.verify_message)
        case ssl.SSLError():
            return FetchError("tls_error", (cause.reason or "").replace("_", " ").lower())
        case TimeoutError():
            return FetchError("timeout", "no answer to the connection")
        case ConnectionRefusedError():
            return FetchError("connect_refused")
    return None


def _of_http(cause: BaseException) -> FetchError | None:
    """Classify what HTTP itself says, wherever it occurs."""
    match cause:
        case FetchError():
            return cause
        case WireLimitError():
            return FetchError(cause.reason, cause.detail)
        case aiohttp.ClientHttpProxyError():
            return FetchError("connect_error", f"the proxy answered {cause.status}")
        case aiohttp.InvalidURL():
            return FetchError("bad_url", "not a URL that can be fetched")
        case ContentLengthError() | TransferEncodingError():
            return FetchError("truncated", "the body ended early")
        case HttpProcessingError() | PayloadEncodingError():
            return FetchError("protocol_error", type(cause).__name__)
    return None


def _from_connection(causes: list[BaseException]) -> FetchError | None:
    """Classify what depends on the phase: dialling, waiting for the head, reading the body."""
    number = next((c.errno for c in causes if isinstance(c, OSError) and c.errno), None)
    text = os.strerror(number) if number else ""
    for cause in causes:
        match cause:
            case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
                return FetchError("connection_reset", text)
            case aiohttp.ClientConnectorError():
                return FetchError("connect_error", text)
            case aiohttp.ClientPayloadError():
                return FetchError("truncated", "the body ended early")
            case aiohttp.ClientConnectionError():
                return FetchError("connection_reset", text or "closed before the answer was whole")
            case aiohttp.ClientError():
                return FetchError("protocol_error", type(cause).__name__)
    return None
