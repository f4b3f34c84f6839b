//! The backend of a sequencer: events, heads and proofs. It delivers nothing, so whatever is about deliveries is refused
//! with the place to ask.

mod follow;
mod list;
mod query;
mod state;
mod transport;
mod view;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use stateset_api::event::{Envelope, Head, ProofAvailability, SignatureVerdict};
use stateset_api::problem::Problem;
use stateset_outbox::EventId;
use stateset_outbox::filter::{EventRef, Filter};

pub use stateset_outbox::Scope;
pub use transport::{Call, Calling, Chunks, Credential, Http, Method, Reply, Transport, TransportError};

use crate::answer::{
    AuditList, BreakerAnswer, Change, DeadLetterList, Detail, EntityState, EventList, Explanation, Findings, Job,
    JobList, KeyList, OutboxAnswer, Proof, Stats, Timeline, TypeCount,
};
use crate::fault::{Fault, Kind};
use crate::surface::{
    Answer, Apply, Following, From, GroupBy, Inspect, Intent, Page, Source, SourceKind, StateOf, Subject, TimelineOf,
};

/// Longest answer that is read: a page of 1,000 events of the largest size would be more, and is asked for in parts.
const ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// Longest problem document.
const PROBLEM_BYTES: usize = 64 * 1024;
/// Order keys of one entity that are followed.
const MOST_KEYS: usize = 16;
const A_SEQUENCER: &str = "a sequencer";
const ASK_THE_OUTBOX: &str =
    "deliveries are the business of the outbox: name its database with --database, or a profile that has one";

/// A sequencer, seen by one credential, of one tenant and store.
#[derive(Clone)]
pub struct Remote {
    transport: Arc<dyn Transport>,
    scope: Scope,
}

#[derive(Deserialize)]
struct Single {
    event: Envelope,
    signature: SignatureVerdict,
    proof: ProofAvailability,
}

impl Remote {
    /// Asks through `transport` about the events of `scope`.
    pub fn new(transport: Arc<dyn Transport>, scope: Scope) -> Self {
        Self { transport, scope }
    }

    /// Reads JSON. Public, so that whoever needs more of the API than this surface has uses the same way.
    ///
    /// # Errors
    /// The problem document as a [`Fault`] with the server's own code.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.call(Call::get(path)).await
    }

    /// Sends a request and reads the JSON that comes back.
    ///
    /// # Errors
    /// As of [`Remote::get`].
    pub async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Fault> {
        let reply = self.send(call).await?;
        let body = transport::collect(reply.body, ANSWER_BYTES).await.map_err(|error| self.lost(error))?;
        serde_json::from_slice(&body).map_err(|error| Fault::corrupt("the sequencer's answer", error))
    }

    /// Tenant and store as a query.
    pub fn scope_query(&self) -> String {
        format!("tenant_id={}&store_id={}", self.scope.tenant, self.scope.store)
    }

    /// Sends a request; gives the reply if it succeeded.
    async fn send(&self, call: Call) -> Result<Reply, Fault> {
        let reply = self.transport.call(call).await.map_err(|error| self.lost(error))?;
        if (200..300).contains(&reply.status) {
            return Ok(reply);
        }
        let (status, retry_after) = (reply.status, reply.retry_after);
        let body = transport::collect(reply.body, PROBLEM_BYTES).await.unwrap_or_default();
        Err(problem(status, &body, retry_after))
    }

    fn lost(&self, error: TransportError) -> Fault {
        let place = format!("the sequencer at {}", self.transport.place());
        match error {
            TransportError::Address(why) => Fault::usage(format!("{place} cannot be used: {why}"), "see --url"),
            TransportError::Lost(_) | TransportError::TooLarge(_) => Fault::unavailable(&place, error),
        }
    }

    async fn one(&self, event: &EventRef) -> Result<Detail, Fault> {
        let EventRef::Id(id) = event else {
            return Err(Fault::unsupported_filter(
                "the beginning of an event id",
                A_SEQUENCER,
                "give the whole id, as `stateset-events list` prints it",
            ));
        };
        let path = format!("/api/v1/events/{id}?{}", self.scope_query());
        let single: Single = self.get(&path).await.map_err(|fault| match fault.kind {
            Kind::NotFound => Fault::no_event(&EventId(*id).display()),
            _ => fault,
        })?;
        let signature = view::signature(&single.event, &single.signature);
        let proof = single.proof;
        Ok(Detail {
            event: view::row(single.event, true),
            signature,
            deliveries: Vec::new(),
            proof: Some(Proof {
                stream_size: proof.stream_size,
                batch_id: proof.batch_id.map(|id| id.to_string()),
                logged: proof.logged,
            }),
        })
    }

    async fn head(&self) -> Result<Head, Fault> {
        self.get(&format!("/api/v1/head?{}", self.scope_query())).await
    }

    async fn history(&self, of: &TimelineOf, page: &Page) -> Result<Timeline, Fault> {
        let page = &Page { newest_first: false, ..page.clone() };
        let (filter, subject) = match of {
            TimelineOf::Correlation(id) => {
                (Filter { correlation: Some(id.clone()), ..Filter::default() }, format!("correlation {id}"))
            },
            TimelineOf::Entity { entity_type, entity_id } => {
                let entity = Filter {
                    entity_type: Some(entity_type.clone()),
                    entity_id: Some(entity_id.clone()),
                    ..Filter::default()
                };
                (entity, format!("{entity_type} {entity_id}"))
            },
        };
        let mut list = self.page_of(&filter, page).await?;
        // The order's payments and shipments are events of other entities with the same order key.
        if matches!(of, TimelineOf::Entity { .. }) && page.cursor.is_none() && list.next_cursor.is_none() {
            let mut keys: Vec<String> = list.events.iter().filter_map(|row| row.order_key.clone()).collect();
            keys.sort();
            keys.dedup();
            for key in keys.into_iter().take(MOST_KEYS) {
                let of_order = Filter { order_key: Some(key), ..Filter::default() };
                list.events.extend(self.page_of(&of_order, page).await?.events);
            }
            list.events.sort_by_key(|row| row.sequence_number);
            list.events.dedup_by(|one, other| one.sequence_number == other.sequence_number);
            list.total = u64::try_from(list.events.len()).unwrap_or(u64::MAX).max(list.total);
        }
        Ok(Timeline {
            events: list.events,
            total: list.total,
            next_cursor: list.next_cursor,
            subject,
            pending_deliveries: None,
            diagnostics: list.diagnostics,
        })
    }

    /// Counting by type reads the events: at most 10,000 of them, from the end.
    async fn count(&self, filter: &Filter) -> Result<Stats, Fault> {
        let head = self.head().await?;
        let page = Page { limit: 1_000, ..Page::default() };
        let mut stats = Stats { head_sequence: Some(head.head_sequence), ..Stats::default() };
        let mut types: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
        let mut cursor = None;
        for _ in 0..query::MOST_PAGES {
            let list = self.page_of(filter, &Page { cursor, ..page.clone() }).await?;
            stats.total = list.total;
            for row in list.events {
                stats.first_at.get_or_insert_with(|| row.created_at.clone());
                stats.last_at = Some(row.created_at);
                *types.entry(row.event_type).or_default() += 1;
            }
            cursor = list.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        stats.types = types.into_iter().map(|(event_type, count)| TypeCount { event_type, count }).collect();
        stats.types.sort_by_key(|one| std::cmp::Reverse(one.count));
        Ok(stats)
    }

    async fn explanation(&self, subject: &Subject) -> Result<Explanation, Fault> {
        let Subject::Event(event) = subject else {
            return Err(Fault::unsupported("deliveries, keys and destinations", A_SEQUENCER, ASK_THE_OUTBOX));
        };
        let detail = self.one(event).await?;
        let (row, proof) = (&detail.event, detail.proof.as_ref());
        let sequence = row.sequence_number.unwrap_or_default();
        let mut reasons = vec![detail.signature.explanation.clone()];
        reasons.push(match proof.and_then(|proof| proof.batch_id.as_ref()) {
            Some(batch) => format!("batch {batch} covers it"),
            None => "no batch covers it yet; the committer makes one within seconds".to_owned(),
        });
        let logged = proof.is_some_and(|proof| proof.logged);
        let checkpoint = if logged {
            "a published checkpoint covers it"
        } else {
            "the next checkpoint will cover it, within 100 ms"
        };
        reasons.push(checkpoint.to_owned());
        Ok(Explanation {
            subject: row.event_id.clone(),
            summary: format!("{} is sequenced: place {sequence} of its stream", row.event_type),
            reasons,
            next: None,
            commands: vec![format!("stateset-events inspect {} --include-payload", row.event_id)],
            facts: serde_json::to_value(&detail).unwrap_or_default(),
        })
    }
}

/// A refused request as a fault.
fn problem(status: u16, body: &[u8], retry_after: Option<Duration>) -> Fault {
    let kind = match status {
        401 | 403 => Kind::Auth,
        404 => Kind::NotFound,
        409 | 412 | 428 => Kind::Conflict,
        429 => Kind::RateLimited,
        400..=499 => Kind::Usage,
        500 => Kind::Corrupt,
        _ => Kind::Unavailable,
    };
    let fault = match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => {
            let faults: Vec<String> =
                problem.errors.iter().map(|fault| format!("{}: {}", fault.pointer, fault.message)).collect();
            let message = if faults.is_empty() { problem.detail } else { faults.join("; ") };
            Fault::new(kind, Cow::Owned(problem.code), message, problem.fix)
        },
        Err(_) => Fault::new(
            kind,
            "NOT_A_SEQUENCER",
            format!("the server answered {status} in a form that no sequencer has"),
            "check --url; something else may listen there, or a proxy stands between",
        ),
    };
    fault.after(retry_after)
}

fn refuse<'a, T: Send + 'a>(what: &'static str) -> Answer<'a, T> {
    Box::pin(std::future::ready(Err(Fault::unsupported(what, A_SEQUENCER, ASK_THE_OUTBOX))))
}

impl Inspect for Remote {
    fn source(&self) -> Source {
        Source {
            kind: SourceKind::Sequencer,
            place: self.transport.place(),
            tenant: self.scope.tenant.to_string(),
            store: self.scope.store.to_string(),
        }
    }

    fn list<'a>(&'a self, filter: &'a Filter, page: &'a Page) -> Answer<'a, EventList> {
        Box::pin(self.page_of(filter, page))
    }

    fn event<'a>(&'a self, event: &'a EventRef, _: bool) -> Answer<'a, Detail> {
        Box::pin(self.one(event))
    }

    fn outbox<'a>(&'a self, _: &'a Filter, _: &'a Page) -> Answer<'a, OutboxAnswer> {
        refuse("outbox")
    }

    fn dead_letters<'a>(&'a self, _: &'a Filter, _: &'a Page, _: Option<GroupBy>) -> Answer<'a, DeadLetterList> {
        refuse("dead letters")
    }

    fn timeline<'a>(&'a self, of: &'a TimelineOf, page: &'a Page) -> Answer<'a, Timeline> {
        Box::pin(self.history(of, page))
    }

    fn state<'a>(&'a self, of: &'a StateOf) -> Answer<'a, EntityState> {
        Box::pin(self.state_of(of))
    }

    fn stats<'a>(&'a self, filter: &'a Filter) -> Answer<'a, Stats> {
        Box::pin(self.count(filter))
    }

    fn keys<'a>(&'a self, _: &'a str, _: Option<&'a str>) -> Answer<'a, KeyList> {
        refuse("idempotency keys")
    }

    fn explain<'a>(&'a self, subject: &'a Subject) -> Answer<'a, Explanation> {
        Box::pin(self.explanation(subject))
    }

    fn follow<'a>(&'a self, filter: &'a Filter, from: From, _: u16) -> Following<'a> {
        self.events(filter, from)
    }

    fn breaker<'a>(&'a self, _: &'a str) -> Answer<'a, BreakerAnswer> {
        refuse("breakers")
    }

    fn jobs(&self, _: u16) -> Answer<'_, JobList> {
        refuse("jobs")
    }

    fn job<'a>(&'a self, _: &'a str) -> Answer<'a, Job> {
        refuse("jobs")
    }

    fn audit<'a>(&'a self, _: Option<&'a str>, _: &'a Page) -> Answer<'a, AuditList> {
        refuse("audit of interventions")
    }

    fn check<'a>(&'a self, _: &'a Filter) -> Answer<'a, Findings> {
        Box::pin(std::future::ready(Err(Fault::unsupported(
            "integrity check over this surface",
            A_SEQUENCER,
            "run `stateset-sequencer-admin fsck` beside its database; proofs need no trust in it at all",
        ))))
    }

    fn change<'a>(&'a self, _: &'a Intent, _: &'a Apply) -> Answer<'a, Change> {
        refuse("deliveries or keys to change")
    }
}

impl Remote {
    /// Whether the sequencer answers, and how far it is.
    ///
    /// # Errors
    /// As of [`Remote::get`].
    pub async fn probe(&self) -> Result<Head, Fault> {
        self.head().await
    }
}
