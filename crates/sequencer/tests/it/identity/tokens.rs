//! L08: JSON Web Tokens, made by hand so that nothing a library would refuse to make is left out.

use std::fs;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RsaEncoding,
};
use aws_lc_rs::{hmac, rsa};
use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stateset_ledger::id::Micros;
use stateset_ledger::signature::{SeedSigner, Signer as _};
use stateset_sequencer::identity::jwks::{KeySet, Source};
use stateset_sequencer::identity::token::Tokens;
use tempfile::TempDir;
use uuid::Uuid;

use super::guarded;
use crate::harness::{START, Sequencer, Setting, query, scope};

const SECRET: &str = "an example secret of 32 bytes ok";
const NOW: i64 = START / 1_000_000;
const OK: (u16, &str) = (200, "");
const INVALID: (u16, &str) = (401, "INVALID_TOKEN");

fn claims() -> Value {
    json!({
        "sub": scope(1, 2).tenant, "iss": "stateset-sequencer", "aud": "stateset-api",
        "exp": NOW + 600, "iat": NOW, "nbf": NOW, "jti": "1", "perms": "read,write",
    })
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn claiming(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", encode(signature))
}

fn keyed(key: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

fn hs256(claims: &Value) -> String {
    token(&json!({"alg": "HS256", "typ": "JWT"}), claims, keyed(SECRET.as_bytes()))
}

fn issuer() -> SeedSigner {
    SeedSigner::new(&[11; 32])
}

fn eddsa(header: &Value, claims: &Value) -> String {
    token(header, claims, |message| issuer().sign(message).0.to_vec())
}

fn public_key() -> Vec<u8> {
    issuer().public_key().0.to_vec()
}

fn jwk(name: &str) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": encode(public_key()), "kid": name, "use": "sig", "alg": "EdDSA"})
}

fn tokens(secret: Option<&str>, source: Option<Source>) -> Tokens {
    Tokens::new("stateset-sequencer", "stateset-api", secret, source.map(|s| KeySet::new(s).unwrap()))
}

async fn with_secret() -> Sequencer {
    guarded(Setting { tokens: Some(tokens(Some(SECRET), None)), ..Setting::default() }).await
}

/// A sequencer that takes tokens under the keys of a file, and under the secret if there is one.
async fn with_file(secret: Option<&str>) -> (Sequencer, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let shared = json!({"kty": "oct", "kid": "shared", "alg": "HS256", "k": encode("0123456789")});
    fs::write(&path, json!({"keys": [jwk("one"), shared]}).to_string()).unwrap();
    let setting = Setting { tokens: Some(tokens(secret, Some(Source::File(path)))), ..Setting::default() };
    (guarded(setting).await, folder)
}

async fn assert_token(sequencer: &Sequencer, token: &str, expected: (u16, &str), what: &str) {
    let header = format!("Bearer {token}");
    let found = sequencer.head_with(&[("authorization", &header)], &query(scope(1, 2))).await;
    assert_eq!((found.0, found.1.as_str()), expected, "{what}");
}

#[tokio::test]
async fn claims_are_checked() {
    let sequencer = with_secret().await;
    for (claims, expected) in [
        (claims(), OK),
        (without("iat"), OK),
        (without("nbf"), OK),
        (claiming("aud", json!(["other", "stateset-api"])), OK),
        (claiming("exp", json!(NOW - 59)), OK),
        (claiming("nbf", json!(NOW + 60)), OK),
        (claiming("unknown", json!({"a": [1]})), OK),
        (without("exp"), INVALID),
        (without("iss"), INVALID),
        (without("aud"), INVALID),
        (without("sub"), INVALID),
        (claiming("iss", json!("other")), INVALID),
        (claiming("iss", json!("stateset-sequencer ")), INVALID),
        (claiming("aud", json!("other")), INVALID),
        (claiming("aud", json!([])), INVALID),
        (claiming("exp", json!(NOW - 60)), (401, "TOKEN_EXPIRED")),
        (claiming("exp", json!(0)), (401, "TOKEN_EXPIRED")),
        (claiming("exp", json!("9999999999")), INVALID),
        (claiming("exp", json!(null)), INVALID),
        (claiming("nbf", json!(NOW + 61)), INVALID),
        (claiming("iat", json!(NOW + 61)), INVALID),
        (claiming("sub", json!("not a tenant")), INVALID),
        (claiming("stores", json!("x")), INVALID),
        (claiming("stores", json!(",")), INVALID),
        (claiming("agent", json!("x")), INVALID),
        (claiming("perms", json!("")), (403, "INSUFFICIENT_PERMISSIONS")),
        (without("perms"), (403, "INSUFFICIENT_PERMISSIONS")),
        (claiming("perms", json!("write")), (403, "INSUFFICIENT_PERMISSIONS")),
        (claiming("perms", json!("READ,reader,read write")), (403, "INSUFFICIENT_PERMISSIONS")),
        (claiming("sub", json!(Uuid::from_u128(77))), (403, "INSUFFICIENT_PERMISSIONS")),
        (claiming("stores", json!(Uuid::from_u128(9))), (403, "INSUFFICIENT_PERMISSIONS")),
        (claiming("stores", json!(format!("{}, {}", Uuid::from_u128(9), Uuid::from_u128(2)))), OK),
        (claiming("stores", json!("")), OK),
    ] {
        assert_token(&sequencer, &hs256(&claims), expected, &claims.to_string()).await;
    }
    sequencer.clock.set(START + 660_000_000);
    assert_token(&sequencer, &hs256(&claims()), (401, "TOKEN_EXPIRED"), "later").await;
}

/// A claim that stands twice is two claims, one of which somebody else may have judged.
#[tokio::test]
async fn forms_that_are_no_token() {
    let sequencer = with_secret().await;
    let good = hs256(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, body) = message.split_once('.').unwrap();
    let twice = claims().to_string().replacen('{', r#"{"sub":"00000000-0000-0000-0000-000000000001","#, 1);
    let twice = format!("{header}.{}", encode(twice));
    let twice = format!("{twice}.{}", encode(keyed(SECRET.as_bytes())(twice.as_bytes())));
    let critical = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
    for (text, what) in [
        (twice, "a claim that stands twice"),
        (token(&critical, &claims(), keyed(SECRET.as_bytes())), "an extension that must be understood"),
        (message.to_owned(), "no signature"),
        (format!("{message}."), "an empty signature"),
        (format!("{message}.{}", signature.get(1..).unwrap()), "a truncated signature"),
        (format!("{good}A"), "more behind the signature"),
        (format!("{good}."), "a fourth part"),
        (format!("{good}=="), "padding"),
        (format!("{header}..{signature}"), "no claims"),
        (format!("{header}.{}.{signature}", body.replace(['A', 'e'], "f")), "other claims"),
        (String::new(), "nothing"),
        ("..".to_owned(), "dots"),
        ("a.b.c".to_owned(), "letters"),
        (format!("{good}{}", "A".repeat(9_000)), "far too long"),
    ] {
        let code = if what == "far too long" { "INVALID_API_KEY" } else { "INVALID_TOKEN" };
        assert_token(&sequencer, &text, (401, code), what).await;
    }
    assert_token(&sequencer, &good, OK, "itself").await;
    let plain = guarded(Setting::default()).await;
    assert_token(&plain, &good, INVALID, "where no tokens are taken").await;
}

/// Algorithm confusion: no key is ever used for an algorithm it is not for.
#[tokio::test]
async fn the_token_does_not_choose_its_algorithm() {
    let header = |algorithm: &str| json!({"alg": algorithm, "typ": "JWT", "kid": "one"});
    let document = json!({"keys": [jwk("one")]}).to_string();
    for secret in [None, Some(SECRET)] {
        let (sequencer, _folder) = with_file(secret).await;
        assert_token(&sequencer, &eddsa(&header("EdDSA"), &claims()), OK, "the issuer's").await;
        for none in ["none", "None", "NONE", "nOnE", ""] {
            for signature in [Vec::new(), public_key()] {
                let forged = token(&header(none), &claims(), |_| signature);
                assert_token(&sequencer, &forged, INVALID, none).await;
            }
        }
        let public_forms = [
            public_key(),
            encode(public_key()).into_bytes(),
            const_hex::encode(public_key()).into_bytes(),
            jwk("one").to_string().into_bytes(),
            document.clone().into_bytes(),
            Vec::new(),
            b"0123456789".to_vec(),
        ];
        for key in &public_forms {
            for algorithm in ["HS256", "HS384", "HS512", "EdDSA"] {
                for name in ["one", "shared"] {
                    let mut header = header(algorithm);
                    header["kid"] = json!(name);
                    let forged = token(&header, &claims(), keyed(key));
                    assert_token(&sequencer, &forged, INVALID, &format!("{algorithm} {name}")).await;
                }
            }
        }
        for algorithm in ["RS256", "PS256", "ES256", "ES384", "HS256"] {
            let forged = eddsa(&header(algorithm), &claims());
            assert_token(&sequencer, &forged, INVALID, algorithm).await;
        }
    }
    let (sequencer, _folder) = with_file(None).await;
    assert_token(&sequencer, &hs256(&claims()), INVALID, "HS256 without a secret").await;
}

/// An RSA key could sign by many algorithms; published, it has one, the one it states or RS256.
#[tokio::test]
async fn an_rsa_key_has_one_algorithm() {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    let (modulus, exponent) = integers(pair.public_key().as_ref());
    let jwk = |name: &str| json!({"kty": "RSA", "kid": name, "n": encode(&modulus), "e": encode(&exponent)});
    let mut stated = jwk("stated");
    stated["alg"] = json!("PS256");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    fs::write(&path, json!({"keys": [jwk("plain"), stated]}).to_string()).unwrap();
    let tokens = Some(tokens(None, Some(Source::File(path))));
    let sequencer = guarded(Setting { tokens, ..Setting::default() }).await;
    let algorithms: [(&str, &'static dyn RsaEncoding); 5] = [
        ("RS256", &RSA_PKCS1_SHA256),
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
        ("PS256", &RSA_PSS_SHA256),
        ("PS384", &RSA_PSS_SHA384),
    ];
    for (name, right) in [("plain", "RS256"), ("stated", "PS256")] {
        for (algorithm, encoding) in algorithms {
            let signed = token(&json!({"alg": algorithm, "kid": name}), &claims(), |message| {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            });
            let expected = if algorithm == right { OK } else { INVALID };
            assert_token(&sequencer, &signed, expected, &format!("{algorithm} under {name}")).await;
        }
    }
}

/// The two integers of an `RSAPublicKey` in DER.
fn integers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let value = |der: &[u8]| {
        let (length, rest) = match der[1] {
            0x82 => (usize::from(u16::from_be_bytes([der[2], der[3]])), &der[4..]),
            0x81 => (usize::from(der[2]), &der[3..]),
            short => (usize::from(short), &der[2..]),
        };
        (rest[..length].to_vec(), rest[length..].to_vec())
    };
    let (sequence, _) = value(der);
    let (modulus, rest) = value(&sequence);
    let (exponent, _) = value(&rest);
    (modulus.into_iter().skip_while(|byte| *byte == 0).collect(), exponent)
}

/// The name of a key is looked up in the issuer's set and nowhere else, and a token brings no key along.
#[tokio::test]
async fn the_token_does_not_choose_its_key() {
    let (sequencer, _folder) = with_file(None).await;
    let stranger = SeedSigner::new(&[12; 32]);
    let forge = |header: &Value| token(header, &claims(), |message| stranger.sign(message).0.to_vec());
    let own = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(stranger.public_key().0), "kid": "one"});
    for header in [
        json!({"alg": "EdDSA", "kid": "one"}),
        json!({"alg": "EdDSA"}),
        json!({"alg": "EdDSA", "kid": "one", "jwk": own}),
        json!({"alg": "EdDSA", "jwk": own}),
        json!({"alg": "EdDSA", "kid": "one", "jku": "https://evil.example/keys"}),
        json!({"alg": "EdDSA", "kid": "one", "x5u": "https://evil.example/keys"}),
    ] {
        assert_token(&sequencer, &forge(&header), INVALID, &header.to_string()).await;
    }
    for name in ["", "ONE", "one ", "two", "../keys.json", "/dev/null", "' OR 1=1 --", "one\u{0}"] {
        let signed = eddsa(&json!({"alg": "EdDSA", "kid": name}), &claims());
        assert_token(&sequencer, &signed, INVALID, name).await;
    }
    let unnamed = eddsa(&json!({"alg": "EdDSA"}), &claims());
    assert_token(&sequencer, &unnamed, INVALID, "without a name, though there is one key").await;
}

/// A new key of the issuer is found; invented names do not become reads; a withdrawn key ends.
#[tokio::test]
async fn keys_of_the_issuer_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let publish = |names: &[&str]| {
        let keys: Vec<Value> = names.iter().map(|name| jwk(name)).collect();
        fs::write(&path, json!({"keys": keys}).to_string()).unwrap();
    };
    let set = KeySet::new(Source::File(path.clone())).unwrap();
    let at = |seconds: i64| Micros(START + seconds * 1_000_000);
    assert!(set.find("one", at(0)).await.is_none(), "no file yet");
    publish(&["one"]);
    assert!(set.find("one", at(1)).await.is_none(), "too soon");
    assert!(set.find("one", at(2)).await.is_some());
    assert_eq!(set.reads(), 2);
    for n in 0..10_000 {
        assert!(set.find(&format!("invented {n}"), at(4 + n / 1_000)).await.is_none());
        assert!(set.find("one", at(4 + n / 1_000)).await.is_some(), "known keys do not wait");
    }
    assert!(set.reads() <= 5, "{}", set.reads());
    publish(&["one", "two"]);
    assert!(set.find("two", at(40)).await.is_some());
    publish(&["two"]);
    assert!(set.find("one", at(41)).await.is_some(), "within the stated age");
    assert!(set.find("one", at(341)).await.is_none());
    fs::write(&path, "{ not a key set").unwrap();
    assert!(set.find("two", at(700)).await.is_some(), "what was read stays while nothing else can be");
}

/// The set may come from a URL; an answer that is none changes nothing and is never followed elsewhere.
#[tokio::test]
async fn keys_of_the_issuer_come_from_a_url() {
    let document = json!({"keys": [jwk("one")]}).to_string();
    let redirect = || async { (StatusCode::FOUND, [("location", "/keys")], "") };
    let huge = format!("{}{}", " ".repeat(1 << 20), document);
    let served = document.clone();
    let issuer = Router::new()
        .route("/keys", get(move || async move { served }))
        .route("/moved", get(redirect))
        .route("/huge", get(move || async move { huge }))
        .route("/missing", get(|| async move { (StatusCode::NOT_FOUND, document) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let server = tracker.spawn(async move { axum::serve(listener, issuer).await });
    for (path, found) in [("keys", true), ("moved", false), ("huge", false), ("missing", false)] {
        let set = KeySet::new(Source::Url(format!("http://{address}/{path}"))).unwrap();
        assert_eq!(set.find("one", Micros(START)).await.is_some(), found, "{path}");
    }
    let source = Source::Url(format!("http://{address}/keys"));
    let sequencer = guarded(Setting { tokens: Some(tokens(None, Some(source))), ..Setting::default() }).await;
    let signed = eddsa(&json!({"alg": "EdDSA", "kid": "one"}), &claims());
    assert_token(&sequencer, &signed, OK, "over HTTP").await;
    server.abort();
    assert_token(&sequencer, &signed, OK, "from memory").await;
}

/// While one request waits for a slow issuer, tokens under keys that are known do not.
#[tokio::test]
async fn a_slow_issuer_delays_nobody_whose_key_is_known() {
    let document = json!({"keys": [jwk("one")]}).to_string();
    let asked = Arc::new(tokio::sync::Semaphore::new(0));
    let answer = Arc::new(tokio::sync::Semaphore::new(1));
    let (heard, allowed) = (Arc::clone(&asked), Arc::clone(&answer));
    let issuer = Router::new().route(
        "/keys",
        get(move || async move {
            heard.add_permits(1);
            allowed.acquire().await.unwrap().forget();
            document
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio_util::task::TaskTracker::new().spawn(async move { axum::serve(listener, issuer).await });
    let set = KeySet::new(Source::Url(format!("http://{address}/keys"))).unwrap();
    assert!(set.find("one", Micros(START)).await.is_some());
    asked.acquire().await.unwrap().forget();
    let later = Micros(START + 400_000_000);
    let slow = set.find("one", later);
    let others = async {
        asked.acquire().await.unwrap().forget();
        assert!(set.find("one", later).await.is_some(), "the read is somebody else's");
        answer.add_permits(1);
    };
    let (found, ()) = tokio::join!(slow, others);
    assert!(found.is_some() && set.reads() == 2);
    server.abort();
}

/// A token is bound like a key: to its tenant, its stores, its agent.
#[tokio::test]
async fn a_token_acts_for_its_agent_only() {
    let sequencer = Arc::new(with_secret().await);
    let push = async |agent: u128| {
        let claims = claiming("agent", json!(Uuid::from_u128(agent)));
        let header = format!("Bearer {}", hs256(&claims));
        let event = crate::harness::Unsigned::new(scope(1, 2), 1).json();
        let body = format!(r#"{{"agent_id":"{}","events":[{event}]}}"#, Uuid::from_u128(0xA));
        let headers = [("authorization", header.as_str())];
        sequencer.send(Method::POST, "/api/v1/events/ingest", &headers, &body).await.status.as_u16()
    };
    assert_eq!((push(0xB).await, push(0xA).await), (403, 200), "A19");
}
