//! The service itself.

use super::{Operation, get, other, public};

pub(super) const OPERATIONS: &[Operation] = &[
    public(get("health", "service", "/health", "The process answers", &[], "Health")),
    public(get(
        "ready",
        "service",
        "/ready",
        "The process can do its work; 503 with the reason if not",
        &[],
        "Readiness",
    )),
    public(other(
        get("metrics", "service", "/metrics", "Metrics of this process in OpenMetrics", &[], ""),
        "application/openmetrics-text",
    )),
    public(other(get("openapi", "service", "/openapi.json", "This document", &[], ""), "application/json")),
    public(other(get("docs", "service", "/docs", "This document as a page", &[], ""), "text/html")),
];
