//! Carrying a job out.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::chunk::next_chunk;
use super::effect::By;
use super::rules::{Start, chunk_size, judge_start, most_open, pace};
use super::store::load;
use super::{Job, JobError, JobKind, JobState, Operator};
use crate::delivery::DeliveryError;
use crate::engine::Engine;
use crate::filter::Filter;
use crate::sql::{args, execute, fetch_optional, statement};

/// How often a run looks whether a destination has taken what it was given.
const LOOK: Duration = Duration::from_millis(100);
/// Tries of one chunk while the database is in the way.
const TRIES: u32 = 30;

/// What a run is doing, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A chunk is written and not committed yet: whoever watches must not wait here.
    Written,
    /// It is committed: changes made and left in it.
    Committed {
        /// Changes made.
        done: i64,
        /// Left alone.
        skipped: i64,
    },
    /// Waits until destinations have taken more of the replay.
    Waiting,
}

/// How a turn of a run ended.
enum Turn {
    Committed { done: i64, skipped: i64, ended: bool },
    Full,
}

impl<DB: Engine> Operator<DB> {
    /// Starts a plan, or a job that was halted or broke off, from where it was. The run that had it before stops. Nothing
    /// is changed until [`Self::run`]. Applying what is done gives it back as it is.
    ///
    /// With a filter, the plan must be the one made for it.
    ///
    /// # Errors
    /// [`JobError::Expired`], [`JobError::OtherFilter`], [`JobError::State`], [`JobError::NotFound`].
    pub async fn apply(&self, id: Uuid, filter: Option<&Filter>) -> Result<Job, JobError> {
        let reader = self.outbox.reader();
        let mut tx = self.outbox.begin().await?;
        let (job, now) = load(&reader, &mut tx, id).await?;
        if let Some(given) = filter.filter(|given| **given != job.filter) {
            return Err(JobError::OtherFilter { id, planned: job.filter.to_string(), given: given.to_string() });
        }
        match judge_start(job.state, job.expires_at <= now) {
            Start::Run => {},
            Start::WasDone => return Ok(job),
            Start::Expired => return Err(JobError::Expired(id)),
            Start::Ended => return Err(JobError::State { id, state: job.state, wanted: "applied" }),
        }
        let scope = self.outbox.scope;
        let args = args![scope.tenant, scope.store, id, &self.actor];
        execute::<DB>(&mut tx, &self.outbox.schema, statement!("job_start"), args).await?;
        self.audit_job(&mut tx, &job, "job.applied", "running").await?;
        let (job, _) = load(&reader, &mut tx, id).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Carries a job out that [`Self::apply`] gave, until it is done, halted or taken over by another run. Tells `watch`
    /// of every chunk.
    ///
    /// # Errors
    /// [`JobError::TakenOver`] if it was paused, aborted, or applied again elsewhere. Other faults are noted in the job,
    /// which is then failed, and can be applied again.
    pub async fn run(&self, job: &Job, watch: &mut (dyn FnMut(Step) + Send)) -> Result<Job, JobError> {
        let mut tries = 0;
        if job.state != JobState::Running {
            return Ok(self.job(job.id).await?.job);
        }
        loop {
            let started = Instant::now();
            match self.turn(job, watch).await {
                Ok(Turn::Committed { done, skipped, ended }) => {
                    tries = 0;
                    watch(Step::Committed { done, skipped });
                    if ended {
                        break;
                    }
                    sleep(pace(done, job.rate).saturating_sub(started.elapsed())).await;
                },
                Ok(Turn::Full) => {
                    watch(Step::Waiting);
                    sleep(LOOK).await;
                },
                Err(JobError::Database(error @ (DeliveryError::Conflict | DeliveryError::Unavailable(_))))
                    if tries < TRIES =>
                {
                    tries += 1;
                    tracing::warn!(job = %job.id, %error, "a chunk has to be done again");
                    sleep(LOOK * tries).await;
                },
                Err(taken @ JobError::TakenOver(_)) => return Err(taken),
                Err(error) => {
                    self.note_failure(job, &error).await;
                    return Err(error);
                },
            }
        }
        Ok(self.job(job.id).await?.job)
    }

    /// One chunk, one transaction.
    async fn turn(&self, job: &Job, watch: &mut (dyn FnMut(Step) + Send)) -> Result<Turn, JobError> {
        let reader = self.outbox.reader();
        let schema = &self.outbox.schema;
        let mut tx = self.outbox.begin_holding().await?;
        if execute::<DB>(&mut tx, schema, statement!("job_fence"), args![job.id, job.epoch]).await? != 1 {
            return Err(JobError::TakenOver(job.id));
        }
        if job.kind == JobKind::Replay {
            let open = fetch_optional::<DB>(&mut tx, schema, statement!("job_open"), args![job.id]).await?;
            let open: i64 = open.ok_or(sqlx::Error::RowNotFound)?.int()?;
            if open >= most_open(job.rate) {
                return Ok(Turn::Full);
            }
        }
        let (now, _) = load(&reader, &mut tx, job.id).await?;
        let chunk = next_chunk(&reader, &mut tx, now.task(), now.cursor, chunk_size(job.rate)).await?;
        let by = By { actor: &self.actor, reason: now.reason.as_deref(), job: Some(job.id) };
        let (done, skipped) = self.outbox.commit_effects(&mut tx, &now, by, &chunk.effects).await?;
        let args = args![job.id, job.epoch, chunk.cursor.0, chunk.cursor.1, done, skipped];
        if execute::<DB>(&mut tx, schema, statement!("job_advance"), args).await? != 1 {
            return Err(JobError::TakenOver(job.id));
        }
        if chunk.ended {
            self.end_job(&mut tx, &now, JobState::Done, None).await?;
            let (ended, _) = load(&reader, &mut tx, job.id).await?;
            let counts = format!("done: {} changes, {} left alone", ended.done, ended.skipped);
            self.audit_job(&mut tx, &now, "job.done", &counts).await?;
        }
        watch(Step::Written);
        self.outbox.commit(tx).await?;
        Ok(Turn::Committed { done, skipped, ended: chunk.ended })
    }

    /// Says in the job why it cannot go on. That may fail too: then it stays running, and can be applied again.
    async fn note_failure(&self, job: &Job, error: &JobError) {
        let text: String = error.to_string().chars().take(1_000).collect();
        let noted = async {
            let mut tx = self.outbox.begin().await?;
            self.end_job(&mut tx, job, JobState::Failed, Some(&text)).await?;
            self.audit_job(&mut tx, job, "job.failed", &text).await?;
            Ok::<(), JobError>(tx.commit().await?)
        };
        if let Err(fault) = noted.await {
            tracing::warn!(job = %job.id, error = %fault, "the failure of the job could not be noted");
        }
    }

    /// Halts a job; applying it goes on.
    pub async fn pause(&self, id: Uuid) -> Result<Job, JobError> {
        self.halt(id, JobState::Paused).await
    }

    /// Ends a plan or job for good. What was done stays done; what a replay has not delivered yet is withdrawn.
    pub async fn abort(&self, id: Uuid) -> Result<Job, JobError> {
        self.halt(id, JobState::Aborted).await
    }

    async fn halt(&self, id: Uuid, to: JobState) -> Result<Job, JobError> {
        let reader = self.outbox.reader();
        let mut tx = self.outbox.begin().await?;
        let (job, _) = load(&reader, &mut tx, id).await?;
        let (wanted, action) =
            if to == JobState::Paused { ("paused", "job.paused") } else { ("aborted", "job.aborted") };
        let may = match job.state {
            JobState::Running => true,
            JobState::Planned | JobState::Paused | JobState::Failed => to == JobState::Aborted,
            JobState::Done | JobState::Aborted => false,
        };
        if !may {
            return if job.state == to { Ok(job) } else { Err(JobError::State { id, state: job.state, wanted }) };
        }
        self.end_job(&mut tx, &job, to, None).await?;
        if to == JobState::Aborted {
            execute::<DB>(&mut tx, &self.outbox.schema, statement!("replay_withdraw"), args![id]).await?;
        }
        self.audit_job(&mut tx, &job, action, wanted).await?;
        let (job, _) = load(&reader, &mut tx, id).await?;
        self.outbox.commit(tx).await?;
        Ok(job)
    }
}
