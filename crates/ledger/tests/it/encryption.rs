//! Encrypted payloads against the vectors of VES-ENC-1 and against one broken member at a time.

use serde_json::{Value, json};
use stateset_ledger::bytes::{Hash, Salt};
use stateset_ledger::encryption::{AadFields, EncryptedPayload, EncryptionFault, MAX_RECIPIENTS, payload_aad};
use stateset_ledger::id::{AgentId, EventId, KeyId, Scope, StoreId, TenantId};
use stateset_ledger::json::{canonical, salted_payload_hash};

fn vectors() -> Vec<Value> {
    let mut file: Value = serde_json::from_str(include_str!("../vectors/encryption.json")).unwrap();
    serde_json::from_value(file["vectors"].take()).unwrap()
}

fn hash(value: &Value) -> Hash {
    Hash::from_hex(value.as_str().unwrap()).unwrap()
}

#[test]
fn published_vectors() {
    let vectors = vectors();
    assert!(!vectors.is_empty());
    for vector in &vectors {
        let envelope = &vector["envelope"];
        let uuid = |name: &str| envelope[name].as_str().unwrap().parse().unwrap();
        let text = |name: &str| envelope[name].as_str().unwrap();

        let salt = Salt::from_hex(vector["salt"].as_str().unwrap()).unwrap();
        let payload = serde_json::to_vec(&vector["payload"]).unwrap();
        let plain_hash = salted_payload_hash(&salt, &canonical(&payload).unwrap());
        assert_eq!(plain_hash, hash(&vector["payload_plain_hash"]));
        assert_eq!(plain_hash, hash(&envelope["payload_plain_hash"]));

        let aad = payload_aad(&AadFields {
            scope: Scope::new(TenantId(uuid("tenant_id")), StoreId(uuid("store_id"))),
            event_id: EventId(uuid("event_id")),
            source_agent: AgentId(uuid("source_agent_id")),
            agent_key_id: KeyId(serde_json::from_value(envelope["agent_key_id"].clone()).unwrap()),
            entity_type: text("entity_type"),
            entity_id: text("entity_id"),
            event_type: text("event_type"),
            created_at: text("created_at"),
            payload_plain_hash: &plain_hash,
        });
        assert_eq!(aad, hash(&vector["payload_aad"]));

        let received = serde_json::to_string(&envelope["payload_encrypted"]).unwrap();
        let parts = serde_json::from_str::<EncryptedPayload<'_>>(&received).unwrap().check().unwrap();
        assert_eq!(const_hex::encode(parts.nonce), vector["nonce"]);
        assert_eq!(parts.recipients_hash(), hash(&vector["recipients_hash"]));
        assert_eq!(parts.payload_cipher_hash(&aad), hash(&vector["payload_cipher_hash"]));
        assert_eq!(parts.payload_cipher_hash(&aad), hash(&envelope["payload_cipher_hash"]));
        let recipients: Vec<u64> = parts.recipients.iter().map(|wrap| wrap.recipient.0.into()).collect();
        let expected: Vec<u64> =
            vector["recipients"].as_array().unwrap().iter().map(|r| r["kid"].as_u64().unwrap()).collect();
        assert_eq!(recipients, expected);
    }
}

fn sound() -> Value {
    vectors().remove(0)["envelope"]["payload_encrypted"].take()
}

/// The sound object with the member at `pointer` replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut payload = sound();
    *payload.pointer_mut(pointer).unwrap() = value;
    payload
}

fn check(payload: &Value) -> Result<(), EncryptionFault> {
    let received = payload.to_string();
    serde_json::from_str::<EncryptedPayload<'_>>(&received).unwrap().check().map(|_| ())
}

#[test]
fn every_fault_names_its_member() {
    let b64 = |length: usize| json!("A".repeat(length));
    let cases = [
        ("/enc_version", Value::Null, "enc_version is required and is missing or null"),
        ("/enc_version", json!(0), "enc_version is 0; it runs from 1 to 3"),
        ("/enc_version", json!(4), "enc_version is 4; it runs from 1 to 3"),
        ("/aead", json!("AES-128-GCM"), "aead is none of AES-256-GCM"),
        ("/hpke", Value::Null, "hpke is required and is missing or null"),
        ("/hpke/mode", json!("psk"), "hpke.mode is none of base, hybrid-base, pqc-base"),
        ("/hpke/kem", json!("P-256"), "hpke.kem is none of X25519-HKDF-SHA256, x25519+mlkem768, mlkem768"),
        ("/hpke/kdf", json!("HKDF-SHA512"), "hpke.kdf is none of HKDF-SHA256"),
        ("/hpke/aead", Value::Null, "hpke.aead is required and is missing or null"),
        ("/nonce_b64u", b64(15), "nonce_b64u must decode to 12 bytes"),
        ("/nonce_b64u", json!("AAECAwQFBgcICQ+/"), "nonce_b64u is not base64url"),
        ("/nonce_b64u", json!(""), "nonce_b64u must decode to 12 bytes"),
        ("/nonce_b64u", b64(100_000), "nonce_b64u must decode to 12 bytes"),
        ("/tag_b64u", b64(20), "tag_b64u must decode to 16 bytes"),
        ("/tag_b64u", json!("AZamv4ECweM8fkkKQ-TZNB"), "tag_b64u is not base64url"),
        ("/ciphertext_b64u", json!("*"), "ciphertext_b64u is not base64url"),
        ("/recipients", Value::Null, "recipients is required and is missing or null"),
        ("/recipients", json!([]), "recipients is empty; there must be at least one"),
        (
            "/recipients/1/recipient_kid",
            json!(1),
            "recipients[1].recipient_kid is not above the one before it; recipients must be unique and ascending",
        ),
        (
            "/recipients/2/recipient_kid",
            json!(0),
            "recipients[2].recipient_kid is not above the one before it; recipients must be unique and ascending",
        ),
        ("/recipients/2/enc_b64u", b64(40), "recipients[2].enc_b64u must decode to 32 bytes"),
        ("/recipients/0/ct_b64u", b64(80), "recipients[0].ct_b64u must decode to 48 bytes"),
        ("/recipients/0/ct_b64u", b64(1452), "recipients[0].ct_b64u must decode to 48 bytes"),
        ("/recipients/0/recipient_kid", Value::Null, "recipients[0].recipient_kid is required and is missing or null"),
    ];
    for (pointer, value, message) in cases {
        assert_eq!(check(&with(pointer, value)).unwrap_err().to_string(), message);
    }
}

#[test]
fn published_labels_and_versions_are_taken() {
    for version in 1..=3 {
        assert_eq!(check(&with("/enc_version", json!(version))), Ok(()));
    }
    for mode in ["base", "hybrid-base", "pqc-base"] {
        assert_eq!(check(&with("/hpke/mode", json!(mode))), Ok(()));
    }
    for kem in ["X25519-HKDF-SHA256", "x25519+mlkem768", "mlkem768"] {
        assert_eq!(check(&with("/hpke/kem", json!(kem))), Ok(()));
    }
}

/// What clients in use add to the object must not be held against them.
#[test]
fn unknown_members_padding_and_escapes_are_understood() {
    let mut payload = sound();
    payload["key_wrap_params"] = Value::Null;
    payload["recipients"][0]["recipient_wraps"] = json!([1]);
    payload["tag_b64u"] = json!("AZamv4ECweM8fkkKQ-TZNA==");
    assert_eq!(check(&payload), Ok(()));
    let escaped = payload.to_string().replace("AES-256-GCM", "AES\\u002d256-GCM");
    assert!(serde_json::from_str::<EncryptedPayload<'_>>(&escaped).unwrap().check().is_ok());
}

#[test]
fn recipients_are_bounded() {
    let one = sound()["recipients"][0].take();
    let list = |count: usize| {
        let recipients: Vec<Value> = (0..count)
            .map(|kid| {
                let mut recipient = one.clone();
                recipient["recipient_kid"] = json!(kid);
                recipient
            })
            .collect();
        with("/recipients", json!(recipients))
    };
    assert_eq!(check(&list(MAX_RECIPIENTS)), Ok(()));
    assert_eq!(check(&list(MAX_RECIPIENTS + 1)), Err(EncryptionFault::TooManyRecipients { found: MAX_RECIPIENTS + 1 }));
}
