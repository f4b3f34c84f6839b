//! Under what conditions the numbers came about; printed with every table.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use sqlx::Connection;
use stateset_ledger::bytes::{Hash, Signature};
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer as _};
use tokio::time::Instant;

use crate::cells::Engine;
use crate::cpu::thread_time;
use crate::event::{Author, Ids, PAYLOAD_BYTES, Route};
use crate::stage::Postgres;

const SETTINGS: [&str; 12] = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "wal_level",
    "max_wal_size",
    "checkpoint_timeout",
    "shared_buffers",
    "autovacuum",
    "jit",
    "max_connections",
];

/// Names and values, in the order in which they are printed.
pub(crate) type Conditions = Vec<(String, String)>;

/// What holds for every measurement on this machine.
pub(crate) fn of_any(label: &str) -> Conditions {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let folder = std::env::temp_dir();
    vec![
        ("build".to_owned(), label.to_owned()),
        ("program".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("cores, shared by all that is measured".to_owned(), cores.to_string()),
        ("processor".to_owned(), processor()),
        ("kernel".to_owned(), read_line("/proc/sys/kernel/osrelease")),
        ("file system of the databases".to_owned(), file_system(&folder)),
    ]
}

pub(crate) fn of_machine(label: &str, ids: Ids) -> Conditions {
    let author = Author::new(1);
    let mut conditions = of_any(label);
    conditions.extend([
        (
            "event".to_owned(),
            format!(
                "signed {} B, unsigned {} B of JSON, {PAYLOAD_BYTES} B payload, ids {}; made and signed beforehand",
                author.event_bytes(Route::Signed),
                author.event_bytes(Route::Unsigned),
                if ids == Ids::V7 { "UUIDv7" } else { "UUIDv4" }
            ),
        ),
        ("server".to_owned(), "defaults, payload encryption on, RUST_LOG=warn".to_owned()),
        ("bound".to_owned(), "same columns, payload, driver and durability; mean of before and after".to_owned()),
    ]);
    conditions
}

pub(crate) async fn of_postgres(postgres: &Postgres) -> anyhow::Result<(String, String)> {
    let mut connection = postgres.server.connect().await?;
    let mut settings = Vec::new();
    for name in SETTINGS {
        let query = "SELECT current_setting($1)";
        let value: String = sqlx::query_scalar(query).bind(name).fetch_one(&mut connection).await?;
        settings.push(format!("{name}={value}"));
    }
    connection.close().await?;
    Ok(("PostgreSQL".to_owned(), settings.join(" ")))
}

/// Of the machine and of one database under the server, which is started if it is one of its own.
pub(crate) async fn with_engine(label: &str, engine: Engine) -> anyhow::Result<(Conditions, Option<Postgres>)> {
    let postgres = match engine {
        Engine::Postgres => Some(Postgres::start().await?),
        Engine::Sqlite => None,
    };
    let mut conditions = of_machine(label, Ids::V7);
    conditions.push(match &postgres {
        Some(postgres) => of_postgres(postgres).await?,
        None => of_sqlite(),
    });
    Ok((conditions, postgres))
}

pub(crate) fn of_sqlite() -> (String, String) {
    let text = "embedded, WAL, synchronous=FULL, wal_autocheckpoint=20000 for both server and bound";
    ("SQLite".to_owned(), text.to_owned())
}

/// What checking one signature costs this program while all cores do the same, as under load: neighbours that share a
/// core slow each other down. The best of several rounds, because anything else on the machine only adds to it.
pub(crate) fn signature_check_cost() -> Duration {
    const ROUNDS: usize = 10;
    const SIGNATURES: u32 = 500;
    let signer = SeedSigner::new(&[9; 32]);
    let key = PublicKey::new(&signer.public_key()).expect("the key of a seed is a key");
    let signed: Vec<(Hash, Signature)> = (0..SIGNATURES)
        .map(|number| Hash::of(&[&number.to_be_bytes()]))
        .map(|hash| (hash, signer.sign(&hash.0)))
        .collect();
    let round = || {
        let (begun, before) = (Instant::now(), thread_time());
        for (hash, signature) in &signed {
            key.verify(&hash.0, signature).expect("the signature was just made");
        }
        let used = before.zip(thread_time()).map(|(before, after)| after.saturating_sub(before));
        used.filter(|used| !used.is_zero()).unwrap_or_else(|| begun.elapsed()) / SIGNATURES
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(|| (0..ROUNDS).map(|_| round()).min())).collect();
        let times = workers.into_iter().filter_map(|worker| worker.join().ok().flatten());
        times.max().unwrap_or_default()
    })
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

fn read_line(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// A commit on a file system in memory costs nothing, so it must be seen.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut best: Option<(&str, &str)> = None;
    for line in mounts.lines() {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (Some(point), Some(kind)) = (fields.next(), fields.next()) else { continue };
        if folder.starts_with(point) && best.is_none_or(|(longest, _)| point.len() >= longest.len()) {
            best = Some((point, kind));
        }
    }
    best.map_or_else(|| "unknown".to_owned(), |(_, kind)| kind.to_owned())
}
