//! Events in and out.

use super::{ENTITY, INGEST, Operation, PAGE, SCOPE, STREAM, get, other, post};

pub(super) const OPERATIONS: &[Operation] = &[
    post(
        "ingestVes",
        "ingest",
        "/api/v1/ves/events/ingest",
        "Sequence signed events (VES 1 and 2)",
        INGEST,
        "IngestBody",
        "VesIngestReply",
    ),
    post(
        "ingest",
        "ingest",
        "/api/v1/events/ingest",
        "Sequence unsigned events of the first API",
        INGEST,
        "IngestBody",
        "IngestReply",
    ),
    get(
        "listVesEvents",
        "events",
        "/api/v1/ves/events",
        "Events by sequence, as envelopes",
        PAGE,
        "EventPage_Envelope",
    ),
    get(
        "listEvents",
        "events",
        "/api/v1/events",
        "Events by sequence, under the names of the first API",
        PAGE,
        "EventPage_FlatEvent",
    ),
    get(
        "getEvent",
        "events",
        "/api/v1/events/{event_id}",
        "One event with receipt, signature verdict and proof availability",
        &["event_id", "tenant_id", "store_id[optional]"],
        "SingleEvent",
    ),
    other(
        get(
            "streamEvents",
            "events",
            "/api/v1/events/stream",
            "Server-sent events: history from a sequence on, then live; resumes by Last-Event-ID",
            STREAM,
            "",
        ),
        "text/event-stream",
    ),
    get("getVesHead", "events", "/api/v1/ves/head", "Size, root and signed head of a stream", SCOPE, "Head"),
    get("getHead", "events", "/api/v1/head", "The same", SCOPE, "Head"),
    get(
        "getVesEntity",
        "events",
        "/api/v1/ves/entities/{entity_type}/{entity_id}",
        "History of one entity, as envelopes",
        ENTITY,
        "EntityHistory_Envelope",
    ),
    get(
        "getEntity",
        "events",
        "/api/v1/entities/{entity_type}/{entity_id}",
        "History of one entity, under the names of the first API",
        ENTITY,
        "EntityHistory_FlatEvent",
    ),
    get(
        "getCursor",
        "events",
        "/api/v1/ves/cursors/{agent_id}",
        "Acknowledged position of a puller",
        &["agent_id", "tenant_id", "store_id"],
        "Cursor",
    ),
    Operation {
        method: "put",
        ..post(
            "advanceCursor",
            "events",
            "/api/v1/ves/cursors/{agent_id}",
            "Acknowledge up to a sequence; never goes back",
            &["agent_id"],
            "AdvanceCursor",
            "Cursor",
        )
    },
];
