//! What was done: bulk actions, and the audit.

use axum::response::Response;
use maud::{Markup, html};
use stateset_inspect::answer::{AuditList, Job, JobList};

use super::Asking;
use crate::parts::{Tone, badge, empty, facts, name, now, time};
use crate::text;

/// Bulk actions that the page lists.
const JOBS: u16 = 100;

pub(super) async fn jobs(asking: Asking) -> Response {
    let body = async { Ok(jobs_view(&asking, &asking.outbox.inspect.jobs(JOBS).await?)) };
    let body = body.await;
    asking.visitor.page("Jobs", body)
}

fn jobs_view(asking: &Asking, found: &JobList) -> Markup {
    let now = now();
    html! {
        p.lead { "Bulk actions: replays, redrives, discards, acknowledgements. Each began with a preview." }
        @if found.jobs.is_empty() { (empty("No job", &html! { p { "Nobody has replayed, redriven or discarded anything yet. Begin at the " a href=(asking.visitor.place.at("/dead-letters")) { "dead letters" } "." } })) } @else {
            table {
                thead { tr { th { "Job" } th { "Kind" } th { "State" } th { "Progress" } th { "Filter" } th { "By" } th { "Begun" } } }
                tbody { @for job in &found.jobs { tr {
                    td data-label="Job" { a href=(asking.visitor.place.at(&format!("/jobs/{}", crate::place::segment(&job.job_id)))) { code.id { (job.job_id) } } }
                    td data-label="Kind" { (job.kind) }
                    td data-label="State" { (state(&job.state)) }
                    td data-label="Progress" { (progress(job)) }
                    td data-label="Filter" { code { (name(&job.filter)) } }
                    td data-label="By" { (job.actor) }
                    td data-label="Begun" { (time(&job.created_at, now)) }
                } } }
            }
        }
        (asking.command("jobs list"))
    }
}

fn state(name: &str) -> Markup {
    let tone = match name {
        "done" | "finished" | "completed" => Tone::Good,
        "failed" => Tone::Bad,
        "aborted" | "interrupted" => Tone::Warn,
        _ => Tone::Plain,
    };
    badge(tone, name)
}

fn progress(job: &Job) -> Markup {
    html! {
        progress max=(job.total.max(1)) value=(job.done) aria-label={ (job.done) " of " (job.total) } {}
        " " (text::grouped(job.done)) " of " (text::grouped(job.total)) @if job.skipped > 0 { ", " (text::grouped(job.skipped)) " left alone" }
    }
}

pub(super) async fn job(asking: Asking) -> Response {
    let body = async { Ok(job_view(&asking, &asking.outbox.inspect.job(&asking.rest).await?)) };
    let body = body.await;
    asking.visitor.page("Job", body)
}

fn job_view(asking: &Asking, job: &Job) -> Markup {
    let now = now();
    let moves = job.finished_at.is_none() && job.state == "running";
    html! {
        (facts(&[
            ("Job", html! { code { (job.job_id) } }),
            ("Kind", html! { (job.kind) }),
            ("State", state(&job.state)),
            ("Progress", progress(job)),
            ("Filter", html! { code { (name(&job.filter)) } }),
            ("Deliveries", html! { @if job.deliveries.is_empty() { "–" } @for (at, (name, number)) in job.deliveries.iter().enumerate() { @if at > 0 { ", " } (name) " " b { (text::grouped(*number)) } } }),
            ("At most per second", html! { @match job.rate_per_second { Some(rate) => (rate), None => "no limit" } }),
            ("By", html! { (job.actor) }),
            ("Begun", time(&job.created_at, now)),
            ("Ended", html! { @match &job.finished_at { Some(at) => (time(at, now)), None => "not yet" } }),
        ]))
        @if let Some(error) = &job.error { div.fault { p.title { "It stopped" } p { (name(error)) } } }
        @if moves {
            p.note data-again="2000" { "It is carried out by the process that began it. If the progress stands still, that process is gone: resume it." }
        }
        @if asking.outbox.may_change && job.finished_at.is_none() {
            form.inline method="post" action=(asking.visitor.here) {
                (asking.token())
                button type="submit" name="action" value="resume" { "Resume" }
                button type="submit" name="action" value="abort" { "Abort: what is done stays done" }
            }
        }
        p { a href=(asking.visitor.place.at("/jobs")) { "All jobs" } }
        (asking.command(&format!("jobs watch {}", job.job_id)))
    }
}

pub(super) async fn audit(asking: Asking) -> Response {
    let body = async {
        let actor = Some(asking.parameter("actor")).filter(|actor| !actor.is_empty());
        Ok(audit_view(&asking, &asking.outbox.inspect.audit(actor, &asking.page()).await?))
    };
    let body = body.await;
    asking.visitor.page("Audit", body)
}

fn audit_view(asking: &Asking, found: &AuditList) -> Markup {
    let now = now();
    html! {
        p.lead { "Who changed what by hand, newest first. The log itself is never changed." }
        form.inline method="get" action=(asking.visitor.place.at("/audit")) role="search" aria-label="Filter by actor" {
            label { "By whom" input name="actor" value=(asking.parameter("actor")) spellcheck="false"; }
            button type="submit" { "Filter" }
        }
        @if found.entries.is_empty() { (empty("No entry", &html! { p { "Nobody has intervened" @if !asking.parameter("actor").is_empty() { " under this name" } "." } })) } @else {
            table {
                thead { tr { th { "When" } th { "Who" } th { "What" } th { "On" } th { "From" } th { "To" } th { "Why" } } }
                tbody { @for entry in &found.entries { tr {
                    td data-label="When" { (time(&entry.at, now)) }
                    td data-label="Who" { (entry.actor) }
                    td data-label="What" { code { (entry.action) } }
                    td data-label="On" { (name(&entry.subject)) }
                    td data-label="From" { @if let Some(before) = &entry.before { (name(before)) } }
                    td data-label="To" { @if let Some(after) = &entry.after { (name(after)) } }
                    td data-label="Why" { @if let Some(reason) = &entry.reason { (name(reason)) }
                        @if let Some(job) = &entry.job_id { " " a href=(asking.visitor.place.at(&format!("/jobs/{}", crate::place::segment(job)))) { "job" } } }
                } } }
            }
        }
        (asking.next(found.next_cursor.as_ref()))
        (asking.command("audit list"))
    }
}
