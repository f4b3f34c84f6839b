//! The shop under demonstration: whatever of it is missing is started here, and ends with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stateset_inspect::{Fault, Kind, Scope};
use stateset_relay::secret::Secret;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use url::Url;
use uuid::Uuid;

use super::broker_proxy::BrokerProxy;
use super::http::{Bases, Client, http};
use super::inside::{Databases, Inside, SERVICES};
use super::kept;
use super::mailbox::Post;
use super::process::{Launch, Service};
use super::report::Where;
use super::runner::plain;
use super::sequencer::{LogServer, beside};
use super::serve;

/// For a broker to be reached.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of the file that a later audit reads.
const STATE: &str = "demo.json";

/// What is to be started, and what is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// A shop that somebody runs.
    pub(super) against: Option<Url>,
    /// A broker: four processes instead of one.
    pub(super) kafka: Option<String>,
    /// A PostgreSQL database instead of files.
    pub(super) postgres: Option<String>,
    /// A sequencer that somebody runs, and the key for it.
    pub(super) sequencer: Option<(Url, Secret)>,
    /// Without a sequencer, even if the program is beside ours.
    pub(super) no_sequencer: bool,
    /// Where mails are seen, if not found out.
    pub(super) mailbox: Option<Url>,
    /// Where everything is kept; otherwise in a folder that is removed.
    pub(super) data: Option<PathBuf>,
    /// A way to the broker that can be cut.
    pub(super) with_proxy: bool,
}

/// What a later audit needs to know of a run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct State {
    /// Tells this run from others.
    pub(super) run: String,
    pub(super) store: Uuid,
    pub(super) kafka: Option<String>,
    pub(super) sequencer: bool,
    /// How often a process of the shop was killed.
    #[serde(default)]
    pub(super) kills: u32,
    /// What became of each customer, if orders were placed by the chaos run.
    #[serde(default)]
    pub(super) orders: Value,
}

/// A shop that runs.
pub(super) struct Shop {
    client: Client,
    http: reqwest::Client,
    pub(super) post: Post,
    pub(super) services: Vec<Service>,
    pub(super) log: Option<LogServer>,
    pub(super) proxy: Option<BrokerProxy>,
    own: Option<Own>,
    against: Option<Url>,
    pub(super) state: State,
}

/// What there is of a shop that was started here.
struct Own {
    folder: PathBuf,
    /// Removed at the end, unless somebody wants it.
    temporary: Option<TempDir>,
    databases: Databases,
    inside: Inside,
}

impl Shop {
    /// Starts what is missing.
    pub(super) async fn start(wish: &Wish) -> Result<Self, Fault> {
        let http = http()?;
        match &wish.against {
            Some(url) => Self::join(url, wish, http),
            None => Self::start_own(wish, http).await,
        }
    }

    fn join(url: &Url, wish: &Wish, http: reqwest::Client) -> Result<Self, Fault> {
        let default = || Url::parse("http://localhost:8025/").map_err(|error| Fault::corrupt("an address", error));
        let show = wish.mailbox.clone().map_or_else(default, Ok)?;
        Ok(Self {
            client: Client::new(http.clone(), Bases::one(url.clone())),
            http,
            post: Post::given(show),
            services: Vec::new(),
            log: None,
            proxy: None,
            own: None,
            against: Some(url.clone()),
            state: State { run: new_run(), ..State::default() },
        })
    }

    async fn start_own(wish: &Wish, http: reqwest::Client) -> Result<Self, Fault> {
        let (folder, temporary) = folder(wish.data.as_deref())?;
        let state = known_state(&folder)?.unwrap_or_else(|| State {
            run: new_run(),
            store: Uuid::new_v4(),
            kafka: wish.kafka.clone(),
            ..State::default()
        });
        let scope = Scope { tenant: Scope::single_tenant().tenant, store: state.store };
        let kafka = wish.kafka.clone().or(state.kafka.clone());
        let databases = match &wish.postgres {
            Some(url) => Databases::Server(url.clone()),
            None => Databases::Folder(folder.join("databases")),
        };
        let mails = folder.join("mails.jsonl");
        let post = match &wish.mailbox {
            Some(show) => Post::given(show.clone()),
            None => Post::find_or_start(&http, &mails).await?,
        };
        let log = start_log(wish, &folder, scope).await?;
        if let Some(brokers) = &kafka {
            answers(brokers).await?;
        }
        let proxy = match &kafka {
            Some(brokers) if wish.with_proxy => Some(BrokerProxy::start(brokers).await?),
            _ => None,
        };
        let told = serve::Told {
            databases: databases.url(),
            subject_keys: subject_keys(&folder)?,
            kafka: proxy.as_ref().map(BrokerProxy::bootstrap).or(kafka),
            group: format!("storefront-{}", state.run),
            smtp: post.smtp.clone(),
            store: state.store,
            sequencer: log.as_ref().map(|log| (log.notes.clone(), log.api_key.clone())),
        };
        let mut services = services(&told, &folder)?;
        for service in &mut services {
            service.start().await?;
        }
        let mut urls = BTreeMap::new();
        for service in &services {
            urls.insert(service.name().to_owned(), service.url()?);
        }
        let bases = match urls.get(ALL) {
            Some(url) => Bases::one(url.clone()),
            None => Bases::each(&urls).ok_or_else(|| Fault::usage("the shop has no services", ""))?,
        };
        let inside =
            Inside::open(&databases, scope, log.as_ref().map(|log| (log.enrolled.agent, log.enrolled.agent_key_id)))
                .await?;
        let state = State { sequencer: log.is_some(), ..state };
        let shop = Self {
            client: Client::new(http.clone(), bases),
            http,
            post,
            services,
            log,
            proxy,
            own: Some(Own { folder, temporary, databases, inside }),
            against: None,
            state,
        };
        shop.keep_state()?;
        Ok(shop)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub(super) fn mailbox(&self) -> &Url {
        &self.post.show
    }

    /// Tells this run from others: part of keys and of addresses.
    pub(super) fn run(&self) -> &str {
        &self.state.run
    }

    pub(super) fn scope(&self) -> Scope {
        Scope { tenant: Scope::single_tenant().tenant, store: self.state.store }
    }

    /// The databases, for whoever started the shop.
    pub(super) fn inside(&self) -> Result<&Inside, Fault> {
        self.own.as_ref().map(|own| &own.inside).ok_or_else(|| {
            Fault::usage(
                "this looks into the shop's databases, which only a shop started here allows",
                "leave --against out",
            )
        })
    }

    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Keeps what a later audit needs.
    pub(super) fn keep_state(&self) -> Result<(), Fault> {
        let Some(own) = &self.own else { return Ok(()) };
        let text = serde_json::to_string_pretty(&self.state).map_err(|error| Fault::corrupt("the run", error))?;
        std::fs::write(own.folder.join(STATE), text).map_err(no_folder)
    }

    /// Waits until no event is under way any more. `false`: some are still, after this time.
    pub(super) async fn quiet(&self, within: Duration) -> Result<bool, Fault> {
        let inside = self.inside()?;
        let deadline = Instant::now() + within;
        let mut still = 0;
        loop {
            // What a consumer takes may write further events: one quiet look is not the end.
            still = if inside.unfinished().await?.0 == 0 && inside.held().await? == 0 { still + 1 } else { 0 };
            if still == 3 {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            sleep(Duration::from_millis(150)).await;
        }
    }

    pub(super) fn place(&self) -> Where {
        let mut services: BTreeMap<String, String> = self
            .services
            .iter()
            .filter_map(|service| Some((service.name().to_owned(), service.url().ok()?.to_string())))
            .collect();
        if let Some(url) = &self.against {
            services.insert(ALL.to_owned(), url.to_string());
        }
        Where {
            services,
            mailbox: format!("{}api/v2/messages", self.post.show),
            sequencer: self.log.as_ref().map(|log| log.enrolled.url.clone()),
            kafka: self.state.kafka.clone(),
            data: self.own.as_ref().map(|own| own.folder.display().to_string()),
        }
    }

    /// Commands and files that explain what went wrong with an order.
    pub(super) fn what_to_look_at(&self, order: Option<&Value>) -> Vec<String> {
        let Some(own) = &self.own else {
            return vec!["the logs of the services, and `stateset-events explain ORDER` on their databases".to_owned()];
        };
        let order = order.map_or_else(|| "ORDER".to_owned(), plain);
        let logs: Vec<String> = self.services.iter().map(|service| service.log().display().to_string()).collect();
        vec![
            format!("stateset-events {} explain --order {order}", own.databases.of("order", self.scope())),
            format!("stateset-events {} explain --order {order}", own.databases.of("payment", self.scope())),
            format!("{} (kept)", logs.join(", ")),
        ]
    }

    /// Keeps the folder instead of removing it.
    pub(super) fn keep(&mut self) {
        if let Some(folder) = self.own.as_mut().and_then(|own| own.temporary.take()) {
            // It is named in the report.
            drop(folder.keep());
        }
    }

    /// Ends everything in order.
    pub(super) async fn stop(mut self) -> Result<(), Fault> {
        let mut ended = Ok(());
        for service in &mut self.services {
            let one = service.stop().await;
            ended = ended.and(one);
        }
        if let Some(log) = &mut self.log {
            log.stop().await;
        }
        ended
    }
}

/// The name of a process that holds every service.
const ALL: &str = "shop";

/// The folder that was asked for, or a temporary one.
fn folder(wanted: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), Fault> {
    let (folder, temporary) = if let Some(folder) = wanted {
        (folder.to_owned(), None)
    } else {
        let temporary = tempfile::Builder::new().prefix("stateset-demo-").tempdir().map_err(no_folder)?;
        (temporary.path().to_owned(), Some(temporary))
    };
    std::fs::create_dir_all(&folder).map_err(no_folder)?;
    Ok((folder.canonicalize().map_err(no_folder)?, temporary))
}

/// The key of customers' addresses in this folder.
fn subject_keys(folder: &Path) -> Result<Secret, Fault> {
    let keys = kept::secret(&folder.join("subject-keys"), |random| format!("demo={random}")).map_err(no_folder)?;
    Ok(Secret::new(keys))
}

async fn start_log(wish: &Wish, folder: &Path, scope: Scope) -> Result<Option<LogServer>, Fault> {
    let folder = folder.join("sequencer");
    match (&wish.sequencer, beside()) {
        (Some((url, key)), _) => LogServer::given(url, key.clone(), &folder, scope).await.map(Some),
        (None, Some(program)) if !wish.no_sequencer => LogServer::start(program, &folder, scope).await.map(Some),
        (None, _) => Ok(None),
    }
}

/// One process for all, or one for each with a broker between them.
fn services(told: &serve::Told, folder: &Path) -> Result<Vec<Service>, Fault> {
    let program = std::env::current_exe().map_err(|error| Fault::unavailable("this program's own file", error))?;
    let names = if told.kafka.is_some() { SERVICES.to_vec() } else { vec![ALL] };
    let launch = |name: &str| Launch {
        name: name.to_owned(),
        program: program.clone(),
        arguments: told.arguments(if name == ALL { "all" } else { name }),
        variables: told.variables(),
        log: folder.join(format!("{name}.log")),
    };
    Ok(names.into_iter().map(|name| Service::new(launch(name))).collect())
}

/// Whether a broker is there: services that wait for one say nothing.
async fn answers(brokers: &str) -> Result<(), Fault> {
    let first = brokers.split(',').next().unwrap_or_default();
    let fault = |error| {
        let fix = "start one, such as `docker compose up -d kafka`, or leave --kafka out";
        Fault::new(Kind::Unavailable, "BROKER_UNAVAILABLE", format!("no broker answers at {first:.100}"), fix)
            .because(error)
    };
    match timeout(PATIENCE, TcpStream::connect(first)).await {
        Ok(connected) => connected.map(drop).map_err(fault),
        Err(_) => Err(fault(std::io::ErrorKind::TimedOut.into())),
    }
}

/// What an earlier run in this folder noted.
fn known_state(folder: &Path) -> Result<Option<State>, Fault> {
    let path = folder.join(STATE);
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).map_err(no_folder)?;
    let state = serde_json::from_str(&text).map_err(|error| {
        Fault::usage(format!("{} is not a demo's", path.display()), "name an empty folder").because(error)
    })?;
    Ok(Some(state))
}

fn new_run() -> String {
    Uuid::new_v4().simple().to_string().chars().take(8).collect()
}

fn no_folder(error: std::io::Error) -> Fault {
    Fault::usage("the folder of the demo's data cannot be used", "see --data").because(error)
}
