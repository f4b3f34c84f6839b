//! Real processes that carry jobs out, and are killed.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use stateset_outbox::delivery::{Settlement, Start};
use stateset_outbox::filter::Filter;
use stateset_outbox::job::{JobKind, JobState, Operator, Request};
use stateset_testkit::environment;
use tokio::process::Command;
use uuid::Uuid;

use super::job::many_dead;
use super::{Factory, Plain, Reader, order};

/// Kills of one job; `JOB_KILLS` asks for more.
const KILLS: u64 = 8;

/// The example, built beside this test by `cargo test`.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let program = test.parent().and_then(std::path::Path::parent).expect("a folder").join("examples/run-job");
    assert!(program.is_file(), "build the example first: cargo build -p stateset-outbox --examples");
    program
}

/// Runs the job in processes that are killed: by themselves at a named step, before or after a commit; or from outside,
/// some time after they began. Until one of them ends by itself.
async fn run_killed<F: Factory>(factory: &F, operator: &Operator<F::Engine>, job: Uuid, seed: u128) -> u64 {
    let most = environment::variable("JOB_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"));
    let mut killed = 0;
    let mut random = seed;
    loop {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = u32::try_from((random >> 33) & 0xffff).expect("16 bits");
        let mut command = Command::new(program());
        command
            .args([factory.url(), "shop".to_owned(), job.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let by_itself = killed < most && draw % 2 == 0;
        if by_itself {
            command.arg((1 + draw / 2 % 4).to_string());
        }
        let mut child = command.spawn().expect("it starts");
        if killed < most && !by_itself {
            let moment = Duration::from_millis(u64::from(20 + draw / 2 % 1_200));
            if tokio::time::timeout(moment, child.wait()).await.is_err() {
                child.start_kill().expect("SIGKILL");
            }
        }
        let status = child.wait().await.expect("it ends");
        if operator.job(job).await.expect("a job").job.state == JobState::Done {
            return killed;
        }
        assert!(!status.success(), "it ended by itself before the job was done");
        killed += 1;
    }
}

async fn count<F: Factory>(factory: &F, sql: String) -> i64 {
    let mut tx = factory.outbox().begin().await.expect("a transaction");
    F::Engine::number(&mut tx, sql).await
}

/// H02, G03, G10, R06: a redrive of dead letters, killed again and again: each letter is opened once, none is left, and
/// the audit has each once.
pub(crate) async fn a_killed_redrive_opens_each_letter_once<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    many_dead(&outbox, 150).await;
    let operator = outbox.operator("ada").expect("an operator");
    let request = Request { rate: 30, ..Request::new(JobKind::Redrive, Filter::parse("type:*", 0).expect("a filter")) };
    let plan = operator.plan(&request).await.expect("a plan");
    let seed = Uuid::new_v4().as_u128();
    let kills = run_killed(factory, &operator, plan.job.id, seed).await;
    let job = operator.job(plan.job.id).await.expect("a job").job;
    println!("a redrive of 150 dead letters, {kills} kills (seed {seed}): {} done, {} skipped", job.done, job.skipped);
    assert_eq!((job.done, job.skipped), (150, 0), "none twice, none lost");
    let open = format!("SELECT count(*) FROM {} WHERE closed_at IS NULL", factory.table("dead_letter"));
    assert_eq!(count(factory, open).await, 0);
    let audit = factory.table("audit");
    let entries = format!("SELECT count(*) FROM {audit} WHERE action = 'dead_letter.redriven'");
    let subjects = format!("SELECT count(DISTINCT subject) FROM {audit} WHERE action = 'dead_letter.redriven'");
    assert_eq!((count(factory, entries).await, count(factory, subjects).await), (150, 150));
}

/// H01, H02, R06: a replay, killed again and again: one second delivery of each event.
pub(crate) async fn a_killed_replay_delivers_each_event_once<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let reader = Reader::new(&outbox, 4, Start::Now).await;
    let mut tx = outbox.begin().await.expect("a transaction");
    outbox
        .write_event_batch(&mut tx, (0..190).map(|number| order(&format!("{}", number % 7), number)))
        .await
        .expect("written");
    outbox.commit(tx).await.expect("it commits");
    for lease in &reader.leases {
        let chunk = reader.store.poll(lease, 1_000).await.expect("a chunk");
        let plan = Settlement { advance: Some(chunk.advance()), events: 1, ..Settlement::default() };
        reader.store.settle(lease, &plan).await.expect("settled");
    }
    let operator = outbox.operator("ada").expect("an operator");
    // Nobody delivers here: the whole replay has room in what may be open.
    let request = Request { rate: 96, ..Request::new(JobKind::Replay, Filter::parse("type:*", 0).expect("a filter")) };
    let plan = operator.plan(&request).await.expect("a plan");
    let seed = Uuid::new_v4().as_u128();
    let kills = run_killed(factory, &operator, plan.job.id, seed).await;
    let job = operator.job(plan.job.id).await.expect("a job").job;
    println!("a replay of 190 events, {kills} kills (seed {seed}): {} done, {} skipped", job.done, job.skipped);
    assert_eq!((job.done, job.skipped), (190, 0), "none twice, none lost");
    let table = factory.table("delivery");
    let rows = format!("SELECT count(DISTINCT log_id) FROM {table} WHERE replay_job IS NOT NULL");
    assert_eq!(count(factory, rows).await, 190);
    let all = format!("SELECT count(*) FROM {table}");
    assert_eq!(count(factory, all).await, 190);
    let lanes = format!("SELECT count(*) FROM {} WHERE reason = 'replay'", factory.table("parked_lane"));
    assert_eq!(count(factory, lanes).await, 7, "one lane per key");
}
