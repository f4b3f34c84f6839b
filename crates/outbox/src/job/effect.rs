//! The changes of one chunk: decided first, then written.

use sqlx::Transaction;
use uuid::Uuid;

use super::{Job, JobError, Sample};
use crate::delivery::{DeliveryState, Lane, LoggedEvent, close_letter};
use crate::engine::Engine;
use crate::outbox::Outbox;
use crate::sql::{args, execute, fetch_optional, statement};

/// One change, or the decision to make none.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// A second delivery.
    Replay { event: Box<LoggedEvent>, destination: i32, group: u16, route: (String, i32) },
    /// A dead letter opens again.
    Redrive { letter: Uuid, destination: i32, group: u16 },
    /// A dead letter is given up.
    Discard { letter: Uuid, destination: i32, group: u16 },
    /// Evidence is stored.
    Acknowledge { log_id: i64, destination: i32, group: u16 },
    /// Evidence ends a delivery that was not delivered.
    Force { log_id: i64, delivery: i64, state: DeliveryState, letter: Option<Uuid>, destination: i32, group: u16 },
    /// Nothing, and why.
    Skip(&'static str),
}

impl Effect {
    /// The shard group that it changes.
    fn group(&self) -> Option<(i32, u16)> {
        match self {
            Self::Replay { destination, group, .. }
            | Self::Redrive { destination, group, .. }
            | Self::Discard { destination, group, .. }
            | Self::Acknowledge { destination, group, .. }
            | Self::Force { destination, group, .. } => Some((*destination, *group)),
            Self::Skip(_) => None,
        }
    }
}

/// What a chunk does, with what people are shown of it.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) effects: Vec<(Effect, Option<Sample>)>,
    /// The job's cursor behind it.
    pub(super) cursor: (i64, Uuid),
    /// There is nothing behind it.
    pub(super) ended: bool,
}

/// Who changes something, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct By<'a> {
    pub(super) actor: &'a str,
    pub(super) reason: Option<&'a str>,
    pub(super) job: Option<Uuid>,
}

impl<DB: Engine> Outbox<DB> {
    /// Writes the changes of a chunk; gives how many were made and how many left.
    pub(super) async fn commit_effects(
        &self,
        tx: &mut Transaction<'static, DB>,
        job: &Job,
        by: By<'_>,
        effects: &[(Effect, Option<Sample>)],
    ) -> Result<(i64, i64), JobError> {
        // In one order, as all who hold several shard groups: two of them cannot wait for each other.
        let mut groups: Vec<(i32, u16)> = effects.iter().filter_map(|(effect, _)| effect.group()).collect();
        groups.sort_unstable();
        groups.dedup();
        for (destination, group) in groups {
            execute::<DB>(tx, &self.schema, statement!("group_fence"), args![destination, group]).await?;
        }
        let (mut done, mut skipped) = (0, 0);
        for (effect, sample) in effects {
            let made = self.commit_effect(tx, job, by, effect, sample.as_ref()).await?;
            if made { done += 1 } else { skipped += 1 }
        }
        Ok((done, skipped))
    }

    async fn commit_effect(
        &self,
        tx: &mut Transaction<'static, DB>,
        job: &Job,
        by: By<'_>,
        effect: &Effect,
        sample: Option<&Sample>,
    ) -> Result<bool, JobError> {
        match effect {
            Effect::Skip(_) => Ok(false),
            Effect::Replay { event, destination, group, route } => {
                let lane = event.lane().of_replay(job.id);
                let mut args = args![*destination, event.log_id, job.id, lane.tenant, lane.store, event.event_id];
                args.extend(args![&event.event_type, &lane.key, *group, &route.0, route.1]);
                let added = execute::<DB>(tx, &self.schema, statement!("replay_add"), args).await? == 1;
                if added {
                    self.park_replay(tx, *destination, *group, &lane).await?;
                }
                Ok(added)
            },
            Effect::Redrive { letter, .. } => {
                Ok(close_letter(tx, &self.schema, *letter, "redriven", by.close()).await?)
            },
            Effect::Discard { letter, .. } => {
                Ok(close_letter(tx, &self.schema, *letter, "discarded", by.close()).await?)
            },
            Effect::Acknowledge { log_id, destination, .. } => {
                let stored = self.add_evidence(tx, job, by, *log_id, *destination).await?;
                if stored {
                    self.audit_acknowledgement(tx, by, sample, "delivered").await?;
                }
                Ok(stored)
            },
            Effect::Force { log_id, delivery, state, letter, destination, .. } => {
                self.add_evidence(tx, job, by, *log_id, *destination).await?;
                let args = args![*delivery, state.as_str()];
                let changed = fetch_optional::<DB>(tx, &self.schema, statement!("delivery_acknowledge"), args).await?;
                let Some(mut changed) = changed else { return Ok(false) };
                if let Some(letter) = letter {
                    let close = args![*letter, "discarded", by.reason.unwrap_or("acknowledged"), by.actor];
                    fetch_optional::<DB>(tx, &self.schema, statement!("dead_letter_close"), close).await?;
                }
                let lane =
                    args![changed.int::<i32>()?, changed.id()?, changed.id()?, changed.text()?, changed.int::<u16>()?];
                execute::<DB>(tx, &self.schema, statement!("lane_resume"), lane).await?;
                self.audit_acknowledgement(tx, by, sample, state.as_str()).await?;
                Ok(true)
            },
        }
    }

    async fn park_replay(
        &self,
        tx: &mut Transaction<'static, DB>,
        destination: i32,
        group: u16,
        lane: &Lane,
    ) -> Result<(), JobError> {
        let args = args![destination, lane.tenant, lane.store, &lane.key, group];
        execute::<DB>(tx, &self.schema, statement!("replay_park"), args).await?;
        Ok(())
    }

    async fn add_evidence(
        &self,
        tx: &mut Transaction<'static, DB>,
        job: &Job,
        by: By<'_>,
        log_id: i64,
        destination: i32,
    ) -> Result<bool, JobError> {
        let evidence = serde_json::json!({
            "reason": by.reason, "actor": by.actor, "job": job.id,
            "remote_sequence": job.options.remote_sequence, "receipt": job.options.receipt,
        });
        let args = args![destination, log_id, "manual", job.options.remote_sequence, evidence.to_string()];
        Ok(execute::<DB>(tx, &self.schema, statement!("receipt_add"), args).await? == 1)
    }

    async fn audit_acknowledgement(
        &self,
        tx: &mut Transaction<'static, DB>,
        by: By<'_>,
        sample: Option<&Sample>,
        before: &str,
    ) -> Result<(), JobError> {
        let Some(sample) = sample else { return Ok(()) };
        let entry = crate::audit::Entry {
            action: "delivery.acknowledged",
            subject: format!("delivery:{}@{}", sample.event_id, sample.destination),
            before: Some(before.to_owned()),
            after: Some("acknowledged".to_owned()),
            ..by.entry()
        };
        Ok(entry.add::<DB>(tx, &self.schema, self.scope).await?)
    }
}

impl By<'_> {
    pub(super) fn close(&self) -> crate::delivery::ClosedBy<'_> {
        crate::delivery::ClosedBy { actor: self.actor, reason: self.reason, job: self.job }
    }

    pub(super) fn entry(&self) -> crate::audit::Entry {
        crate::audit::Entry {
            actor: self.actor.to_owned(),
            reason: self.reason.map(str::to_owned),
            job: self.job,
            ..crate::audit::Entry::default()
        }
    }
}
