//! Checks a proof that the server gave out, without the server.

use std::fmt::Display;

use serde::Serialize;
use serde_json::Value;
use stateset_api::proof::{BatchPlace, BatchProof, ConsistencyProof, FlatBatchProof, InclusionProof, LoggedHead};
use stateset_ledger::bytes::{Hash, PublicKeyBytes};
use stateset_ledger::head_log::{Record, blind};
use stateset_ledger::id::{KeyId, Micros};
use stateset_ledger::note::{Checkpoint, VerifierKey};
use stateset_ledger::receipt::FlushHead;
use stateset_ledger::signature::PublicKey;
use stateset_ledger::tree::batch;
use stateset_ledger::tree::proof::{verify_consistency, verify_inclusion};
use stateset_ledger::tree::rfc6962::leaf_hash;

/// Proofs are a few kilobytes; more is no proof.
pub const MAX_BYTES: usize = 1 << 20;

/// What the verifier knows from elsewhere. Whatever is missing is not checked, and the verdict says so.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The log's verifier key (`name+hash+key`).
    pub log_key: Option<VerifierKey>,
    /// The sequencer's public key, for signed heads.
    pub sequencer_key: Option<PublicKeyBytes>,
    /// The root the proof must lead to.
    pub root: Option<Hash>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// `inclusion`, `consistency` or `batch`.
    pub kind: &'static str,
    /// Whether everything that was checked holds.
    pub valid: bool,
    /// What holds.
    pub checked: Vec<String>,
    /// What could not be checked, and what would be needed.
    pub unchecked: Vec<String>,
    /// What does not hold.
    pub faults: Vec<String>,
}

/// Text that is no proof of this server's.
#[derive(Debug, thiserror::Error)]
pub enum NotAProof {
    /// Too long.
    #[error("is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not the JSON of a proof.
    #[error("is not a proof as /api/v1/proofs/inclusion, /consistency or /api/v1/ves/proofs serve it: {0}")]
    Malformed(String),
}

impl From<serde_json::Error> for NotAProof {
    fn from(fault: serde_json::Error) -> Self {
        Self::Malformed(fault.to_string())
    }
}

impl Verdict {
    fn check(&mut self, what: impl Into<String>, outcome: Result<(), impl Display>) {
        let what = what.into();
        match outcome {
            Ok(()) => self.checked.push(what),
            Err(fault) => self.faults.push(format!("{what}: {fault}")),
        }
    }

    fn compare(&mut self, what: &str, fits: bool) {
        self.check(what, if fits { Ok(()) } else { Err("does not fit") });
    }

    fn end(mut self) -> Self {
        self.valid = self.faults.is_empty() && !self.checked.is_empty();
        self
    }
}

/// Checks a proof of any kind.
pub fn verify(text: &[u8], known: &Known) -> Result<Verdict, NotAProof> {
    if text.len() > MAX_BYTES {
        return Err(NotAProof::TooLarge);
    }
    let value: Value = serde_json::from_slice(text)?;
    let has = |member: &str| value.get(member).is_some();
    if has("from_root") {
        Ok(consistency(&serde_json::from_value(value)?, known))
    } else if has("tree_size") {
        Ok(inclusion(&serde_json::from_value(value)?, known))
    } else if has("events_root") {
        let proof: FlatBatchProof = serde_json::from_value(value)?;
        Ok(batch_place(&proof.place, &proof.events_root, known))
    } else if has("merkle_root") {
        let proof: BatchProof = serde_json::from_value(value)?;
        Ok(batch_place(&proof.place, &proof.merkle_root, known))
    } else {
        Err(NotAProof::Malformed(
            "it has none of the members tree_size, from_root, merkle_root, events_root".to_owned(),
        ))
    }
}

fn consistency(proof: &ConsistencyProof, known: &Known) -> Verdict {
    let mut verdict = Verdict { kind: "consistency", ..Verdict::default() };
    let outcome = verify_consistency(proof.from_size, proof.to_size, &proof.from_root, &proof.to_root, &proof.path);
    verdict.check(format!("the tree of {} continues the tree of {}", proof.to_size, proof.from_size), outcome);
    root(&mut verdict, &proof.to_root, known);
    verdict.end()
}

fn batch_place(place: &BatchPlace, merkle_root: &Hash, known: &Known) -> Verdict {
    let mut verdict = Verdict { kind: "batch", ..Verdict::default() };
    let proof = batch::BatchProof {
        leaf_index: place.leaf_index,
        leaf_count: place.leaf_count,
        path: place.proof_path.clone(),
    };
    let what = format!("the leaf is number {} of the {} in the batch", place.leaf_index, place.leaf_count);
    verdict.check(what, proof.verify(&place.leaf_hash, merkle_root));
    root(&mut verdict, merkle_root, known);
    verdict.end()
}

fn root(verdict: &mut Verdict, root: &Hash, known: &Known) {
    match &known.root {
        Some(wanted) => verdict.compare("the root is the one given", wanted == root),
        None => verdict.unchecked.push("that the root is the one you trust: give it with --root".to_owned()),
    }
}

fn inclusion(proof: &InclusionProof, known: &Known) -> Verdict {
    let mut verdict = Verdict { kind: "inclusion", ..Verdict::default() };
    let leaf = leaf_hash(&proof.leaf_hash.0);
    let outcome = verify_inclusion(&leaf, proof.leaf_index, proof.tree_size, &proof.path, &proof.root);
    verdict.check(format!("the leaf is number {} of the {} in the stream", proof.leaf_index, proof.tree_size), outcome);
    verdict.compare("the sequence is the leaf's", proof.sequence_number.checked_sub(1) == Some(proof.leaf_index));
    if known.root.is_some() {
        root(&mut verdict, &proof.root, known);
    }
    match (&proof.signed_head, &known.sequencer_key) {
        (None, _) => {},
        (Some(_), None) => {
            verdict
                .unchecked
                .push("the sequencer's signature on the head: give its key with --sequencer-key".to_owned());
        },
        (Some(head), Some(key)) => {
            let key_id = KeyId(head.key_version);
            let (stream_id, size, root) = (proof.stream_id, proof.tree_size, proof.root);
            let hash = FlushHead { stream_id, size, root, at: Micros(head.signed_at_us), key: key_id }.hash();
            let outcome = PublicKey::new(key)
                .map_err(|fault| fault.to_string())
                .and_then(|key| key.verify(&hash.0, &head.signature).map_err(|fault| fault.to_string()));
            verdict.check("the sequencer signed the head", outcome);
        },
    }
    match &proof.logged_head {
        Some(logged) => logged_head(&mut verdict, proof, logged, known),
        None => verdict.unchecked.push("the head log: the stream's head was not logged yet".to_owned()),
    }
    verdict.end()
}

fn logged_head(verdict: &mut Verdict, proof: &InclusionProof, logged: &LoggedHead, known: &Known) {
    let Ok(bytes) = const_hex::decode(&logged.record) else {
        return verdict.compare("the record is hexadecimal", false);
    };
    let says = matches!(Record::from_bytes(&bytes), Ok(Record::Head { stream_id, size, root, .. })
        if stream_id == proof.stream_id && size == logged.size && root == logged.root);
    verdict.compare("the record is this stream's head", says);
    if logged.size == proof.tree_size {
        verdict.compare("the logged root is the proof's", logged.root == proof.root);
    } else {
        verdict.unchecked.push(format!(
            "that the tree of {} belongs to the logged head of {}: ask /api/v1/proofs/consistency",
            proof.tree_size, logged.size
        ));
    }
    let checkpoint = if let Some(key) = &known.log_key {
        Checkpoint::open(&logged.checkpoint, key.name(), key.key())
    } else {
        verdict.unchecked.push("the checkpoint's signature: give the log's key with --log-key".to_owned());
        let text = logged.checkpoint.rsplit_once("\n\n").map(|(text, _)| format!("{text}\n")).unwrap_or_default();
        Checkpoint::parse(&text)
    };
    let checkpoint = match checkpoint {
        Ok(checkpoint) => checkpoint,
        Err(fault) => return verdict.check("the checkpoint", Err(fault)),
    };
    if known.log_key.is_some() {
        verdict.checked.push(format!("the checkpoint of {} entries is signed by the log", checkpoint.size));
    }
    verdict.compare("the checkpoint has the size the proof says", checkpoint.size == logged.log_size);
    let entry = leaf_hash(&blind(&logged.salt, &bytes).0);
    let outcome = verify_inclusion(&entry, logged.log_index, checkpoint.size, &logged.log_path, &checkpoint.root);
    verdict.check(format!("the record is entry {} of the log", logged.log_index), outcome);
}
