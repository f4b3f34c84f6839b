//! Retry storms, and readers at the head of a growing stream.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use stateset_testkit::postgres::shared;
use stateset_testkit::server::{Launch, SequencerProcess};
use stateset_testkit::ves::{Agent, SignedEvent};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auditor::query;
use crate::crowd::Crowd;
use crate::site;

const INGEST: &str = "/api/v1/ves/events/ingest";
const STORMERS: usize = 32;
const BATCHES: usize = 8;
const BATCH_EVENTS: usize = 100;
const PUSHES_EACH: usize = 16;

/// Clients that send accepted batches again, all at once, get the receipts again (L02).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_storm_on_sqlite() -> anyhow::Result<()> {
    storm("sqlite", site::embedded()?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_storm_on_postgres() -> anyhow::Result<()> {
    let database = shared().await?.create_database("storm").await?;
    storm("postgres", site::on_postgres(database.url())?).await
}

async fn storm(engine: &str, launch: Launch) -> anyhow::Result<()> {
    let mut server = launch.start().await?;
    let client = site::client(&server);
    let agent = Agent::new(8, Uuid::from_u128(8), Uuid::from_u128(9));
    client.post_json("/api/v1/agents/keys", &agent.registration()).await?.expect_status(200)?;
    let mut first = Vec::new();
    for _ in 0..BATCHES {
        let events: Vec<SignedEvent> = (0..BATCH_EVENTS)
            .map(|i| agent.event(&format!("order-{i}"), "order.created", json!({ "n": i })).sign())
            .collect();
        let body = agent.batch(&events).to_string().into_bytes();
        let reply = client.post(INGEST, "application/json", &body).await?.expect_status(200)?.json::<Value>()?;
        ensure!(reply["eventsAccepted"] == BATCH_EVENTS, "{reply}");
        first.push((body, receipts(&reply)?));
    }
    // A process that remembers nothing has to look every id up.
    server.kill9().await?;
    server.restart().await?;
    let (first, started) = (Arc::new(first), Instant::now());
    let mut stormers = JoinSet::new();
    for stormer in 0..STORMERS {
        let (client, first) = (site::client(&server), Arc::clone(&first));
        stormers.spawn(async move {
            for push in 0..PUSHES_EACH {
                let (body, receipts_before) = &first[(stormer + push) % BATCHES];
                let reply = client.post(INGEST, "application/json", body).await?.expect_status(200)?.json::<Value>()?;
                ensure!(reply["eventsDuplicate"] == BATCH_EVENTS && reply["eventsAccepted"] == 0, "{reply}");
                ensure!(receipts(&reply)? == *receipts_before, "a retry got other receipts");
            }
            Ok(())
        });
    }
    while let Some(stormer) = stormers.join_next().await {
        stormer?.with_context(|| server.log())?;
    }
    let events = STORMERS * PUSHES_EACH * BATCH_EVENTS;
    println!("{engine}: {events} duplicates answered in {:.1?}", started.elapsed());
    let head: Value = client.get(&format!("/api/v1/ves/head?{}", of(&agent))).await?.expect_status(200)?.json()?;
    ensure!(head["head_sequence"] == BATCHES * BATCH_EVENTS, "{head}");
    Ok(())
}

/// The receipts as text, without what says that they are given again.
fn receipts(reply: &Value) -> anyhow::Result<Vec<String>> {
    let receipts = reply["receipts"].as_array().context("receipts")?;
    Ok(receipts
        .iter()
        .map(|receipt| {
            let mut receipt = receipt.clone();
            receipt.as_object_mut().expect("a receipt is an object").remove("duplicate");
            receipt.to_string()
        })
        .collect())
}

fn of(agent: &Agent) -> String {
    format!("tenant_id={}&store_id={}", agent.tenant, agent.store)
}

/// Readers that poll at the head while sixteen clients write see every place once, in order (A10).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_at_the_head_never_see_a_gap_on_sqlite() -> anyhow::Result<()> {
    tail("sqlite", &site::embedded()?.start().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_at_the_head_never_see_a_gap_on_postgres() -> anyhow::Result<()> {
    let database = shared().await?.create_database("tail").await?;
    tail("postgres", &site::on_postgres(database.url())?.start().await?).await
}

async fn tail(engine: &str, server: &SequencerProcess) -> anyhow::Result<()> {
    let client = site::client(server);
    let mut crowd = Crowd::new(7, 16, 2);
    crowd.register(&client).await?;
    let (writing, reading) = (CancellationToken::new(), CancellationToken::new());
    let work = crowd.start(std::slice::from_ref(&client), &writing);
    let mut readers = JoinSet::new();
    for scope in crowd.scopes.clone() {
        let (client, reading) = (site::client(server), reading.clone());
        readers.spawn(async move {
            let (mut next, mut polls) = (1_u64, 0_u64);
            loop {
                // Looked at first, so that the last poll sees everything.
                let last = reading.is_cancelled();
                let path = format!("/api/v1/ves/events?{}&from={next}&limit=1000", query(scope));
                let page: Value = client.get(&path).await?.expect_status(200)?.json()?;
                let events = page["events"].as_array().context("events")?;
                for event in events {
                    ensure!(event["sequence_number"] == next, "{next} was expected: {event}");
                    next += 1;
                }
                let head = page["head_sequence"].as_u64().context("head_sequence")?;
                ensure!(
                    page["next_sequence"] == next && head + 1 >= next,
                    "{next} and {head}: {}",
                    page["next_sequence"]
                );
                ensure!(page["has_more"] == (head + 1 > next), "has_more at {next} of {head}");
                polls += 1;
                if last && events.is_empty() {
                    return Ok((scope, next - 1, polls));
                }
            }
        });
    }
    sleep(Duration::from_secs(4)).await;
    writing.cancel();
    crowd.finish(work).await?;
    reading.cancel();
    let promised = crowd.promises.sizes();
    while let Some(read) = readers.join_next().await {
        let (scope, read, polls) = read??;
        println!("{engine}: {read} events in {polls} polls");
        ensure!(promised.get(&scope) == Some(&read), "{read} read, {promised:?} promised");
    }
    Ok(())
}
