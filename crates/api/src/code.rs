//! Every error code of the service: name, status, title and what to do. The reference page is generated from this table.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal, $fix:literal;)+) => {
        /// A stable error code, upper snake case on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code on the wire.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// HTTP status of a response that fails with this code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// What the code means, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What to do about it.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix,)+ }
            }
        }
    };
}

codes! {
    AuthRequired = "AUTH_REQUIRED", 401, "Authentication required",
        "send `Authorization: ApiKey <key>` or `Authorization: Bearer <token>`";
    InvalidApiKey = "INVALID_API_KEY", 401, "The API key is not valid",
        "check the key; a revoked or mistyped key cannot be told apart";
    InvalidToken = "INVALID_TOKEN", 401, "The token is not valid",
        "ask the issuer for a token with sub, iss, aud and exp for this service, or send an API key";
    TokenExpired = "TOKEN_EXPIRED", 401, "The token has expired",
        "ask the issuer for a new one";
    InsufficientPermissions = "INSUFFICIENT_PERMISSIONS", 403, "The credential does not permit this",
        "use a credential with the permission named in the detail";
    KeyStreamReserved = "KEY_STREAM_RESERVED", 403, "The nil store is reserved for the tenant's key stream",
        "push to a store of your own; keys change through /api/v1/agents/keys";
    InvalidRequestBody = "INVALID_REQUEST_BODY", 400, "The body is not the JSON that was expected",
        "see errors[] for the place and the fault";
    InvalidParameter = "INVALID_PARAMETER", 400, "A parameter is missing or not valid",
        "see errors[] for the parameter and the fault";
    EmptyBatch = "EMPTY_BATCH", 400, "The batch holds no events",
        "send at least one event";
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413, "The body is larger than allowed",
        "send smaller batches; the limit is in the detail";
    BatchTooLarge = "BATCH_TOO_LARGE", 413, "The batch holds too many events",
        "send smaller batches; the limit is in the detail";
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, "The body is not JSON",
        "send `Content-Type: application/json`, uncompressed";
    RouteNotFound = "ROUTE_NOT_FOUND", 404, "There is no such route",
        "see /openapi.json for the routes";
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "The route does not take this method",
        "see the Allow header or /openapi.json";
    EventNotFound = "EVENT_NOT_FOUND", 404, "No such event",
        "check the id and the tenant and store it belongs to";
    AmbiguousEventId = "AMBIGUOUS_EVENT_ID", 409, "Several of the tenant's stores hold an event with this id",
        "name the store with `store_id`";
    BatchNotFound = "BATCH_NOT_FOUND", 404, "No such batch",
        "check the id; a proof before its batch becomes available after `Retry-After` seconds";
    ApiKeyNotFound = "API_KEY_NOT_FOUND", 404, "No such API key",
        "list the tenant's keys with GET /api/v1/api-keys; a key is named by the part between the underscores";
    AgentKeyNotFound = "AGENT_KEY_NOT_FOUND", 404, "No such agent key",
        "list the agent's keys with GET /api/v1/agents/keys";
    SchemaNotFound = "SCHEMA_NOT_FOUND", 404, "No such schema",
        "list the tenant's schemas with GET /api/v1/schemas; as a rejection: register a schema for the type of event";
    InvalidSchema = "INVALID_SCHEMA", 422, "Not a schema that can be used",
        "see errors[]; a schema is self-contained, finite and of modest size (docs/guide/contracts.md)";
    SchemaIncompatible = "SCHEMA_INCOMPATIBLE", 409, "The schema may not follow those before it",
        "see errors[]; only add optional members, or register under another type";
    SchemaValidationFailed = "SCHEMA_VALIDATION_FAILED", 422, "The payload does not keep its schema",
        "see the message for the places; GET /api/v1/schemas/event-type/{event_type}/latest shows the schema";
    NotLogged = "NOT_LOGGED", 404, "The head log does not reach there yet",
        "ask again after `Retry-After` seconds";
    AlreadyExists = "ALREADY_EXISTS", 409, "It exists with other content",
        "use another id; an existing key never changes its bytes";
    SequenceGap = "SEQUENCE_GAP", 409, "Batches of a stream are contiguous",
        "start at the sequence named in the detail";
    SequenceAhead = "SEQUENCE_AHEAD", 400, "The sequence is above the stream's head",
        "see the detail for the head";
    InvalidPublicKey = "INVALID_PUBLIC_KEY", 400, "Not a usable Ed25519 public key",
        "send 32 bytes as hexadecimal, not of small order";
    InvalidProofOfPossession = "INVALID_PROOF_OF_POSSESSION", 400, "The proof of possession does not verify",
        "sign the 32-byte hash of `VES_POP_V1` followed by the public key with the new key";
    UnsupportedAlgorithm = "UNSUPPORTED_ALGORITHM", 400, "The key algorithm is not supported",
        "register Ed25519 keys (algorithm 1)";
    Conflict = "CONFLICT", 409, "Somebody else changed it at the same time",
        "read again and retry";
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 422, "The Idempotency-Key was used for something else",
        "send a new Idempotency-Key; an API key that the first request made is in the list under the prefix of the detail";
    InvalidTransition = "INVALID_TRANSITION", 409, "The state does not allow it",
        "see the detail for the state and what must come first";
    OrderNotFound = "ORDER_NOT_FOUND", 404, "No such order",
        "check the number; an order that was just made is known to other services a moment later";
    ShipmentNotFound = "SHIPMENT_NOT_FOUND", 404, "No such shipment",
        "list an order's shipments with GET /shipments?order_id=";
    OutOfStock = "OUT_OF_STOCK", 409, "There is too little of a product",
        "order less, or add to the stock with PUT /stock/{product_id}";
    RateLimitExceeded = "RATE_LIMIT_EXCEEDED", 429, "Too many requests",
        "retry after `Retry-After` seconds";
    Overloaded = "OVERLOADED", 503, "The server has as much work waiting as it takes",
        "retry after `Retry-After` seconds; nothing of the request was done";
    ServiceUnavailable = "SERVICE_UNAVAILABLE", 503, "The database is not available",
        "retry after `Retry-After` seconds; a repeated ingest is safe";
    Timeout = "TIMEOUT", 504, "The request took too long",
        "retry; a repeated ingest is safe";
    InternalError = "INTERNAL_ERROR", 500, "The server failed",
        "report the trace_id to the operator";
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_upper_snake_case() {
        let texts: HashSet<&str> = Code::ALL.iter().map(|code| code.text()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        assert!(texts.iter().all(|text| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }
}
