//! Keys: of agents, against the events of their tenant's key stream; of the sequencer, as what everything was signed with.

use std::collections::HashMap;

use stateset_ledger::agent_key::{AgentKey, KeyChange};
use stateset_ledger::bytes::Signature;
use stateset_ledger::id::{AgentId, EventId, KeyId, Sequence, TenantId};
use stateset_ledger::key_event::ENTITY_TYPE;
use stateset_ledger::signature::PublicKey;
use stateset_store::StoreError;
use stateset_store::maintenance::{Maintenance, RawHead};
use stateset_store::read::{EventFilter, EventQuery};

use super::{Check, Stop, found};
use crate::read::open_events;

/// Agents' keys remembered; beyond it they are read again.
const MAX_KEYS: usize = 100_000;
const PAGE: u32 = 500;

/// Public keys by number and by owner.
pub(super) struct Keys {
    sequencer: HashMap<KeyId, PublicKey>,
    agents: HashMap<TenantId, HashMap<(AgentId, KeyId), PublicKey>>,
}

impl Keys {
    pub(super) async fn read(store: &dyn Maintenance) -> Result<Self, StoreError> {
        let mut sequencer = HashMap::new();
        for (number, bytes, _) in store.sequencer_keys().await? {
            sequencer.insert(number, PublicKey::new(&bytes).map_err(StoreError::corrupt)?);
        }
        Ok(Self { sequencer, agents: HashMap::new() })
    }

    /// Whether the sequencer signed `message` with its key of this number.
    pub(super) fn sequencer_signed(&self, key: KeyId, message: &[u8], signature: &Signature) -> Result<(), String> {
        let key = self.sequencer.get(&key).ok_or_else(|| format!("sequencer key {key} is not in sequencer_keys"))?;
        key.verify(message, signature).map_err(|fault| format!("the sequencer's signature: {fault}"))
    }

    /// All keys of the sequencer.
    pub(super) fn sequencer(&self) -> impl Iterator<Item = &PublicKey> {
        self.sequencer.values()
    }

    /// The keys with which the events of a stream may be signed.
    pub(super) async fn of_stream(
        &mut self,
        store: &dyn Maintenance,
        head: &RawHead,
    ) -> Result<HashMap<(AgentId, KeyId), PublicKey>, StoreError> {
        let scope = head.row.scope;
        if scope.is_key_stream() {
            return Ok(self.sequencer.iter().map(|(number, key)| ((AgentId::NIL, *number), key.clone())).collect());
        }
        if !self.agents.contains_key(&scope.tenant) {
            if self.agents.values().map(HashMap::len).sum::<usize>() > MAX_KEYS {
                self.agents.clear();
            }
            let (_, keys) = store.agent_keys(scope.tenant, None).await?;
            let mut read = HashMap::new();
            for key in keys {
                // A key that is none signs nothing; the event that names it is what is reported.
                if let Ok(public) = PublicKey::new(&key.public_key) {
                    read.insert((key.agent, key.key), public);
                }
            }
            self.agents.insert(scope.tenant, read);
        }
        Ok(self.agents.get(&scope.tenant).cloned().unwrap_or_default())
    }
}

/// The events that made `key` what it is: id, payload, and place where it is known.
fn changes(key: &AgentKey) -> Vec<(KeyChange, Option<Sequence>)> {
    let (agent, number) = (key.agent, key.key);
    let register = KeyChange::Register {
        agent,
        key: number,
        public_key: key.public_key,
        valid_from: key.valid_from,
        valid_to: key.valid_to,
    };
    let revoke = key.revoked_at.map(|revoked_at| KeyChange::Revoke { agent, key: number, revoked_at });
    [Some((register, Some(key.registered))), revoke.map(|revoke| (revoke, None))].into_iter().flatten().collect()
}

impl Check {
    /// The table of agent keys says what the key stream says, no more and no less.
    pub(super) async fn agent_keys(&mut self, head: &RawHead) -> Result<(), Stop> {
        let tenant = head.row.scope.tenant;
        let mut events = self.key_events(head).await?;
        let (size, keys) = self.store.agent_keys(tenant, None).await?;
        for key in keys.iter().filter(|key| key.registered.get() <= head.row.size) {
            let place = format!("tenant {tenant}, agent {}, key {}", key.agent, key.key);
            for (change, sequence) in changes(key) {
                match events.remove(&change.event_id(tenant)) {
                    Some((at, payload)) => {
                        if payload != change.payload() {
                            return found("agent_keys", place, format!("event {at} of the key stream says {payload}"));
                        }
                        if sequence.is_some_and(|sequence| sequence != at) {
                            return found("agent_keys", place, format!("was registered by event {at}"));
                        }
                    },
                    // Revoked since the stream was read.
                    None if sequence.is_none() && size > head.row.size => {},
                    None => {
                        let kind = change.event_type();
                        return found("agent_keys", place, format!("the key stream holds no {kind} of it"));
                    },
                }
            }
        }
        match events.values().min_by_key(|(at, _)| *at) {
            None => Ok(()),
            Some((at, payload)) => {
                let place = format!("tenant {tenant}");
                found("agent_keys", place, format!("event {at} of the key stream is in no row: {payload}"))
            },
        }
    }

    /// Key changes of the stream with their payloads.
    async fn key_events(&self, head: &RawHead) -> Result<HashMap<EventId, (Sequence, String)>, Stop> {
        let mut events = HashMap::new();
        let filter = EventFilter { entity_type: Some(ENTITY_TYPE.to_owned()), ..EventFilter::default() };
        let mut from = Sequence::FIRST;
        loop {
            let query = EventQuery { filter: filter.clone(), ..EventQuery::new(head.row.stream, from, PAGE) };
            let page = self.store.events(&query).await?;
            let Some(last) = page.events.last().map(|event| event.sequence) else { return Ok(events) };
            let opened = open_events(&self.keyring, head.row.scope, page.events, page.segments).await;
            let Ok(opened) = opened else { return Ok(events) };
            for event in opened.into_iter().filter(|event| event.event.sequence.get() <= head.row.size) {
                let payload = event.payload.get().to_owned();
                events.insert(event.event.header.event_id, (event.event.sequence, payload));
            }
            from = Sequence::from_index(last.get()).map_err(StoreError::corrupt)?;
        }
    }
}
