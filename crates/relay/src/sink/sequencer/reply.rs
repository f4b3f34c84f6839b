//! From the sequencer's reply to one outcome per event. A receipt is believed only after its signature was checked
//! against a key that was configured here, over a hash that was computed here.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;
use stateset_ledger::bytes::{Hash, Signature};
use stateset_ledger::id::{EventId, Scope, Sequence};
use stateset_ledger::receipt::receipt_hash;
use stateset_ledger::signature::PublicKey;
use uuid::Uuid;

use crate::sink::{Evidence, Outcome, Why};

/// The sequencer's keys by number, as obtained beforehand.
pub type SequencerKeys = BTreeMap<u32, PublicKey>;

/// What of the sequencer's reply to a push concerns its events.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Reply {
    /// As received, in request order.
    #[serde(default)]
    pub receipts: Vec<Value>,
    /// Verdicts.
    #[serde(default)]
    pub rejections: Vec<Rejection>,
}

/// Why an event was not sequenced.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Rejection {
    /// Position in the push, from 0.
    pub index: usize,
    /// Stable, upper snake case.
    pub code: String,
    /// The published reason, such as `version_conflict: expected 3, actual 5`.
    #[serde(default)]
    pub reason: String,
    /// A sentence.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are those of the members")]
struct Receipt {
    event_id: Uuid,
    sequence_number: u64,
    receipt_hash: Hash,
    sequencer_signature: Signature,
    sequencer_key_version: u32,
}

/// One event of the push.
#[derive(Clone, Copy, Debug)]
pub struct Pushed {
    /// Its id.
    pub event_id: Uuid,
    /// What was signed.
    pub content_hash: Hash,
}

impl Reply {
    /// One outcome per pushed event, in order.
    pub fn outcomes(self, scope: Scope, pushed: &[Pushed], keys: &SequencerKeys) -> Vec<Outcome> {
        let rejections: HashMap<usize, Rejection> =
            self.rejections.into_iter().map(|rejection| (rejection.index, rejection)).collect();
        let mut receipts: HashMap<Uuid, Value> = HashMap::new();
        for receipt in self.receipts {
            let id = receipt.get("eventId").and_then(Value::as_str).and_then(|text| text.parse().ok());
            if let Some(id) = id {
                receipts.insert(id, receipt);
            }
        }
        let outcome =
            |(index, event): (usize, &Pushed)| match (rejections.get(&index), receipts.remove(&event.event_id)) {
                (Some(rejection), _) => rejected(rejection),
                (None, Some(receipt)) => Outcome::Accepted(Some(evidence(scope, event, receipt, keys))),
                (None, None) => {
                    let text = "the reply names neither a receipt nor a rejection for the event";
                    Outcome::Unavailable(Why::new("incomplete_reply", text))
                },
            };
        pushed.iter().enumerate().map(outcome).collect()
    }
}

/// A verdict on the event is final. A verdict on its key or its store's settings is a person's to mend.
fn rejected(rejection: &Rejection) -> Outcome {
    let why = Why::new(rejection.code.to_ascii_lowercase(), rejection.message.clone());
    match rejection.code.as_str() {
        code if code.starts_with("AGENT_KEY_") => Outcome::Refused(why),
        "UNSIGNED_REFUSED" | "CREATED_AT_IN_FUTURE" | "PAYLOAD_TOO_LARGE" | "SIGNATURE_VERIFICATION_FAILED" => {
            Outcome::Refused(why)
        },
        _ => Outcome::Rejected(why),
    }
}

fn evidence(scope: Scope, event: &Pushed, body: Value, keys: &SequencerKeys) -> Evidence {
    let read = serde_json::from_value::<Receipt>(body.clone());
    let (remote_sequence, flaw) = match read {
        Ok(receipt) => (Some(receipt.sequence_number), flaw(scope, event, &receipt, keys)),
        Err(fault) => (None, Some(Why::new("receipt_unreadable", fault.to_string()))),
    };
    Evidence { kind: "sequencer", remote_sequence, body, flaw }
}

fn flaw(scope: Scope, event: &Pushed, receipt: &Receipt, keys: &SequencerKeys) -> Option<Why> {
    let Ok(sequence) = Sequence::new(receipt.sequence_number) else {
        return Some(Why::new("receipt_sequence", "the receipt's place is none: places begin at 1"));
    };
    let expected = receipt_hash(scope, EventId(receipt.event_id), sequence, &event.content_hash);
    if receipt.event_id != event.event_id || receipt.receipt_hash != expected {
        return Some(Why::new("receipt_hash", "the receipt is not about this event with this content"));
    }
    let Some(key) = keys.get(&receipt.sequencer_key_version) else {
        let version = receipt.sequencer_key_version;
        return Some(Why::new("receipt_key", format!("sequencer key {version} is not among the configured keys")));
    };
    let verified = key.verify(&expected.0, &receipt.sequencer_signature);
    verified.err().map(|fault| Why::new("receipt_signature", fault.to_string()))
}
