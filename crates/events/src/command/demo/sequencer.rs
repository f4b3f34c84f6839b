//! The sequencer of the demo: one that runs already, or the program beside ours, started for the occasion. The shop signs
//! what it sends there as one agent, whose key is registered here.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stateset_inspect::{Credential, Fault, Http, Kind, Remote, Scope};
use stateset_relay::secret::Secret;
use stateset_sync::enrol::{Enrolment, InitOptions, init};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};
use url::Url;
use uuid::Uuid;

use super::kept;
use super::port::free_port;
use super::process::tail;

/// The program, beside ours.
const PROGRAM: &str = "stateset-sequencer";
const READY_WITHIN: Duration = Duration::from_mins(1);
const GRACE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(30);

/// How the shop reaches it and signs for it. Kept with the data, for a later start.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Enrolled {
    pub(super) url: String,
    pub(super) agent: Uuid,
    pub(super) agent_key_id: u32,
    /// Where the agent's key is.
    pub(super) agent_key_file: PathBuf,
    /// The sequencer's keys that are believed, in hexadecimal.
    pub(super) trusted: Vec<(u32, String)>,
    /// Under which the log's checkpoints are checked. From the first contact, before there was anything to forge.
    pub(super) log_key: String,
}

impl Enrolled {
    pub(super) fn url(&self) -> Result<Url, Fault> {
        Url::parse(&self.url).map_err(|error| Fault::corrupt("the sequencer's address", error))
    }
}

/// A sequencer that the shop pushes to.
pub(super) struct LogServer {
    pub(super) enrolled: Enrolled,
    /// The file of it, for the services.
    pub(super) notes: PathBuf,
    pub(super) api_key: Secret,
    own: Option<Own>,
}

/// One that was started here.
struct Own {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    api_key: String,
    child: Option<(Child, ChildStdin)>,
}

/// The program beside ours, if it is there.
pub(super) fn beside() -> Option<PathBuf> {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::current_exe().ok()?.with_file_name(name);
    path.is_file().then_some(path)
}

impl LogServer {
    /// Starts the program in `folder`, or starts it again there, and registers the shop's agent.
    pub(super) async fn start(program: PathBuf, folder: &Path, scope: Scope) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder).map_err(|error| cannot("its folder cannot be made").because(error))?;
        let port = free_port().map_err(|error| cannot("there is no free port").because(error))?;
        let api_key = kept::secret(&folder.join("api-key"), |random| format!("demo-{random}"))
            .map_err(|error| cannot("its key cannot be kept").because(error))?;
        let mut own = Own { program, folder: folder.to_owned(), port, api_key: api_key.clone(), child: None };
        own.start().await?;
        let url = own.url()?;
        let secret = Secret::new(api_key.as_bytes());
        let enrolled = enrol(&url, &secret, folder, scope).await?;
        Ok(Self { notes: note(&enrolled, folder)?, enrolled, api_key: secret, own: Some(own) })
    }

    /// One that somebody runs.
    pub(super) async fn given(url: &Url, api_key: Secret, folder: &Path, scope: Scope) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder)
            .map_err(|error| cannot("a folder for its keys cannot be made").because(error))?;
        let enrolled = enrol(url, &api_key, folder, scope).await?;
        Ok(Self { notes: note(&enrolled, folder)?, enrolled, api_key, own: None })
    }

    /// Asks it.
    pub(super) fn remote(&self, scope: Scope) -> Result<Remote, Fault> {
        let credential = Credential::ApiKey(self.api_key.reveal_text().to_owned().into());
        let http = Http::new(&self.enrolled.url()?, Some(credential), PATIENCE)
            .map_err(|error| Fault::usage(error.to_string(), "see --sequencer").because(error))?;
        Ok(Remote::new(std::sync::Arc::new(http), scope))
    }

    /// Whether it can be killed: only one of ours.
    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// SIGKILL, and a new start with the same data at the same address.
    pub(super) async fn kill_and_start(&mut self, down_for: Duration) -> Result<(), Fault> {
        let Some(own) = &mut self.own else { return Ok(()) };
        own.stop().await;
        sleep(down_for).await;
        own.start().await
    }

    pub(super) async fn stop(&mut self) {
        if let Some(own) = &mut self.own {
            own.stop().await;
        }
    }
}

impl Own {
    fn url(&self) -> Result<Url, Fault> {
        let url = format!("http://127.0.0.1:{}/", self.port);
        Url::parse(&url).map_err(|error| Fault::corrupt("an address", error))
    }

    fn log(&self) -> PathBuf {
        self.folder.join("sequencer.log")
    }

    /// Under a guard of ours, which kills it when its own input ends: so it never outlives the demo.
    async fn start(&mut self) -> Result<(), Fault> {
        let ours = std::env::current_exe().map_err(|error| cannot("this program cannot be found").because(error))?;
        let log = std::fs::File::options().create(true).append(true).open(self.log());
        let log = log.map_err(|error| cannot("its log cannot be written").because(error))?;
        let both = log.try_clone().map_err(|error| cannot("its log cannot be written").because(error))?;
        let mut command = Command::new(ours);
        command
            .args(["demo", "guard"])
            .arg(&self.program)
            .env("HOST", "127.0.0.1")
            .env("PORT", self.port.to_string())
            .env("STATESET_DATA_DIR", self.folder.join("data"))
            .env("BOOTSTRAP_ADMIN_API_KEY", &self.api_key)
            .env("RUST_LOG", "warn")
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(both)
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| cannot("it cannot be started").because(error))?;
        let stdin = child.stdin.take().ok_or_else(|| cannot("it has no input"))?;
        let http = super::http::http()?;
        let ready = self.url()?.join("ready").map_err(|error| Fault::corrupt("an address", error))?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if child.try_wait().ok().flatten().is_some() {
                return Err(cannot(&format!("it ended before it was ready{}", tail(&self.log()))));
            }
            if http.get(ready.clone()).send().await.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            if Instant::now() > deadline {
                return Err(cannot(&format!("it is not ready{}", tail(&self.log()))));
            }
            sleep(Duration::from_millis(20)).await;
        }
        self.child = Some((child, stdin));
        Ok(())
    }

    /// As a crash: its data is made for that.
    async fn stop(&mut self) {
        let Some((mut child, stdin)) = self.child.take() else { return };
        drop(stdin);
        if timeout(GRACE, child.wait()).await.is_err() {
            child.kill().await.ok();
        }
    }
}

/// Runs a program and kills it when our own input ends, which is the end of whoever started us.
pub(super) async fn guard(program: &Path) -> Result<(), Fault> {
    let mut command = Command::new(program);
    let mut child = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot("it cannot be started").because(error))?;
    tokio::select! {
        () = super::serve::input_ended() => {
            child.kill().await.map_err(|error| cannot("it cannot be killed").because(error))
        },
        status = child.wait() => match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(cannot(&format!("it ended by itself ({status})"))),
            Err(error) => Err(cannot("it cannot be waited for").because(error)),
        },
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    log_verifier_key: String,
}

async fn enrol(url: &Url, api_key: &Secret, folder: &Path, scope: Scope) -> Result<Enrolled, Fault> {
    let database = folder.join("shop-agent.db");
    let agent_file = folder.join("shop-agent.id");
    // A second start is the same agent.
    let agent = std::fs::read_to_string(&agent_file).ok().and_then(|text| text.trim().parse().ok());
    let agent = agent.unwrap_or_else(Uuid::new_v4);
    std::fs::write(&agent_file, agent.to_string())
        .map_err(|error| cannot("the agent's id cannot be kept").because(error))?;
    let options = InitOptions {
        database,
        url: url.clone(),
        enrolment: Enrolment { tenant: scope.tenant, store: scope.store, agent },
        token: None,
        api_key: Some(api_key.clone()),
        import_key: None,
        sequencer_keys: Vec::new(),
    };
    let (_replica, report) =
        init(&options).await.map_err(|error| cannot("the shop's agent cannot be registered").because(error))?;
    let http = super::http::http()?;
    let keys = url.join(".well-known/ves-keys").map_err(|error| Fault::corrupt("an address", error))?;
    let unavailable = |error| Fault::unavailable("the sequencer", error);
    let body = http.get(keys).send().await.map_err(unavailable)?.bytes().await.map_err(unavailable)?;
    let published: Published =
        serde_json::from_slice(&body).map_err(|error| Fault::corrupt("the sequencer's keys", error))?;
    Ok(Enrolled {
        url: url.to_string(),
        agent,
        agent_key_id: report.key_id,
        agent_key_file: report.key_file,
        trusted: report.trusted.into_iter().map(|key| (key.key_version, key.public_key)).collect(),
        log_key: published.log_verifier_key,
    })
}

fn note(enrolled: &Enrolled, folder: &Path) -> Result<PathBuf, Fault> {
    let path = folder.join("enrolled.json");
    let text = serde_json::to_string_pretty(enrolled).map_err(|error| Fault::corrupt("the enrolment", error))?;
    std::fs::write(&path, text).map_err(|error| cannot("the notes of the enrolment cannot be kept").because(error))?;
    Ok(path)
}

fn cannot(what: &str) -> Fault {
    Fault::new(Kind::Unavailable, "SERVICE_FAILED", format!("the sequencer: {what}"), "--no-sequencer does without one")
}
