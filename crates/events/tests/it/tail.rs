//! `tail`: what was missed, then live, from a place that is kept.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::harness::{Shop, id, on_both};
use crate::story::{Receiver, until};

on_both! {
    what_was_missed_comes_first
    events_are_forwarded_until_they_are_taken
}

struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn start(shop: &Shop, line: &str) -> Self {
        let mut child = shop.start(line);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(std::time::Duration::from_secs(60), self.lines.next_line()).await;
        let line = line.expect("an event comes").unwrap().expect("the tail goes on");
        serde_json::from_str(&line).unwrap()
    }

    async fn stop(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
        assert!(self.child.wait().await.unwrap().success());
    }
}

async fn what_was_missed_comes_first(shop: Shop) {
    let shop = shop.with_order().await;
    let mut tail = Tail::start(&shop, "tail --cursor mine --from-beginning");
    for number in 1..=3 {
        assert_eq!(tail.next().await["event_id"], json!(id(number).display()));
    }
    shop.write(4, "order.cancelled", ("order", "ord_123"), "123", json!({"why": "x"})).await;
    let live = tail.next().await;
    assert_eq!((&live["event_id"], &live["payload"]), (&json!(id(4).display()), &json!({"why": "x"})));
    tail.stop().await;

    // Offline for a while; and a replay happens meanwhile.
    shop.write(5, "order.created", ("order", "ord_9"), "9", json!({})).await;
    let routes = "[[destination]]\nname = 'hook'\nkind = 'webhook'\nurl = 'http://127.0.0.1:9/'\nsecret_env = 'S'\n\
        shard_groups = 1\n[[destination.route]]\nname = 'all'\ntypes = '*'\n";
    shop.file("routes.toml", routes);
    shop.run("routes apply routes.toml --apply").await.well();
    shop.run(&format!("replay {} --to hook --apply", id(1).display())).await.well();
    let mut tail = Tail::start(&shop, "tail --cursor mine type:order.*");
    let (mut fresh, mut replayed) = (Vec::new(), Vec::new());
    while fresh.is_empty() || replayed.is_empty() {
        let event = tail.next().await;
        let list = if event["replay_job"].is_string() { &mut replayed } else { &mut fresh };
        list.push(event["event_id"].clone());
    }
    // The last page before the stop may come again, and nothing else.
    fresh.retain(|event| *event != json!(id(4).display()));
    assert_eq!((fresh, replayed), (vec![json!(id(5).display())], vec![json!(id(1).display())]));
    tail.stop().await;

    let since = shop.run("tail --since 1h --limit 2 type:order.*").await.well();
    assert_eq!(since.out.lines().count(), 2, "{since:?}");
}

async fn events_are_forwarded_until_they_are_taken(shop: Shop) {
    let shop = shop.with_order().await;
    let port = stateset_testkit::free_port().unwrap();
    let tail = Tail::start(&shop, &format!("tail --cursor hook --from-beginning --forward-to http://127.0.0.1:{port}/"));
    // Nobody listens yet; once somebody does, everything comes.
    let receiver = Receiver::listen(std::net::SocketAddr::from(([127, 0, 0, 1], port))).await;
    until(|| receiver.events().len() == 3).await;
    assert_eq!(receiver.events()[0], "order.created ord_123");
    tail.stop().await;
}
