//! PostgreSQL goes away under load, in order and in disorder, and comes back; the server stays.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use stateset_testkit::http::{Client, Response};
use stateset_testkit::postgres::{TestDatabase, TestPostgres};
use stateset_testkit::server::SequencerProcess;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::auditor::{Auditor, query};
use crate::crowd::{Crowd, check_unavailable};
use crate::random::{self, Random};
use crate::site;

const CLIENTS: u64 = 6;
const IMMEDIATE_STOPS: u32 = 5;
const RECOVERS_WITHIN: Duration = Duration::from_secs(5);
/// An answer that the database is away takes this long at most.
const SAYS_SO_WITHIN: Duration = Duration::from_secs(7);

/// The database is stopped under load: the process stays up and says so, and nothing that was acknowledged is lost (L06).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_outlives_its_database() -> anyhow::Result<()> {
    let mut scene = Scene::open().await?;
    let Scene { server, crowd, auditor, postgres, .. } = &mut scene;
    let client = site::client(server);
    let stop = CancellationToken::new();
    let work = crowd.start(std::slice::from_ref(&client), &stop);
    sleep(Duration::from_millis(500)).await;

    postgres.stop().await?;
    let stopped = Instant::now();
    says_so(&client, crowd).await.with_context(|| server.log())?;
    println!("all of it answered {:.1?} after the stop", stopped.elapsed());
    ensure!(server.wait(Duration::ZERO).await.is_err(), "the process ended");
    postgres.start_again().await?;
    recovers(&client, crowd).await.with_context(|| server.log())?;
    auditor.look().await?;

    stop.cancel();
    crowd.finish(work).await?;
    scene.close().await
}

/// A crash of the database under load, several times: what was acknowledged was on its disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_database_loses_nothing_acknowledged() -> anyhow::Result<()> {
    let mut scene = Scene::open().await?;
    let mut random = Random::new(random::seed("immediate stops"));
    let Scene { server, crowd, auditor, postgres, .. } = &mut scene;
    let client = site::client(server);
    let stop = CancellationToken::new();
    let work = crowd.start(std::slice::from_ref(&client), &stop);
    for _ in 0..IMMEDIATE_STOPS {
        sleep(Duration::from_millis(random.between(50, 500))).await;
        postgres.kill_immediate().await?;
        ensure!(client.get("/health").await?.status == 200, "the server must stay up");
        postgres.start_again().await?;
        recovers(&client, crowd).await.with_context(|| server.log())?;
        auditor.look().await?;
    }
    stop.cancel();
    crowd.finish(work).await?;
    scene.close().await
}

/// Dropped from the top: the cluster goes last.
struct Scene {
    server: SequencerProcess,
    crowd: Crowd,
    auditor: Auditor,
    _database: TestDatabase,
    postgres: TestPostgres,
}

impl Scene {
    async fn open() -> anyhow::Result<Self> {
        let postgres = TestPostgres::own(&[]).await?;
        let database = postgres.create_database("outage").await?;
        let server = site::on_postgres(database.url())?.start().await?;
        let client = site::client(&server);
        let crowd = Crowd::new(1, CLIENTS, 5);
        crowd.register(&client).await?;
        let auditor = Auditor::new(client, Arc::clone(&crowd.promises), &crowd.scopes);
        Ok(Self { server, crowd, auditor, _database: database, postgres })
    }

    async fn close(mut self) -> anyhow::Result<()> {
        let closing = async {
            self.crowd.drain(&site::client(&self.server)).await?;
            self.auditor.look().await?;
            self.auditor.full().await?;
            self.auditor.nothing_else()?;
            self.auditor.prove(20, &mut Random::new(1)).await
        };
        closing.await.with_context(|| self.server.log())?;
        let status = self.server.terminate(Duration::from_secs(10)).await?;
        ensure!(status.success() && !self.server.log().contains("panicked"), "{status}: {}", self.server.log());
        println!("{}", self.crowd.summary());
        Ok(())
    }
}

/// Every route that needs the database says 503 and when to come back; `/health` does not need it.
async fn says_so(client: &Client, crowd: &Crowd) -> anyhow::Result<()> {
    let (query, refused) = (query(crowd.scopes[0]), crowd.tally.refused.load(Ordering::Relaxed));
    let event = crowd.promises.since(0).first().context("nothing was accepted before the stop")?.event;
    let single = format!("/api/v1/events/{event}?");
    let mut asking = JoinSet::new();
    for path in [
        "/api/v1/ves/head?",
        "/api/v1/ves/events?",
        "/api/v1/events?",
        "/api/v1/proofs/inclusion?sequence=1&",
        "/api/v1/ves/commitments?",
        &single,
    ] {
        let (client, path) = (client.clone(), format!("{path}{query}"));
        asking.spawn(async move { check_unavailable(&timed(&client, &path).await?).context(path) });
    }
    while let Some(answer) = asking.join_next().await {
        answer??;
    }
    let ready = timed(client, "/ready").await?;
    ensure!(ready.status == 503, "{}", ready.text());
    let health = timed(client, "/health").await?;
    ensure!(health.status == 200, "{}", health.text());
    // The load went on all the while: each push, too, was told to come back.
    ensure!(crowd.tally.refused.load(Ordering::Relaxed) > refused, "no push was told to come back");
    Ok(())
}

async fn timed(client: &Client, path: &str) -> anyhow::Result<Response> {
    let started = Instant::now();
    let response = client.get(path).await?;
    let took = started.elapsed();
    println!("{} after {took:.1?}: {}", response.status, path.split('?').next().unwrap_or_default());
    ensure!(took < SAYS_SO_WITHIN, "{path} took {took:?}");
    Ok(response)
}

/// Ready again, and events are accepted again.
async fn recovers(client: &Client, crowd: &Crowd) -> anyhow::Result<()> {
    let (started, before) = (Instant::now(), crowd.accepted());
    while client.get("/ready").await?.status != 200 || crowd.accepted() == before {
        ensure!(started.elapsed() < RECOVERS_WITHIN, "not recovered after {:?}", started.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    println!("recovered {:.1?} after the database", started.elapsed());
    Ok(())
}
