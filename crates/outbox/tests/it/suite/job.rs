//! Jobs: planned, applied, broken off, taken over.

use std::time::Duration;

use stateset_outbox::delivery::{
    BreakerState, Change, DeadLetter, DeliveryRow, DeliveryState, LaneChange, Settlement, Start,
};
use stateset_outbox::filter::{EventRef, Filter};
use stateset_outbox::job::{Job, JobError, JobKind, JobOptions, JobState, Operator, Request, Step};
use stateset_outbox::read::LetterFilter;
use stateset_outbox::{AuditFilter, Engine, Outbox, ReplayFilter};
use uuid::Uuid;

use super::read::every_state;
use super::{Factory, Plain, Reader, order, write};

fn filter(text: &str) -> Filter {
    Filter::parse(text, 0).expect("a filter")
}

async fn count<F: Factory>(factory: &F, sql: &str) -> i64 {
    let mut tx = factory.outbox().begin().await.expect("a transaction");
    F::Engine::number(&mut tx, sql.to_owned()).await
}

/// Plans, applies and runs.
async fn carry_out<DB: Engine>(operator: &Operator<DB>, request: &Request) -> Job {
    let plan = operator.plan(request).await.expect("a plan");
    let job = operator.apply(plan.job.id, Some(&request.filter)).await.expect("it is applied");
    operator.run(&job, &mut |_| {}).await.expect("it ends")
}

/// A destination at which `count` events of three keys are dead, each with a letter.
pub(crate) async fn many_dead<DB: Engine>(outbox: &Outbox<DB>, count: i64) -> Reader {
    let reader = Reader::new(outbox, 4, Start::Now).await;
    let mut tx = outbox.begin().await.expect("a transaction");
    let drafts = (0..count).map(|number| order(&format!("key {}", number % 3), number));
    outbox.write_event_batch(&mut tx, drafts).await.expect("written");
    outbox.commit(tx).await.expect("it commits");
    for lease in &reader.leases {
        let chunk = reader.store.poll(lease, 5_000).await.expect("a chunk");
        let dead = |event| Change {
            delivery: DeliveryRow::of(event, &reader.destination.routes[0]),
            from: None,
            to: DeliveryState::Dead,
            reason: None,
            attempts: 1,
            next_attempt_in: None,
            attempt: None,
            dead_letter: Some(DeadLetter { class: "refused".to_owned(), error: "no".to_owned() }),
        };
        let changes: Vec<Change> = chunk.events.iter().map(dead).collect();
        let park = |event: &stateset_outbox::delivery::LoggedEvent| LaneChange::Park {
            lane: event.lane(),
            due_in: None,
            reason: "dead".to_owned(),
        };
        let lanes = chunk.events.iter().map(park).collect();
        let events = i32::try_from(changes.len()).expect("few");
        let plan = Settlement { advance: Some(chunk.advance()), events, changes, lanes, ..Settlement::default() };
        reader.store.settle(lease, &plan).await.expect("settled");
    }
    reader
}

/// H02, G03: what a plan is, and when it may be applied.
pub(crate) async fn a_plan_is_applied_once_and_in_time<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    every_state(factory).await;
    let operator = outbox.operator("ada").expect("an operator");
    assert!(outbox.operator("").is_err() && outbox.operator("a\u{7}").is_err());
    let empty = operator.plan(&Request::new(JobKind::Replay, Filter::default())).await.expect_err("an empty filter");
    assert!(matches!(empty, JobError::EmptyFilter), "{empty}");
    let to = JobOptions { to: Some("nowhere".to_owned()), ..JobOptions::default() };
    let request = Request { options: to, ..Request::new(JobKind::Replay, filter("type:*")) };
    let unknown = operator.plan(&request).await.expect_err("no such destination").to_string();
    assert!(unknown.contains("there are all"), "{unknown}");

    let plan = operator.plan(&Request::new(JobKind::Replay, filter("type:order.*"))).await.expect("a plan");
    // Delivered and acknowledged; not: retried, dead, in flight, pending, before the destination.
    assert_eq!((plan.changes, plan.exact, plan.sample.len()), (2, true, 2));
    assert_eq!(plan.skipped.iter().map(|(_, count)| count).sum::<i64>(), 5);
    let table = factory.table("delivery");
    let replays = format!("SELECT count(*) FROM {table} WHERE replay_job IS NOT NULL");
    assert_eq!(count(factory, &replays).await, 0, "a plan does nothing");
    let other = operator.apply(plan.job.id, Some(&filter("type:*"))).await.expect_err("another filter");
    assert!(matches!(other, JobError::OtherFilter { .. }), "{other}");
    let nobody = operator.apply(Uuid::nil(), None).await.expect_err("no such plan");
    assert!(matches!(nobody, JobError::NotFound(_)), "{nobody}");

    let job = operator.apply(plan.job.id, None).await.expect("applied");
    let done = operator.run(&job, &mut |_| {}).await.expect("done");
    assert_eq!((done.state, done.done, done.skipped), (JobState::Done, 2, 5));
    assert_eq!(count(factory, &replays).await, 2);
    let again = operator.apply(plan.job.id, None).await.expect("no fault");
    assert_eq!(again.state, JobState::Done);
    operator.run(&again, &mut |_| {}).await.expect("nothing to do");
    assert_eq!(count(factory, &replays).await, 2, "applied twice, done once");
    let aborted = operator.abort(plan.job.id).await.expect_err("it is done");
    assert!(matches!(aborted, JobError::State { .. }), "{aborted}");

    let late = operator.plan(&Request::new(JobKind::Replay, filter("type:order.*"))).await.expect("a plan");
    let mut tx = outbox.begin().await.expect("a transaction");
    let expire = format!("UPDATE {} SET expires_at = 1 WHERE state = 'planned'", factory.table("job"));
    F::Engine::run(&mut tx, expire).await.expect("changed");
    tx.commit().await.expect("it commits");
    let expired = operator.apply(late.job.id, None).await.expect_err("too late");
    assert!(matches!(expired, JobError::Expired(_)), "{expired}");
    let scoped = outbox.for_scope(stateset_outbox::Scope { tenant: Uuid::nil(), store: Uuid::nil() });
    let hidden = scoped.operator("eve").expect("an operator").apply(plan.job.id, None).await;
    assert!(matches!(hidden, Err(JobError::NotFound(_))), "another tenant's job is not there");
}

/// G03, G08, G10: dead letters by filter and by id, in order, each once, each in the audit.
pub(crate) async fn letters_are_closed_once_and_on_the_record<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = many_dead(&outbox, 30).await;
    let operator = outbox.operator("ada").expect("an operator");
    let letters = outbox.reader().dead_letters(&LetterFilter::default(), None, 100).await.expect("letters").letters;
    assert_eq!(letters.len(), 30);
    let first = operator.retry_from_dlq(letters[0].id).await.expect("redriven");
    let second = operator.retry_from_dlq(letters[0].id).await.expect("no fault");
    assert!(first.changed && !second.changed && first.letter == second.letter, "{second:?}");
    assert_eq!(first.letter.resolution.as_deref(), Some("redriven"));

    let request = Request { rate: 10, ..Request::new(JobKind::Redrive, filter("key:\"key 1\" class:refused")) };
    let plan = operator.plan(&request).await.expect("a plan");
    assert_eq!((plan.changes, plan.lanes, plan.destinations.clone()), (10, 1, vec![("all".to_owned(), 10)]));
    let done = carry_out(&operator, &request).await;
    assert_eq!(done.done, 10);
    let lane = letters.iter().find(|letter| letter.lane == "key 1").expect("a letter");
    let lane = stateset_outbox::delivery::Lane {
        tenant: outbox.scope().tenant,
        store: outbox.scope().store,
        key: lane.lane.clone(),
    };
    let mut due = Vec::new();
    for lease in &reader.leases {
        due.extend(reader.store.waiting(lease, &lane, 100).await.expect("what waits"));
    }
    let places: Vec<i64> = due.iter().map(|one| one.event.log_id).collect();
    assert!(places.len() == 10 && places.is_sorted(), "in order: {places:?}");

    let refused = operator.plan(&Request::new(JobKind::Discard, filter("key:\"key 2\""))).await;
    assert!(matches!(refused, Err(JobError::Invalid(_))), "a discard has a reason");
    let reason = Some("test orders".to_owned());
    let done =
        carry_out(&operator, &Request { reason, ..Request::new(JobKind::Discard, filter("key:\"key 2\"")) }).await;
    assert_eq!(done.done, 10);
    let audit = outbox.reader().audit(&AuditFilter { job: Some(done.id), ..AuditFilter::default() }, None, 100).await;
    let audit = audit.expect("the audit");
    let discards: Vec<_> = audit.iter().filter(|entry| entry.action == "dead_letter.discarded").collect();
    assert_eq!((discards.len(), audit.len()), (10, 12), "each, the start and the end");
    assert!(discards.iter().all(|entry| entry.actor == "ada" && entry.reason.as_deref() == Some("test orders")));
    let one = AuditFilter { subject: Some(format!("dead_letter:{}", letters[0].id)), ..AuditFilter::default() };
    assert_eq!(outbox.reader().audit(&one, None, 10).await.expect("the audit").len(), 1, "the second try is none");
    let mut tx = outbox.begin().await.expect("a transaction");
    let forge = format!("UPDATE {} SET actor = 'eve'", factory.table("audit"));
    F::Engine::run(&mut tx, forge).await.expect_err("append-only");
}

/// H07, E11: acknowledged with evidence, or with a reason; never what was not delivered, unless forced; never twice.
pub(crate) async fn only_what_was_delivered_is_acknowledged<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    every_state(factory).await;
    let all = outbox.events_for_replay(&ReplayFilter::default(), 100).await.expect("all");
    let id_of =
        |number: i64| all.iter().find(|event| super::number(&event.payload) == number).expect("written").event_id;
    let operator = outbox.operator("ada").expect("an operator");
    let acknowledge = |number: i64, options: JobOptions| Request {
        options,
        reason: Some("the consumer says so".to_owned()),
        ..Request::new(JobKind::Acknowledge, filter(&format!("event:{}", id_of(number))))
    };
    for (number, why) in [(1, "force"), (2, "force"), (4, "in_flight"), (5, "pending")] {
        let plan = operator.plan(&acknowledge(number, JobOptions::default())).await.expect("a plan");
        assert_eq!(plan.changes, 0, "{number}");
        assert!(plan.skipped[0].0.contains(why), "{number}: {:?}", plan.skipped);
    }
    let evidence = JobOptions {
        remote_sequence: Some(41),
        receipt: Some(serde_json::json!({"signed": "yes"})),
        ..JobOptions::default()
    };
    let done = carry_out(&operator, &acknowledge(0, evidence.clone())).await;
    assert_eq!((done.done, done.skipped), (1, 0));
    let again = carry_out(&operator, &acknowledge(0, evidence)).await;
    assert_eq!((again.done, again.skipped), (0, 1), "the second time changes nothing");
    let reader = outbox.reader();
    let seen = reader.inspect(&EventRef::Id(id_of(0))).await.expect("an event");
    assert_eq!((seen.deliveries[0].state, seen.deliveries[0].remote_sequence), (DeliveryState::Acknowledged, Some(41)));
    assert!(seen.receipts[0].evidence.contains("signed") && seen.receipts[0].evidence.contains("ada"));

    let force = JobOptions { force: true, ..JobOptions::default() };
    for number in [1, 2] {
        let done = carry_out(&operator, &acknowledge(number, force.clone())).await;
        assert_eq!(done.done, 1, "{number}");
        let seen = reader.inspect(&EventRef::Id(id_of(number))).await.expect("an event");
        assert_eq!(seen.deliveries[0].state, DeliveryState::Acknowledged, "{number}");
        assert!(seen.dead_letters.iter().all(|letter| letter.closed_at.is_some()));
    }
    for number in [4, 5] {
        let done = carry_out(&operator, &acknowledge(number, force.clone())).await;
        assert_eq!(done.done, 0, "a worker has it, or is about to");
    }
    let by_me = AuditFilter {
        actor: Some("ada".to_owned()),
        action: Some("delivery.acknowledged".to_owned()),
        ..AuditFilter::default()
    };
    assert_eq!(reader.audit(&by_me, None, 10).await.expect("the audit").len(), 3);
}

/// H02: a job that is paused, aborted or applied elsewhere stops; one that breaks off goes on where it was.
pub(crate) async fn a_job_goes_on_where_it_was<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    many_dead(&outbox, 60).await;
    let operator = outbox.operator("ada").expect("an operator");
    let request = Request { rate: 40, ..Request::new(JobKind::Redrive, filter("type:*")) };
    let plan = operator.plan(&request).await.expect("a plan");
    let job = operator.apply(plan.job.id, None).await.expect("applied");
    // It breaks off before its second commit.
    #[expect(clippy::disallowed_methods, reason = "a task of the test, which is awaited")]
    let broken = {
        let (outbox, job) = (outbox.clone(), job.clone());
        tokio::spawn(async move {
            let mut written = 0;
            let operator = outbox.operator("ada").expect("an operator");
            let mut watch = |step| {
                written += u32::from(step == Step::Written);
                assert!(written < 2, "killed");
            };
            operator.run(&job, &mut watch).await.map(|_| ())
        })
    };
    assert!(broken.await.is_err_and(|fault| fault.is_panic()));
    let between = operator.job(job.id).await.expect("a job").job;
    assert_eq!((between.state, between.done), (JobState::Running, 20), "the second chunk is not there");

    let resumed = operator.apply(job.id, None).await.expect("applied again");
    let taken = operator.run(&job, &mut |_| {}).await.expect_err("the first run has lost it");
    assert!(matches!(taken, JobError::TakenOver(_)), "{taken}");
    let paused = operator.pause(job.id).await.expect("paused");
    assert_eq!(paused.state, JobState::Paused);
    let halted = operator.run(&resumed, &mut |_| {}).await.expect_err("paused");
    assert!(matches!(halted, JobError::TakenOver(_)), "{halted}");
    let resumed = operator.apply(job.id, None).await.expect("applied again");
    let done = operator.run(&resumed, &mut |_| {}).await.expect("it ends");
    assert_eq!((done.state, done.done, done.skipped), (JobState::Done, 60, 0));
    let entries = format!("SELECT count(*) FROM {} WHERE action = 'dead_letter.redriven'", factory.table("audit"));
    assert_eq!(count(factory, &entries).await, 60, "each once");
}

/// H02: what an aborted replay has not delivered is withdrawn; it fills no destination that does not take it.
pub(crate) async fn an_aborted_replay_is_withdrawn<F: Factory>(factory: &F) {
    let outbox: Outbox<F::Engine> = factory.outbox();
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    for number in 0..50 {
        write(&outbox, order("one", number)).await;
    }
    let chunk = reader.store.poll(&reader.leases[0], 100).await.expect("a chunk");
    let plan = Settlement { advance: Some(chunk.advance()), events: 50, ..Settlement::default() };
    reader.store.settle(&reader.leases[0], &plan).await.expect("settled");
    let operator = outbox.operator("ada").expect("an operator");
    let request = Request { rate: 10, ..Request::new(JobKind::Replay, filter("key:one")) };
    let plan = operator.plan(&request).await.expect("a plan");
    let job = operator.apply(plan.job.id, None).await.expect("applied");
    let waiting = tokio::sync::Notify::new();
    let mut watch = |step| {
        if step == Step::Waiting {
            waiting.notify_one();
        }
    };
    let (run, aborted) = tokio::join!(operator.run(&job, &mut watch), async {
        // Nobody delivers: after two seconds' worth the job waits.
        waiting.notified().await;
        let open = operator.job(job.id).await.expect("a job");
        assert_eq!((open.job.done, open.outcomes), (20, vec![(DeliveryState::Pending, 20)]));
        operator.abort(job.id).await.expect("aborted")
    });
    assert!(matches!(run, Err(JobError::TakenOver(_))));
    assert_eq!((aborted.state, aborted.done), (JobState::Aborted, 20));
    let open = operator.job(job.id).await.expect("a job");
    assert_eq!(open.outcomes, [(DeliveryState::Discarded, 20)]);
    let refused = operator.apply(job.id, None).await.expect_err("it has ended");
    assert!(matches!(refused, JobError::State { .. }), "{refused}");
    let jobs = outbox.reader().jobs(10).await.expect("jobs");
    assert_eq!((jobs.len(), jobs[0].id), (1, job.id));
}

/// I06, I12, and the breaker: what an operator does to one thing is on the record.
pub(crate) async fn single_changes_are_on_the_record<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    Reader::new(&outbox, 1, Start::Now).await;
    let operator = outbox.operator("agent 7").expect("an operator");
    let hour = Duration::from_hours(1);
    assert!(operator.create_key("checkout", "k", hour).await.expect("created"));
    assert!(!operator.create_key("checkout", "k", hour).await.expect("no fault"), "the second finds the first");
    assert!(operator.reset_key("checkout", "k", "asked by the customer").await.expect("reset"));
    assert!(operator.open_breaker("all", "maintenance").await.expect("opened"));
    assert!(!operator.open_breaker("all", "maintenance").await.expect("no fault"));
    let status = outbox.reader().destinations().await.expect("destinations").remove(0);
    assert_eq!(status.breaker.state, BreakerState::Open);
    assert!(status.breaker.reason.expect("a reason").contains("agent 7: maintenance"));
    assert!(operator.close_breaker("all", None).await.expect("closed"));
    assert!(operator.close_breaker("nothing", None).await.is_err());
    let audit = outbox.reader().audit(&AuditFilter::default(), None, 10).await.expect("the audit");
    let actions: Vec<&str> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["breaker.closed", "breaker.opened", "key.reset", "key.created"]);
    assert!(audit.iter().all(|entry| entry.actor == "agent 7"));
    let older = outbox.reader().audit(&AuditFilter::default(), Some(audit[1].id), 10).await.expect("the audit");
    assert_eq!(older.len(), 2);
}
