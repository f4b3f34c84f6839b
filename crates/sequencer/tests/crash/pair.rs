//! Two server processes on one PostgreSQL database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use stateset_ledger::id::{Scope, StoreId, TenantId};
use stateset_testkit::http::Client;
use stateset_testkit::postgres::{TestDatabase, shared};
use stateset_testkit::server::SequencerProcess;
use stateset_testkit::ves::Agent;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auditor::Auditor;
use crate::crowd::{Crowd, check_unavailable};
use crate::random::Random;
use crate::site;

const INGEST: &str = "/api/v1/ves/events/ingest";

async fn pair() -> anyhow::Result<(TestDatabase, [SequencerProcess; 2])> {
    let database = shared().await?.create_database("pair").await?;
    // Both at once: each must cope with the other one migrating.
    let servers =
        tokio::try_join!(site::on_postgres(database.url())?.start(), site::on_postgres(database.url())?.start())?;
    Ok((database, [servers.0, servers.1]))
}

/// Both take pushes to the same streams; one order comes out, one log is published, and it goes on whoever is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_keep_one_order_and_one_log() -> anyhow::Result<()> {
    let (_database, mut servers) = pair().await?;
    let clients = [site::client(&servers[0]), site::client(&servers[1])];
    let mut crowd = Crowd::new(5, 9, 5);
    crowd.register(&clients[0]).await?;
    let mut auditor = Auditor::new(clients[0].clone(), Arc::clone(&crowd.promises), &crowd.scopes);
    let stop = CancellationToken::new();
    let work = crowd.start(&clients, &stop);
    for look in 0..20 {
        sleep(Duration::from_millis(150)).await;
        // Whoever is asked: stream and log only grow.
        auditor.ask(clients[look % 2].clone());
        auditor.look().await.with_context(|| format!("{}\n{}", servers[0].log(), servers[1].log()))?;
    }
    stop.cancel();
    crowd.finish(work).await?;
    ensure!(auditor.log_size() > 0, "nothing was published");

    for killed in 0..2 {
        servers[killed].kill9().await?;
        let other = site::client(&servers[1 - killed]);
        crowd.drain(&other).await?;
        let stop = CancellationToken::new();
        let work = crowd.start(std::slice::from_ref(&other), &stop);
        sleep(Duration::from_millis(300)).await;
        stop.cancel();
        crowd.finish(work).await?;
        crowd.drain(&other).await?;
        auditor.ask(other);
        auditor.look().await?;
        auditor.nothing_else()?;
        // One of the two was the publisher: the survivor must go on with the log.
        let proved = auditor.prove(20, &mut Random::new(5)).await;
        proved.with_context(|| servers[1 - killed].log())?;
        servers[killed].restart().await?;
    }
    auditor.full().await?;
    println!("{}, {} log entries", crowd.summary(), auditor.log_size());
    Ok(())
}

/// Each process has its own clients, all of them in one stream and without a pause: neither may starve the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_one_hot_stream() -> anyhow::Result<()> {
    let (_database, servers) = pair().await?;
    let clients = [site::client(&servers[0]), site::client(&servers[1])];
    let agents: Vec<Agent> = (0..8).map(|seed| Agent::new(seed, Uuid::from_u128(12), Uuid::from_u128(13))).collect();
    let stop = CancellationToken::new();
    let mut pushing = JoinSet::new();
    for (number, agent) in agents.into_iter().enumerate() {
        let (side, client, stop) = (number % 2, clients[number % 2].clone(), stop.clone());
        client.post_json("/api/v1/agents/keys", &agent.registration()).await?.expect_status(200)?;
        pushing.spawn(async move {
            let (mut accepted, mut refused) = (0_u64, 0_u64);
            while !stop.is_cancelled() {
                let body = agent.batch(&[agent.event("order-1", "order.changed", json!({})).sign()]);
                match client.post_json(INGEST, &body).await? {
                    response if response.status == 503 => {
                        check_unavailable(&response)?;
                        refused += 1;
                    },
                    response => {
                        response.expect_status(200)?;
                        accepted += 1;
                    },
                }
            }
            anyhow::Ok((side, accepted, refused))
        });
    }
    sleep(Duration::from_secs(5)).await;
    stop.cancel();
    let (mut accepted, mut refused) = ([0, 0], [0, 0]);
    while let Some(pushed) = pushing.join_next().await {
        let (side, taken, told_to_come_back) = pushed??;
        accepted[side] += taken;
        refused[side] += told_to_come_back;
    }
    println!("accepted {accepted:?}, told to come back {refused:?}");
    for (accepted, refused) in accepted.into_iter().zip(refused) {
        ensure!(accepted > 20 && refused * 200 <= accepted, "one starves: {accepted} accepted, {refused} refused");
    }
    Ok(())
}

/// A key registered with one process signs at once with the other; revoked with one, it signs nowhere any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_changes_hold_at_once_in_the_other_process() -> anyhow::Result<()> {
    let (_database, servers) = pair().await?;
    let clients = [site::client(&servers[0]), site::client(&servers[1])];
    let promises = Arc::default();
    let (tenant, store) = (Uuid::from_u128(6), Uuid::from_u128(7));
    let scope = Scope::new(TenantId(tenant), StoreId(store));
    let mut auditor = Auditor::new(clients[0].clone(), promises, &[scope]);
    for round in 0..12_u64 {
        let (here, there) = if round % 2 == 0 { (0, 1) } else { (1, 0) };
        let agent = Agent::new(round, tenant, store);
        // Asked before, so that the other process has something old to remember.
        expect(&clients[there], &agent, Some("AGENT_KEY_NOT_FOUND")).await?;
        clients[here].post_json("/api/v1/agents/keys", &agent.registration()).await?.expect_status(200)?;
        expect(&clients[there], &agent, None).await?;
        expect(&clients[here], &agent, None).await?;

        let mut pushing = JoinSet::new();
        let stop = CancellationToken::new();
        for client in clients.clone() {
            pushing.spawn(push_until(client, agent.clone(), stop.clone()));
        }
        sleep(Duration::from_millis(60)).await;
        let path = format!("/api/v1/agents/{}/keys/1?tenant_id={tenant}", agent.id);
        clients[here].delete(&path).await?.expect_status(200)?;
        // From this reply on, every event is refused, whoever is asked.
        for client in [&clients[there], &clients[here], &clients[there]] {
            expect(client, &agent, Some("AGENT_KEY_REVOKED")).await.with_context(|| format!("round {round}"))?;
        }
        stop.cancel();
        while let Some(pushed) = pushing.join_next().await {
            pushed??;
        }
    }
    auditor.look().await?;
    println!("{} events in twelve rounds", auditor.events());
    Ok(())
}

/// Pushes one event after the other; once one is refused, all later ones must be.
async fn push_until(client: Client, agent: Agent, stop: CancellationToken) -> anyhow::Result<()> {
    let mut refused = false;
    while !stop.is_cancelled() {
        match push(&client, &agent).await? {
            None => ensure!(!refused, "accepted after it was refused"),
            Some(code) => {
                ensure!(code == "AGENT_KEY_REVOKED", "{code}");
                refused = true;
            },
        }
    }
    Ok(())
}

async fn expect(client: &Client, agent: &Agent, code: Option<&str>) -> anyhow::Result<()> {
    let found = push(client, agent).await?;
    ensure!(found.as_deref() == code, "{found:?} instead of {code:?}");
    Ok(())
}

/// The code with which a new event was rejected, if it was.
async fn push(client: &Client, agent: &Agent) -> anyhow::Result<Option<String>> {
    let body = agent.batch(&[agent.event("order-1", "order.changed", json!({})).sign()]);
    let mut response = client.post_json(INGEST, &body).await?;
    while response.status == 503 {
        check_unavailable(&response)?;
        sleep(Duration::from_millis(20)).await;
        response = client.post_json(INGEST, &body).await?;
    }
    let reply: Value = response.expect_status(200)?.json()?;
    Ok(reply.pointer("/rejections/0/code").and_then(Value::as_str).map(str::to_owned))
}
