//! Properties of the plan: order, gaplessness, duplicates, conflicts, keys, versions.

use std::collections::HashMap;

use proptest::prelude::*;
use stateset_ledger::agent_key::AgentKey;
use stateset_ledger::bytes::{Hash, PublicKeyBytes, Salt, Signature};
use stateset_ledger::event::{Annotations, Candidate, EnvelopeVersion, Header, KnownEvent, PayloadForm, Seal};
use stateset_ledger::id::{AgentId, EventId, KeyId, Micros, Scope, Sequence, StoreId, TenantId};
use stateset_ledger::plan::{EntityRef, Plan, StreamFacts, Verdict, plan};
use stateset_ledger::rejection::Cause;
use stateset_ledger::stream::{StreamHead, TILE_WIDTH};
use stateset_ledger::tree::batch;
use stateset_ledger::tree::rfc6962::leaf_hash;
use uuid::Uuid;

const AGENT: AgentId = AgentId(Uuid::from_u128(7));

fn scope() -> Scope {
    Scope::new(TenantId(Uuid::from_u128(1)), StoreId(Uuid::from_u128(2)))
}

fn candidate(id: u128, content: u8, signed: bool) -> Candidate {
    let seal = if signed {
        Seal::Signed { key: KeyId(1), signature: Signature([content; 64]) }
    } else {
        Seal::Unsigned { salt: Salt([content; 16]) }
    };
    let mut header = Header {
        event_id: EventId(Uuid::from_u128(id)),
        version: if signed { EnvelopeVersion::V1 } else { EnvelopeVersion::Legacy },
        agent: AGENT,
        entity_type: "order".to_owned(),
        entity_id: format!("o-{}", id % 3),
        event_type: "order.created".to_owned(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        payload_form: PayloadForm::Plain,
        payload_hash: Hash([content; 32]),
        cipher_hash: Hash::ZERO,
        content_hash: Hash::ZERO,
        seal,
        command_id: None,
        base_version: None,
        order_key: None,
        correlation_id: None,
        annotations: Annotations::default(),
    };
    header.content_hash = header.derive_content_hash(scope());
    Candidate { header, payload: Box::from(*b"{}"), warnings: Vec::new() }
}

struct World {
    head: StreamHead,
    known: HashMap<EventId, KnownEvent>,
    keys: HashMap<(AgentId, KeyId), AgentKey>,
    versions: HashMap<EntityRef, u64>,
    leaves: Vec<Hash>,
    now: i64,
}

impl World {
    fn new() -> Self {
        let key = AgentKey {
            agent: AGENT,
            key: KeyId(1),
            public_key: PublicKeyBytes::ZERO,
            valid_from: None,
            valid_to: None,
            revoked_at: None,
            registered: Sequence::FIRST,
        };
        Self {
            head: StreamHead::empty(),
            known: HashMap::new(),
            keys: HashMap::from([((AGENT, KeyId(1)), key)]),
            versions: HashMap::new(),
            leaves: Vec::new(),
            now: 1_000,
        }
    }

    fn plan<'a>(&self, candidates: &[&'a Candidate], unsigned_allowed: bool) -> Plan<'a> {
        let facts = StreamFacts {
            scope: scope(),
            head: &self.head,
            now: Micros(self.now),
            known: &self.known,
            keys: &self.keys,
            entity_versions: &self.versions,
            unsigned_allowed,
        };
        plan(&facts, candidates)
    }

    fn apply(&mut self, plan: Plan<'_>) {
        for entry in &plan.entries {
            self.leaves.push(entry.leaf);
            self.known.insert(
                entry.header.event_id,
                KnownEvent {
                    event_id: entry.header.event_id,
                    sequence: entry.sequence,
                    sequenced_at: plan.at,
                    content_hash: entry.header.content_hash,
                    seal: entry.header.seal,
                    command_id: entry.header.command_id,
                    base_version: entry.header.base_version,
                    receipt: None,
                },
            );
        }
        self.head = plan.head;
    }
}

proptest! {
    /// A10, L02, L03: whatever arrives in whatever batches, places are gapless from 1, each id has one place, a retry gets
    /// the place it had, other content under a known id is refused, and the tree is the tree of the leaves.
    #[test]
    fn places_are_gapless_and_stable(batches in prop::collection::vec(
        prop::collection::vec((0_u128..40, 0_u8..2, any::<bool>()), 0..30), 1..12)
    ) {
        let mut world = World::new();
        for batch in batches {
            let candidates: Vec<Candidate> =
                batch.into_iter().map(|(id, content, signed)| candidate(id, content, signed)).collect();
            let refs: Vec<&Candidate> = candidates.iter().collect();
            let plan = world.plan(&refs, true);
            prop_assert_eq!(plan.expected_size, world.head.size());
            for (i, entry) in plan.entries.iter().enumerate() {
                prop_assert_eq!(entry.sequence.get(), plan.expected_size + 1 + i as u64);
                prop_assert_eq!(entry.leaf, entry.header.leaf(scope(), entry.sequence));
            }
            for (candidate, verdict) in candidates.iter().zip(&plan.verdicts) {
                let first = world.known.get(&candidate.header.event_id).map(|known| known.content_hash).or_else(|| {
                    plan.entries.iter().find(|e| e.header.event_id == candidate.header.event_id)
                        .map(|e| e.header.content_hash)
                });
                match verdict {
                    Verdict::Rejected(cause) => {
                        prop_assert_eq!(cause, &Cause::EventIdConflict);
                        prop_assert_ne!(first, Some(candidate.header.content_hash));
                    },
                    Verdict::Accepted(_) | Verdict::Repeated(_) | Verdict::Stored(_) => {
                        prop_assert_eq!(first, Some(candidate.header.content_hash));
                    },
                }
            }
            world.apply(plan);
        }
        let mut frontier = stateset_ledger::tree::Frontier::new();
        for leaf in &world.leaves {
            frontier.push(leaf_hash(&leaf.0), &mut |_, _, _| {});
        }
        prop_assert_eq!(world.head.root(), frontier.root());
        prop_assert!(batch::root(&world.leaves) != Hash::ZERO || world.leaves.is_empty());
    }
}

/// Rulings 28: what counts is whether the key may sign when the event is sequenced, and a retry keeps its place whatever
/// became of the key.
#[test]
fn keys_are_judged_at_sequencing() {
    let mut world = World::new();
    let event = candidate(1, 1, true);
    world.apply(world.plan(&[&event], true));
    world.keys.get_mut(&(AGENT, KeyId(1))).unwrap().revoked_at = Some(Micros(1_500));
    world.now = 1_400;
    assert!(matches!(world.plan(&[&candidate(2, 1, true)], true).verdicts[0], Verdict::Accepted(0)));
    world.now = 1_500;
    let late = candidate(2, 1, true);
    let plan = world.plan(&[&event, &late], true);
    assert!(matches!(plan.verdicts[0], Verdict::Stored(_)));
    assert_eq!(plan.verdicts[1], Verdict::Rejected(Cause::KeyRevoked));
    world.keys.clear();
    assert_eq!(world.plan(&[&late], true).verdicts[0], Verdict::Rejected(Cause::KeyUnknown));
}

/// L20: a stale base version is refused with the entity's version; every accepted event adds one.
#[test]
fn base_versions() {
    let mut world = World::new();
    world.versions.insert(("order".to_owned(), "o-0".to_owned()), 5);
    let based = |id: u128, base: Option<u64>| {
        let mut event = candidate(id * 3, 1, false);
        event.header.base_version = base;
        event
    };
    let events = [based(1, Some(5)), based(2, None), based(3, Some(5)), based(4, Some(7))];
    let refs: Vec<&Candidate> = events.iter().collect();
    let plan = world.plan(&refs, true);
    assert!(matches!(plan.verdicts[0], Verdict::Accepted(0)));
    assert!(matches!(plan.verdicts[1], Verdict::Accepted(1)));
    assert_eq!(plan.verdicts[2], Verdict::Rejected(Cause::VersionConflict { expected: 5, actual: 7 }));
    assert!(matches!(plan.verdicts[3], Verdict::Accepted(2)));
}

/// Rulings 1: a scope may refuse unsigned events; nothing of them enters the log.
#[test]
fn unsigned_events_can_be_refused() {
    let world = World::new();
    let (unsigned, signed) = (candidate(1, 1, false), candidate(2, 1, true));
    let plan = world.plan(&[&unsigned, &signed], false);
    assert_eq!(plan.verdicts[0], Verdict::Rejected(Cause::UnsignedRefused));
    assert_eq!(plan.entries[0].sequence, Sequence::FIRST);
}

/// Time never goes back in a stream, whatever the clock does.
#[test]
fn time_is_monotone() {
    let mut world = World::new();
    world.apply(world.plan(&[&candidate(1, 1, false)], true));
    world.now = 10;
    let late = candidate(2, 1, false);
    assert_eq!(world.plan(&[&late], true).at, Micros(1_000));
}

/// Tiles come out complete, once, and the head can be rebuilt from what is stored.
#[test]
fn tiles_complete_at_their_width() {
    let mut world = World::new();
    let mut tiles = Vec::new();
    for chunk in 0..7_u128 {
        let events: Vec<Candidate> = (0..100).map(|i| candidate(chunk * 100 + i, 1, false)).collect();
        let refs: Vec<&Candidate> = events.iter().collect();
        let plan = world.plan(&refs, true);
        tiles.extend(plan.tiles.clone());
        world.apply(plan);
    }
    assert_eq!(tiles.iter().map(|tile| (tile.level, tile.index)).collect::<Vec<_>>(), [(0, 0), (0, 1)]);
    assert_eq!(tiles[1].hashes, world.leaves[TILE_WIDTH..2 * TILE_WIDTH]);
    let tails = vec![world.leaves[2 * TILE_WIDTH..].to_vec(), tiles.iter().map(|tile| tile.root).collect()];
    let rebuilt = StreamHead::from_parts(world.head.frontier().clone(), tails.clone(), world.head.last_at()).unwrap();
    assert_eq!(rebuilt, world.head);
    assert!(StreamHead::from_parts(world.head.frontier().clone(), vec![Vec::new()], Micros(0)).is_err());
}
