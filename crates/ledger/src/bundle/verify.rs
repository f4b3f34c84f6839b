//! Checking a bundle. Pure.

use serde::Serialize;

use super::{Bundle, BundledEvent, Section, TlogProof};
use crate::agent_key::{AgentKey, KeyChange, KeyStatus};
use crate::bytes::{Hash, PublicKeyBytes, Salt};
use crate::content::payload_fault;
use crate::event::{Header, Seal};
use crate::head_log::{Record, blind};
use crate::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence};
use crate::note::{Checkpoint, VerifierKey};
use crate::receipt::{receipt_hash, stream_id};
use crate::signature::PublicKey;
use crate::tree::frontier::Frontier;
use crate::tree::proof::{verify_consistency, verify_inclusion};
use crate::tree::rfc6962::leaf_hash;

/// What the verifier knows from elsewhere.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The log's verifier key. The same key signs receipts and key events.
    pub log_key: VerifierKey,
    /// Further keys of the sequencer: earlier ones, after a rotation.
    pub sequencer_keys: Vec<PublicKeyBytes>,
    /// The signed note of a checkpoint that was seen before.
    pub earlier: Option<String>,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `stream`, `keys` or `log`.
    pub section: &'static str,
    /// The event, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Which member does not fit.
    pub field: &'static str,
    /// What was found, and what instead of what.
    pub message: String,
}

/// What was checked, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Events in the bundle.
    pub events: u64,
    /// Payloads that fit their hashes.
    pub payloads: u64,
    /// Signatures of agents that verify under a key that was valid when the event got its place.
    pub signatures: u64,
    /// Events that nobody signed.
    pub unsigned: u64,
    /// Receipts under a trusted key of the sequencer.
    pub receipts: u64,
    /// Events shown to be in the stream's tree.
    pub included: u64,
    /// Size of the stream's tree.
    pub stream_size: u64,
    /// Events of the key history.
    pub key_events: u64,
    /// Size of the log whose signed checkpoint covers all.
    pub log_size: u64,
    /// Size of the earlier checkpoint that the log was shown to continue.
    pub continues: Option<u64>,
    /// Whether no event of the selection can be missing. Shown for a range; for an entity nothing shows it.
    pub complete: bool,
    /// What could not be checked, and what would be needed.
    pub unchecked: Vec<String>,
    /// What does not hold; empty: everything that was checked does.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether everything that was checked holds.
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, section: &'static str, sequence: Option<u64>, field: &'static str, message: impl ToString) {
        self.faults.push(Fault { section, sequence, field, message: message.to_string() });
    }

    fn unchecked(&mut self, what: String) {
        if !self.unchecked.contains(&what) {
            self.unchecked.push(what);
        }
    }
}

/// Checks everything that can be checked; goes on after a fault, so that all are named.
pub fn verify_bundle(bundle: &Bundle, trust: &Trust) -> Report {
    let mut verifier = Verifier { bundle, trust, report: Report::default(), keys: Vec::new(), logs: Vec::new() };
    verifier.head("stream", bundle.scope(), &bundle.stream);
    if let Some(keys) = &bundle.keys {
        verifier.key_history(keys);
    }
    verifier.events();
    verifier.log();
    verifier.report
}

struct Verifier<'a> {
    bundle: &'a Bundle,
    trust: &'a Trust,
    report: Report,
    /// The tenant's keys, as its key stream has them.
    keys: Vec<AgentKey>,
    /// Sizes and roots of the log under which heads were found.
    logs: Vec<Checkpoint>,
}

impl Verifier<'_> {
    /// The section's size and root are those of a `HEAD` record in the log.
    fn head(&mut self, section: &'static str, scope: Scope, found: &Section) {
        match self.opened(scope, found) {
            Ok(checkpoint) => {
                self.report.log_size = self.report.log_size.max(checkpoint.size);
                self.logs.push(checkpoint);
            },
            Err(message) => self.report.fault(section, None, "tlog_proof", message),
        }
    }

    fn opened(&self, scope: Scope, section: &Section) -> Result<Checkpoint, String> {
        let proof = TlogProof::parse(&section.tlog_proof).map_err(|fault| fault.to_string())?;
        let key = &self.trust.log_key;
        let checkpoint =
            Checkpoint::open(&proof.checkpoint, key.name(), key.key()).map_err(|fault| fault.to_string())?;
        let (salt, bytes) = proof.extra.split_first_chunk().ok_or("extra holds no salt and record")?;
        let record = Record::from_bytes(bytes).map_err(|fault| fault.to_string())?;
        let Record::Head { stream_id: of, size, root, .. } = record else {
            return Err("the record is not the head of a stream".to_owned());
        };
        if of != stream_id(scope) {
            return Err("the record is of another stream".to_owned());
        }
        if (size, root) != (section.size, section.root) {
            let (own, stated) = (section.size, section.root);
            return Err(format!("the log holds size {size} and root {root}, the bundle states {own} and {stated}"));
        }
        let entry = blind(&Salt(*salt), bytes);
        verify_inclusion(&leaf_hash(&entry.0), proof.index, checkpoint.size, &proof.path, &checkpoint.root)
            .map_err(|fault| format!("the record is not in the log: {fault}"))?;
        Ok(checkpoint)
    }

    /// The key stream is there as a whole, so its root follows from its events and nothing can have been left out.
    fn key_history(&mut self, section: &Section) {
        let scope = Scope::key_stream(self.bundle.scope().tenant);
        self.head("keys", scope, section);
        let mut tree = Frontier::new();
        for (expected, event) in (1..).zip(&section.events) {
            if event.sequence != expected {
                self.report.fault("keys", Some(event.sequence), "sequence", format!("{expected} is missing"));
                return;
            }
            let Some((header, sequence)) = self.readable("keys", scope, event) else { return };
            tree.push(leaf_hash(&header.leaf(scope, sequence).0), &mut |_, _, _| {});
            self.report.key_events += 1;
            self.sequencer_signed(&header, event.sequence);
            self.key_change(scope, event, &header);
        }
        if (tree.size(), tree.root()) != (section.size, section.root) {
            let message = format!(
                "{} events lead to root {}, the log holds {} events and root {}",
                tree.size(),
                tree.root(),
                section.size,
                section.root
            );
            self.report.fault("keys", None, "root", message);
        }
    }

    fn key_change(&mut self, scope: Scope, event: &BundledEvent, header: &Header) {
        let sequence = Some(event.sequence);
        let Some(payload) = &event.payload else {
            self.report.fault("keys", sequence, "payload", "is missing; without it the key is not known");
            return;
        };
        if let Some(fault) = payload_fault(header, scope, payload) {
            self.report.fault("keys", sequence, "payload", fault);
            return;
        }
        match KeyChange::from_event(&event.event_type, payload) {
            Some(KeyChange::Register { agent, key, public_key, valid_from, valid_to }) => {
                let registered = Sequence::new(event.sequence).unwrap_or(Sequence::FIRST);
                self.keys.push(AgentKey { agent, key, public_key, valid_from, valid_to, revoked_at: None, registered });
            },
            Some(KeyChange::Revoke { agent, key, revoked_at }) => {
                for known in self.keys.iter_mut().filter(|known| (known.agent, known.key) == (agent, key)) {
                    known.revoked_at.get_or_insert(revoked_at);
                }
            },
            None => {
                self.report.unchecked(format!("key events of the type {}: unknown to this program", event.event_type))
            },
        }
    }

    /// Key events are the sequencer's own.
    fn sequencer_signed(&mut self, header: &Header, sequence: u64) {
        let Seal::Signed { key, signature } = header.seal else {
            self.report.fault("keys", Some(sequence), "signature", "is missing");
            return;
        };
        match self.sequencer_key(key) {
            Ok(Some(public)) => {
                if public.verify(&header.content_hash.0, &signature).is_err() {
                    self.report.fault("keys", Some(sequence), "signature", "does not verify");
                }
            },
            Ok(None) => self.report.unchecked(distrusted(key)),
            Err(message) => self.report.fault("keys", Some(sequence), "key_id", message),
        }
    }

    /// The sequencer key of this number; `None` if it is not trusted.
    fn sequencer_key(&self, number: KeyId) -> Result<Option<PublicKey>, String> {
        let found = self.bundle.sequencer_keys.iter().find(|key| key.number == number.0);
        let found = found.ok_or_else(|| format!("the bundle holds no key {number} of the sequencer"))?.public_key;
        let trusted = found == self.trust.log_key.key().to_bytes() || self.trust.sequencer_keys.contains(&found);
        Ok(trusted.then(|| PublicKey::new(&found).ok()).flatten())
    }

    fn readable(&mut self, section: &'static str, scope: Scope, event: &BundledEvent) -> Option<(Header, Sequence)> {
        let read = event.header(scope).zip(Sequence::new(event.sequence).ok());
        if read.is_none() {
            let message = "the event's fields contradict each other";
            self.report.fault(section, Some(event.sequence), "ves_version", message);
        }
        read
    }

    fn events(&mut self) {
        let (scope, section, selection) = (self.bundle.scope(), &self.bundle.stream, &self.bundle.selection);
        self.report.stream_size = section.size;
        let mut last = selection.from.max(1) - 1;
        let mut gapless = true;
        for event in &section.events {
            self.report.events += 1;
            let sequence = Some(event.sequence);
            if event.sequence <= last || event.sequence > selection.to {
                let message = format!("is not behind {last} and within {} to {}", selection.from, selection.to);
                self.report.fault("stream", sequence, "sequence", message);
            }
            gapless &= event.sequence == last + 1;
            last = last.max(event.sequence);
            if let Some(entity) = &selection.entity
                && (entity.kind.as_str(), entity.id.as_str()) != (&event.entity_type, &event.entity_id)
            {
                self.report.fault("stream", sequence, "entity_id", "is not the entity of the selection");
            }
            self.event(scope, section, event);
        }
        self.report.complete = selection.entity.is_none() && gapless && last == selection.to;
        if selection.entity.is_none() && !self.report.complete {
            let message = format!("the events are not all of {} to {}", selection.from, selection.to);
            self.report.fault("stream", None, "selection", message);
        }
        if selection.entity.is_some() {
            self.report
                .unchecked("whether events of the entity were left out: a bundle of a range shows that".to_owned());
        }
    }

    fn event(&mut self, scope: Scope, section: &Section, event: &BundledEvent) {
        let Some((header, sequence)) = self.readable("stream", scope, event) else { return };
        let place = Some(event.sequence);
        match &event.payload {
            Some(payload) => match payload_fault(&header, scope, payload) {
                Some(fault) => self.report.fault("stream", place, "payload", fault),
                None => self.report.payloads += 1,
            },
            None => self.report.unchecked("payloads: some are not in the bundle, their hashes are".to_owned()),
        }
        match header.seal {
            Seal::Signed { key, .. } => {
                let at = Micros(event.sequenced_at_us);
                match self.agent_signed(scope, &header, key, at) {
                    Ok(()) => self.report.signatures += 1,
                    Err(message) => self.report.fault("stream", place, "signature", message),
                }
            },
            Seal::Unsigned { .. } => self.report.unsigned += 1,
        }
        let leaf = header.leaf(scope, sequence);
        let included =
            verify_inclusion(&leaf_hash(&leaf.0), sequence.index(), section.size, &event.path, &section.root);
        match included {
            Ok(()) => self.report.included += 1,
            Err(fault) => {
                let message = format!("leaf {leaf} is not in the stream: {fault}");
                self.report.fault("stream", place, "path", message);
            },
        }
        self.receipt(scope, event, sequence, &header.content_hash);
    }

    fn agent_signed(&self, scope: Scope, header: &Header, number: KeyId, at: Micros) -> Result<(), String> {
        let Seal::Signed { signature, .. } = header.seal else { return Ok(()) };
        let own;
        let public = if scope.is_key_stream() && header.agent == AgentId::NIL {
            own = self.sequencer_key(number)?.ok_or_else(|| distrusted(number))?;
            own.to_bytes()
        } else {
            let agent = header.agent;
            let key = self.keys.iter().find(|key| (key.agent, key.key) == (agent, number));
            let key = key.ok_or_else(|| format!("key {number} of agent {agent} is not in the key history"))?;
            let status = key.status(at);
            if status != KeyStatus::Active {
                return Err(format!(
                    "key {number} of agent {agent} was {} when the event got its place",
                    status.name()
                ));
            }
            key.public_key
        };
        let public = PublicKey::new(&public).map_err(|fault| fault.to_string())?;
        let hash = header.content_hash;
        public.verify(&hash.0, &signature).map_err(|_| format!("does not verify over the event's hash {hash}"))
    }

    fn receipt(&mut self, scope: Scope, event: &BundledEvent, sequence: Sequence, content: &Hash) {
        let Some(receipt) = event.receipt else {
            self.report.unchecked("receipts: some events have none of their own".to_owned());
            return;
        };
        let number = KeyId(receipt.key);
        let key = match self.sequencer_key(number) {
            Ok(Some(key)) => key,
            Ok(None) => return self.report.unchecked(distrusted(number)),
            Err(message) => return self.report.fault("stream", Some(event.sequence), "receipt", message),
        };
        let hash = receipt_hash(scope, EventId(event.event_id), sequence, content);
        match key.verify(&hash.0, &receipt.signature) {
            Ok(()) => self.report.receipts += 1,
            Err(_) => {
                let message = format!("does not verify over the receipt hash {hash}");
                self.report.fault("stream", Some(event.sequence), "receipt", message);
            },
        }
    }

    /// All heads are of one log, which continues what was seen before.
    fn log(&mut self) {
        let Some(newest) = self.logs.iter().max_by_key(|log| log.size).cloned() else { return };
        if self.logs.iter().any(|log| log.size == newest.size && log.root != newest.root) {
            let message = "two checkpoints of one size have different roots: the log was forked";
            self.report.fault("log", None, "tlog_proof", message);
        }
        if self.logs.iter().any(|log| log.size != newest.size) {
            self.report.unchecked("that the two checkpoints of the bundle are of one log".to_owned());
        }
        let Some(note) = &self.trust.earlier else {
            self.report.unchecked("an earlier checkpoint: none was given".to_owned());
            return;
        };
        let key = &self.trust.log_key;
        let outcome = Checkpoint::open(note, key.name(), key.key())
            .map_err(|fault| format!("the earlier checkpoint: {fault}"))
            .and_then(|earlier| self.continues(&earlier, &newest).map(|()| earlier.size));
        match outcome {
            Ok(size) => self.report.continues = Some(size),
            Err(message) => self.report.fault("log", None, "log_consistency", message),
        }
    }

    fn continues(&self, earlier: &Checkpoint, newest: &Checkpoint) -> Result<(), String> {
        let shown = self.bundle.log_consistency.as_ref().filter(|shown| shown.from_size == earlier.size);
        let path = match shown {
            Some(shown) => shown.path.as_slice(),
            None if earlier.size == newest.size || earlier.size == 0 => &[],
            None => {
                return Err(format!(
                    "the bundle does not show that the log continues size {0}; ask for it with log_size={0}",
                    earlier.size
                ));
            },
        };
        verify_consistency(earlier.size, newest.size, &earlier.root, &newest.root, path)
            .map_err(|fault| format!("the log of {} does not continue that of {}: {fault}", newest.size, earlier.size))
    }
}

fn distrusted(number: KeyId) -> String {
    format!("what key {number} of the sequencer signed: it is not among the trusted keys")
}
