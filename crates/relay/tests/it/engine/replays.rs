//! Replays beside live events.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stateset_outbox::delivery::DeliveryState;
use stateset_outbox::filter::Filter;
use stateset_outbox::job::{JobKind, JobOptions, JobState, Request};
use stateset_relay::engine::Relay;
use stateset_relay::policy::{OnDead, Policy};
use stateset_relay::record::Record;
use stateset_relay::sink::handler::{Handler, HandlerError};
use uuid::Uuid;

use super::harness::{Database, keys, options, policy, registration, until};
use super::ledger::Ledger;

const GRACE: Duration = Duration::from_secs(20);

/// An event, and the job that asked for it again.
type Arrival = (Uuid, Option<Uuid>);

/// Every arrival with the job that asked for it, if one did; replays of one event are refused.
#[derive(Clone, Default)]
struct Receiver {
    arrived: Arc<Mutex<Vec<Arrival>>>,
    refused: Arc<Mutex<HashSet<Uuid>>>,
}

impl Receiver {
    fn handler(&self) -> Handler {
        let receiver = self.clone();
        Handler::new(move |record: Record| {
            let refused =
                record.replay_job.is_some() && receiver.refused.lock().unwrap().contains(&record.event.event_id);
            if !refused {
                receiver.arrived.lock().unwrap().push((record.event.event_id, record.replay_job));
            }
            async move { if refused { Err(HandlerError::Refuse("not again".to_owned())) } else { Ok(()) } }
        })
    }

    fn of(&self, job: Option<Uuid>) -> Vec<Uuid> {
        self.arrived.lock().unwrap().iter().filter(|(_, of)| *of == job).map(|(id, _)| *id).collect()
    }
}

/// H01, H02, H06, H12, G09: a replay under live traffic. Each event comes once more, marked, in the order of its key; live
/// events keep their order and wait for none of it; a replay that is refused holds up the rest of its own key only.
pub(crate) async fn a_replay_goes_beside_live_events<D: Database>() {
    let (database, receiver, ledger) = (D::create().await, Receiver::default(), Mutex::new(Ledger::default()));
    // A dead letter of this route would stop the whole destination; one of a replay must not.
    let policy = Policy { on_dead: OnDead::Stop, ..policy() };
    let relay = Relay::new(database.store(), options(Duration::from_secs(15)));
    let running = relay.destination(registration("shop", &policy), Arc::new(receiver.handler())).start().await.unwrap();
    database.write_all(&ledger, keys(200, 20)).await;
    until("the first deliveries", async || running.stats()["shop"].delivered >= 200).await;

    let written = ledger.lock().unwrap().written.clone();
    let of_key = |key: &str| written.iter().filter(|(_, of)| of == key).map(|(id, _)| *id).collect::<Vec<Uuid>>();
    receiver.refused.lock().unwrap().insert(of_key("key 3")[4]);
    let operator = database.outbox().operator("ada").unwrap();
    let filter = Filter::parse("type:order.*", 0).unwrap();
    let request = Request { rate: 400, ..Request::new(JobKind::Replay, filter.clone()) };
    let plan = operator.plan(&request).await.unwrap();
    assert_eq!(
        (plan.changes, plan.exact, plan.lanes, plan.destinations.clone()),
        (200, true, 20, vec![("shop".to_owned(), 200)])
    );
    assert_eq!(receiver.arrived.lock().unwrap().len(), 200, "a plan delivers nothing");
    let job = operator.apply(plan.job.id, Some(&filter)).await.unwrap();
    let mut chunks = 0;
    let mut watch = |_| chunks += 1;
    let (ended, ()) = tokio::join!(operator.run(&job, &mut watch), async {
        for _ in 0..10 {
            database.write_all(&ledger, keys(20, 20)).await;
        }
    });
    assert_eq!((ended.unwrap().state, chunks >= 2), (JobState::Done, true));
    until("the live events", async || receiver.of(None).len() >= 400).await;
    // Of the key whose event was refused, four came; the other five wait behind it.
    until("the replays", async || receiver.of(Some(job.id)).len() >= 194).await;
    until("the refusal", async || running.stats()["shop"].dead == 1).await;
    until("the end of all that can", async || {
        let outcomes = operator.job(job.id).await.unwrap().outcomes;
        outcomes.iter().any(|(state, count)| *state == DeliveryState::Delivered && *count == 194)
    })
    .await;
    let progress = operator.job(job.id).await.unwrap();
    let outcomes: HashMap<DeliveryState, i64> = progress.outcomes.iter().copied().collect();
    assert_eq!((outcomes[&DeliveryState::Delivered], outcomes[&DeliveryState::Dead]), (194, 1));
    assert!(running.health().await.unwrap()[0].outage.is_none(), "the destination goes on");

    let replayed = receiver.of(Some(job.id));
    let mut expected = written.clone();
    expected.retain(|(id, key)| key != "key 3" || of_key("key 3").iter().position(|one| one == id).unwrap() < 4);
    let replay = Ledger { written: expected, arrived: replayed.clone() }.audit();
    assert_eq!((replay.lost, replay.duplicated, replay.inverted), (0, 0, 0), "{replay}");
    ledger.lock().unwrap().arrived = receiver.of(None);
    let live = ledger.lock().unwrap().audit();
    assert_eq!((live.lost, live.duplicated, live.inverted), (0, 0, 0), "{live}");

    // Its dead letter is redriven like any other, and its lane goes on.
    receiver.refused.lock().unwrap().clear();
    let request = Request { rate: 400, ..Request::new(JobKind::Redrive, Filter::parse("key:\"key 3\"", 0).unwrap()) };
    let plan = operator.plan(&request).await.unwrap();
    assert_eq!((plan.changes, plan.followers), (1, 5));
    let redrive = operator.apply(plan.job.id, None).await.unwrap();
    operator.run(&redrive, &mut |_| {}).await.unwrap();
    until("the rest of the replay", async || receiver.of(Some(job.id)).len() >= 200).await;
    assert!(running.stop(GRACE).await.unwrap());
    let replay = Ledger { written, arrived: receiver.of(Some(job.id)) }.audit();
    assert_eq!((replay.lost, replay.duplicated, replay.inverted), (0, 0, 0), "{replay}");
}

/// H03, H04: a new destination gets what was before it, and nothing it has.
pub(crate) async fn a_new_destination_gets_what_it_misses<D: Database>() {
    let (database, old, new) = (D::create().await, Receiver::default(), Receiver::default());
    let ledger = Mutex::new(Ledger::default());
    database.write_all(&ledger, keys(60, 6)).await;
    let late = stateset_outbox::delivery::Registration {
        start: stateset_outbox::delivery::Start::Now,
        ..registration("late", &policy())
    };
    let relay = Relay::new(database.store(), options(Duration::from_secs(15)));
    let relay = relay.destination(registration("shop", &policy()), Arc::new(old.handler()));
    let running = relay.destination(late, Arc::new(new.handler())).start().await.unwrap();
    database.write_all(&ledger, keys(30, 6)).await;
    let delivered = |name: &str| running.stats()[name].delivered;
    until("the live events", async || delivered("shop") >= 90 && delivered("late") >= 30).await;
    let operator = database.outbox().operator("ada").unwrap();
    let options = JobOptions { to: Some("late".to_owned()), missing: true, ..JobOptions::default() };
    let filter = Filter::parse("type:*", 0).unwrap();
    let request = Request { options, rate: 1_000, ..Request::new(JobKind::Replay, filter) };
    let plan = operator.plan(&request).await.unwrap();
    assert_eq!((plan.changes, plan.skipped.clone()), (60, vec![("delivered: not missing".to_owned(), 30)]));
    let job = operator.apply(plan.job.id, None).await.unwrap();
    let done = operator.run(&job, &mut |_| {}).await.unwrap();
    assert_eq!((done.done, done.skipped), (60, 30));
    until("what was missing", async || new.of(Some(job.id)).len() >= 60).await;
    assert!(running.stop(GRACE).await.unwrap());
    let written = ledger.lock().unwrap().written.iter().take(60).cloned().collect();
    let audit = Ledger { written, arrived: new.of(Some(job.id)) }.audit();
    assert_eq!((audit.lost, audit.duplicated, audit.inverted), (0, 0, 0), "{audit}");
    assert_eq!(old.arrived.lock().unwrap().len(), 90, "the other destination got nothing twice");
}
