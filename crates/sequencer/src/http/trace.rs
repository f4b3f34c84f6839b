//! W3C trace context: taken from the request, kept with its events, named in the log, and continued where traces are
//! exported.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use tracing::Span;
use tracing::field::{Empty, display};

/// The request's `traceparent`, if it is well formed: version, 16-byte trace id, 8-byte parent id, flags, none all zero.
pub fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, chars: usize| {
        part.len() == chars && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let nonzero = |part: &str| part.bytes().any(|b| b != b'0');
    let sound = hex(version, 2)
        && version != "ff"
        && hex(trace, 32)
        && nonzero(trace)
        && hex(parent, 16)
        && nonzero(parent)
        && hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    sound.then(|| text.to_owned())
}

/// The span of a request: names the request in every line of the log that is written while it runs. Neither path nor query
/// is in it: they hold what clients choose.
#[cfg(not(feature = "otel"))]
pub(super) fn span(request: &Request, id: &str) -> Span {
    let span = tracing::error_span!("request", id, trace_id = Empty);
    if let Some(trace) = traceparent(request.headers())
        && let Some(trace_id) = trace.split('-').nth(1)
    {
        span.record("trace_id", trace_id);
    }
    span
}

/// The same with what a trace wants to know, as a child of the caller's span.
#[cfg(feature = "otel")]
pub(super) fn span(request: &Request, id: &str) -> Span {
    use axum::extract::MatchedPath;
    use opentelemetry::trace::{TraceContextExt as _, TraceId};
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = super::metrics::method(request.method());
    let span = tracing::error_span!(
        "request",
        id,
        trace_id = Empty,
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.response.status_code = Empty,
    );
    let parent = parent(request.headers());
    let named = parent.as_ref().map(opentelemetry::trace::SpanContext::trace_id);
    if let Some(parent) = parent {
        // Fails only where no traces are exported.
        drop(span.set_parent(opentelemetry::Context::new().with_remote_span_context(parent)));
    }
    let own = span.context().span().span_context().trace_id();
    if let Some(trace_id) = Some(own).filter(|id| *id != TraceId::INVALID).or(named) {
        span.record("trace_id", display(trace_id));
    }
    span
}

/// The caller's span.
#[cfg(feature = "otel")]
fn parent(headers: &HeaderMap) -> Option<opentelemetry::trace::SpanContext> {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

    let text = traceparent(headers)?;
    let mut parts = text.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
    Some(SpanContext::new(trace, span, flags & TraceFlags::SAMPLED, true, TraceState::NONE))
}

/// Notes how the request ended.
pub(super) fn finish(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", display("ERROR"));
    }
}
