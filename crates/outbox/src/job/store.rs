//! Rows of `job`.

use sqlx::Transaction;
use uuid::Uuid;

use super::{Job, JobError, JobOptions, JobState, Operator, Progress, Request};
use crate::delivery::DeliveryState;
use crate::engine::Engine;
use crate::filter::Filter;
use crate::read::{PAGE, Reader};
use crate::sql::{Cells, args, execute, fetch, fetch_optional, statement};

/// How long a plan may be applied, in microseconds.
const VALID: i64 = 15 * 60 * 1_000_000;

impl<DB: Engine> Operator<DB> {
    pub(super) async fn add_job(
        &self,
        tx: &mut Transaction<'static, DB>,
        request: &Request,
        upto: i64,
        planned: i64,
    ) -> Result<Job, JobError> {
        let id = Uuid::now_v7();
        let outbox = &self.outbox;
        let options = serde_json::to_string(&request.options).map_err(|error| sqlx::Error::Decode(error.into()))?;
        let mut args = args![id, outbox.scope.tenant, outbox.scope.store, request.kind.as_str()];
        args.extend(args![request.filter.to_string(), options, upto, planned, i64::from(request.rate), &self.actor]);
        args.extend(args![request.reason.as_ref(), VALID]);
        execute::<DB>(tx, &outbox.schema, statement!("job_add"), args).await?;
        Ok(load(&outbox.reader(), tx, id).await?.0)
    }

    /// A job with how far it is, by its id.
    pub async fn job(&self, id: Uuid) -> Result<Progress, JobError> {
        self.outbox.reader().job(id).await
    }

    pub(super) async fn end_job(
        &self,
        tx: &mut Transaction<'static, DB>,
        job: &Job,
        state: JobState,
        error: Option<&str>,
    ) -> Result<(), JobError> {
        let args = args![job.id, job.epoch, state.as_str(), error];
        match execute::<DB>(tx, &self.outbox.schema, statement!("job_end"), args).await? {
            1 => Ok(()),
            _ => Err(JobError::TakenOver(job.id)),
        }
    }
}

impl<DB: Engine> Reader<DB> {
    /// A job with how far it is, by its id.
    pub async fn job(&self, id: Uuid) -> Result<Progress, JobError> {
        let mut tx = self.outbox.begin_read().await?;
        let (job, _) = load(self, &mut tx, id).await?;
        let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("job_outcomes"), args![id]).await?;
        let outcomes = rows.into_iter().map(|mut row| Ok((row.word::<DeliveryState>()?, row.int()?)));
        Ok(Progress { job, outcomes: outcomes.collect::<Result<_, sqlx::Error>>()? })
    }

    /// The jobs of this scope, the newest first.
    pub async fn jobs(&self, limit: u16) -> Result<Vec<Job>, JobError> {
        let mut tx = self.outbox.begin_read().await?;
        let args = args![self.outbox.scope.tenant, self.outbox.scope.store, limit.clamp(1, PAGE)];
        let rows = fetch::<DB>(&mut tx, &self.outbox.schema, statement!("job_list"), args).await?;
        rows.into_iter().map(|row| Ok(read_job(row)?.0)).collect()
    }
}

/// The job, and what the database's clock says.
pub(super) async fn load<DB: Engine>(
    reader: &Reader<DB>,
    tx: &mut Transaction<'static, DB>,
    id: Uuid,
) -> Result<(Job, i64), JobError> {
    let scope = reader.outbox.scope;
    let args = args![scope.tenant, scope.store, id];
    let row = fetch_optional::<DB>(tx, &reader.outbox.schema, statement!("job_row"), args).await?;
    read_job(row.ok_or(JobError::NotFound(id))?)
}

fn read_job(mut row: Cells) -> Result<(Job, i64), JobError> {
    let (id, kind, filter, options) = (row.id()?, row.word()?, row.text()?, row.text()?);
    let job = Job {
        id,
        kind,
        // Its times are absolute.
        filter: Filter::parse(&filter, 0)?,
        options: read_options(&options)?,
        state: row.word()?,
        upto: row.int()?,
        cursor: (row.int()?, row.id()?),
        planned: row.int()?,
        done: row.int()?,
        skipped: row.int()?,
        rate: row.int()?,
        epoch: row.int()?,
        actor: row.text()?,
        applied_by: row.opt_text()?,
        reason: row.opt_text()?,
        error: row.opt_text()?,
        created_at: row.int()?,
        expires_at: row.int()?,
        started_at: row.opt_int()?,
        updated_at: row.int()?,
        finished_at: row.opt_int()?,
    };
    let now = row.int()?;
    Ok((job, now))
}

fn read_options(text: &str) -> Result<JobOptions, JobError> {
    serde_json::from_str(text)
        .map_err(|fault| JobError::Invalid(format!("the job's options are of another version: {fault}")))
}
