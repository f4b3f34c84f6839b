//! Puts the parts together, serves, and stops without losing anything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use stateset_ledger::signature::Signer as _;
use stateset_store::postgres::{Isolation, PostgresStore};
use stateset_store::sqlite::SqliteStore;
use stateset_store::{Store, StoreError};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent_keys::KeyCache;
use crate::append::{Flusher, FlusherParts};
use crate::clock::{Clock, SystemClock, random};
use crate::config::{Config, Database};
use crate::connection::Acceptor;
use crate::edge::Edge;
use crate::identity::jwks::KeySet;
use crate::identity::token::Tokens;
use crate::identity::{Access, Identity};
use crate::log_tiles::LogTiles;
use crate::metrics::Metrics;
use crate::schemas::Registry;
use crate::service::Service;
use crate::signing::SequencerKey;
use crate::startup::{DATABASE_FILE, DataDir, Secrets, secrets};
use crate::tile_cache::TileCache;

/// Readers on the embedded database; each is a thread.
const SQLITE_READERS: u32 = 4;
/// Pause between attempts to reach the database at start.
const DATABASE_RETRY: Duration = Duration::from_millis(500);
/// Tasks get this long after the last request.
const TASK_GRACE: Duration = Duration::from_secs(3);

/// Runs the server until it is told to stop.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let data_dir = DataDir::lock(&config.data_dir)?;
    let secrets = secrets(&config, &data_dir.path)?;
    let tls = config.tls.as_ref().map(crate::tls::acceptor).transpose()?;
    let listener = listen(SocketAddr::new(config.host, config.port))
        .with_context(|| format!("cannot listen on {}:{}; is another server running?", config.host, config.port))?;
    let Some((store, embedded)) = open_store(&config, &data_dir, &stop).await? else { return Ok(()) };
    let tracker = TaskTracker::new();
    let (service, flusher) = assemble(&config, &secrets, store).await?;
    let service = Arc::new(service);
    let flushing = tracker.spawn(flusher.run());
    crate::tasks::spawn(&tracker, &service, &config, &data_dir, &stop).await?;
    if let Some(embedded) = &embedded {
        tracker.spawn(crate::tasks::checkpoint_often(Arc::clone(embedded), stop.clone()));
    }
    announce(&config, &secrets, &listener)?;
    invite(&config, &secrets, &service, &listener)?;
    let acceptor = Acceptor {
        metrics: Arc::clone(&service.metrics),
        router: crate::http::router(&service, config.request_timeout, stop.clone()),
        limit: config.max_connections,
        tls,
    };
    acceptor.run(listener, &tracker, &stop).await;
    tracker.close();
    if tokio::time::timeout(TASK_GRACE, tracker.wait()).await.is_err() {
        tracing::warn!("some tasks did not finish in time");
    }
    drop(flushing);
    if let Some(embedded) = embedded {
        // So that a copy of the database file alone is a whole copy.
        crate::tasks::checkpoint(&embedded).await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Connections the kernel keeps for us while we are busy; it may allow fewer (`net.core.somaxconn`). With a short queue the
/// ends of a burst wait seconds for their first answer.
const BACKLOG: u32 = 4_096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the connections of the process before.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A store, and once more by its own type if it is the embedded one, which wants looking after.
type Opened = (Arc<dyn Store>, Option<Arc<SqliteStore>>);

/// Opens and migrates the store. A PostgreSQL that is not there yet is waited for; `None` if told to stop meanwhile.
async fn open_store(config: &Config, data_dir: &DataDir, stop: &CancellationToken) -> anyhow::Result<Option<Opened>> {
    match &config.database {
        Database::Embedded => {
            let store = SqliteStore::open(&data_dir.path.join(DATABASE_FILE), SQLITE_READERS).await.map_err(explain)?;
            if config.migrate_on_startup {
                store.migrate().await.map_err(explain)?;
            }
            store.ping().await.map_err(explain)?;
            let store = Arc::new(store);
            Ok(Some((Arc::clone(&store) as Arc<dyn Store>, Some(store))))
        },
        Database::Postgres(url) => {
            let store = PostgresStore::new(url, config.max_db_connections).map_err(explain)?;
            loop {
                let ready = async {
                    if config.migrate_on_startup {
                        store.migrate().await?;
                    }
                    store.ping().await
                };
                match ready.await {
                    Ok(()) => {
                        say_isolation(&store).await?;
                        return Ok(Some((Arc::new(store), None)));
                    },
                    Err(StoreError::Unavailable(cause)) => {
                        tracing::warn!(%cause, "the database is not available; waiting for it");
                    },
                    Err(other) => return Err(explain(other)),
                }
                tokio::select! {
                    () = stop.cancelled() => return Ok(None),
                    () = tokio::time::sleep(DATABASE_RETRY) => {},
                }
            }
        },
    }
}

/// The sentence that matters is the cause's.
fn explain(error: StoreError) -> anyhow::Error {
    anyhow::Error::new(error)
}

async fn assemble(config: &Config, secrets: &Secrets, store: Arc<dyn Store>) -> anyhow::Result<(Service, Flusher)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let key = SequencerKey::from_seed(&secrets.signing_seed)?;
    let number = store.register_sequencer_key(key.public_key(), clock.now()).await.map_err(explain)?;
    let signer = Arc::new(key.numbered(number));
    let keyring = Arc::new(secrets.keyring());
    let keys = Arc::new(KeyCache::default());
    let grown = Arc::new(Notify::new());
    let log = store.log_state(random()).await.map_err(explain)?;
    let metrics = Arc::new(Metrics::default());
    let (appender, flusher) = Flusher::new(FlusherParts {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        signer: Arc::clone(&signer),
        keyring: Arc::clone(&keyring),
        keys: Arc::clone(&keys),
        unsigned_allowed: config.unsigned_allowed,
        grown: Arc::clone(&grown),
        metrics: Arc::clone(&metrics),
    });
    let sequencer_id = config.sequencer_id.clone().unwrap_or_else(|| const_hex::encode(&signer.public_key().0[..8]));
    let service = Service {
        stream_tiles: TileCache::default(),
        log_tiles: LogTiles::new(Arc::clone(&store), log.blinding_key),
        store,
        appender,
        keys,
        keyring,
        signer,
        clock,
        sequencer_id: sequencer_id.into(),
        log_origin: config.log_origin.clone(),
        limits: config.limits,
        identity: Identity::new(&secrets.access, tokens(config)?),
        possession_proof_required: config.possession_proof_required,
        public_log: config.public_log,
        blinding_key: log.blinding_key,
        grown,
        published: Arc::new(Notify::new()),
        log_wanted: Arc::new(Notify::new()),
        metrics,
        schemas: Registry::new(config.schema_mode),
        edge: Arc::new(Edge::new(config.edge.clone())),
        sessions: Arc::default(),
    };
    Ok((service, flusher))
}

/// Says where the database keeps tenants apart less than it could.
async fn say_isolation(store: &PostgresStore) -> anyhow::Result<()> {
    match store.isolation().await.map_err(explain)? {
        Isolation::Role => {},
        Isolation::Setting => tracing::info!(
            "there is no role stateset_api for this database login; row security holds by the tables' owner's own \
             policies (docs/guide/operate.md, \"Roles\")"
        ),
        Isolation::None => tracing::warn!(
            "the database login bypasses row security and there is no role stateset_api: only the server keeps tenants \
             apart (docs/guide/operate.md, \"Roles\")"
        ),
    }
    Ok(())
}

/// What tokens are checked with, if they are taken.
fn tokens(config: &Config) -> anyhow::Result<Option<Tokens>> {
    let Some(settings) = &config.tokens else { return Ok(None) };
    let keys = settings.keys.clone().map(KeySet::new).transpose().context("JWT_JWKS_URL cannot be fetched")?;
    Ok(Some(Tokens::new(&settings.issuer, &settings.audience, settings.secret.as_deref(), keys)))
}

/// On the embedded database, shows whoever started the server a link into the dashboard that works once: there the key is in
/// a file, and the person at the terminal is its owner.
fn invite(config: &Config, secrets: &Secrets, service: &Service, listener: &TcpListener) -> anyhow::Result<()> {
    let (scheme, address) = (if config.tls.is_some() { "https" } else { "http" }, listener.local_addr()?);
    let base = format!("{scheme}://{address}{}", crate::http::dashboard::BASE);
    match &secrets.access {
        Access::Key(key) if config.database == Database::Embedded && config.bootstrap_key.is_none() => {
            let link = service.sessions.link(key);
            tracing::info!("dashboard, for one browser within 15 minutes: {base}{}", link.path());
        },
        Access::Open | Access::Key(_) | Access::Minted => tracing::info!("dashboard: {base}"),
    }
    Ok(())
}

/// Tells a person where the server is and how to call it; the first line is for programs that wait for it.
fn announce(config: &Config, secrets: &Secrets, listener: &TcpListener) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    for path in &secrets.created {
        tracing::info!(path = %path.display(), "created a key; keep a copy, it is needed to read this log again");
    }
    if matches!(secrets.access, Access::Open) {
        tracing::warn!("AUTH_MODE is disabled: everybody who reaches this address may do everything");
        if !config.host.is_loopback() {
            tracing::error!("ALLOW_AUTH_DISABLED: {address} is not loopback, and NOTHING here asks who calls");
        }
    }
    if config.bootstrap_key.as_ref().is_some_and(|key| key.len() < 24) && !config.host.is_loopback() {
        tracing::warn!("BOOTSTRAP_ADMIN_API_KEY is short and HOST is not loopback; use a long random text");
    }
    if config.bootstrap_key.is_none() && matches!(secrets.access, Access::Key(_)) {
        let path = config.data_dir.join("admin.key");
        tracing::info!(
            "call it: curl -H \"Authorization: ApiKey $(cat {})\" \"http://{address}/api/v1/head?tenant_id=<uuid>&store_id=<uuid>\"",
            path.display()
        );
    }
    tracing::info!(%address, tls = config.tls.is_some(), "listening");
    Ok(())
}
