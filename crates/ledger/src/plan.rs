//! The one place where events get their place: facts and candidates in, a plan out. Pure.
//!
//! The caller loads [`StreamFacts`], calls [`plan`], and commits the [`Plan`] if the stream is still at
//! [`Plan::expected_size`]; if it is not, somebody else appended, and the caller loads the facts again. Every rule of
//! admission that depends on the log lives here, so that no database adapter has one: duplicates, content conflicts, key
//! validity, optimistic concurrency, order and tree.

use std::collections::HashMap;

use crate::agent_key::AgentKey;
use crate::bytes::Hash;
use crate::event::{Candidate, Header, KnownEvent, Seal};
use crate::growth::Growth;
use crate::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence};
use crate::rejection::Cause;
use crate::stream::{StreamHead, StreamTile};

/// Entity type and entity id.
pub type EntityRef = (String, String);

/// What must be known of a stream to plan an append to it.
#[derive(Debug)]
pub struct StreamFacts<'a> {
    /// Which stream.
    pub scope: Scope,
    /// Where it stands.
    pub head: &'a StreamHead,
    /// The server's clock.
    pub now: Micros,
    /// Events of this stream that have the id of a candidate. May be left empty as a guess that all are new: the store
    /// refuses a repeated id, and the caller then loads this and plans again.
    pub known: &'a HashMap<EventId, KnownEvent>,
    /// Keys of the candidates' agents, all as of one size of the tenant's key stream.
    pub keys: &'a HashMap<(AgentId, KeyId), AgentKey>,
    /// Number of events so far of each entity that a candidate names with a `base_version`.
    pub entity_versions: &'a HashMap<EntityRef, u64>,
    /// Whether unsigned events are taken.
    pub unsigned_allowed: bool,
}

/// One event that gets a place.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Index of its candidate.
    pub candidate: usize,
    /// Its header.
    pub header: &'a Header,
    /// Its payload as received.
    pub payload: &'a [u8],
    /// Its place.
    pub sequence: Sequence,
    /// Its leaf in both trees.
    pub leaf: Hash,
}

/// What became of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is new: the entry with this index.
    Accepted(usize),
    /// It was in the log already.
    Stored(Box<KnownEvent>),
    /// It repeats the entry with this index of the same plan.
    Repeated(usize),
    /// It is not admissible.
    Rejected(Cause),
}

/// The one atomic step that would sequence the candidates.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Size the stream must still have.
    pub expected_size: u64,
    /// New events in order.
    pub entries: Vec<Entry<'a>>,
    /// Tiles they complete.
    pub tiles: Vec<StreamTile>,
    /// Tree nodes they complete, for proofs in the reply.
    pub growth: Growth,
    /// Head afterwards.
    pub head: StreamHead,
    /// Time of sequencing, never before the previous event's.
    pub at: Micros,
    /// One verdict per candidate, in the order given.
    pub verdicts: Vec<Verdict>,
}

/// Decides what becomes of each candidate. Signatures have been verified before, by the key named in each header.
pub fn plan<'a>(facts: &StreamFacts<'_>, candidates: &[&'a Candidate]) -> Plan<'a> {
    let mut planner = Planner {
        facts,
        at: facts.now.max(facts.head.last_at()),
        head: facts.head.clone(),
        entries: Vec::with_capacity(candidates.len()),
        tiles: Vec::new(),
        growth: Growth::new(facts.head.frontier().clone()),
        placed: HashMap::with_capacity(candidates.len()),
        grown: HashMap::new(),
    };
    let verdicts = candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| planner.place(index, candidate).unwrap_or_else(Verdict::Rejected))
        .collect();
    if !planner.entries.is_empty() {
        planner.head.sequenced_at(planner.at);
    }
    Plan {
        expected_size: facts.head.size(),
        entries: planner.entries,
        tiles: planner.tiles,
        growth: planner.growth,
        head: planner.head,
        at: planner.at,
        verdicts,
    }
}

struct Planner<'f, 'a> {
    facts: &'f StreamFacts<'f>,
    at: Micros,
    head: StreamHead,
    entries: Vec<Entry<'a>>,
    tiles: Vec<StreamTile>,
    growth: Growth,
    placed: HashMap<EventId, usize>,
    grown: HashMap<EntityRef, u64>,
}

impl<'a> Planner<'_, 'a> {
    fn place(&mut self, index: usize, candidate: &'a Candidate) -> Result<Verdict, Cause> {
        let header = &candidate.header;
        if let Some(verdict) = self.duplicate(header)? {
            return Ok(verdict);
        }
        self.admit(header)?;
        self.check_version(header)?;
        let sequence = Sequence::from_index(self.head.size()).expect("no stream reaches 2^63 events");
        let leaf = header.leaf(self.facts.scope, sequence);
        self.head.push(leaf, &mut self.tiles, &mut self.growth);
        let entry = self.entries.len();
        self.entries.push(Entry { candidate: index, header, payload: &candidate.payload, sequence, leaf });
        self.placed.insert(header.event_id, entry);
        Ok(Verdict::Accepted(entry))
    }

    /// A known id is a retry if the content is the same, and a fault of the client if it is not.
    fn duplicate(&self, header: &Header) -> Result<Option<Verdict>, Cause> {
        if let Some(known) = self.facts.known.get(&header.event_id) {
            return if header.same_content(known) {
                Ok(Some(Verdict::Stored(Box::new(known.clone()))))
            } else {
                Err(Cause::EventIdConflict)
            };
        }
        let Some(&entry) = self.placed.get(&header.event_id) else { return Ok(None) };
        if header.same_as(self.entries[entry].header) {
            Ok(Some(Verdict::Repeated(entry)))
        } else {
            Err(Cause::EventIdConflict)
        }
    }

    /// Key validity is judged at the time of sequencing, not at the time the request was read.
    fn admit(&self, header: &Header) -> Result<(), Cause> {
        match &header.seal {
            Seal::Signed { key, .. } => {
                let key = self.facts.keys.get(&(header.agent, *key)).ok_or(Cause::KeyUnknown)?;
                key.admit(self.at)
            },
            Seal::Unsigned { .. } if self.facts.unsigned_allowed => Ok(()),
            Seal::Unsigned { .. } => Err(Cause::UnsignedRefused),
        }
    }

    /// An entity's version is the number of its events; each accepted event adds one.
    fn check_version(&mut self, header: &Header) -> Result<(), Cause> {
        if self.facts.entity_versions.is_empty() {
            return Ok(());
        }
        let entity = (header.entity_type.clone(), header.entity_id.clone());
        let Some(stored) = self.facts.entity_versions.get(&entity) else { return Ok(()) };
        let grown = self.grown.entry(entity).or_insert(0);
        let actual = stored + *grown;
        match header.base_version {
            Some(expected) if expected != actual => Err(Cause::VersionConflict { expected, actual }),
            _ => {
                *grown += 1;
                Ok(())
            },
        }
    }
}
