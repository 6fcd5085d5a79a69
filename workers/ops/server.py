"""The worker over HTTP: `/livez`, `/readyz`, `/metrics`, the status page. Read-only; no secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from structlog.typing import FilteringBoundLogger

from workers.log_clean import Cleaner

Probe = Callable[[], list[str]]
"""Says what is wrong, in words for people; nothing when all is well. Must not block."""

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Server": "newswire",
}


class OpsServer:
    """Serves the probes of one worker.

    Args:
        host: address to listen on.
        port: TCP port, 0 for any free one.
        live: a problem here means "restart me" (event loop, publisher threads).
        ready: a problem here means "I cannot work now" (Redis, drowning, regressed state).
        metrics: renders the Prometheus text format.
        pages: the routes of the status page.
        log: for ``ops_started`` and ``ops_port_busy``.

    Attributes:
        port: where it really listens; 0 while it does not.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        live: Probe,
        ready: Probe,
        metrics: Callable[[], bytes],
        pages: Sequence[web.RouteDef] = (),
        log: FilteringBoundLogger,
    ) -> None:
        self._host = host
        self._wanted = port
        self._live = live
        self._ready = ready
        self._metrics = metrics
        self._pages = pages
        self._log = log
        self._clean = Cleaner()
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen. A port that cannot be had is an ERROR in the log, never an exception."""
        app = web.Application(client_max_size=1024)
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/livez", self._on_livez)
        app.router.add_get("/readyz", self._on_readyz)
        app.router.add_get("/metrics", self._on_metrics)
        app.router.add_routes(self._pages)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._wanted).start()
        except OSError as error:
            await runner.cleanup()
            self._log.error(
                "ops_port_busy",
                host=self._host,
                port=self._wanted,
                detail=f"{error.strerror or error}; several workers on one machine take NEWSWIRE_OPS_PORT=0",
            )
            return
        self._runner = runner
        self.port = runner.addresses[0][1]
        self._log.info("ops_started", host=self._host, port=self.port)

    async def stop(self) -> None:
        """Stop listening; repeating it does nothing."""
        runner, self._runner, self.port = self._runner, None, 0
        if runner is not None:
            await runner.cleanup()

    async def _on_livez(self, _request: web.Request) -> web.Response:
        return self._answer(self._live)

    async def _on_readyz(self, _request: web.Request) -> web.Response:
        return self._answer(self._ready)

    async def _on_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _answer(self, probe: Probe) -> web.Response:
        """200 ``{"status":"ok"}``, or 503 with the problems."""
        try:
            problems = probe()
        except Exception as error:  # a probe that fails is a problem, not an internal error
            problems = [f"the probe itself failed: {type(error).__name__}"]
        body: dict[str, object] = {"status": "failing" if problems else "ok"}
        if problems:
            body["problems"] = [self._clean.text(problem) for problem in problems]
        return web.Response(
            status=503 if problems else 200,
            body=orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE),
            content_type="application/json",
        )


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = _HEADERS["Server"]
