//! The real server as a child process: started, asked whether it is ready, killed, started again.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::http::Client;
use crate::{environment, free_port};

/// What a child needs of our environment to run at all. The rest stays out, so that a variable
/// of the person running the tests cannot change their outcome.
const INHERITED: [&str; 5] = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];

/// How to start a server. The listening address is chosen here; tell it to the server with
/// [`Launch::address`] in an argument or variable.
#[derive(Debug)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(String, OsString)>,
    address: SocketAddr,
    ready_path: String,
    ready_within: Duration,
}

impl Launch {
    /// A server on a free loopback port. A test of the crate that holds the binary passes
    /// `env!("CARGO_BIN_EXE_stateset-sequencer")`.
    pub fn new(program: impl Into<PathBuf>) -> anyhow::Result<Self> {
        Ok(Self {
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            address: SocketAddr::from(([127, 0, 0, 1], free_port()?)),
            ready_path: "/ready".to_owned(),
            ready_within: Duration::from_secs(30),
        })
    }

    /// Where the server must listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds one command line argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The path that answers 200 once the server serves, instead of `/ready`.
    #[must_use]
    pub fn ready_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.ready_path);
        self
    }

    /// How long the server may take to become ready, instead of 30 seconds.
    #[must_use]
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = limit;
        self
    }

    /// Starts the server in an empty folder and waits until it is ready.
    pub async fn start(self) -> anyhow::Result<SequencerProcess> {
        let mut process = self.spawn()?;
        process.wait_until_ready().await?;
        Ok(process)
    }

    /// Starts the server in an empty folder and does not wait.
    pub fn spawn(self) -> anyhow::Result<SequencerProcess> {
        let folder = tempfile::Builder::new().prefix("stateset-server-").tempdir()?;
        let child = spawn(&self, folder.path())?;
        Ok(SequencerProcess { launch: self, folder, child })
    }
}

/// A server process, its working folder and its log. Dropping it kills the process and removes both.
#[derive(Debug)]
pub struct SequencerProcess {
    launch: Launch,
    folder: TempDir,
    child: Child,
}

impl SequencerProcess {
    /// `http://127.0.0.1:port`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.launch.address)
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.launch.address
    }

    /// A client of this server.
    pub fn client(&self) -> Client {
        Client::new(self.launch.address)
    }

    /// The server's working folder, kept over restarts.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process id, while the process has not been waited for.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What the server wrote to its standard output and error so far, over all starts.
    pub fn log(&self) -> String {
        let bytes = fs::read(log_path(self.folder.path())).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sets one environment variable for the next start, for instance a fail point.
    pub fn set_variable(&mut self, name: &str, value: impl Into<OsString>) {
        self.remove_variable(name);
        self.launch.variables.push((name.to_owned(), value.into()));
    }

    /// Removes one environment variable from the next start.
    pub fn remove_variable(&mut self, name: &str) {
        self.launch.variables.retain(|(known, _)| known != name);
    }

    /// Polls the ready path until it answers 200. An error tells the end of the log.
    pub async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let client = self.client().with_timeout(Duration::from_secs(2));
        let deadline = Instant::now() + self.launch.ready_within;
        let mut pause = Duration::from_millis(5);
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}) before it was ready; its log ends with:\n{}", self.log_tail());
            }
            if client.get(&self.launch.ready_path).await.is_ok_and(|response| response.status == 200) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not ready after {:?}; the log ends with:\n{}", self.launch.ready_within, self.log_tail());
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    /// SIGKILL, as a crash or the kernel would; returns when the process is gone.
    pub async fn kill9(&mut self) -> anyhow::Result<ExitStatus> {
        // The process may have aborted by itself a moment ago; waiting then tells how.
        self.child.start_kill().ok();
        self.wait(Duration::from_secs(30)).await
    }

    /// SIGTERM, the orderly stop; returns the exit status, or an error if the server is not gone within `limit`.
    pub async fn terminate(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        self.signal("TERM").await?;
        self.wait(limit).await
    }

    /// Sends the signal of this name (`TERM`, `STOP`, `CONT`, …).
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.child.id().context("the process has already been waited for")?;
        // The shell's own `kill`: a small container may have no program of that name.
        let script = OsStr::new("kill -s \"$1\" \"$2\"");
        let status = Command::new("sh").arg("-c").arg(script).args(["sh", name, &id.to_string()]).status().await?;
        ensure!(status.success(), "could not send {name} to process {id}");
        Ok(())
    }

    /// Waits for the process to end by itself, for instance at a fail point.
    pub async fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let ended = timeout(limit, self.child.wait()).await;
        let status = ended.with_context(|| format!("still running after {limit:?}; log:\n{}", self.log_tail()))?;
        Ok(status?)
    }

    /// Starts the ended server again: same folder, same address. Waits until it is ready.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.respawn()?;
        self.wait_until_ready().await
    }

    /// Starts the ended server again and does not wait.
    pub fn respawn(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.try_wait()?.is_some(), "the server still runs");
        self.child = spawn(&self.launch, self.folder.path())?;
        Ok(())
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let skip = log.lines().count().saturating_sub(30);
        log.lines().skip(skip).collect::<Vec<_>>().join("\n")
    }
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("testkit-server.log")
}

fn spawn(launch: &Launch, folder: &Path) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(log_path(folder))?;
    let mut command = Command::new(&launch.program);
    command.env_clear();
    for name in INHERITED {
        if let Some(value) = environment::variable(name) {
            command.env(name, value);
        }
    }
    command
        .args(&launch.arguments)
        .envs(launch.variables.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", launch.program.display()))
}
