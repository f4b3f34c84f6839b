//! From the sequencer's reply to one verdict per event. Pure: nothing is believed but what verifies.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use stateset_ledger::bytes::{Hash, Signature};
use stateset_ledger::event::{Seal, leaf};
use stateset_ledger::id::{KeyId, Scope, Sequence};
use stateset_ledger::tree::RangeProof;
use stateset_ledger::tree::proof::verify_range;
use stateset_ledger::tree::rfc6962::leaf_hash;
use stateset_relay::sink::sequencer::{Pushed, Rejection, Reply as SinkReply, SequencerKeys};
use stateset_relay::sink::{Outcome, Why};

use super::queue::{Prepared, Signed};
use crate::history::SeenHead;

/// A reply as received.
#[derive(Default, Deserialize)]
pub(super) struct Reply {
    #[serde(default)]
    receipts: Vec<Value>,
    #[serde(default)]
    rejections: Vec<Rejection>,
    #[serde(default)]
    stream: Option<StreamHead>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamHead {
    size: u64,
    root: Hash,
    signed_at_us: i64,
    key_version: u32,
    signature: Signature,
    #[serde(default)]
    range_proof: Option<Range>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    first_index: u64,
    count: u64,
    left: Vec<Hash>,
    right: Vec<Hash>,
}

impl Reply {
    /// Whether every event was taken, as far as counting goes.
    pub(super) fn is_plain(&self, events: usize) -> bool {
        self.rejections.is_empty() && self.receipts.len() == events
    }
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It is in the log, and that is proved.
    Proved { sequence: u64, receipt: Value, repeated: bool },
    /// It is in the log; the evidence proves nothing.
    Delivered { sequence: Option<u64>, receipt: Value, flaw: Why },
    /// Its base version is not its entity's.
    VersionConflict { expected: u64, actual: u64, message: String },
    /// Its key has ended.
    KeyEnded { code: String, message: String },
    /// The sequencer's deterministic no.
    Rejected { code: String, message: String },
    /// Somebody has to see to something before it can be taken.
    Obstacle { code: String, message: String },
    /// The reply says nothing about it.
    None(Why),
}

/// All that a reply says.
pub(super) struct Verdicts {
    pub(super) events: Vec<(Signed, Verdict)>,
    /// The stream's head after the request; its signature is checked by whoever knows the keys.
    pub(super) head: Option<SeenHead>,
    /// Why the events that were taken are not in the tree that the sequencer signed.
    pub(super) unproved: Option<String>,
}

/// Judges a reply.
pub(super) fn judge(scope: Scope, batch: Prepared, reply: Reply, keys: &SequencerKeys) -> Verdicts {
    let Reply { receipts, rejections, stream } = reply;
    let pushed: Vec<Pushed> = batch
        .events
        .iter()
        .map(|event| Pushed { event_id: event.event_id, content_hash: event.envelope.content_hash })
        .collect();
    let by_index: BTreeMap<usize, Rejection> =
        rejections.iter().map(|rejection| (rejection.index, rejection.clone())).collect();
    let outcomes = SinkReply { receipts, rejections }.outcomes(scope, &pushed, keys);
    let verdicts = outcomes.into_iter().enumerate().map(|(index, outcome)| verdict(outcome, by_index.get(&index)));
    let events: Vec<(Signed, Verdict)> = batch.events.into_iter().zip(verdicts).collect();
    let unproved = stream.as_ref().and_then(|stream| unproved(scope, &events, stream));
    let head = stream.map(|stream| SeenHead {
        size: stream.size,
        root: stream.root,
        signed_at_us: stream.signed_at_us,
        key_version: stream.key_version,
        signature: stream.signature,
    });
    Verdicts { events, head, unproved }
}

fn verdict(outcome: Outcome, rejection: Option<&Rejection>) -> Verdict {
    match outcome {
        Outcome::Accepted(Some(evidence)) => match (evidence.flaw, evidence.remote_sequence) {
            (None, Some(sequence)) => {
                let repeated = evidence.body.get("duplicate").and_then(Value::as_bool).unwrap_or(false);
                Verdict::Proved { sequence, receipt: evidence.body, repeated }
            },
            (flaw, sequence) => {
                let flaw = flaw.unwrap_or_else(|| Why::new("receipt_unreadable", "the receipt names no place"));
                Verdict::Delivered { sequence, receipt: evidence.body, flaw }
            },
        },
        Outcome::Rejected(why) | Outcome::Refused(why) => match rejection {
            Some(rejection) => refusal(rejection),
            None => Verdict::None(why),
        },
        Outcome::Unavailable(why) | Outcome::Retry { why, .. } => Verdict::None(why),
        Outcome::Accepted(None) | Outcome::NotTried => {
            Verdict::None(Why::new("incomplete_reply", "the reply says nothing about the event"))
        },
    }
}

/// The relay's rule of what a verdict on an event is and what somebody can mend, and conflicts apart from both.
fn refusal(rejection: &Rejection) -> Verdict {
    let (code, message) = (rejection.code.clone(), rejection.message.clone());
    match rejection.code.as_str() {
        "VERSION_CONFLICT" => match versions(&rejection.reason) {
            Some((expected, actual)) => Verdict::VersionConflict { expected, actual, message },
            None => Verdict::Rejected { code, message },
        },
        "AGENT_KEY_REVOKED" | "AGENT_KEY_EXPIRED" => Verdict::KeyEnded { code, message },
        "AGENT_KEY_NOT_FOUND"
        | "AGENT_KEY_NOT_YET_VALID"
        | "UNSIGNED_REFUSED"
        | "CREATED_AT_IN_FUTURE"
        | "SIGNATURE_VERIFICATION_FAILED" => Verdict::Obstacle { code, message },
        _ => Verdict::Rejected { code, message },
    }
}

/// L20: `version_conflict: expected 3, actual 5`.
fn versions(reason: &str) -> Option<(u64, u64)> {
    let (expected, actual) = reason.strip_prefix("version_conflict: expected ")?.split_once(", actual ")?;
    Some((expected.parse().ok()?, actual.parse().ok()?))
}

/// The reply's range proof must hold the new events, with the signatures made here, at the places of their receipts. Places
/// that a receipt does not vouch for cannot be checked: that is the receipt's flaw.
fn unproved(scope: Scope, events: &[(Signed, Verdict)], stream: &StreamHead) -> Option<String> {
    if events.iter().any(|(_, verdict)| matches!(verdict, Verdict::Delivered { .. })) {
        return None;
    }
    let mut leaves = BTreeMap::new();
    for (event, verdict) in events {
        let Verdict::Proved { sequence, repeated: false, .. } = verdict else { continue };
        let place = Sequence::new(*sequence).ok()?;
        let seal = Seal::Signed { key: KeyId(event.key_id), signature: event.envelope.signature };
        leaves.insert(*sequence, leaf_hash(&leaf(scope, place, &event.envelope.content_hash, &seal).0));
    }
    let (first, _) = leaves.first_key_value()?;
    let leaves_from = *first;
    let Some(range) = &stream.range_proof else { return Some("the reply proves no new event".to_owned()) };
    let hashes: Vec<Hash> = leaves.values().copied().collect();
    let contiguous = leaves.keys().copied().eq((leaves_from..).take(hashes.len()));
    let same_range = range.first_index + 1 == leaves_from && u64::try_from(hashes.len()) == Ok(range.count);
    if !contiguous || !same_range {
        return Some("the places of the receipts are not those of the range proof".to_owned());
    }
    let proof = RangeProof { left: range.left.clone(), right: range.right.clone() };
    let verified = verify_range(range.first_index, &hashes, stream.size, &proof, &stream.root);
    verified.err().map(|fault| format!("events {leaves_from} and following are not in the signed tree: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_conflict_names_both_versions() {
        let rejection = |code: &str, reason: &str| Rejection {
            index: 0,
            code: code.to_owned(),
            reason: reason.to_owned(),
            message: "m".to_owned(),
        };
        let conflict = refusal(&rejection("VERSION_CONFLICT", "version_conflict: expected 3, actual 5"));
        assert!(matches!(conflict, Verdict::VersionConflict { expected: 3, actual: 5, .. }), "{conflict:?}");
        assert!(matches!(refusal(&rejection("AGENT_KEY_REVOKED", "")), Verdict::KeyEnded { .. }));
        assert!(matches!(refusal(&rejection("AGENT_KEY_NOT_FOUND", "")), Verdict::Obstacle { .. }));
        assert!(matches!(refusal(&rejection("EVENT_ID_CONFLICT", "")), Verdict::Rejected { .. }));
    }
}
