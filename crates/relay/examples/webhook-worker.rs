//! A worker of one's own: delivers every event of an outbox to one webhook until it is stopped.
//!
//! ```text
//! webhook-worker <database URL> <webhook URL> <webhook secret> <lease in ms> [once]
//! ```

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sqlx::{PgPool, SqlitePool};
use stateset_outbox::Outbox;
use stateset_outbox::delivery::{DeliveryStore, NewRoute, Registration, Start};
use stateset_relay::clock::SystemClock;
use stateset_relay::engine::{Options, Relay};
use stateset_relay::policy::Policy;
use stateset_relay::sink::webhook::{Secrets, Webhook, WebhookSettings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, url, secret, lease, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("webhook-worker <database URL> <webhook URL> <webhook secret> <lease in ms> [once]");
    };
    let store: Arc<dyn DeliveryStore> = if database.starts_with("sqlite:") {
        Outbox::new(SqlitePool::connect(database).await?).deliveries()
    } else {
        Outbox::new(PgPool::connect(database).await?).deliveries()
    };

    let mut settings = WebhookSettings::new(url.parse()?, Secrets::new(secret)?);
    // For a receiver in one's own network.
    settings.allow_private = true;
    let webhook = Webhook::new(settings, Arc::new(SystemClock))?;
    let all = NewRoute { name: "all".into(), type_glob: "*".into(), policy: Policy::default().to_json() };
    let registration = Registration {
        name: "webhook".into(),
        kind: "webhook".into(),
        shard_groups: 4,
        routes: vec![all],
        start: Start::Beginning,
    };
    let mut options = Options::new(format!("webhook-worker-{}", std::process::id()));
    options.lease = Duration::from_millis(lease.parse().context("the lease is a number of milliseconds")?);
    let relay = Relay::new(store, options).destination(registration, Arc::new(webhook));

    if rest.first().is_some_and(|word| word == "once") {
        relay.run_once().await?;
        return Ok(());
    }
    let running = relay.start().await?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    terminate.recv().await;
    running.stop(Duration::from_secs(20)).await?;
    Ok(())
}
