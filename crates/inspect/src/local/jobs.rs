//! Bulk actions: previewed, planned, carried out, looked at.

use serde_json::json;
use stateset_outbox::filter::Filter;
use stateset_outbox::integrity::Severity;
use stateset_outbox::job::{Job as Stored, JobError, JobKind, JobState, Operator, Outlook, Progress, Request};
use stateset_outbox::{AuditFilter, Engine, EventId};
use uuid::Uuid;

use super::change::change;
use super::rows::{self, unsigned};
use super::{Local, of_delivery, of_read, plan_id};
use crate::answer::{AuditEntry, AuditList, Change, Finding, Findings, Job, JobList, Planned, Sample, instant_text};
use crate::fault::{Fault, Kind};
use crate::surface::{Apply, Page};

/// Jobs among which the beginning of an id is looked for.
const RECENT: u16 = 1_000;
/// Shortest beginning of a job's id.
const PREFIX_CHARS: usize = 4;

impl<DB: Engine> Local<DB> {
    pub(super) fn operator(&self, apply: &Apply) -> Result<Operator<DB>, Fault> {
        self.outbox.operator(apply.actor()).map_err(of_job)
    }

    /// Says what would be done, or does it and comes back when it is done.
    pub(super) async fn bulk(&self, request: Request, apply: &Apply) -> Result<Change, Fault> {
        let operator = self.operator(apply)?;
        let outlook = operator.preview(&request).await.map_err(of_job)?;
        let action = request.kind.as_str();
        let planned = planned(&outlook);
        if !apply.is_execute() {
            let sentence = format!("{} would be {}", what(&outlook), done_word(request.kind));
            let bounded = bounded(request, &outlook);
            let mut change = change(apply, action, sentence, json!({ "filter": bounded.filter.to_string() }));
            change.plan_id = Some(plan_id::write(&bounded, outlook.planned_at)?);
            change.plan = Some(planned);
            return Ok(change);
        }
        let job = operator.plan(&request).await.map_err(of_job)?.job;
        let job = operator.apply(job.id, None).await.map_err(of_job)?;
        if matches!(apply, Apply::Begin { .. }) {
            let mut change = begun(operator, job, apply, action);
            change.plan = Some(planned);
            return Ok(change);
        }
        let done = operator.run(&job, &mut |_| {}).await.map_err(of_job)?;
        let sentence = format!("{} {}, {} left alone", done.done, done_word(done.kind), done.skipped);
        let mut change =
            change(apply, action, sentence, serde_json::to_value(job_answer(done, Vec::new())).unwrap_or_default());
        change.job_id = Some(job.id.to_string());
        change.plan = Some(planned);
        Ok(change)
    }

    pub(super) async fn planned(
        &self,
        plan: &str,
        kind: Option<&'static str>,
        rate: Option<u32>,
        apply: &Apply,
    ) -> Result<Change, Fault> {
        let now = self.reader.now().await.map_err(of_read)?;
        let mut request = plan_id::read(plan, kind, now)?;
        request.rate = rate.unwrap_or(request.rate);
        self.bulk(request, apply).await
    }

    pub(super) async fn find_job(&self, id: &str) -> Result<Uuid, Fault> {
        if let Ok(id) = Uuid::try_parse(id) {
            return Ok(id);
        }
        let begins = id.trim_start_matches("job_").to_ascii_lowercase();
        let recent = self.reader.jobs(RECENT).await.map_err(of_job)?;
        let found: Vec<Uuid> =
            recent.iter().map(|job| job.id).filter(|id| id.to_string().starts_with(&begins)).collect();
        let fix = "`stateset-events jobs list` shows them";
        match found.as_slice() {
            [one] if begins.len() >= PREFIX_CHARS => Ok(*one),
            [] => Err(Fault::new(Kind::NotFound, "JOB_NOT_FOUND", format!("there is no job {id:.60}"), fix)),
            _ => Err(Fault::new(
                Kind::Conflict,
                "AMBIGUOUS_JOB_ID",
                format!("{id:.60} begins the ids of several jobs"),
                fix,
            )),
        }
    }

    pub(super) async fn one_job(&self, id: &str) -> Result<Job, Fault> {
        let id = self.find_job(id).await?;
        let Progress { job, outcomes } = self.reader.job(id).await.map_err(of_job)?;
        Ok(job_answer(
            job,
            outcomes.into_iter().map(|(state, count)| (state.as_str().to_owned(), unsigned(count))).collect(),
        ))
    }

    pub(super) async fn all_jobs(&self, most: u16) -> Result<JobList, Fault> {
        let jobs = self.reader.jobs(most).await.map_err(of_job)?;
        let jobs: Vec<Job> = jobs.into_iter().map(|job| job_answer(job, Vec::new())).collect();
        Ok(JobList { total: u64::try_from(jobs.len()).unwrap_or(u64::MAX), jobs })
    }

    pub(super) async fn halt_job(&self, id: &str, apply: &Apply) -> Result<Change, Fault> {
        let id = self.find_job(id).await?;
        let before = self.reader.job(id).await.map_err(of_job)?.job;
        if !apply.is_execute() {
            let sentence = format!(
                "the {} {id}, which is {}, would be ended; its {} changes stay, what it has not done is not done",
                before.kind, before.state, before.done
            );
            return Ok(change(apply, "job.abort", sentence, json!({ "job": job_answer(before, Vec::new()) })));
        }
        let after = self.operator(apply)?.abort(id).await.map_err(of_job)?;
        let sentence = format!("the {} {id} is {}", after.kind, after.state);
        Ok(change(apply, "job.abort", sentence, json!({ "job": job_answer(after, Vec::new()) })))
    }

    pub(super) async fn resume_job(&self, id: &str, apply: &Apply) -> Result<Change, Fault> {
        let id = self.find_job(id).await?;
        let before = self.reader.job(id).await.map_err(of_job)?.job;
        if !apply.is_execute() {
            let sentence = format!("the {} {id}, which is {}, would go on where it was", before.kind, before.state);
            return Ok(change(apply, "job.resume", sentence, json!({ "job": job_answer(before, Vec::new()) })));
        }
        let operator = self.operator(apply)?;
        let job = operator.apply(id, None).await.map_err(of_job)?;
        if matches!(apply, Apply::Begin { .. }) {
            return Ok(begun(operator, job, apply, "job.resume"));
        }
        let done = operator.run(&job, &mut |_| {}).await.map_err(of_job)?;
        let sentence = format!("the {} {id} is {}: {} changes", done.kind, done.state, done.done);
        let mut change = change(apply, "job.resume", sentence, json!({ "job": job_answer(done, Vec::new()) }));
        change.job_id = Some(id.to_string());
        Ok(change)
    }

    /// H08, H09, H10: only a range of places narrows it, because what contradicts what is not a matter of types.
    pub(super) async fn verified(&self, filter: &Filter) -> Result<Findings, Fault> {
        let range = Filter { first: filter.first, last: filter.last, ..Filter::default() };
        if *filter != range {
            let fix = "narrow it by place only: seq:100..200";
            return Err(Fault::unsupported_filter("anything but seq", "the check of the log", fix));
        }
        let after = filter.first.map(|first| first - 1);
        let found = self.reader.verify(after, filter.last).await.map_err(of_read)?;
        let level = |severity| if severity == Severity::Fault { "error" } else { "warning" };
        let mut findings = vec![Finding {
            level: "ok".to_owned(),
            check: "events".to_owned(),
            message: format!("{} events were read and hashed, up to place {}", found.events, found.upto.max(0)),
            fix: None,
        }];
        findings.extend(found.findings.iter().map(|one| Finding {
            level: level(one.kind.severity()).to_owned(),
            check: one.kind.as_str().to_owned(),
            message: format!("{}: {}", one.subject, one.detail),
            fix: None,
        }));
        Ok(Findings { ok: !found.is_faulty(), findings })
    }

    pub(super) async fn audited(&self, actor: Option<&str>, page: &Page) -> Result<AuditList, Fault> {
        let cursor = page.cursor.as_deref().map(str::parse::<i64>).transpose().map_err(|_| {
            Fault::usage("this is no cursor of the audit", "give next_cursor of the page before, unchanged")
        })?;
        let filter = AuditFilter { actor: actor.map(str::to_owned), ..AuditFilter::default() };
        let limit = page.limit.min(stateset_outbox::read::PAGE);
        let found = self.reader.audit(&filter, cursor, limit).await.map_err(of_read)?;
        let more = found.len() == usize::from(limit);
        let next_cursor = found.last().filter(|_| more).map(|last| last.id.to_string());
        let entries: Vec<AuditEntry> = found
            .into_iter()
            .map(|one| AuditEntry {
                at: instant_text(one.at),
                actor: one.actor,
                action: one.action,
                subject: one.subject,
                before: one.before,
                after: one.after,
                reason: one.reason,
                job_id: one.job.map(|id| id.to_string()),
            })
            .collect();
        Ok(AuditList { count: u64::try_from(entries.len()).unwrap_or(u64::MAX), entries, next_cursor })
    }
}

/// The job goes on by itself. If this process ends, the job is where it was, and can be resumed.
fn begun<DB: Engine>(operator: Operator<DB>, job: Stored, apply: &Apply, action: &str) -> Change {
    let sentence = format!("the {} {} goes on", job.kind, job.id);
    let result = serde_json::to_value(job_answer(job.clone(), Vec::new())).unwrap_or_default();
    let mut change = change(apply, action, sentence, result);
    change.job_id = Some(job.id.to_string());
    let run = async move {
        // A failure is in the job.
        if let Err(error) = operator.run(&job, &mut |_| {}).await {
            tracing::warn!(job = %job.id, %error, "a job broke off");
        }
    };
    #[expect(clippy::disallowed_methods, reason = "nobody has to wait for it: a job that breaks off can be resumed")]
    tokio::spawn(run);
    change
}

/// What is carried out later is what was seen: nothing that came after it.
fn bounded(mut request: Request, outlook: &Outlook) -> Request {
    let Filter { last, until, .. } = &mut request.filter;
    *last = Some(last.map_or(outlook.upto, |last| last.min(outlook.upto)));
    if matches!(request.kind, JobKind::Redrive | JobKind::Discard) {
        *until = Some(until.map_or(outlook.planned_at + 1, |until| until.min(outlook.planned_at + 1)));
    }
    request
}

fn what(outlook: &Outlook) -> String {
    let sign = if outlook.exact { "" } else { "at least " };
    let mut text = format!("{sign}{} in {} lanes", outlook.changes, outlook.lanes);
    if outlook.followers > 0 {
        text.push_str(&format!(", with {} followers behind them,", outlook.followers));
    }
    text
}

fn done_word(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Replay => "delivered again",
        JobKind::Redrive => "redriven",
        JobKind::Discard => "discarded",
        JobKind::Acknowledge => "acknowledged",
    }
}

fn planned(outlook: &Outlook) -> Planned {
    let numbers = |all: &[(String, i64)]| all.iter().map(|(name, count)| (name.clone(), unsigned(*count))).collect();
    Planned {
        count: unsigned(outlook.changes),
        lanes: Some(unsigned(outlook.lanes)),
        followers: Some(unsigned(outlook.followers)),
        exact: outlook.exact,
        destinations: numbers(&outlook.destinations),
        skipped: numbers(&outlook.skipped),
        sample: outlook
            .sample
            .iter()
            .map(|one| Sample {
                event_id: EventId(one.event_id).display(),
                event_type: one.event_type.clone(),
                lane: rows::lane(&one.lane),
                destination: one.destination.clone(),
                state: one.state.map(|state| state.as_str().to_owned()),
            })
            .collect(),
    }
}

fn job_answer(job: Stored, deliveries: Vec<(String, u64)>) -> Job {
    Job {
        job_id: job.id.to_string(),
        kind: job.kind.as_str().to_owned(),
        state: job.state.as_str().to_owned(),
        done: unsigned(job.done),
        total: unsigned(job.planned),
        skipped: unsigned(job.skipped),
        filter: job.filter.to_string(),
        deliveries: deliveries.into_iter().collect(),
        actor: job.actor,
        created_at: instant_text(job.created_at),
        finished_at: job.finished_at.map(instant_text),
        rate_per_second: Some(job.rate),
        error: job.error.filter(|_| job.state == JobState::Failed),
    }
}

pub(super) fn of_job(error: JobError) -> Fault {
    let message = error.to_string();
    // The code stands before the colon.
    let sentence = message.split_once(": ").map_or(message.as_str(), |(_, sentence)| sentence).to_owned();
    let fault = |kind, code: &'static str, fix: &str| Fault::new(kind, code, sentence.clone(), fix);
    match error {
        JobError::EmptyFilter => {
            fault(Kind::Usage, "EMPTY_FILTER", "narrow it, or say `type:*` if everything is meant")
        },
        JobError::Invalid(_) => fault(Kind::Usage, "INVALID_REQUEST", "see --help"),
        JobError::NotFound(_) => fault(Kind::NotFound, "JOB_NOT_FOUND", "`stateset-events jobs list` shows them"),
        JobError::Expired(_) => fault(Kind::Conflict, "PLAN_EXPIRED", "preview again, and look at it again"),
        JobError::OtherFilter { .. } => fault(Kind::Conflict, "PLAN_MISMATCH", "preview again"),
        JobError::State { .. } => {
            fault(Kind::Conflict, "JOB_STATE", "`stateset-events jobs watch` shows how it stands")
        },
        JobError::TakenOver(_) => {
            fault(Kind::Conflict, "JOB_TAKEN_OVER", "`stateset-events jobs list` shows who has it")
        },
        JobError::Filter(_) => fault(Kind::Corrupt, "SOURCE_CORRUPT", "use the version that planned the job"),
        JobError::Read(error) => of_read(error),
        JobError::Database(error) => of_delivery(error),
    }
}
