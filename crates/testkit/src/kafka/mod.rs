//! A real Apache Kafka broker as a child process: `KRaft`, one node, data in a temporary folder. To be stopped, killed and
//! started again.

mod secured;

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

use crate::{environment, free_port};

pub use secured::Secured;

/// A broker that starts needs seconds of processor time, and on a busy machine those take a while.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// Small, and without the optimising compiler: the tests want a broker that starts soon.
const JAVA: [&str; 4] = ["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

static SHARED: OnceCell<Brokers> = OnceCell::const_new();

/// `host:port` of the broker all tests of this process share: `TEST_KAFKA_BROKERS` if set, else one of our own, which
/// ends with the process.
pub async fn shared() -> anyhow::Result<&'static str> {
    let brokers = SHARED.get_or_try_init(Brokers::start).await?;
    Ok(match brokers {
        Brokers::Given(address) => address,
        Brokers::Own(broker) => &broker.bootstrap,
    })
}

enum Brokers {
    Given(String),
    Own(Box<Broker>),
}

impl Brokers {
    async fn start() -> anyhow::Result<Self> {
        match environment::variable("TEST_KAFKA_BROKERS") {
            Some(given) => {
                let first = given.split(',').next().unwrap_or_default().to_owned();
                TcpStream::connect(&first)
                    .await
                    .context("TEST_KAFKA_BROKERS is set, but that broker does not answer")?;
                Ok(Self::Given(given))
            },
            None => Ok(Self::Own(Box::new(Broker::start().await?))),
        }
    }
}

/// A broker of our own. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Broker {
    bootstrap: String,
    folder: TempDir,
    child: Option<Child>,
    /// Ends the broker when this process has ended, however it did.
    guard: Option<std::process::Child>,
    secured: Option<Secured>,
}

/// Waits for the end of its input, which is the end of the process that holds the other side.
const GUARD: &str = "cat >/dev/null; kill -KILL \"$1\" 2>/dev/null; rm -rf \"$2\"";

impl Broker {
    /// Formats a new log folder and starts a broker on free ports.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(false).await
    }

    /// The same with two more listeners, one that asks for a password and one that does so over TLS.
    pub async fn start_secured() -> anyhow::Result<Self> {
        Self::start_with(true).await
    }

    async fn start_with(secured: bool) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("stateset-kafka-").tempdir()?;
        let (port, controller) = (free_port()?, free_port()?);
        let secured = if secured { Some(Secured::prepare(folder.path()).await?) } else { None };
        let properties = properties(folder.path(), port, controller, secured.as_ref());
        fs::write(folder.path().join("broker.properties"), properties)?;
        let mut broker = Self { bootstrap: format!("127.0.0.1:{port}"), folder, child: None, guard: None, secured };
        let mut identity = [0; 16];
        getrandom::fill(&mut identity).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        let mut format = broker.java("kafka.tools.StorageTool")?;
        format.args(["format", "--standalone", "-t", &cluster_id(identity), "-c", "broker.properties"]);
        if broker.secured.is_some() {
            format.args(secured::users());
        }
        let status = format.status().await.context("running java; scripts/setup.sh installs it")?;
        ensure!(status.success(), "the broker's log folder could not be formatted:\n{}", broker.log());
        broker.start_again().await?;
        Ok(broker)
    }

    /// `host:port`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The listeners that ask for a password, if it was started with them.
    pub fn secured(&self) -> Option<&Secured> {
        self.secured.as_ref()
    }

    /// An orderly stop.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(id) = self.child.as_ref().and_then(Child::id) {
            let status = Command::new("sh").args(["-c", "kill -s TERM \"$1\"", "sh", &id.to_string()]).status().await?;
            ensure!(status.success(), "could not stop the broker");
        }
        self.wait().await
    }

    /// SIGKILL.
    pub async fn kill9(&mut self) -> anyhow::Result<()> {
        if let Some(child) = &mut self.child {
            child.start_kill().ok();
        }
        self.wait().await
    }

    /// Starts the stopped broker with the same data on the same port, and waits until it answers.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "the broker still runs");
        let mut run = self.java("kafka.Kafka")?;
        run.arg("broker.properties");
        let child = run.spawn().context("starting the broker")?;
        self.guard = child.id().map(|id| spawn_guard(id, self.folder.path())).transpose()?;
        self.child = Some(child);
        let deadline = Instant::now() + READY_WITHIN;
        while TcpStream::connect(&self.bootstrap).await.is_err() {
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the broker ended ({status}); its log ends with:\n{}", self.log());
            }
            ensure!(Instant::now() < deadline, "the broker is not ready; its log ends with:\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            timeout(Duration::from_mins(1), child.wait()).await.context("the broker does not end")??;
            // Its data stays for the next start, and its process id may soon be another's.
            if let Some(mut guard) = self.guard.take() {
                guard.kill().and_then(|()| guard.wait()).context("ending the broker's guard")?;
            }
        }
        Ok(())
    }

    fn java(&self, class: &str) -> anyhow::Result<Command> {
        let log = File::options().create(true).append(true).open(self.folder.path().join("broker.log"))?;
        let mut command = Command::new("java");
        command
            .args(JAVA)
            .arg("-cp")
            .arg(jars()?.join("*"))
            .arg(class)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        Ok(command)
    }

    fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("broker.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let skip = text.lines().count().saturating_sub(20);
        text.lines().skip(skip).collect::<Vec<_>>().join("\n")
    }
}

fn spawn_guard(broker: u32, folder: &Path) -> anyhow::Result<std::process::Child> {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", GUARD, "kafka-guard", &broker.to_string()]).arg(folder).current_dir("/");
    // Its own process group: an interrupt typed at the terminal must not end it before its work is done.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().context("starting the guard of the broker")
}

fn jars() -> anyhow::Result<PathBuf> {
    let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/kafka/jars");
    jars.canonicalize().context("Apache Kafka is not in target/kafka/jars: run scripts/setup.sh")
}

/// 22 characters of unpadded base64; the tool refuses a leading dash.
fn cluster_id(random: [u8; 16]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AB";
    let digit = |byte: &u8| char::from(DIGITS[usize::from(byte % 64)]);
    // The last character of 16 bytes carries two bits: one of A, Q, g, w.
    let mut id: String = random.iter().chain(&random[..5]).map(digit).collect();
    id.push('A');
    id
}

fn properties(folder: &Path, port: u16, controller: u16, secured: Option<&Secured>) -> String {
    let data = folder.join("data");
    let listeners = secured.map(Secured::listeners).unwrap_or_default();
    let advertised = secured.map(Secured::advertised).unwrap_or_default();
    let more = secured.map(Secured::properties).unwrap_or_default();
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listeners}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}\n\
         controller.listener.names=CONTROLLER\n\
         controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={}\n\
         num.partitions=3\n\
         auto.create.topics.enable=true\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\n\
         {more}",
        data.display()
    )
}
