//! Credentials. The server's own tests include this file and run it on every change.

use std::sync::LazyLock;

use futures_util::FutureExt as _;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use stateset_ledger::id::Micros;
use stateset_sequencer::http::credential::offered;
use stateset_sequencer::identity::token::Tokens;
use stateset_sequencer::identity::{Access, Identity};
use stateset_store::memory::MemoryStore;

const GOOD_KEY: &str = "fuzz-bootstrap-key";
const GOOD_TOKEN: &str = "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI2NDUyN2RkMy1hNjU0LTQ0MTAtOTMyNy1lNThhMTQ5MmNlNzciLCJpc3MiOiJpc3N1ZXIiLCJhdWQiOiJhdWRpZW5jZSIsImV4cCI6MTc2NzMyNjY0NSwiaWF0IjoxNzY3MzIzMDQ1LCJwZXJtcyI6InJlYWQsd3JpdGUiLCJzdG9yZXMiOiI5MWRlZjE1OC04MTlhLTQ0NjEtYjVjOS03NzU5NzUwYWQxNTcifQ.fXsHZUqopYLNxN-QXJXb0deFQbG0dwIesi5-q5eeIcY";

/// Good and bad credentials to begin with.
pub const SEEDS: [&str; 10] = [
    GOOD_KEY,
    "ApiKey fuzz-bootstrap-key",
    "x-api-key:fuzz-bootstrap-key",
    "authorization:ApiKey fuzz-bootstrap-key\nx-api-key:fuzz-bootstrap-key",
    "ApiKey ss_0123456789abcdef_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    GOOD_TOKEN,
    "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI2NDUyN2RkMy1hNjU0LTQ0MTAtOTMyNy1lNThhMTQ5MmNlNzciLCJpc3MiOiJpc3N1ZXIiLCJhdWQiOiJhdWRpZW5jZSIsImV4cCI6MTAwMDAwMDAwMCwiaWF0IjoxNzY3MzIzMDQ1LCJwZXJtcyI6InJlYWQsd3JpdGUiLCJzdG9yZXMiOiI5MWRlZjE1OC04MTlhLTQ0NjEtYjVjOS03NzU5NzUwYWQxNTcifQ.LaU5ZgTzWc3VHtwm2FHXtW25QT4XKk67PrrPKxhm-fk",
    "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImEiLCJ0eXAiOiJKV1QifQ.eyJzdWIiOiI2NDUyN2RkMy1hNjU0LTQ0MTAtOTMyNy1lNThhMTQ5MmNlNzciLCJpc3MiOiJpc3N1ZXIiLCJhdWQiOiJhdWRpZW5jZSIsImV4cCI6MTc2NzMyNjY0NSwiaWF0IjoxNzY3MzIzMDQ1LCJwZXJtcyI6InJlYWQsd3JpdGUiLCJzdG9yZXMiOiI5MWRlZjE1OC04MTlhLTQ0NjEtYjVjOS03NzU5NzUwYWQxNTcifQ.rkUZ_NQVM5cnHJfdcg_1F5bm_Fhv10xCt578YhbDF1k",
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiI2NDUyN2RkMy1hNjU0LTQ0MTAtOTMyNy1lNThhMTQ5MmNlNzciLCJpc3MiOiJpc3N1ZXIiLCJhdWQiOiJhdWRpZW5jZSIsImV4cCI6MTc2NzMyNjY0NSwiaWF0IjoxNzY3MzIzMDQ1LCJwZXJtcyI6InJlYWQsd3JpdGUiLCJzdG9yZXMiOiI5MWRlZjE1OC04MTlhLTQ0NjEtYjVjOS03NzU5NzUwYWQxNTcifQ.",
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"a\"},{\"kty\":\"oct\",\"k\":\"c2VjcmV0\",\"kid\":\"b\"}]}",
];

/// Credentials as a request carries them, in header lines: API keys and tokens. What mutations make of a good one does not
/// open, unless the good one is still in it.
pub fn token(input: &[u8]) {
    static CALLERS: LazyLock<(Identity, MemoryStore)> = LazyLock::new(|| {
        let tokens = Tokens::new("issuer", "audience", Some("fuzz-secret-of-at-least-32-characters"), None);
        (Identity::new(&Access::Key(GOOD_KEY.to_owned()), Some(tokens)), MemoryStore::new())
    });
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let (name, value) = match line.strip_prefix(b"x-api-key:") {
            Some(value) => (HeaderName::from_static("x-api-key"), value),
            None => (AUTHORIZATION, line.strip_prefix(b"authorization:").unwrap_or(line)),
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    if let Ok(offered) = offered(&headers) {
        let (identity, store) = &*CALLERS;
        let answer = identity.recognise(store, Micros(1_767_323_045_000_000), offered).now_or_never();
        let accepted = answer.expect("nothing is waited for").is_ok();
        let token = GOOD_TOKEN.split(' ').next_back().unwrap_or_default();
        let holds = |good: &str| input.windows(good.len()).any(|window| window == good.as_bytes());
        assert!(!accepted || holds(GOOD_KEY) || holds(token));
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Some(prefix) = stateset_sequencer::identity::key::prefix(text)
    {
        assert!(text.len() == 63 && text.starts_with(&format!("ss_{prefix}_")));
    }
    drop(stateset_sequencer::identity::jwks::keys(input));
}
