//! Every operation of the API.

use crate::identity::Permission;

/// What a successful reply holds.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// JSON of this schema.
    Json(&'static str),
    /// Another media type.
    Other(&'static str),
}

/// One method of one path.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Unique name.
    pub id: &'static str,
    /// Lower-case method.
    pub method: &'static str,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Group.
    pub tag: &'static str,
    /// Whether it needs no credential.
    pub public: bool,
    /// What the credential must permit.
    pub permission: Option<Permission>,
    /// Names in the table of parameters.
    pub parameters: &'static [&'static str],
    /// Schema of the body.
    pub body: Option<&'static str>,
    /// Status of success.
    pub status: &'static str,
    /// Reply of success.
    pub reply: Reply,
}

/// Groups with what they are about.
pub const TAGS: &[(&str, &str)] = &[
    ("ingest", "Events in. A batch may be taken in part; a repeated event gets the place and receipt it had."),
    ("events", "Events out, in order."),
    ("proofs", "Evidence that the order is what it was: batches, inclusion, consistency."),
    ("log", "The public head log: checkpoint and tiles, as C2SP tlog-checkpoint and tlog-tiles."),
    ("keys", "Agent keys and the sequencer's own."),
    ("access", "API keys: who may call, and what that permits."),
    ("schemas", "The schema registry: our routes, and those that Confluent clients use."),
    ("service", "Whether the service works, and this document."),
];

const SCOPE: &[&str] = &["tenant_id", "store_id"];
const PAGE: &[&str] = &[
    "tenant_id",
    "store_id",
    "from",
    "limit",
    "entity_type",
    "entity_id",
    "event_type",
    "since",
    "until",
    "agent_id[query]",
    "correlation_id",
    "order_key",
];
const STREAM: &[&str] = &[
    "tenant_id",
    "store_id",
    "from",
    "entity_type",
    "entity_id",
    "event_type",
    "since",
    "until",
    "agent_id[query]",
    "correlation_id",
    "order_key",
];
const ENTITY: &[&str] = &["entity_type[path]", "entity_id[path]", "tenant_id", "store_id", "from", "limit"];
const INGEST: &[&str] = &["receipts", "paths", "wait"];
const LISTED: &[&str] = &["tenant_id", "store_id", "from", "limit"];

const fn get(
    id: &'static str,
    tag: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    reply: &'static str,
) -> Operation {
    Operation {
        id,
        method: "get",
        path,
        summary,
        tag,
        public: false,
        permission: Some(Permission::Read),
        parameters,
        body: None,
        status: "200",
        reply: Reply::Json(reply),
    }
}

const fn post(
    id: &'static str,
    tag: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    body: &'static str,
    reply: &'static str,
) -> Operation {
    Operation {
        id,
        method: "post",
        path,
        summary,
        tag,
        public: false,
        permission: Some(Permission::Write),
        parameters,
        body: Some(body),
        status: "200",
        reply: Reply::Json(reply),
    }
}

const fn put(
    id: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    body: &'static str,
    reply: &'static str,
) -> Operation {
    let post = post(id, "schemas", path, summary, parameters, body, reply);
    Operation { method: "put", permission: Some(Permission::Admin), ..post }
}

const fn removed(
    id: &'static str,
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    reply: &'static str,
) -> Operation {
    let get = get(id, "schemas", path, summary, parameters, reply);
    Operation { method: "delete", permission: Some(Permission::Admin), ..get }
}

const fn public(operation: Operation) -> Operation {
    Operation { public: true, permission: None, ..operation }
}

const fn with(permission: Permission, operation: Operation) -> Operation {
    Operation { permission: Some(permission), ..operation }
}

const fn other(operation: Operation, kind: &'static str) -> Operation {
    Operation { reply: Reply::Other(kind), ..operation }
}

/// The table.
pub const OPERATIONS: &[Operation] = &[
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
    get(
        "listVesCommitments",
        "proofs",
        "/api/v1/ves/commitments",
        "VES batches of a stream",
        LISTED,
        "CommitmentList_Commitment",
    ),
    post("commitVes", "proofs", "/api/v1/ves/commitments", "Commit a batch now", &[], "CommitRequest", "Commitment"),
    get("getVesCommitment", "proofs", "/api/v1/ves/commitments/{batch_id}", "One batch", &["batch_id"], "Commitment"),
    get(
        "listCommitments",
        "proofs",
        "/api/v1/commitments",
        "The same, under the names of the first API",
        LISTED,
        "CommitmentList_FlatCommitment",
    ),
    post(
        "commit",
        "proofs",
        "/api/v1/commitments",
        "The same, under the names of the first API",
        &[],
        "CommitRequest",
        "FlatCommitment",
    ),
    get(
        "getCommitment",
        "proofs",
        "/api/v1/commitments/{batch_id}",
        "The same, under the names of the first API",
        &["batch_id"],
        "FlatCommitment",
    ),
    get(
        "getVesProof",
        "proofs",
        "/api/v1/ves/proofs/{sequence}",
        "Inclusion in the event's VES batch, or in the stream tree",
        &["sequence", "tenant_id", "store_id", "batch_id[query]", "tree"],
        "BatchProof",
    ),
    get(
        "getProof",
        "proofs",
        "/api/v1/proofs/{sequence}",
        "The same, under the names of the first API",
        &["sequence", "tenant_id", "store_id", "batch_id[query]", "tree"],
        "FlatBatchProof",
    ),
    with(
        Permission::Read,
        post(
            "verifyVesProof",
            "proofs",
            "/api/v1/ves/proofs/verify",
            "Check a batch proof; with leaf_count strictly",
            &[],
            "VerifyRequest",
            "Verdict",
        ),
    ),
    with(
        Permission::Read,
        post(
            "verifyProof",
            "proofs",
            "/api/v1/proofs/verify",
            "The same, under the names of the first API",
            &[],
            "VerifyRequest",
            "FlatVerdict",
        ),
    ),
    get(
        "getInclusion",
        "proofs",
        "/api/v1/proofs/inclusion",
        "Inclusion in the stream tree, and the head log's record of that tree",
        &["tenant_id", "store_id", "sequence[query]", "event_id[query]", "tree_size"],
        "InclusionProof",
    ),
    get(
        "getBundle",
        "proofs",
        "/api/v1/proofs/bundle",
        "Offline bundle: events with receipts, key history, inclusion proofs and checkpoint, for a verifier without network",
        &["tenant_id", "store_id", "entity_type", "entity_id", "from", "to", "limit[bundle]", "payloads", "log_size"],
        "Bundle",
    ),
    get(
        "listOpenings",
        "proofs",
        "/api/v1/log/openings",
        "What opens the stream's entries of the head log: heads newest first, or batches",
        &["tenant_id", "store_id", "kind", "before", "from", "limit[openings]"],
        "OpeningList",
    ),
    get(
        "getConsistency",
        "proofs",
        "/api/v1/proofs/consistency",
        "Consistency of two sizes of the stream tree",
        &["tenant_id", "store_id", "from_size", "to_size"],
        "ConsistencyProof",
    ),
    public(other(get("getCheckpoint", "log", "/checkpoint", "Newest signed checkpoint", &[], ""), "text/plain")),
    public(other(
        get("getTile", "log", "/tile/{path}", "A tile or entry bundle", &["path"], ""),
        "application/octet-stream",
    )),
    with(
        Permission::Admin,
        post(
            "registerAgentKey",
            "keys",
            "/api/v1/agents/keys",
            "Register an agent key with proof of possession",
            &[],
            "RegisterKey",
            "KeyChanged",
        ),
    ),
    get(
        "listAgentKeys",
        "keys",
        "/api/v1/agents/keys",
        "Keys of a tenant or agent, revoked ones too",
        &["tenant_id", "agent_id[query]"],
        "KeyList",
    ),
    Operation {
        method: "delete",
        permission: Some(Permission::Admin),
        ..get(
            "revokeAgentKey",
            "keys",
            "/api/v1/agents/{agent_id}/keys/{key_id}",
            "Revoke a key from now on",
            &["agent_id", "key_id", "tenant_id"],
            "KeyChanged",
        )
    },
    with(
        Permission::Admin,
        post(
            "rotateAgentKey",
            "keys",
            "/api/v1/agents/{agent_id}/keys/{key_id}/rotate",
            "Register a new key and revoke this one, in one step",
            &["agent_id", "key_id"],
            "RegisterKey",
            "KeyChanged",
        ),
    ),
    get(
        "getSigningKeys",
        "keys",
        "/api/v1/agents/{agent_id}/signing-keys",
        "Signed key directory of an agent",
        &["agent_id", "tenant_id"],
        "KeyDirectory",
    ),
    public(get(
        "getSequencerKeys",
        "keys",
        "/.well-known/ves-keys",
        "Keys of this sequencer, and the head log's verifier key",
        &[],
        "SequencerKeys",
    )),
    with(
        Permission::Admin,
        post(
            "registerAgent",
            "access",
            "/api/v1/agents/register",
            "Register an agent with its first API key, which is shown once",
            &["Idempotency-Key"],
            "MintApiKey",
            "ApiKeyMinted",
        ),
    ),
    with(
        Permission::Admin,
        post(
            "mintAgentApiKey",
            "access",
            "/api/v1/agents/{agent_id}/api-keys",
            "Make an API key that acts for one agent",
            &["agent_id", "Idempotency-Key"],
            "MintApiKey",
            "ApiKeyMinted",
        ),
    ),
    with(
        Permission::Admin,
        get(
            "listAgentApiKeys",
            "access",
            "/api/v1/agents/{agent_id}/api-keys",
            "API keys of an agent",
            &["agent_id", "tenant_id[optional]", "after"],
            "ApiKeyList",
        ),
    ),
    Operation {
        method: "delete",
        permission: Some(Permission::Admin),
        ..get(
            "revokeAgentApiKey",
            "access",
            "/api/v1/agents/{agent_id}/api-keys/{prefix}",
            "Revoke an API key of an agent",
            &["agent_id", "prefix", "tenant_id[optional]"],
            "ApiKeyRevoked",
        )
    },
    with(
        Permission::Admin,
        post(
            "mintApiKey",
            "access",
            "/api/v1/api-keys",
            "Make an API key",
            &["Idempotency-Key"],
            "MintApiKey",
            "ApiKeyMinted",
        ),
    ),
    with(
        Permission::Admin,
        get(
            "listApiKeys",
            "access",
            "/api/v1/api-keys",
            "API keys of a tenant, revoked ones too",
            &["tenant_id[optional]", "agent_id[query]", "after"],
            "ApiKeyList",
        ),
    ),
    Operation {
        method: "delete",
        permission: Some(Permission::Admin),
        ..get(
            "revokeApiKey",
            "access",
            "/api/v1/api-keys/{prefix}",
            "Revoke an API key",
            &["prefix", "tenant_id[optional]"],
            "ApiKeyRevoked",
        )
    },
    with(
        Permission::Admin,
        post(
            "rotateApiKey",
            "access",
            "/api/v1/api-keys/{prefix}/rotate",
            "Replace an API key by one that permits the same",
            &["prefix", "Idempotency-Key"],
            "RotateApiKey",
            "ApiKeyMinted",
        ),
    ),
    with(
        Permission::Admin,
        post(
            "registerSchema",
            "schemas",
            "/api/v1/schemas",
            "Register a schema for a type of event",
            &[],
            "RegisterSchema",
            "SchemaRegistered",
        ),
    ),
    get(
        "listSchemas",
        "schemas",
        "/api/v1/schemas",
        "Schemas of a tenant",
        &["tenant_id[optional]", "event_type[exact]"],
        "SchemaList",
    ),
    with(
        Permission::Read,
        post(
            "validatePayload",
            "schemas",
            "/api/v1/schemas/validate",
            "Hold a payload to the schema of its type",
            &[],
            "ValidatePayload",
            "PayloadVerdict",
        ),
    ),
    get(
        "getSchema",
        "schemas",
        "/api/v1/schemas/{schema_id}",
        "A schema by number",
        &["schema_id", "tenant_id[optional]"],
        "SchemaView",
    ),
    put(
        "setSchemaStatus",
        "/api/v1/schemas/{schema_id}/status",
        "Put a schema in force, or out of it",
        &["schema_id"],
        "SetSchemaStatus",
        "SchemaView",
    ),
    get(
        "listSchemasOfType",
        "schemas",
        "/api/v1/schemas/event-type/{event_type}",
        "Schemas of a type of event",
        &["event_type[path]", "tenant_id[optional]"],
        "SchemaList",
    ),
    get(
        "getLatestSchema",
        "schemas",
        "/api/v1/schemas/event-type/{event_type}/latest",
        "The schema that events of a type are held to",
        &["event_type[path]", "tenant_id[optional]"],
        "SchemaView",
    ),
    put(
        "setSchemaPolicy",
        "/api/v1/schemas/event-type/{event_type}/policy",
        "Decide how events of a type are held to schemas; `*` stands for all types",
        &["event_type[path]"],
        "SetSchemaPolicy",
        "SchemaPolicyView",
    ),
    get(
        "listSubjects",
        "schemas",
        "/subjects",
        "Subjects, as the Confluent registry lists them",
        &["tenant_id[optional]"],
        "SubjectList",
    ),
    get(
        "listSubjectVersions",
        "schemas",
        "/subjects/{subject}/versions",
        "Versions of a subject",
        &["subject", "tenant_id[optional]"],
        "SubjectVersions",
    ),
    with(
        Permission::Admin,
        post(
            "registerSubjectSchema",
            "schemas",
            "/subjects/{subject}/versions",
            "Register a schema, as Confluent clients do",
            &["subject", "tenant_id[optional]"],
            "SubjectSchema",
            "SchemaId",
        ),
    ),
    with(
        Permission::Read,
        post(
            "findSubjectSchema",
            "schemas",
            "/subjects/{subject}",
            "Whether a schema is registered under a subject",
            &["subject", "tenant_id[optional]"],
            "SubjectSchema",
            "FoundSchema",
        ),
    ),
    get(
        "getSubjectVersion",
        "schemas",
        "/subjects/{subject}/versions/{version}",
        "A version of a subject",
        &["subject", "version", "tenant_id[optional]"],
        "FoundSchema",
    ),
    get(
        "getSchemaById",
        "schemas",
        "/schemas/ids/{schema_id}",
        "A schema by number, as Confluent clients read it",
        &["schema_id", "tenant_id[optional]"],
        "FoundSchema",
    ),
    Operation {
        permission: None,
        ..get("listSchemaTypes", "schemas", "/schemas/types", "Kinds of schema: JSON", &[], "SchemaTypes")
    },
    with(
        Permission::Read,
        post(
            "checkCompatibility",
            "schemas",
            "/compatibility/subjects/{subject}/versions/{version}",
            "Whether a schema may follow",
            &["subject", "version", "tenant_id[optional]"],
            "SubjectSchema",
            "CompatibilityVerdict",
        ),
    ),
    get(
        "getCompatibility",
        "schemas",
        "/config",
        "What new versions must agree with",
        &["tenant_id[optional]"],
        "CompatibilityLevel",
    ),
    put(
        "setCompatibility",
        "/config",
        "Decide what new versions must agree with",
        &["tenant_id[optional]"],
        "SetCompatibility",
        "SetCompatibility",
    ),
    get(
        "getCompatibilityOfSubject",
        "schemas",
        "/config/{subject}",
        "What new versions of a subject must agree with",
        &["subject", "tenant_id[optional]"],
        "CompatibilityLevel",
    ),
    put(
        "setCompatibilityOfSubject",
        "/config/{subject}",
        "Decide what new versions of a subject must agree with",
        &["subject", "tenant_id[optional]"],
        "SetCompatibility",
        "SetCompatibility",
    ),
    removed(
        "removeSubjectVersion",
        "/subjects/{subject}/versions/{version}",
        "Take a version out of force and out of sight",
        &["subject", "version", "tenant_id[optional]"],
        "SubjectVersion",
    ),
    removed(
        "removeSubject",
        "/subjects/{subject}",
        "Take all versions of a subject out of force and out of sight",
        &["subject", "tenant_id[optional]"],
        "SubjectVersions",
    ),
    removed(
        "removeSchema",
        "/api/v1/schemas/{schema_id}",
        "Take a schema out of force and out of sight",
        &["schema_id", "tenant_id[optional]"],
        "SchemaView",
    ),
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
