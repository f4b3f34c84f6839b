//! The agent's program killed at random points, and the server with it; then the books are compared.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::harness::{Machine, Server, count};

/// Kills that hit the agent's program at work.
const KILLS: u64 = 60;
/// Kills in all: some come when it is done already.
const MOST_KILLS: u64 = 240;
/// One of so many kills takes the server along.
const SERVER_EVERY: u64 = 12;
/// Events written between two kills.
const EVENTS: u64 = 200;

const ON_THEIR_WAY: &str = "SELECT EXISTS (SELECT 1 FROM sync_event WHERE state = 'in_flight')";

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// E17, M01, M02: whenever the program dies while it writes, pushes or pulls, and whenever the server dies: at the end every
/// event that was written is in the log once and in order, has its receipt, and is in the replica once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_comes_twice() {
    let mut server = Server::start().await;
    let machine = Machine::enrolled(&server, 1).await;
    let other = Machine::enrolled(&server, 2).await;
    let mut seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut written = 0;
    let audit = machine.audit().await;
    let (mut died_at_work, mut in_flight) = (0, 0);
    for kill in 0..MOST_KILLS {
        if died_at_work == KILLS {
            break;
        }
        machine.write(written + 1, EVENTS).await;
        written += EVENTS;
        if kill % 5 == 0 {
            other.write(kill + 1, 5).await;
            other.run(&["push", "--retry-for", "60"]).await.ok();
        }
        let verb = ["push", "pull", "push", "run"][usize::try_from(kill % 4).unwrap()];
        let mut child =
            machine.spawn(if verb == "run" { &["run", "--every", "1"] } else { std::slice::from_ref(&verb) });
        if verb == "push" && kill % 8 == 0 {
            // At the worst moment: events are on their way.
            while child.try_wait().unwrap().is_none() && count(&audit, ON_THEIR_WAY).await == 0 {}
        } else {
            // From before its first statement to after its last one.
            sleep(Duration::from_micros(splitmix(&mut seed) % 200_000)).await;
        }
        died_at_work += u64::from(child.try_wait().unwrap().is_none());
        if kill % SERVER_EVERY == SERVER_EVERY - 1 {
            server.0.kill9().await.unwrap();
        }
        child.kill().await.unwrap();
        in_flight += count(&audit, ON_THEIR_WAY).await;
        if kill % SERVER_EVERY == SERVER_EVERY - 1 {
            server.0.restart().await.unwrap();
        }
    }
    println!("{died_at_work} kills hit a program at work, {in_flight} left events whose outcome was unknown");
    assert!(died_at_work >= 50 && in_flight >= 3, "{died_at_work} {in_flight}");
    for machine in [&machine, &other] {
        machine.run(&["push"]).await.ok();
    }
    machine.run(&["pull"]).await.ok();

    let events = server.events().await;
    let own: Vec<&Value> =
        events.iter().filter(|event| event["source_agent_id"] == machine.agent.to_string()).collect();
    let numbers: Vec<u64> = own.iter().map(|event| event["payload"]["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=written).collect::<Vec<_>>(), "0 lost, 0 twice, in order");
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT lower(hex(e.event_id)), r.remote_sequence FROM sync_event e JOIN sync_receipt r USING (local_seq) \
         WHERE e.state = 'acknowledged' AND r.flaw IS NULL",
    )
    .fetch_all(&audit)
    .await
    .unwrap();
    let receipts: HashMap<String, i64> = rows.into_iter().collect();
    assert_eq!(receipts.len(), own.len(), "every event has its receipt");
    for event in own {
        let id = event["event_id"].as_str().unwrap().replace('-', "");
        assert_eq!(receipts[&id], event["sequence_number"].as_i64().unwrap());
    }
    let total = i64::try_from(events.len()).unwrap();
    assert_eq!(count(&audit, "SELECT count(*) FROM sync_pulled").await, total);
    assert_eq!(count(&audit, "SELECT count(DISTINCT event_id) FROM sync_pulled").await, total);
    assert_eq!(count(&audit, "SELECT count(*) FROM sync_quarantine").await, 0);
    assert_eq!(count(&audit, "SELECT count(*) FROM sync_fork").await, 0, "no restart looks like a fork");
}
