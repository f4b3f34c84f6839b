//! The hashes and signatures against fixed values of an independent implementation.

use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn uuid(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}

fn key(value: &Value) -> [u8; 32] {
    const_hex::decode_to_array(value.as_str().unwrap()).unwrap()
}

fn verifies(public_key: [u8; 32], hash: &[u8; 32], envelope: &Value) -> bool {
    let signature: [u8; 64] = const_hex::decode_to_array(envelope["agent_signature"].as_str().unwrap()).unwrap();
    let public_key = VerifyingKey::from_bytes(&public_key).unwrap();
    public_key.verify_strict(hash, &Signature::from_bytes(&signature)).is_ok()
}

#[test]
fn the_agent_makes_the_known_events() {
    for vector in vectors("valid") {
        let name = &vector["name"];
        let known = &vector["envelope"];
        let hash = payload_hash(&known["payload"]);
        assert_eq!(known["payload_plain_hash"], const_hex::encode_prefixed(hash), "{name}");

        let mut agent = Agent::from_key(
            key(&vector["seed"]),
            uuid(&known["source_agent_id"]),
            uuid(&known["tenant_id"]),
            uuid(&known["store_id"]),
        );
        agent.key_id = u32::try_from(known["agent_key_id"].as_u64().unwrap()).unwrap();
        let entity_id = known["entity_id"].as_str().unwrap();
        let event_type = known["event_type"].as_str().unwrap();
        let mut event = agent
            .event(entity_id, event_type, known["payload"].clone())
            .version(u32::try_from(known["ves_version"].as_u64().unwrap()).unwrap())
            .event_id(uuid(&known["event_id"]))
            .entity_type(known["entity_type"].as_str().unwrap())
            .created_at(known["created_at"].as_str().unwrap());
        if let Some(id) = known.get("command_id") {
            event = event.command_id(uuid(id));
        }
        if let Some(version) = known.get("base_version") {
            event = event.base_version(version.as_u64().unwrap());
        }
        let event = event.sign();
        assert_eq!(vector["event_signing_hash"], const_hex::encode(event.signing_hash), "{name}");
        assert_eq!(&event.json, known, "{name}");
    }
}

#[test]
fn the_known_bad_events_are_seen_as_bad() {
    for vector in vectors("invalid") {
        let envelope = &vector["envelope"];
        let hash = const_hex::encode_prefixed(payload_hash(&envelope["payload"]));
        assert_eq!(vector["payload_hash_valid"], envelope["payload_plain_hash"] == hash, "{}", vector["name"]);
        let good = verifies(key(&vector["public_key"]), &signing_hash(envelope).unwrap(), envelope);
        assert_eq!(vector["signature_valid"], good, "{}", vector["name"]);
    }
}

#[test]
fn a_registration_proves_possession() {
    let seed = key(&json!("1e069ee224c4f1261f69adb8aeeabf064ca887c0e08b3ae6ea8c95f7dc4b6f6c"));
    let agent = Agent::from_key(seed, Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let public_key = "1fd1543d2bd167a80c91d59ea7c9202e2c794c3e28640249bd8df15aaffffae2";
    let challenge = "22b11e5597d0ad3adb528618d0378bec52e42828e90ef19f60bd11516814fb8f";
    let proof = "0xf8f6b50d7e23037dd4dcd53e30938c7ba6536fd7523d1778432ce6f212aa808a\
                 53ebb0cb0d7b1d93e796d1791ec52b380f45e633f3d1262e5aed045d9cd0fb0c";
    assert_eq!(const_hex::encode(key_possession_challenge(&agent.public_key())), challenge);
    let body = agent.registration();
    assert_eq!(body["publicKey"], format!("0x{public_key}"));
    assert_eq!(body["proofOfPossessionBundle"]["ed25519Pop"], proof);
}

#[test]
fn a_seed_gives_the_same_events_and_never_one_twice() {
    let make = || Agent::new(7, Uuid::from_u128(1), Uuid::from_u128(2));
    let events = |agent: &Agent| -> Vec<Value> {
        (0..3).map(|n| agent.event("ORD-1", "order.created", json!({ "n": n })).sign().json).collect()
    };
    let agent = make();
    let first = events(&agent);
    assert_eq!(first, events(&make()));
    let mut ids: Vec<Value> =
        first.iter().chain(&events(&agent.clone())).map(|event| event["event_id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 6);
    assert_ne!(agent.public_key(), agent.rotated(2).public_key());
}
