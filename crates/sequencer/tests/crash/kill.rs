//! SIGKILL at random moments, and aborts at named fail points, under load; on the same data again and again.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use stateset_testkit::http::HttpError;
use stateset_testkit::postgres::TestPostgres;
use stateset_testkit::server::{Launch, SequencerProcess};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::auditor::Auditor;
use crate::crowd::Crowd;
use crate::random::{self, Random};
use crate::site;

const FAIL_POINTS: [&str; 5] =
    ["before_commit", "after_commit", "before_reply", "before_checkpoint", "after_checkpoint"];
const CLIENTS: u64 = 6;
/// Pause of a client between two pushes, at most: more load would only make the audits longer.
const IDLE_MS: u64 = 40;
/// Everything is read again once in this many lives, always one without a fail point that could cut the audit off.
const FULL_AUDIT: u32 = 26;
/// Events proved one by one in the end.
const PROOFS: u64 = 200;
/// A fail point is passed within this, or something is wrong with it.
const FAIL_POINT_WITHIN: Duration = Duration::from_secs(10);
const SIGABRT: i32 = 6;

/// How one life of the server ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// SIGKILL this long after the load began.
    UnderLoad(Duration),
    /// SIGKILL this long after the start.
    Starting(Duration),
    /// Abort at this passage of a fail point.
    FailPoint(&'static str, u64),
}

impl End {
    /// Every other one is at a fail point.
    fn random(kill: u32, random: &mut Random) -> Self {
        if kill.is_multiple_of(2) {
            let point = *random.pick(&FAIL_POINTS);
            return Self::FailPoint(point, random.between(1, if point.ends_with("checkpoint") { 4 } else { 12 }));
        }
        if random.once_in(8) {
            return Self::Starting(Duration::from_millis(random.between(0, 150)));
        }
        Self::UnderLoad(Duration::from_millis(random.between(0, 300)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_its_promises_when_killed() -> anyhow::Result<()> {
    campaign("sqlite", site::embedded()?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_its_promises_when_its_server_is_killed() -> anyhow::Result<()> {
    let postgres = TestPostgres::own(&[]).await?;
    let database = postgres.create_database("crash").await?;
    campaign("postgres", site::on_postgres(database.url())?).await
}

async fn campaign(engine: &str, launch: Launch) -> anyhow::Result<()> {
    let (seed, kills, started) = (random::seed(engine), random::kills(), Instant::now());
    let mut random = Random::new(seed);
    let mut server = launch.start().await?;
    let mut crowd = Crowd::new(seed, CLIENTS, IDLE_MS);
    crowd.register(&site::client(&server)).await?;
    let mut auditor = Auditor::new(site::client(&server), Arc::clone(&crowd.promises), &crowd.scopes);
    server.kill9().await?;
    let mut ends = BTreeMap::<&str, u32>::new();
    for kill in 1..=kills {
        let end = End::random(kill, &mut random);
        let full = kill % FULL_AUDIT == FULL_AUDIT - 1;
        let how = life(&mut server, &mut crowd, &mut auditor, end, full).await;
        let how =
            how.with_context(|| format!("{engine}, seed {seed}, kill {kill}, {end:?}; log:\n{}", server.log()))?;
        *ends.entry(how).or_default() += 1;
        if full {
            println!("{engine}: {kill} kills in {:.0?}, {} events audited", started.elapsed(), auditor.events());
        }
    }
    let last = farewell(&mut server, &mut crowd, &mut auditor, &mut random).await;
    last.with_context(|| format!("{engine}, seed {seed}, in the end; log:\n{}", server.log()))?;
    println!(
        "{engine}: seed {seed}, {kills} kills {ends:?}, {}, {} checkpointed log entries, {:.0?}",
        crowd.summary(),
        auditor.log_size(),
        started.elapsed()
    );
    let at_points: u32 = FAIL_POINTS.iter().filter_map(|point| ends.get(point)).sum();
    if cfg!(feature = "failpoints") {
        ensure!(at_points >= kills / 2, "only {at_points} of {kills} kills were at fail points");
    }
    Ok(())
}

/// Start, audit, load, end. Returns how it ended.
async fn life(
    server: &mut SequencerProcess,
    crowd: &mut Crowd,
    auditor: &mut Auditor,
    end: End,
    full: bool,
) -> anyhow::Result<&'static str> {
    match end {
        End::FailPoint(name, passage) if cfg!(feature = "failpoints") => {
            server.set_variable("STATESET_FAIL_POINT", format!("{name}:{passage}"));
        },
        _ => server.remove_variable("STATESET_FAIL_POINT"),
    }
    server.respawn()?;
    if let End::Starting(delay) = end
        && !full
    {
        sleep(delay).await;
        server.kill9().await?;
        return Ok("while starting");
    }
    // An armed fail point may end the process already while it is being asked.
    let audited = audit(server, auditor, full).await;
    if let Err(error) = audited {
        let cut_off = error.chain().any(|cause| cause.downcast_ref::<HttpError>().is_some())
            || error.to_string().contains("before it was ready");
        let ended = server.wait(Duration::from_millis(500)).await.ok().and_then(|status| status.signal());
        ensure!(cut_off && ended == Some(SIGABRT), "{error:#}");
        return Ok(name_of(end));
    }
    let work = crowd.start(&[site::client(server)], &CancellationToken::new());
    let how = match end {
        End::FailPoint(name, _) if cfg!(feature = "failpoints") => {
            if let Ok(status) = server.wait(FAIL_POINT_WITHIN).await {
                ensure!(status.signal() == Some(SIGABRT), "ended with {status} instead of at {name}");
                name
            } else {
                server.kill9().await?;
                "not at its fail point"
            }
        },
        End::UnderLoad(delay) | End::Starting(delay) => {
            sleep(delay).await;
            server.kill9().await?;
            "under load"
        },
        End::FailPoint(..) => {
            sleep(Duration::from_millis(100)).await;
            server.kill9().await?;
            "without fail points"
        },
    };
    crowd.finish(work).await?;
    Ok(how)
}

fn name_of(end: End) -> &'static str {
    match end {
        End::FailPoint(name, _) => name,
        End::UnderLoad(_) => "under load",
        End::Starting(_) => "while starting",
    }
}

async fn audit(server: &mut SequencerProcess, auditor: &mut Auditor, full: bool) -> anyhow::Result<()> {
    server.wait_until_ready().await?;
    // Idle connections of the last life are of no use.
    auditor.ask(site::client(server));
    auditor.look().await?;
    if full { auditor.full().await } else { Ok(()) }
}

/// The last life: every batch gets its answer, everything is audited and a sample proved.
async fn farewell(
    server: &mut SequencerProcess,
    crowd: &mut Crowd,
    auditor: &mut Auditor,
    random: &mut Random,
) -> anyhow::Result<()> {
    server.remove_variable("STATESET_FAIL_POINT");
    server.restart().await?;
    let client = site::client(server);
    crowd.drain(&client).await?;
    audit(server, auditor, true).await?;
    auditor.nothing_else()?;
    auditor.prove(PROOFS, random).await?;
    ensure!(crowd.accepted() > 0, "nothing was accepted at all");
    let status = server.terminate(Duration::from_secs(10)).await?;
    ensure!(status.success(), "ended with {status}");
    ensure!(!server.log().contains("panicked"), "something panicked");
    Ok(())
}
