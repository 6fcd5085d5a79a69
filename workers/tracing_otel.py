"""Traces by OpenTelemetry: the only importer of ``opentelemetry``, loaded only when NEWSWIRE_TRACES is on.

Where they go, and which share of the polls is traced, is for OpenTelemetry's own variables to say
(OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, …).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from workers.model import DEFERRED, SUCCESS, OutboxEvent, PollResult
from workers.tracing import HEADER, Step

_KINDS: dict[Step, SpanKind] = {"fetch": SpanKind.CLIENT}
CLOSE_MS = 2_000


class OtelTracing:
    """A ``Backend`` that exports by OTLP over HTTP, from a thread of its own, in batches."""

    def __init__(self, instance: str, worker: str, version: str, topic_prefix: str) -> None:
        resource = Resource.create(
            {
                "service.name": "newswire",
                "service.namespace": instance,
                "service.instance.id": worker,
                "service.version": version,
            }
        )
        self._prefix = topic_prefix
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("newswire")
        self._carrier = TraceContextTextMapPropagator()

    @contextmanager
    def step(self, step: Step, feed_id: str) -> Iterator[None]:
        """A span named after the part; what an exception says stays out of it, for it may hold an address."""
        attributes = {"newswire.feed.id": feed_id}
        with self._tracer.start_as_current_span(
            step,
            kind=_KINDS.get(step, SpanKind.INTERNAL),
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ):
            yield

    def polled(self, result: PollResult) -> None:
        """Reason, status and counts; an error when the poll failed."""
        span = trace.get_current_span()
        span.set_attribute("newswire.reason", result.reason)
        span.set_attribute("newswire.articles.new", result.new)
        span.set_attribute("newswire.articles.updated", result.changed)
        if result.status:
            span.set_attribute("http.response.status_code", result.status)
        if result.reason not in SUCCESS and result.reason not in DEFERRED:
            span.set_attribute("error.type", result.reason)
            span.set_status(Status(StatusCode.ERROR, result.reason))

    def traceparent(self) -> str:
        """The current span's, also when it is not sampled: consumers then do not sample either."""
        carrier: dict[str, str] = {}
        self._carrier.inject(carrier)
        return carrier.get("traceparent", "")

    def sent(self, events: Iterable[OutboxEvent], started_ns: int, ended_ns: int) -> None:
        """One span a topic for each poll whose events went out."""
        counts: dict[tuple[str, str], int] = {}
        for event in events:
            parent = dict(event.headers).get(HEADER, b"").decode("ascii", "replace")
            if parent:
                counts[parent, event.topic] = counts.get((parent, event.topic), 0) + 1
        for (parent, topic), count in counts.items():
            name = self._prefix + topic
            context = self._carrier.extract({"traceparent": parent})
            if not trace.get_current_span(context).get_span_context().trace_flags.sampled:
                continue
            span = self._tracer.start_span(
                f"send {name}",
                context=context,
                kind=SpanKind.PRODUCER,
                start_time=started_ns,
                attributes={
                    "messaging.system": "kafka",
                    "messaging.operation.name": "send",
                    "messaging.operation.type": "send",
                    "messaging.destination.name": name,
                    "messaging.batch.message_count": count,
                },
            )
            span.end(end_time=ended_ns)

    def close(self) -> None:
        """Export what is left, for ``CLOSE_MS`` at most."""
        self._provider.force_flush(CLOSE_MS)
        self._provider.shutdown()
