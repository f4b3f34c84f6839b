//! A sequencer and agents' machines.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use stateset_sync::{Replica, Session};
use stateset_testkit::http::Client;
use stateset_testkit::sequencer;
pub(crate) use stateset_testkit::sequencer::API_KEY;
use stateset_testkit::server::{Launch, SequencerProcess};
use stateset_testkit::ves::Agent;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use uuid::Uuid;

pub(crate) const TENANT: Uuid = Uuid::from_u128(0x7e4a_0000_0000_4000_8000_0000_0000_0001);
pub(crate) const STORE: Uuid = Uuid::from_u128(0x5704_0000_0000_4000_8000_0000_0000_0002);

/// The agent's program: the example, built beside this test by `cargo test`.
pub(crate) fn agent_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("examples/sync");
    assert!(program.is_file(), "build the example first: cargo build -p stateset-sync --example sync");
    program
}

/// The real server.
pub(crate) struct Server(pub(crate) SequencerProcess);

impl Server {
    /// On an embedded database.
    pub(crate) async fn start() -> Self {
        Self(Self::launch().start().await.unwrap())
    }

    /// On PostgreSQL.
    pub(crate) async fn on_postgres(url: &str) -> Self {
        Self(Self::launch().variable("DATABASE_URL", url).start().await.unwrap())
    }

    fn launch() -> Launch {
        sequencer::launch().unwrap().variable("LOG_ORIGIN", "sync.example/log")
    }

    pub(crate) fn url(&self) -> String {
        self.0.base_url()
    }

    pub(crate) fn client(&self) -> Client {
        sequencer::client(&self.0)
    }

    /// A one-time token for an agent.
    pub(crate) async fn token(&self, agent: Uuid) -> String {
        let path = format!("/api/v1/agents/{agent}/enrolment-tokens");
        let reply = self.client().post_json(&path, &json!({"tenantId": TENANT})).await.unwrap();
        let reply: Value = reply.expect_status(200).unwrap().json().unwrap();
        reply["token"].as_str().unwrap().to_owned()
    }

    /// Everything in the stream.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let from = events.len() + 1;
            let path = format!("/api/v1/ves/events?tenant_id={TENANT}&store_id={STORE}&limit=1000&from={from}");
            let page: Value = self.client().get(&path).await.unwrap().expect_status(200).unwrap().json().unwrap();
            events.extend(page["events"].as_array().unwrap().iter().cloned());
            if page["has_more"] != true {
                return events;
            }
        }
    }

    /// A stranger's agent, registered, that pushes through plain HTTP.
    pub(crate) async fn stranger(&self, seed: u64) -> Agent {
        let agent = Agent::new(seed, TENANT, STORE);
        let reply = self.client().post_json("/api/v1/agents/keys", &agent.registration()).await.unwrap();
        reply.expect_status(200).unwrap();
        agent
    }

    /// Pushes a stranger's event about an order.
    pub(crate) async fn push(&self, agent: &Agent, order: &str, payload: Value) -> Value {
        let event = agent.event(order, "order.updated", payload).version(2).sign();
        let reply =
            self.client().post_json("/api/v1/ves/events/ingest?wait=logged", &agent.batch(&[event])).await.unwrap();
        let reply: Value = reply.expect_status(200).unwrap().json().unwrap();
        assert_eq!(reply["eventsAccepted"], 1, "{reply}");
        reply
    }
}

/// What a program said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) json: Value,
    pub(crate) code: i32,
}

impl Said {
    /// The answer of a call that went well.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.code, 0, "{}", self.json);
        self.json
    }

    /// The error's code of a call that did not.
    pub(crate) fn error(&self) -> (&str, i32) {
        (self.json["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")), self.code)
    }
}

/// An agent's machine.
pub(crate) struct Machine {
    pub(crate) folder: TempDir,
    pub(crate) agent: Uuid,
}

impl Machine {
    /// One that is not set up.
    pub(crate) fn bare(agent: u128) -> Self {
        let folder = tempfile::Builder::new().prefix("stateset-agent-").tempdir().unwrap();
        Self { folder, agent: Uuid::from_u128(0xa6e7_0000_0000_4000_8000_0000_0000_0000 + agent) }
    }

    /// One that is set up by a token.
    pub(crate) async fn enrolled(server: &Server, agent: u128) -> Self {
        let machine = Self::bare(agent);
        let token = server.token(machine.agent).await;
        machine.init(&server.url(), &["--token", &token]).await.ok();
        machine
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("agent.db")
    }

    pub(crate) async fn init(&self, url: &str, more: &[&str]) -> Said {
        let (tenant, store, agent) = (TENANT.to_string(), STORE.to_string(), self.agent.to_string());
        let mut arguments = vec!["init", "--sequencer", url, "--tenant", &tenant, "--store", &store, "--agent", &agent];
        arguments.extend(more);
        self.run(&arguments).await
    }

    /// The same with the server's own API key instead of a token.
    pub(crate) async fn init_with_api_key(&self, url: &str, more: &[&str]) -> Said {
        let (tenant, store, agent) = (TENANT.to_string(), STORE.to_string(), self.agent.to_string());
        let mut arguments = vec!["init", "--sequencer", url, "--tenant", &tenant, "--store", &store, "--agent", &agent];
        arguments.extend(more);
        let mut command = self.command(&arguments);
        command.env("STATESET_API_KEY", API_KEY);
        Self::said(command, &arguments).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(agent_program());
        command
            .env_clear()
            .arg("--json")
            .arg("--database")
            .arg(self.database())
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        Self::said(self.command(arguments), arguments).await
    }

    async fn said(mut command: Command, arguments: &[&str]) -> Said {
        let output = command.output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json = serde_json::from_str(text.trim()).unwrap_or_else(|fault| {
            panic!("{arguments:?}: {fault}: {text:?} {}", String::from_utf8_lossy(&output.stderr))
        });
        Said { json, code: output.status.code().unwrap_or(-1) }
    }

    /// Starts the program and leaves it running.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub(crate) async fn replica(&self) -> Replica {
        Replica::open(self.database()).await.unwrap()
    }

    pub(crate) async fn session(&self) -> Session {
        Session::open(self.replica().await).await.unwrap()
    }

    /// The database as an auditor opens it.
    pub(crate) async fn audit(&self) -> SqlitePool {
        SqlitePool::connect_with(SqliteConnectOptions::new().filename(self.database())).await.unwrap()
    }

    /// Own events by state.
    pub(crate) async fn states(&self) -> Value {
        self.run(&["status"]).await.ok()["states"].clone()
    }

    /// Writes `count` events, numbered from `first`, in one transaction.
    pub(crate) async fn write(&self, first: u64, count: u64) {
        let (first, count) = (first.to_string(), count.to_string());
        self.run(&["fill", "--bulk", "--first", &first, "--count", &count]).await.ok();
    }
}

/// The row that `sql` gives, as text.
pub(crate) async fn text(pool: &SqlitePool, sql: &'static str) -> String {
    sqlx::query_scalar::<_, Option<String>>(sql).fetch_one(pool).await.unwrap().unwrap_or_default()
}

/// The number that `sql` gives.
pub(crate) async fn count(pool: &SqlitePool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}
