//! Services as child processes of this very program: started, killed as the kernel kills, started again at the same
//! address.
//!
//! A child ends when its standard input does, so none outlives the demo, however the demo ends.

use std::ffi::OsString;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use stateset_inspect::{Fault, Kind};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;
use url::Url;

use super::port::free_port;

/// What a child needs of our environment to run at all; the rest stays out, so that a variable of the person who runs
/// the demo cannot change it.
const INHERITED: [&str; 6] = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE", "SYSTEMROOT"];
/// Until it listens. Generous: the first start makes databases, on a machine that may have much else to do.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// For an orderly end.
const GRACE: Duration = Duration::from_secs(20);
/// How much of a log a fault quotes.
const QUOTED_LINES: usize = 12;

/// The line that a service prints once it listens.
#[derive(Deserialize)]
struct Listening {
    listening: String,
}

/// How a child is started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) variables: Vec<(String, OsString)>,
    /// Where it writes what it has to say.
    pub(super) log: PathBuf,
}

/// A child that runs, or was killed and may run again.
pub(super) struct Service {
    launch: Launch,
    /// Chosen by the first start, and kept.
    address: Option<SocketAddr>,
    child: Option<(Child, ChildStdin)>,
    pub(super) kills: u32,
}

impl Service {
    pub(super) fn new(launch: Launch) -> Self {
        Self { launch, address: None, child: None, kills: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.launch.name
    }

    pub(super) fn log(&self) -> &Path {
        &self.launch.log
    }

    /// Where it answers.
    pub(super) fn url(&self) -> Result<Url, Fault> {
        let address =
            self.address.ok_or_else(|| Fault::unavailable(self.name(), std::io::Error::other("not started")))?;
        Url::parse(&format!("http://{address}/")).map_err(|error| Fault::corrupt("an address", error))
    }

    /// Starts it and waits until it listens.
    pub(super) async fn start(&mut self) -> Result<(), Fault> {
        let listen = if let Some(address) = self.address {
            address
        } else {
            let port = free_port().map_err(|error| self.fault("there is no free port").because(error))?;
            SocketAddr::from(([127, 0, 0, 1], port))
        };
        let log = File::options().create(true).append(true).open(&self.launch.log);
        let log = log.map_err(|error| self.fault("its log cannot be written").because(error))?;
        let mut command = Command::new(&self.launch.program);
        command.env_clear();
        for name in INHERITED {
            if let Some(value) = crate::settings::variable(name) {
                command.env(name, value);
            }
        }
        command
            .args(&self.launch.arguments)
            .arg("--listen")
            .arg(listen.to_string())
            .envs(self.launch.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| self.fault("it cannot be started").because(error))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(self.fault("it has no pipes"));
        };
        let mut lines = BufReader::new(stdout).lines();
        let line = match timeout(READY_WITHIN, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(_) => return Err(self.fault("it ended before it listened")),
            Err(_) => return Err(self.fault(&format!("it does not listen after {} s", READY_WITHIN.as_secs()))),
        };
        let parsed: Result<Listening, _> = serde_json::from_str(&line);
        let parsed = parsed.map_err(|error| self.fault("it does not say where it listens").because(error))?;
        let address = parsed.listening.trim_start_matches("http://").trim_end_matches('/').parse();
        self.address = Some(address.map_err(|error| self.fault("it does not say where it listens").because(error))?);
        self.child = Some((child, stdin));
        Ok(())
    }

    /// SIGKILL; returns when it is gone.
    pub(super) async fn kill(&mut self) -> Result<(), Fault> {
        let Some((mut child, _stdin)) = self.child.take() else { return Ok(()) };
        child.kill().await.map_err(|error| self.fault("it cannot be killed").because(error))?;
        self.kills += 1;
        Ok(())
    }

    /// Whether it runs. A child that ended by itself is a fault.
    pub(super) fn check(&mut self) -> Result<(), Fault> {
        let ended = self.child.as_mut().and_then(|(child, _)| child.try_wait().ok().flatten());
        match ended {
            Some(status) => Err(self.fault(&format!("it ended by itself ({status})"))),
            None => Ok(()),
        }
    }

    /// An orderly end: what is under way is finished.
    pub(super) async fn stop(&mut self) -> Result<(), Fault> {
        let Some((mut child, stdin)) = self.child.take() else { return Ok(()) };
        drop(stdin);
        match timeout(GRACE, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.fault(&format!("it ended badly ({status})"))),
            Ok(Err(error)) => Err(self.fault("it cannot be waited for").because(error)),
            Err(_) => {
                child.kill().await.ok();
                Err(self.fault(&format!("it did not end within {} s and was killed", GRACE.as_secs())))
            },
        }
    }

    fn fault(&self, what: &str) -> Fault {
        let message = format!("the service {}: {what}{}", self.name(), tail(&self.launch.log));
        let fix = format!("its log is {}", self.launch.log.display());
        Fault::new(Kind::Unavailable, "SERVICE_FAILED", message, fix)
    }
}

/// The end of a log, for a fault.
pub(super) fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let skip = text.lines().count().saturating_sub(QUOTED_LINES);
    let lines: Vec<&str> = text.lines().skip(skip).collect();
    if lines.is_empty() { String::new() } else { format!("; its log ends with:\n  {}", lines.join("\n  ")) }
}
