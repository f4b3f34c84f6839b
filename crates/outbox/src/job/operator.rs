//! Whoever changes something by hand.

use std::time::Duration;

use sqlx::Transaction;
use uuid::Uuid;

use super::effect::By;
use super::{Job, JobError};
use crate::audit::Entry;
use crate::delivery::{Breaker, BreakerState};
use crate::engine::Engine;
use crate::operation::OperationError;
use crate::outbox::Outbox;
use crate::read::{DeadLetter, LetterFilter};

/// Changes an outbox in someone's name; every change is in the audit.
pub struct Operator<DB: Engine> {
    pub(crate) outbox: Outbox<DB>,
    pub(super) actor: String,
}

/// What became of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterOutcome {
    /// `false`: it was closed before, and is as it was.
    pub changed: bool,
    /// As it is now.
    pub letter: DeadLetter,
}

impl<DB: Engine> Outbox<DB> {
    /// Changes in the name of `actor`, a person, agent or program: 1 to 100 characters.
    ///
    /// # Errors
    /// [`JobError::Invalid`] if the name is empty, too long or has control characters.
    pub fn operator(&self, actor: &str) -> Result<Operator<DB>, JobError> {
        let letters = actor.chars().count();
        if !(1..=100).contains(&letters) || actor.chars().any(char::is_control) {
            return Err(JobError::Invalid("an actor has 1 to 100 characters and no control characters".to_owned()));
        }
        Ok(Operator { outbox: self.clone(), actor: actor.to_owned() })
    }
}

impl<DB: Engine> Operator<DB> {
    /// Opens one dead letter again: its attempts are counted anew, and its lane goes on from it. The second time changes
    /// nothing and gives the same answer.
    pub async fn retry_from_dlq(&self, letter: Uuid) -> Result<LetterOutcome, JobError> {
        let changed = self.outbox.deliveries().redrive(letter, &self.actor).await?;
        self.letter(letter, changed).await
    }

    /// Gives one dead letter up for good.
    pub async fn discard(&self, letter: Uuid, reason: &str) -> Result<LetterOutcome, JobError> {
        if reason.trim().is_empty() {
            return Err(JobError::Invalid("discarding needs a reason".to_owned()));
        }
        let changed = self.outbox.deliveries().discard(letter, reason, &self.actor).await?;
        self.letter(letter, changed).await
    }

    async fn letter(&self, id: Uuid, changed: bool) -> Result<LetterOutcome, JobError> {
        let wanted = LetterFilter { letter: Some(id), closed: true, ..LetterFilter::default() };
        let page = self.outbox.reader().dead_letters(&wanted, None, 1).await?;
        let letter = page.letters.into_iter().next();
        let letter = letter.ok_or_else(|| crate::read::ReadError::NotFound(format!("dead letter {id}")))?;
        Ok(LetterOutcome { changed, letter })
    }

    /// Reserves an idempotency key. `false`: it is in use, and nothing changed.
    pub async fn create_key(&self, operation: &str, key: &str, ttl: Duration) -> Result<bool, OperationError> {
        let created = self.outbox.create_idempotency_key(operation, key, ttl).await?;
        if created {
            let by = By { actor: &self.actor, reason: None, job: None };
            let mut tx = self.outbox.begin().await?;
            let subject = format!("key:{operation} {key}");
            let after = Some("active".to_owned());
            let entry = Entry { action: "key.created", subject, after, ..by.entry() };
            entry.add::<DB>(&mut tx, &self.outbox.schema, self.outbox.scope).await?;
            tx.commit().await?;
        }
        Ok(created)
    }

    /// Frees an idempotency key whose command should be done again. `false`: there is none.
    pub async fn reset_key(&self, operation: &str, key: &str, reason: &str) -> Result<bool, OperationError> {
        self.outbox.reset_idempotency_key(operation, key, reason, &self.actor).await
    }

    /// Lets a destination be tried again at once. `false`: it was.
    pub async fn close_breaker(&self, destination: &str, reason: Option<&str>) -> Result<bool, JobError> {
        self.set_breaker(destination, BreakerState::Closed, reason).await
    }

    /// Stops everything to a destination until its breaker is closed. `false`: it is stopped.
    pub async fn open_breaker(&self, destination: &str, reason: &str) -> Result<bool, JobError> {
        self.set_breaker(destination, BreakerState::Open, Some(reason)).await
    }

    async fn set_breaker(&self, name: &str, state: BreakerState, reason: Option<&str>) -> Result<bool, JobError> {
        let store = self.outbox.deliveries();
        let all = store.destinations().await?;
        let found = all.iter().find(|one| one.name == name);
        let known = || all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
        let destination = found
            .ok_or_else(|| JobError::Invalid(format!("there is no destination {name:?}; there are {}", known())))?;
        let next_reason = (state == BreakerState::Open)
            .then(|| format!("stopped by {}: {}", self.actor, reason.unwrap_or("no reason given")));
        loop {
            let before = store.breaker(destination.id).await?;
            if before.state == state && before.probe_in.is_none() {
                return Ok(false);
            }
            let next = Breaker { state, failures: 0, reason: next_reason.clone(), probe_in: None, ..before.clone() };
            if store.set_breaker(&next).await? {
                let action = if state == BreakerState::Open { "breaker.opened" } else { "breaker.closed" };
                let by = By { actor: &self.actor, reason, job: None };
                let was = before.reason.map_or_else(String::new, |why| format!(": {why}"));
                let entry = Entry {
                    action,
                    subject: format!("destination:{name}"),
                    before: Some(format!("{}{was}", before.state.as_str())),
                    after: Some(state.as_str().to_owned()),
                    ..by.entry()
                };
                let mut tx = self.outbox.begin().await?;
                entry.add::<DB>(&mut tx, &self.outbox.schema, self.outbox.scope).await?;
                self.outbox.commit(tx).await?;
                return Ok(true);
            }
        }
    }

    pub(super) async fn audit_job(
        &self,
        tx: &mut Transaction<'static, DB>,
        job: &Job,
        action: &'static str,
        after: &str,
    ) -> Result<(), JobError> {
        let by = By { actor: &self.actor, reason: job.reason.as_deref(), job: Some(job.id) };
        let entry = Entry {
            action,
            subject: format!("job:{}", job.id),
            before: Some(format!("{} {}: {}", job.state, job.kind, job.filter)),
            after: Some(after.to_owned()),
            ..by.entry()
        };
        Ok(entry.add::<DB>(tx, &self.outbox.schema, self.outbox.scope).await?)
    }
}
