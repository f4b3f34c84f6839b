//! `stateset-sequencer-admin`, the real program, on databases that real servers have filled.

mod commands;
mod corruption;
mod roles;
mod rotation;

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use stateset_testkit::http::Client;
use stateset_testkit::postgres::TestDatabase;
use stateset_testkit::server::{Launch, SequencerProcess};
use stateset_testkit::ves::Agent;
use tokio::process::Command;

use crate::service::{SECRET, client, embedded, unsigned};

/// A server with its database, and the variables by which the tool finds the latter.
struct Site {
    server: SequencerProcess,
    /// Kept, because dropping it drops the database.
    database: Option<TestDatabase>,
    variables: Vec<(String, String)>,
}

impl Site {
    /// On the embedded database.
    async fn embedded() -> anyhow::Result<Self> {
        let server = quick(embedded()?).start().await?;
        let data = server.folder().join("stateset-data");
        let variables = vec![("STATESET_DATA_DIR".to_owned(), data.display().to_string())];
        Ok(Self { server, database: None, variables })
    }

    /// On a PostgreSQL database of its own.
    async fn postgres() -> anyhow::Result<Self> {
        let database = stateset_testkit::postgres::shared().await?.create_database("admin").await?;
        let variables: Vec<(String, String)> = [
            ("DATABASE_URL", database.url()),
            ("PAYLOAD_ENCRYPTION_KEYS", SECRET),
            ("VES_SEQUENCER_SIGNING_KEY", SECRET),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let launch = variables.iter().fold(quick(embedded()?), |launch, (name, value)| launch.variable(name, value));
        Ok(Self { server: launch.start().await?, database: Some(database), variables })
    }

    fn client(&self) -> Client {
        client(&self.server)
    }

    /// Runs the tool.
    async fn admin(&self, arguments: &[&str]) -> anyhow::Result<Answer> {
        admin(&self.variables, arguments, self.server.folder()).await
    }

    /// Fills the database with something of everything: signed and unsigned events, more than a tile of them, agents' keys
    /// one of which is revoked, batches, records and checkpoints.
    async fn fill(&self) -> anyhow::Result<()> {
        let client = self.client();
        for first in [1, 301] {
            let payloads: Vec<String> = (first..first + 300).map(|n| format!("{{\"n\": {n}, \"x\": 1.10}}")).collect();
            let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
            crate::service::push(&client, &unsigned(1, 2, first, &payloads)).await?;
        }
        signed(&client).await?;
        // Enough streams for a full tile of the head log.
        for store in 100..200 {
            crate::service::push(&client, &unsigned(2, store, 1, &["{}"])).await?;
        }
        let path = "/api/v1/events/ingest?wait=logged";
        let last = unsigned(1, 2, 9_001, &["{\"last\":true}"]);
        client.post(path, "application/json", last.as_bytes()).await?.expect_status(200)?;
        self.settled().await
    }

    /// Waits until every batch is committed and logged.
    async fn settled(&self) -> anyhow::Result<()> {
        let client = self.client();
        for _ in 0..200 {
            let (streams, log) = (client.get("/metrics").await?.text(), self.admin(&["fsck", "--json"]).await?);
            let batches = log.json["batches"].as_u64().unwrap_or(0);
            let unpublished = streams.contains("stateset_publisher_unpublished_heads 0");
            // How many batches there are depends on the machine; the last one ends at the last event.
            let newest = format!("/api/v1/ves/commitments?{}&from=601", crate::service::scope(1, 2));
            let newest: Value = client.get(&newest).await?.json()?;
            if newest["count"] == 1 && batches >= 102 && unpublished && log.json["records"].as_u64().unwrap_or(0) >= 306
            {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("nothing was committed and logged in time")
    }
}

fn quick(launch: Launch) -> Launch {
    launch.variable("COMMIT_INTERVAL_MS", "20").variable("PUBLISH_INTERVAL_MS", "10").variable("RUST_LOG", "warn")
}

/// What the tool said.
#[derive(Debug)]
struct Answer {
    code: Option<i32>,
    out: String,
    error: String,
    /// The output as JSON; null if it is none.
    json: Value,
}

async fn admin(variables: &[(String, String)], arguments: &[&str], folder: &Path) -> anyhow::Result<Answer> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stateset-sequencer-admin"));
    command.env_clear().envs(variables.iter().cloned()).args(arguments).current_dir(folder).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().await?;
    let (out, error) = (String::from_utf8(stdout)?, String::from_utf8(stderr)?);
    let json = serde_json::from_str(&out).unwrap_or(Value::Null);
    Ok(Answer { code: status.code(), out, error, json })
}

/// Registers two keys, pushes signed events, revokes one key, and acknowledges.
async fn signed(client: &Client) -> anyhow::Result<()> {
    let (tenant, store) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(3));
    let agent = Agent::new(7, tenant, store);
    let second = agent.rotated(2);
    for key in [&agent, &second] {
        client.post_json("/api/v1/agents/keys", &key.registration()).await?.expect_status(200)?;
    }
    let events: Vec<_> = (0..40)
        .map(|n| {
            let signer = if n % 2 == 0 { &agent } else { &second };
            signer.event("o-1", "order.created", serde_json::json!({ "n": n })).version(1 + n % 2).sign()
        })
        .collect();
    let reply = client.post_json("/api/v1/ves/events/ingest", &agent.batch(&events)).await?.expect_status(200)?;
    let reply: Value = reply.json()?;
    anyhow::ensure!(reply["events_accepted"] == 40 || reply["eventsAccepted"] == 40, "{reply}");
    let query = crate::service::scope(1, 3);
    client.delete(&format!("/api/v1/agents/{}/keys/2?tenant_id={tenant}", agent.id)).await?.expect_status(200)?;
    let cursor = serde_json::json!({ "sequence_number": 10, "tenant_id": tenant, "store_id": store });
    client.put_json(&format!("/api/v1/ves/cursors/{}?{query}", agent.id), &cursor).await?.expect_status(200)?;
    Ok(())
}
