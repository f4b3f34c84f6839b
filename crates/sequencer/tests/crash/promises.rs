//! What the servers promised to the clients: every acknowledged event with its receipt.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use stateset_ledger::bytes::Hash;
use stateset_ledger::id::{EventId, Scope, Sequence};
use stateset_testkit::ves::SignedEvent;

/// One acknowledged event.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) scope: Scope,
    pub(crate) event: EventId,
    pub(crate) sequence: Sequence,
    /// What the agent signed, by the test kit's own computation.
    pub(crate) signing_hash: Hash,
    /// The leaf as the receipt states it.
    pub(crate) leaf: Hash,
    /// The receipt without `duplicate`, as text.
    pub(crate) receipt: String,
    /// Key number and hexadecimal signature; `None` for `receipts=flush`.
    pub(crate) signature: Option<(u64, String)>,
}

/// All promises, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    made: Mutex<Made>,
}

#[derive(Debug, Default)]
struct Made {
    list: Vec<Promise>,
    by_event: HashMap<(Scope, EventId), usize>,
    by_place: HashMap<(Scope, Sequence), EventId>,
}

impl Promises {
    /// Notes a receipt. A second one for the same event must be the first one again.
    pub(crate) fn note(&self, scope: Scope, sent: &SignedEvent, receipt: &Value) -> anyhow::Result<()> {
        let promise = promise(scope, sent, receipt).with_context(|| format!("in the receipt {receipt}"))?;
        let duplicate = receipt.get("duplicate") == Some(&Value::Bool(true));
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let Made { list, by_event, by_place } = &mut *made;
        if let Some(known) = by_event.get(&(scope, promise.event)) {
            let known = &list[*known];
            ensure!(duplicate, "event {} was accepted twice: {} and {receipt}", known.event, known.receipt);
            ensure!(known.receipt == promise.receipt, "two receipts: {} and {}", known.receipt, promise.receipt);
            return Ok(());
        }
        let other = by_place.insert((scope, promise.sequence), promise.event);
        ensure!(other.is_none(), "place {} was given to {other:?} and {}", promise.sequence, promise.event);
        by_event.insert((scope, promise.event), list.len());
        list.push(promise);
        Ok(())
    }

    pub(crate) fn is_made(&self, scope: Scope, event: EventId) -> bool {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).by_event.contains_key(&(scope, event))
    }

    /// The promises from number `first` on.
    pub(crate) fn since(&self, first: usize) -> Vec<Promise> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.list.get(first..).unwrap_or_default().to_vec()
    }

    /// Promises per stream.
    pub(crate) fn sizes(&self) -> HashMap<Scope, u64> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sizes = HashMap::new();
        for promise in &made.list {
            *sizes.entry(promise.scope).or_default() += 1;
        }
        sizes
    }
}

fn promise(scope: Scope, sent: &SignedEvent, receipt: &Value) -> anyhow::Result<Promise> {
    let text = |name: &str| receipt.get(name).and_then(Value::as_str).with_context(|| format!("{name} is missing"));
    let number = |name: &str| receipt.get(name).and_then(Value::as_u64).with_context(|| format!("{name} is missing"));
    ensure!(text("eventId")? == sent.id.to_string(), "the receipt is for another event than {}", sent.id);
    let signature = match text("signatureAlg")? {
        "ed25519" => Some((number("sequencerKeyVersion")?, text("sequencerSignature")?.to_owned())),
        other => {
            ensure!(other == "flush" && text("sequencerSignature")?.is_empty(), "signature of kind {other}");
            None
        },
    };
    let mut plain = receipt.clone();
    plain.as_object_mut().context("the receipt is no object")?.remove("duplicate");
    Ok(Promise {
        scope,
        event: EventId(sent.id),
        sequence: Sequence::new(number("sequenceNumber")?)?,
        signing_hash: Hash(sent.signing_hash),
        leaf: Hash::from_hex(text("leafHash")?)?,
        receipt: plain.to_string(),
        signature,
    })
}
