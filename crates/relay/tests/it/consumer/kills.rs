//! A consumer process, killed between its transactions and its commits.

use std::path::PathBuf;
use std::process::Stdio;

use sqlx::PgPool;
use stateset_testkit::kafka::shared;
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::harness::{Producer, envelope};
use crate::engine::harness::{Database, Postgres, until};

/// The example, built beside this test by `cargo test`.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(std::path::Path::parent).unwrap().join("examples/kafka-consumer");
    assert!(program.is_file(), "build the example first: cargo build -p stateset-relay --examples --features kafka");
    program
}

fn member(database: &Postgres, brokers: &str, topics: &str, group: &str, commit_every_ms: u64) -> Child {
    Command::new(program())
        .args([&database.url(), brokers, topics, group, &commit_every_ms.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// F13, H12, O05, C14: the first process takes everything and is killed before it has committed one offset (it would
/// after an hour). The second one gets everything again, and every shipment became ready once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_before_the_commit_repeats_no_effect() {
    const ORDERS: usize = 40;
    let brokers = shared().await.unwrap();
    let database = Postgres::create().await;
    let run = Uuid::new_v4();
    let (orders, payments) = (format!("orders.{run}"), format!("payments.{run}"));
    let (topics, group) = (format!("{orders},{payments}"), format!("shipping-{run}"));
    let records = |event_type: &'static str| {
        (0..ORDERS).map(move |number| {
            let key = format!("ORD-{number}");
            (key.clone(), envelope(event_type, &key, number), Some(Uuid::new_v4()))
        })
    };
    let producer = Producer::new(brokers);
    // Payments first: half of the work is holding and releasing.
    producer.send(&payments, records("payment.succeeded")).await;
    producer.send(&orders, records("order.created")).await;

    let pool = PgPool::connect(&database.url()).await.unwrap();
    let count = async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap_or(0);
    let ready = "SELECT count(*) FROM outbox.event_log WHERE event_type = 'shipping.ready'";
    let goal = i64::try_from(ORDERS).unwrap();
    let mut first = member(&database, brokers, &topics, &group, 3_600_000);
    until("every shipment is ready", async || count(ready).await >= goal).await;
    first.start_kill().unwrap();
    first.wait().await.unwrap();

    // The group notices the dead member after its session; until then the second one waits.
    let second = member(&database, brokers, &topics, &group, 50);
    until("everything was taken again, and committed", async || lag(brokers, &group, &[&orders, &payments]).await == 0)
        .await;
    drop(second);
    assert_eq!(count(ready).await, goal, "once for each");
    assert_eq!(count("SELECT count(DISTINCT entity_id) FROM outbox.event_log").await, goal);
    assert_eq!(count("SELECT count(*) FROM shipment WHERE status = 'ReadyToShip'").await, goal);
    assert_eq!(count("SELECT count(*) FROM outbox.inbox").await, 2 * goal);
    assert_eq!(count("SELECT count(*) FROM outbox.held_event").await, 0);
}

/// Records behind what the group has committed, as the broker says it.
async fn lag(brokers: &str, group: &str, topics: &[&str]) -> i64 {
    use rdkafka::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    let (brokers, group) = (brokers.to_owned(), group.to_owned());
    let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let patience = std::time::Duration::from_secs(10);
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &brokers).set("group.id", &group).create().unwrap();
        let mut behind = 0;
        for topic in &topics {
            for partition in 0..3 {
                let mut list = rdkafka::TopicPartitionList::new();
                list.add_partition(topic, partition);
                let (_, high) = client.fetch_watermarks(topic, partition, patience).unwrap();
                let committed = client.committed_offsets(list, patience).unwrap();
                let at = committed.elements().first().and_then(|it| it.offset().to_raw()).unwrap_or(0);
                behind += high - at.max(0);
            }
        }
        behind
    })
    .await
    .unwrap()
}
