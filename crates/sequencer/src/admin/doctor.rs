//! Looks at everything a server needs before it starts, and reports all that is wrong at once, each with what to do.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use stateset_ledger::id::Micros;
use stateset_ledger::signature::Signer as _;
use stateset_store::StoreError;
use stateset_store::maintenance::Maintenance;

use super::site::Site;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, ConfigFaults, Database, EncryptionMode};
use crate::keyring::Keyring;
use crate::signing::SequencerKey;

/// Oldest PostgreSQL that is tested.
const POSTGRES: u32 = 15;
/// Clocks that differ by more than this are worth a word; by more than the second, a fault: times in receipts come from here.
const CLOCK_WARN_MICROS: i64 = 1_000_000;
const CLOCK_FAULT_MICROS: i64 = 60_000_000;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// The server starts, but look at it.
    Warning,
    /// The server does not start, or does not work.
    Fault,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub subject: &'static str,
    /// How it is.
    pub state: State,
    /// What was seen.
    pub detail: String,
    /// What to do; empty if nothing.
    pub fix: String,
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, subject: &'static str, detail: impl Into<String>) {
        self.0.push(Finding { subject, state: State::Ok, detail: detail.into(), fix: String::new() });
    }

    fn warn(&mut self, subject: &'static str, detail: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { subject, state: State::Warning, detail: detail.into(), fix: fix.into() });
    }

    fn fault(&mut self, subject: &'static str, detail: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { subject, state: State::Fault, detail: detail.into(), fix: fix.into() });
    }
}

/// Looks at configuration, data directory, database, migrations, keys, clock and port. `faults` are those of the complete
/// configuration; `config` is as much of it as could be read.
pub async fn examine(config: &Config, faults: &ConfigFaults) -> Vec<Finding> {
    let mut findings = Findings::default();
    if faults.iter().next().is_none() {
        findings.ok("configuration", "every variable is understood");
    }
    for (name, fault) in faults.iter() {
        findings.fault("configuration", format!("{name} {fault}"), format!("correct {name}"));
    }
    data_directory(config, &mut findings);
    // A URL that was not understood reads as none, which is another database.
    if faults.iter().all(|(name, _)| name != "DATABASE_URL") {
        database(config, &mut findings).await;
    }
    port(config, &mut findings);
    findings.0
}

fn data_directory(config: &Config, findings: &mut Findings) {
    const SUBJECT: &str = "data directory";
    let path = &config.data_dir;
    if !path.exists() {
        return findings.ok(SUBJECT, format!("{} will be created by the first start", path.display()));
    }
    let probe = path.join("doctor.probe");
    match std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => findings.ok(SUBJECT, format!("{} can be written", path.display())),
        Err(error) => findings.fault(
            SUBJECT,
            format!("{} cannot be written: {error}", path.display()),
            "give it to the user the server runs as, or set STATESET_DATA_DIR",
        ),
    }
    for name in ["signing.key", "payload.key", "admin.key"] {
        private(&path.join(name), findings);
    }
}

/// Keys are their owner's alone.
fn private(path: &Path, findings: &mut Findings) {
    #[cfg(unix)]
    if let Ok(file) = path.metadata() {
        use std::os::unix::fs::PermissionsExt as _;
        if file.permissions().mode() & 0o077 != 0 {
            let name = path.display();
            findings.warn("keys", format!("{name} can be read by others"), format!("chmod 600 {name}"));
        }
    }
    #[cfg(not(unix))]
    let _ = (path, findings);
}

async fn database(config: &Config, findings: &mut Findings) {
    const SUBJECT: &str = "database";
    let site = match Site::open(config).await {
        Ok(site) => site,
        Err(error) if config.database == Database::Embedded => {
            return findings.warn(SUBJECT, format!("{error:#}"), "start the server once, or run `migrate`");
        },
        Err(error) => return findings.fault(SUBJECT, format!("{error:#}"), "correct DATABASE_URL"),
    };
    let store = site.store();
    let facts = match store.engine_facts().await {
        Ok(facts) => facts,
        Err(error) => {
            let fix = "start the database, and see that host, port, name and password in DATABASE_URL are right";
            return findings.fault(SUBJECT, cause(&error), fix);
        },
    };
    match postgres_version(&facts.version) {
        Some(version) if version < POSTGRES => {
            findings.fault(
                SUBJECT,
                format!("is PostgreSQL {version}"),
                format!("PostgreSQL {POSTGRES} or later is needed"),
            );
        },
        _ => findings.ok(SUBJECT, facts.version.clone()),
    }
    match facts.durability.split_once('/') {
        Some(("off", _)) => {
            findings.fault("durability", "fsync is off: answers promise what a power cut takes away", "set fsync = on");
        },
        _ => findings.ok("durability", format!("fsync and synchronous_commit are {}", facts.durability)),
    }
    clock(facts.now, findings);
    if migrations(store.as_ref(), findings).await {
        keys(config, &site.keyring, store.as_ref(), findings).await;
        log(config, store.as_ref(), findings).await;
    }
}

fn cause(error: &StoreError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}

fn postgres_version(text: &str) -> Option<u32> {
    text.strip_prefix("PostgreSQL ")?.split(['.', ' ', 'b', 'r']).next()?.parse().ok()
}

fn clock(database: Micros, findings: &mut Findings) {
    let apart = (SystemClock.now().0 - database.0).abs();
    let detail = format!(
        "this machine and the database differ by {:.1} s",
        Duration::from_micros(apart.unsigned_abs()).as_secs_f64()
    );
    if apart > CLOCK_FAULT_MICROS {
        findings.fault("clock", detail, "synchronise both (NTP)");
    } else if apart > CLOCK_WARN_MICROS {
        findings.warn("clock", detail, "synchronise both (NTP)");
    } else {
        findings.ok("clock", detail);
    }
}

/// Whether the schema is this program's.
async fn migrations(store: &dyn Maintenance, findings: &mut Findings) -> bool {
    const SUBJECT: &str = "migrations";
    let own = store.own_migrations();
    match store.applied_migrations().await {
        Ok(applied) if applied == own => findings.ok(SUBJECT, format!("{applied:?}")),
        Ok(applied) if own.starts_with(&applied) => {
            let detail = format!("the database has {applied:?}, this program {own:?}");
            findings.warn(
                SUBJECT,
                detail,
                "run `stateset-sequencer-admin migrate`; a start does it too, unless switched off",
            );
            return false;
        },
        Ok(applied) => {
            let detail =
                format!("the database has {applied:?}, this program {own:?}: a newer program has been at work");
            findings.fault(SUBJECT, detail, "use the newer program");
            return false;
        },
        Err(error) => {
            findings.fault(SUBJECT, cause(&error), "see that the role may read the schema");
            return false;
        },
    }
    true
}

async fn keys(config: &Config, keyring: &Keyring, store: &dyn Maintenance, findings: &mut Findings) {
    const SUBJECT: &str = "keys";
    if let Some(seed) = &config.signing_seed {
        let known = store.sequencer_keys().await;
        match (SequencerKey::from_seed(seed), known) {
            (Err(fault), _) => findings.fault(SUBJECT, fault.to_string(), "set VES_SEQUENCER_SIGNING_KEY"),
            (Ok(key), Ok(known)) => {
                let public = key.public_key();
                match known.iter().find(|(_, bytes, _)| *bytes == public) {
                    Some((number, ..)) => findings.ok(SUBJECT, format!("the signing key is number {number}")),
                    None if known.is_empty() => findings.ok(SUBJECT, "the signing key will be number 1"),
                    None => findings.warn(
                        SUBJECT,
                        format!("the signing key is new to this database, which knows {}", known.len()),
                        "nothing, if you have rotated it; else find the old one",
                    ),
                }
            },
            (Ok(_), Err(error)) => findings.fault(SUBJECT, cause(&error), "see the database"),
        }
    }
    let uses = match store.key_uses().await {
        Ok(uses) => uses,
        Err(error) => return findings.fault(SUBJECT, cause(&error), "see the database"),
    };
    let mut clear = 0;
    for usage in &uses {
        match usage.key_id {
            None => clear += usage.events,
            Some(id) if !keyring.holds(usage.tenant, id) => findings.fault(
                SUBJECT,
                format!(
                    "{} payloads of tenant {} are sealed under key {}",
                    usage.events,
                    usage.tenant,
                    const_hex::encode(id)
                ),
                "add that key to PAYLOAD_ENCRYPTION_KEYS or the tenant's ring; without it they cannot be read",
            ),
            Some(_) => {},
        }
    }
    if clear > 0 && config.encryption == EncryptionMode::Required {
        let fix = "run `stateset-sequencer-admin reencrypt-events --apply`";
        findings.warn(SUBJECT, format!("{clear} payloads are stored in the clear"), fix);
    }
    findings.ok(SUBJECT, format!("{} payload keys are configured, {} are in use", keyring.ids().len(), uses.len()));
}

/// The data directory's checkpoint is not ahead of the log.
async fn log(config: &Config, store: &dyn Maintenance, findings: &mut Findings) {
    const SUBJECT: &str = "head log";
    let size = match store.head_log().await {
        Ok(state) => state.map_or(0, |state| state.frontier.size()),
        Err(error) => return findings.fault(SUBJECT, cause(&error), "run `stateset-sequencer-admin fsck`"),
    };
    let note = std::fs::read_to_string(config.data_dir.join("checkpoint")).unwrap_or_default();
    let published = note.lines().nth(1).and_then(|line| line.parse::<u64>().ok()).unwrap_or(0);
    if published > size {
        let detail = format!("the database's log has {size} entries, {published} have been published");
        findings.fault(SUBJECT, detail, "restore the newer database; see docs/guide/operate.md, Restore");
    } else {
        findings.ok(SUBJECT, format!("{size} entries"));
    }
}

fn port(config: &Config, findings: &mut Findings) {
    const SUBJECT: &str = "port";
    let address = format!("{}:{}", config.host, config.port);
    match TcpListener::bind((config.host, config.port)) {
        Ok(_) => findings.ok(SUBJECT, format!("{address} is free")),
        Err(error) => findings.warn(
            SUBJECT,
            format!("{address}: {error}"),
            "nothing, if the server is running; else stop what listens there, or set PORT",
        ),
    }
}
