//! What probes see of a worker.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use stateset_relay::health::{Limits, Watched, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::harness::{Database, Shop, Sqlite, keys, policy, relay, until};

/// F12: alive, ready, with its lag; not ready, by name, while its destination is down for too long; not ready once it has
/// ended. The listener stops in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_see_lag_and_its_reason() {
    let (database, shop) = (Sqlite::create().await, Shop::default());
    let running = relay(&database, &shop, &policy()).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, limits) = (CancellationToken::new(), Limits { lag: Duration::from_millis(300), ..Limits::default() });
    let watched = Watched { limits, ..Watched::worker(running.monitor()) };
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    let serving = tokio::spawn(serve(listener, watched, stop.clone()));
    let get = async |path: &str| {
        let reply = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    let ready = async || {
        let (status, text) = get("/ready").await;
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    assert_eq!(get("/health").await.0, 200);
    let (status, report) = ready().await;
    assert_eq!((status, &report["status"], &report["destinations"][0]["name"]), (200, &"ready".into(), &"shop".into()));

    shop.down.store(true, Ordering::SeqCst);
    database.write_all(&shop.ledger, keys(20, 4)).await;
    until("it is not ready", async || ready().await.0 == 503).await;
    let (_, report) = ready().await;
    let reason = report["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("destination shop: its oldest pending event is"), "{reason}");
    until("it names the outage", async || {
        let (_, report) = ready().await;
        report["reasons"][0].as_str().is_some_and(|why| why.contains("the shop's mail server is down"))
    })
    .await;
    let (status, metrics) = get("/metrics").await;
    assert!(status == 200 && metrics.contains("\noutbox_breaker_open{destination=\"shop\"} 1\n"), "{metrics}");
    assert!(metrics.contains("\noutbox_lag_seconds{destination=\"shop\"} "), "{metrics}");
    shop.down.store(false, Ordering::SeqCst);
    until("it is ready again", async || ready().await.0 == 200).await;

    assert!(running.stop(Duration::from_secs(20)).await.unwrap());
    let (status, report) = ready().await;
    assert_eq!((status, &report["reasons"][0]), (503, &"worker: it has ended; its log says why".into()));
    stop.cancel();
    serving.await.unwrap().unwrap();
    assert!(reqwest::get(format!("http://{address}/health")).await.is_err(), "nobody listens any more");
}
