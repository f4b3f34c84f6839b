//! The body of an ingest request: which agent, which events. Each event stays raw, so that one that does not parse cannot
//! take its batch down.

use serde::Deserialize;
use serde_json::value::RawValue;
use stateset_ledger::envelope::identify;
use stateset_ledger::id::{AgentId, Scope};
use uuid::Uuid;

/// A batch as received.
#[derive(Debug)]
pub struct RawBatch<'a> {
    /// The agent whose events these are.
    pub agent: AgentId,
    /// Its events, each a JSON value.
    pub events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(alias = "agentId")]
    agent_id: Uuid,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

impl<'a> RawBatch<'a> {
    /// Reads a request body.
    pub fn parse(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        let Body { agent_id, events } = serde_json::from_slice(body)?;
        Ok(Self { agent: AgentId(agent_id), events })
    }

    /// The scope of the batch: that of its first event which names one. Events of another scope are rejected one by one.
    pub fn scope(&self) -> Option<Scope> {
        self.events.iter().find_map(|event| identify(event.get()).scope)
    }
}
