//! SIGTERM under load: stop accepting, finish, flush, exit.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use stateset_testkit::http::Connection;
use stateset_testkit::server::SequencerProcess;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::auditor::Auditor;
use crate::crowd::Crowd;
use crate::site;

const EXITS_WITHIN: Duration = Duration::from_secs(10);
const ROUNDS: u64 = 5;

/// A push that got no answer was not taken: no reply is ever cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_accepted_push_is_answered_before_the_exit() -> anyhow::Result<()> {
    let mut server = site::embedded()?.start().await?;
    let mut crowd = Crowd::new(3, 8, 1);
    crowd.register(&site::client(&server)).await?;
    let mut auditor = Auditor::new(site::client(&server), Arc::clone(&crowd.promises), &crowd.scopes);
    for round in 0..ROUNDS {
        let work = crowd.start(&[site::client(&server)], &CancellationToken::new());
        sleep(Duration::from_millis(200 + 37 * round)).await;
        terminate(&mut server).await?;
        crowd.finish(work).await?;
        server.restart().await?;
        auditor.ask(site::client(&server));
        auditor.look().await.with_context(|| server.log())?;
        for member in &crowd.members {
            let cut_off = member.unacknowledged().into_iter().find(|event| auditor.has_seen(member.scope(), *event));
            ensure!(cut_off.is_none(), "event {cut_off:?} was sequenced, but its sender got no answer");
        }
    }
    crowd.drain(&site::client(&server)).await?;
    auditor.look().await?;
    auditor.nothing_else()?;
    println!("{} stops: {}", ROUNDS, crowd.summary());
    terminate(&mut server).await
}

/// A request whose head has arrived is finished, though its body comes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_still_arriving_is_answered() -> anyhow::Result<()> {
    let mut server = site::embedded()?.start().await?;
    let (head, body) = half_a_push(&server).await?;
    let mut connection = Connection::open(server.address()).await?;
    connection.send_raw(head.as_bytes()).await?;
    connection.send_raw(&body[..body.len() / 2]).await?;
    sleep(Duration::from_millis(100)).await;
    server.signal("TERM").await?;
    sleep(Duration::from_millis(300)).await;
    connection.send_raw(&body[body.len() / 2..]).await?;
    let response = connection.read_response("POST").await?;
    ensure!(response.status == 200, "{}: {}", response.status, response.text());
    ensure!(server.wait(EXITS_WITHIN).await?.success(), "{}", server.log());
    Ok(())
}

/// Somebody who never finishes a request cannot keep the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_arrives_does_not_hold_the_exit() -> anyhow::Result<()> {
    let mut server = site::embedded()?.start().await?;
    let (head, body) = half_a_push(&server).await?;
    let mut stalled = Connection::open(server.address()).await?;
    stalled.send_raw(head.as_bytes()).await?;
    stalled.send_raw(&body[..body.len() / 2]).await?;
    let mut silent = Connection::open(server.address()).await?;
    silent.send_raw(b"GET /health HT").await?;
    sleep(Duration::from_millis(100)).await;
    terminate(&mut server).await
}

async fn half_a_push(server: &SequencerProcess) -> anyhow::Result<(String, Vec<u8>)> {
    let crowd = Crowd::new(4, 1, 1);
    crowd.register(&site::client(server)).await?;
    let agent = &crowd.members[0].agent;
    let event = agent.event("order-1", "order.created", serde_json::json!({ "total": "1.10" })).sign();
    let body = agent.batch(&[event]).to_string().into_bytes();
    let head = format!(
        "POST /api/v1/ves/events/ingest HTTP/1.1\r\nhost: {}\r\nauthorization: ApiKey {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.address(),
        site::API_KEY,
        body.len()
    );
    Ok((head, body))
}

async fn terminate(server: &mut SequencerProcess) -> anyhow::Result<()> {
    let started = Instant::now();
    let status = server.terminate(EXITS_WITHIN).await?;
    ensure!(status.success(), "ended with {status}: {}", server.log());
    println!("exited {:.1?} after SIGTERM", started.elapsed());
    Ok(())
}
