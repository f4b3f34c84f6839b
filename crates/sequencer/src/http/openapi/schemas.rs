//! Schemas of every body, with those they refer to.

use serde_json::{Map, Value, json};
use stateset_api::api_keys::{ApiKeyList, ApiKeyMinted, ApiKeyRevoked, MintApiKey, RotateApiKey};
use stateset_api::event::{AdvanceCursor, Cursor, EntityHistory, Envelope, EventPage, FlatEvent, Head, SingleEvent};
use stateset_api::ingest::{IngestBody, IngestReply, VesIngestReply};
use stateset_api::keys::{KeyChanged, KeyDirectory, KeyList, RegisterKey, SequencerKeys};
use stateset_api::problem::Problem;
use stateset_api::proof::{
    BatchProof, CommitRequest, Commitment, CommitmentList, ConsistencyProof, FlatBatchProof, FlatCommitment,
    FlatVerdict, InclusionProof, OpeningList, Verdict, VerifyRequest,
};
use stateset_api::schemas::{
    CompatibilityLevel, CompatibilityVerdict, FoundSchema, PayloadVerdict, RegisterSchema, SchemaId, SchemaList,
    SchemaPolicyView, SchemaRegistered, SchemaTypes, SchemaView, SetCompatibility, SetSchemaPolicy, SetSchemaStatus,
    SubjectList, SubjectSchema, SubjectVersion, SubjectVersions, ValidatePayload,
};
use utoipa::ToSchema;

use crate::http::health::{Health, Readiness};

pub(super) fn all() -> Map<String, Value> {
    let mut schemas = Map::new();
    add::<IngestBody>(&mut schemas);
    add::<VesIngestReply>(&mut schemas);
    add::<IngestReply>(&mut schemas);
    add_as::<EventPage<Envelope>>("EventPage_Envelope", &mut schemas);
    add_as::<EventPage<FlatEvent>>("EventPage_FlatEvent", &mut schemas);
    add_as::<EntityHistory<Envelope>>("EntityHistory_Envelope", &mut schemas);
    add_as::<EntityHistory<FlatEvent>>("EntityHistory_FlatEvent", &mut schemas);
    add::<Envelope>(&mut schemas);
    add::<FlatEvent>(&mut schemas);
    add::<SingleEvent>(&mut schemas);
    add::<Head>(&mut schemas);
    add::<Cursor>(&mut schemas);
    add::<AdvanceCursor>(&mut schemas);
    add_as::<CommitmentList<Commitment>>("CommitmentList_Commitment", &mut schemas);
    add_as::<CommitmentList<FlatCommitment>>("CommitmentList_FlatCommitment", &mut schemas);
    add::<Commitment>(&mut schemas);
    add::<FlatCommitment>(&mut schemas);
    add::<CommitRequest>(&mut schemas);
    add::<BatchProof>(&mut schemas);
    add::<FlatBatchProof>(&mut schemas);
    add::<VerifyRequest>(&mut schemas);
    add::<Verdict>(&mut schemas);
    add::<FlatVerdict>(&mut schemas);
    add::<InclusionProof>(&mut schemas);
    add::<ConsistencyProof>(&mut schemas);
    add::<OpeningList>(&mut schemas);
    add::<RegisterKey>(&mut schemas);
    add::<KeyChanged>(&mut schemas);
    add::<KeyList>(&mut schemas);
    add::<KeyDirectory>(&mut schemas);
    add::<SequencerKeys>(&mut schemas);
    add::<MintApiKey>(&mut schemas);
    add::<RotateApiKey>(&mut schemas);
    add::<ApiKeyMinted>(&mut schemas);
    add::<ApiKeyList>(&mut schemas);
    add::<ApiKeyRevoked>(&mut schemas);
    add::<RegisterSchema>(&mut schemas);
    add::<SchemaRegistered>(&mut schemas);
    add::<SchemaView>(&mut schemas);
    add::<SchemaList>(&mut schemas);
    add::<SetSchemaStatus>(&mut schemas);
    add::<SetSchemaPolicy>(&mut schemas);
    add::<SchemaPolicyView>(&mut schemas);
    add::<ValidatePayload>(&mut schemas);
    add::<PayloadVerdict>(&mut schemas);
    add::<SubjectList>(&mut schemas);
    add::<SubjectVersions>(&mut schemas);
    add::<SubjectVersion>(&mut schemas);
    add::<SchemaTypes>(&mut schemas);
    add::<SubjectSchema>(&mut schemas);
    add::<FoundSchema>(&mut schemas);
    add::<SchemaId>(&mut schemas);
    add::<CompatibilityVerdict>(&mut schemas);
    add::<SetCompatibility>(&mut schemas);
    add::<CompatibilityLevel>(&mut schemas);
    add::<Health>(&mut schemas);
    add::<Readiness>(&mut schemas);
    add::<Problem>(&mut schemas);
    schemas.insert("Bundle".to_owned(), bundle());
    schemas
}

/// The ledger, which defines the format, knows nothing of OpenAPI. In words: docs/spec/bundle.md.
fn bundle() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer", "minimum": 0}));
    let hash = json!({"type": "string", "pattern": "^[0-9a-f]{64}$"});
    let hashes = json!({"type": "array", "items": hash});
    let object = |members: &[(&str, &Value)], optional: &[(&str, &Value)]| {
        let required: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let all: Map<String, Value> =
            members.iter().chain(optional).map(|(name, schema)| ((*name).to_owned(), (*schema).clone())).collect();
        json!({"type": "object", "required": required, "properties": all, "additionalProperties": false})
    };
    let receipt = object(&[("key", &number), ("signature", &text)], &[]);
    let event = object(
        &[
            ("sequence", &number),
            ("sequenced_at_us", &number),
            ("ves_version", &number),
            ("event_id", &text),
            ("agent_id", &text),
            ("entity_type", &text),
            ("entity_id", &text),
            ("event_type", &text),
            ("created_at", &text),
            ("payload_form", &number),
            ("payload_hash", &hash),
            ("cipher_hash", &hash),
        ],
        &[
            ("key_id", &number),
            ("signature", &text),
            ("salt", &text),
            ("command_id", &text),
            ("base_version", &number),
            ("payload", &text),
            ("receipt", &receipt),
            ("path", &hashes),
        ],
    );
    let events = json!({"type": "array", "items": event});
    let section = object(&[("size", &number), ("root", &hash), ("tlog_proof", &text), ("events", &events)], &[]);
    let entity = object(&[("type", &text), ("id", &text)], &[]);
    let selection = object(&[("from", &number), ("to", &number)], &[("entity", &entity)]);
    let key = object(&[("number", &number), ("public_key", &hash)], &[]);
    let keys = json!({"type": "array", "items": key});
    let consistency = object(&[("from_size", &number), ("path", &hashes)], &[]);
    object(
        &[
            ("format", &text),
            ("tenant_id", &text),
            ("store_id", &text),
            ("selection", &selection),
            ("stream", &section),
            ("sequencer_keys", &keys),
        ],
        &[("keys", &section), ("log_consistency", &consistency), ("next_from", &number)],
    )
}

fn add<T: ToSchema>(schemas: &mut Map<String, Value>) {
    add_as::<T>(&T::name(), schemas);
}

/// A generic type needs a name of its own for each argument.
fn add_as<T: ToSchema>(name: &str, schemas: &mut Map<String, Value>) {
    let mut found = vec![(name.to_owned(), T::schema())];
    T::schemas(&mut found);
    for (name, schema) in found {
        let value = serde_json::to_value(schema).expect("a schema is plain JSON");
        schemas.insert(name, value);
    }
}
