//! Every route × every kind of credential × own and another's tenant, against the committed table
//! `docs/reference/access.md`. And: what is not yours looks exactly like what is not there.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use stateset_ledger::id::{Micros, Scope};
use stateset_ledger::signature::{SeedSigner, Signer as _, proof_of_possession_challenge};
use stateset_sequencer::http::openapi::operations::{self, Operation};
use stateset_sequencer::http::router;
use stateset_sequencer::identity::token::Tokens;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::watched::Watched;
use super::{BOOTSTRAP, guarded};
use crate::harness::{START, Sequencer, Setting, Unsigned, query, scope};

const SECRET: &str = "an example secret of 32 bytes ok";
/// Under which the tenant has a schema.
const SUBJECT: &str = "example.registered";
const AGENT: Uuid = Uuid::from_u128(0xA);

/// A tenant with one of everything that a route can name.
#[derive(Clone)]
struct Tenant {
    scope: Scope,
    event: Uuid,
    batch: Uuid,
    /// An API key bound to [`AGENT`].
    prefix: String,
}

/// A tenant of which there is nothing.
fn nobody() -> Tenant {
    let (event, batch) = (Uuid::from_u128(0xE0E0), Uuid::from_u128(0xBA7C));
    Tenant { scope: scope(0xDEAD, 0xBEEF), event, batch, prefix: "0".repeat(16) }
}

async fn populate(sequencer: &Sequencer, scope: Scope, number: u64) -> Tenant {
    let event = Unsigned::new(scope, number);
    let ingest = format!(r#"{{"agent_id":"{AGENT}","events":[{}]}}"#, event.json());
    let reply = sequencer.with_key(BOOTSTRAP, Method::POST, "/api/v1/events/ingest", &ingest).await.json();
    assert_eq!(reply["events_accepted"], 1, "{reply}");
    let range = json!({"tenantId": scope.tenant, "storeId": scope.store});
    let batch = sequencer.admin(Method::POST, "/api/v1/ves/commitments", &range).await;
    let batch = batch["batch_id"].as_str().or(batch["batchId"].as_str()).expect("an id").parse().expect("a UUID");
    let body = json!({"permissions": ["read", "write", "admin"], "agentId": AGENT});
    let (_, prefix) = sequencer.minted(scope.tenant, body).await;
    sequencer.admin(Method::POST, "/api/v1/agents/keys", &agent_key(scope, 1)).await;
    let schema = json!({"tenantId": scope.tenant, "eventType": SUBJECT, "schemaJson": {}});
    sequencer.admin(Method::POST, "/api/v1/schemas", &schema).await;
    Tenant { scope, event: event.id, batch, prefix }
}

fn agent_key(scope: Scope, number: u32) -> Value {
    let signer = SeedSigner::new(&[21; 32]);
    let public_key = signer.public_key();
    let proof = signer.sign(&proof_of_possession_challenge(&public_key).0).to_hex();
    json!({
        "tenantId": scope.tenant, "agentId": AGENT, "keyId": number, "publicKey": public_key,
        "proofOfPossessionBundle": {"ed25519Pop": proof},
    })
}

/// A request for something of `tenant` that succeeds for whoever may do it.
fn request(operation: &Operation, tenant: &Tenant) -> (String, String) {
    let scope = tenant.scope;
    let path = operation
        .path
        .replace("{event_id}", &tenant.event.to_string())
        .replace("{batch_id}", &tenant.batch.to_string())
        .replace("{agent_id}", &AGENT.to_string())
        .replace("{prefix}", &tenant.prefix)
        .replace("{key_id}", "1")
        .replace("{sequence}", "1")
        .replace("{entity_type}", "order")
        .replace("{entity_id}", "o-1")
        .replace("{schema_id}", "1")
        .replace("{subject}", SUBJECT)
        .replace("{version}", "1")
        .replace("{event_type}", SUBJECT)
        .replace("{path}", "0/000.p/1");
    let more = match operation.id {
        "getInclusion" => "&sequence=1",
        "getConsistency" => "&from_size=1&to_size=1",
        _ => "",
    };
    let path = format!("{path}?{}{more}", query(scope));
    let (t, s) = (scope.tenant, scope.store);
    let hash = "0".repeat(64);
    let body = match operation.id {
        "ingest" | "ingestVes" => {
            format!(r#"{{"agent_id":"{AGENT}","events":[{{"tenant_id":"{t}","store_id":"{s}"}}]}}"#)
        },
        "advanceCursor" => json!({"tenantId": t, "storeId": s, "sequenceNumber": 1}).to_string(),
        "commit" | "commitVes" => json!({"tenantId": t, "storeId": s}).to_string(),
        "verifyProof" | "verifyVesProof" => {
            json!({"leaf_hash": hash, "merkle_root": hash, "proof_path": [], "leaf_index": 0}).to_string()
        },
        "registerAgentKey" => agent_key(scope, 1).to_string(),
        "rotateAgentKey" => agent_key(scope, 2).to_string(),
        "registerAgent" => json!({"tenantId": t, "readOnly": true, "storeIds": [s]}).to_string(),
        "mintApiKey" | "mintAgentApiKey" => json!({"tenantId": t, "agentId": AGENT, "storeIds": [s]}).to_string(),
        "rotateApiKey" => json!({"tenantId": t}).to_string(),
        "registerSchema" => json!({"tenantId": t, "eventType": SUBJECT, "schemaJson": {}}).to_string(),
        "validatePayload" => json!({"tenantId": t, "eventType": SUBJECT, "payload": {}}).to_string(),
        "setSchemaStatus" => json!({"tenantId": t, "status": "active"}).to_string(),
        "setSchemaPolicy" => json!({"tenantId": t, "mode": "warn"}).to_string(),
        "registerSubjectSchema" | "findSubjectSchema" | "checkCompatibility" => {
            json!({"schema": "{}", "schemaType": "JSON"}).to_string()
        },
        "setCompatibility" | "setCompatibilityOfSubject" => json!({"compatibility": "FULL"}).to_string(),
        "mintEnrolmentToken" => json!({"tenantId": t, "storeIds": [s]}).to_string(),
        // Refused for its hash, so that a token is there for every row of the table.
        "enrolAgent" => {
            let mut body = agent_key(scope, 1);
            body["apiKeyPrefix"] = json!("not a prefix");
            body["apiKeyHash"] = json!(hash);
            body.to_string()
        },
        _ => String::new(),
    };
    (path, body)
}

/// Status and body of an answer; a stream that goes on has none.
async fn call(sequencer: &Sequencer, operation: &Operation, tenant: &Tenant, headers: &HeaderMap) -> (u16, Value) {
    let routes = router(&sequencer.service, Duration::from_secs(5), CancellationToken::new());
    let (path, body) = request(operation, tenant);
    let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).expect("a method");
    let mut request = Request::builder().method(method).uri(path).body(Body::from(body)).expect("a request");
    request.headers_mut().extend(headers.clone());
    let response = routes.oneshot(request).await.expect("an answer");
    let status = response.status().as_u16();
    assert!(status < 500, "{} {}: {status}", operation.method, operation.path);
    if status == 200 {
        return (status, Value::Null);
    }
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).expect("a problem document"))
}

fn header(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a header"))])
}

fn bearer(own: Scope, permissions: &str, expires_in: i64, secret: &str) -> HeaderMap {
    let now = START / 1_000_000;
    let claims = json!({
        "sub": own.tenant, "iss": "i", "aud": "a", "exp": now + expires_in, "perms": permissions, "agent": AGENT,
    });
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token");
    header(&format!("Bearer {token}"))
}

async fn enrolment_token(sequencer: &Sequencer, own: Scope) -> HeaderMap {
    let path = format!("/api/v1/agents/{AGENT}/enrolment-tokens");
    let reply = sequencer.admin(Method::POST, &path, &json!({"tenantId": own.tenant})).await;
    header(&format!("ApiKey {}", reply["token"].as_str().expect("text")))
}

/// The kinds of credential, all of the tenant of `own`.
async fn kinds(sequencer: &Sequencer, own: Scope) -> Vec<(&'static str, HeaderMap)> {
    let key = async |body: Value| {
        let (text, prefix) = sequencer.minted(own.tenant, body).await;
        (header(&format!("ApiKey {text}")), prefix)
    };
    let (revoked, prefix) = key(json!({"permissions": ["read", "write", "admin"]})).await;
    let path = format!("/api/v1/api-keys/{prefix}?tenant_id={}", own.tenant);
    sequencer.admin(Method::DELETE, &path, &json!({})).await;
    let soon = Micros(START + 1_000_000).to_rfc3339();
    let (expired, _) = key(json!({"permissions": ["read", "write", "admin"], "expiresAt": soon})).await;
    sequencer.clock.set(START + 1_000_000);
    let all = ["read", "write", "admin"];
    let other_store = Uuid::from_u128(0x5707);
    let unknown = format!("ApiKey ss_{}_{}", "0".repeat(16), "A".repeat(43));
    vec![
        ("none", HeaderMap::new()),
        ("unknown key", header(&unknown)),
        ("revoked key", revoked),
        ("expired key", expired),
        ("expired token", bearer(own, "read,write,admin", -100, SECRET)),
        ("forged token", bearer(own, "read,write,admin", 600, "another secret of thirty-two chars")),
        ("read", key(json!({"permissions": ["read"]})).await.0),
        ("write", key(json!({"permissions": ["write"]})).await.0),
        ("admin", key(json!({"permissions": ["admin"]})).await.0),
        ("all", key(json!({"permissions": all})).await.0),
        ("all, other store", key(json!({"permissions": all, "storeIds": [other_store]})).await.0),
        ("all, this agent", key(json!({"permissions": all, "agentId": AGENT})).await.0),
        ("all, other agent", key(json!({"permissions": all, "agentId": other_store})).await.0),
        ("enrolment token", enrolment_token(sequencer, own).await),
        ("token: read", bearer(own, "read", 600, SECRET)),
        ("token: all, this agent", bearer(own, "read,write,admin", 600, SECRET)),
        ("bootstrap", header(&format!("ApiKey {BOOTSTRAP}"))),
    ]
}

async fn setting() -> (Arc<Watched>, Sequencer) {
    let store = Arc::new(Watched::default());
    let tokens = Some(Tokens::new("i", "a", Some(SECRET), None));
    let sequencer = guarded(Setting { store: Arc::clone(&store) as _, tokens, ..Setting::default() }).await;
    (store, sequencer)
}

/// Operations that name something by an id of its own.
const BY_ID: [&str; 6] =
    ["getEvent", "getCommitment", "getVesCommitment", "revokeApiKey", "revokeAgentApiKey", "rotateApiKey"];
/// Verbs of the service: recognising a caller, sequencing, the head log, which is of all tenants.
const FOR_ALL: [&str; 10] = [
    "api_key",
    "open_streams",
    "append",
    "known_events",
    "log_state",
    "log_records",
    "log_tile",
    "checkpoint",
    "sequencer_keys",
    "ping",
];
const HIDDEN: [&str; 5] =
    ["EVENT_NOT_FOUND", "BATCH_NOT_FOUND", "API_KEY_NOT_FOUND", "AGENT_KEY_NOT_FOUND", "SCHEMA_NOT_FOUND"];

fn cell(status: u16, body: &Value) -> String {
    let code = body["code"].as_str().unwrap_or_default();
    match status {
        401 | 403 => status.to_string(),
        404 if HIDDEN.contains(&code) => status.to_string(),
        _ => "yes".to_owned(),
    }
}

async fn table(sequencer: &Sequencer, kinds: &[(&str, HeaderMap)], tenant: &Tenant) -> String {
    let mut table = String::from("| method | path | permission |");
    for (kind, _) in kinds {
        write!(table, " {kind} |").expect("memory");
    }
    table.push_str("\n|---|---|---|");
    table.push_str(&"---|".repeat(kinds.len()));
    table.push('\n');
    for operation in operations::all() {
        let permission = match operation.permission {
            Some(permission) => permission.name(),
            None if operation.id == "enrolAgent" => "token",
            None => "–",
        };
        write!(table, "| {} | `{}` | {permission} |", operation.method.to_uppercase(), operation.path).expect("memory");
        for (kind, headers) in kinds {
            let (status, body) = call(sequencer, operation, tenant, headers).await;
            let cell = cell(status, &body);
            if *kind == "bootstrap" && operation.id != "enrolAgent" {
                assert_eq!(cell, "yes", "{} {}: {body}", operation.method, operation.path);
                assert!(status == 200 || [404, 409].contains(&status), "{} {status}: {body}", operation.path);
            }
            write!(table, " {cell} |").expect("memory");
        }
        table.push('\n');
    }
    table
}

/// L07, L08, L10: the committed table is what the server does.
#[tokio::test]
async fn every_route_under_every_credential() {
    let (_, sequencer) = setting().await;
    let own = populate(&sequencer, scope(1, 2), 1).await;
    let foreign = populate(&sequencer, scope(3, 4), 2).await;
    let kinds = kinds(&sequencer, own.scope).await;
    let mut page = String::from(
        "# Who may do what\n\nEvery route of the API under every kind of credential, as a test has found it: `yes`, or the \
         status of the refusal. Credentials of the kind *other store* are for a store of the tenant that the request is not \
         about; *agent* says for which agent a credential may act, and the requests act for one agent. An administrator \
         sees and makes API keys only within what its own credential permits, so a key that permits more does not exist \
         for it (404).\n\nThe test `every_route_under_every_credential` compares; where this page is out of date it says \
         where the new one lies.\n\n## In the credential's own tenant\n\n",
    );
    page.push_str(&table(&sequencer, &kinds, &own).await);
    page.push_str(
        "\n## In another tenant\n\nWhat is not yours looks like what is not there: the same status, the same body, \
                   the same number of database statements.\n\n",
    );
    page.push_str(&table(&sequencer, &kinds, &foreign).await);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/access.md");
    if fs::read_to_string(&committed).unwrap_or_default() != page {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("access.md");
        fs::write(&fresh, page).expect("written");
        panic!("docs/reference/access.md is not what the server does; look at {} and commit it", fresh.display());
    }
}

/// R03: whatever a request under a tenant's credential reads, it reads for that tenant, and says so to the database.
#[tokio::test]
async fn every_read_is_for_the_callers_tenant() {
    let (store, sequencer) = setting().await;
    let own = populate(&sequencer, scope(1, 2), 1).await;
    let foreign = populate(&sequencer, scope(3, 4), 2).await;
    let kinds = kinds(&sequencer, own.scope).await;
    let mut reads = 0;
    for (kind, headers) in kinds.iter().filter(|(kind, _)| ["all", "token: all, this agent"].contains(kind)) {
        for operation in operations::all().filter(|operation| operation.permission.is_some()) {
            for tenant in [&own, &foreign] {
                store.made();
                call(&sequencer, operation, tenant, headers).await;
                for (verb, asked_for) in store.made() {
                    if !FOR_ALL.contains(&verb) {
                        assert_eq!(asked_for, Some(own.scope.tenant), "{kind}: {} asks {verb}", operation.path);
                        reads += 1;
                    }
                }
            }
        }
    }
    assert!(reads > 50, "{reads}");
}

/// No existence oracle: another tenant's things and things that do not exist get the same status, the same body and the
/// same number of statements, on every route, under every credential that is of one tenant.
#[tokio::test]
async fn not_yours_is_not_there() {
    let (store, sequencer) = setting().await;
    let own = populate(&sequencer, scope(1, 2), 1).await;
    let foreign = populate(&sequencer, scope(3, 4), 2).await;
    // Ids of somebody else and of nobody, under their own tenant and under the caller's.
    let under_own = |of: &Tenant| Tenant { scope: own.scope, ..of.clone() };
    let pairs = [(foreign.clone(), nobody()), (under_own(&foreign), under_own(&nobody()))];
    for (kind, headers) in kinds(&sequencer, own.scope).await.iter().filter(|(kind, _)| *kind != "bootstrap") {
        for operation in operations::all().filter(|operation| operation.permission.is_some()) {
            for (theirs, nothing) in &pairs {
                if theirs.scope != own.scope || BY_ID.contains(&operation.id) {
                    // Once for the key's sake, so that neither of the two finds it in memory and the other not.
                    call(&sequencer, operation, nothing, headers).await;
                    store.calls();
                    let (status, body) = call(&sequencer, operation, theirs, headers).await;
                    let calls = store.calls();
                    let (other_status, other_body) = call(&sequencer, operation, nothing, headers).await;
                    let context = format!("{kind}: {} {}", operation.method, operation.path);
                    assert_eq!((status, calls), (other_status, store.calls()), "{context}: {body}");
                    assert_eq!(plain(&body, theirs), plain(&other_body, nothing), "{context}");
                }
            }
        }
    }
}

/// The body without what the request itself said, and without its own id.
fn plain(body: &Value, tenant: &Tenant) -> String {
    let mut body = body.clone();
    body["trace_id"] = json!("");
    body.to_string()
        .replace(&tenant.scope.tenant.to_string(), "T")
        .replace(&tenant.scope.store.to_string(), "S")
        .replace(&tenant.event.to_string(), "E")
        .replace(&tenant.batch.to_string(), "B")
        .replace(&tenant.prefix, "P")
}
