//! `fsck` sees a change in every table.

use std::path::PathBuf;

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::{Answer, Site, admin};

/// A change, and the tables of which one may be named: what does not fit can often be told from either side.
struct Damage {
    sql: &'static str,
    seen_in: &'static [&'static str],
}

const fn damage(sql: &'static str, seen_in: &'static [&'static str]) -> Damage {
    Damage { sql, seen_in }
}

/// `{32}` and `{64}` are as many zero bytes.
const DAMAGES: &[Damage] = &[
    damage("UPDATE streams SET root = {32} WHERE size > 500", &["streams"]),
    damage("UPDATE streams SET frontier = {64} WHERE size > 500", &["streams"]),
    damage("UPDATE streams SET head_signature = {64} WHERE size = 40", &["streams"]),
    damage("UPDATE streams SET size = size + 1 WHERE size > 500", &["events"]),
    damage("UPDATE streams SET size = size - 1 WHERE size > 500", &["events", "batches", "logged_heads"]),
    damage("UPDATE streams SET last_at = last_at + 1 WHERE size > 500", &["streams"]),
    damage("DELETE FROM streams WHERE size = 40", &["events"]),
    damage("UPDATE events SET entity_id = 'other' WHERE seq = 300", &["events"]),
    damage("UPDATE events SET created_at = '2020-01-01T00:00:00Z' WHERE seq = 3", &["events"]),
    damage("UPDATE events SET payload_hash = {32} WHERE seq = 299", &["events"]),
    damage("UPDATE events SET content_hash = {32} WHERE seq = 299", &["events"]),
    damage("UPDATE events SET seal = {64} WHERE agent_key_id IS NOT NULL AND seq = 5", &["events"]),
    damage("UPDATE events SET receipt_signature = {64} WHERE seq = 12", &["events"]),
    damage("UPDATE events SET sequenced_at = 1 WHERE seq = 500", &["events"]),
    damage("UPDATE events SET agent_key_id = 1 WHERE agent_key_id = 2 AND seq = 2", &["events"]),
    damage("DELETE FROM events WHERE seq = 300", &["events"]),
    damage("DELETE FROM events WHERE seq = 601", &["events"]),
    damage("UPDATE event_payload SET sealed = {64}", &["event_payload"]),
    damage("UPDATE event_payload SET key_id = NULL", &["event_payload", "events"]),
    damage("UPDATE event_payload SET last_seq = last_seq - 1 WHERE last_seq > 100", &["event_payload"]),
    damage("DELETE FROM event_payload WHERE first_seq = 1", &["event_payload", "events", "unknown"]),
    damage("UPDATE stream_tiles SET hashes = (SELECT hashes FROM log_tiles)", &["stream_tiles"]),
    damage("UPDATE stream_tiles SET root = {32}", &["stream_tiles"]),
    damage("DELETE FROM stream_tiles", &["stream_tiles"]),
    damage("UPDATE batches SET merkle_root = {32} WHERE end_seq = 601", &["batches"]),
    damage("UPDATE batches SET state_root = {32} WHERE start_seq = 1", &["batches"]),
    damage("UPDATE batches SET previous_state_root = {64} WHERE start_seq = 1", &["batches", "unknown"]),
    damage("UPDATE batches SET chunk_roots = {64} WHERE start_seq = 1", &["batches"]),
    damage("UPDATE batches SET log_index = 0 WHERE end_seq = 601", &["batches"]),
    damage("DELETE FROM batches WHERE start_seq = 1", &["batches"]),
    damage("DELETE FROM batches WHERE end_seq = 601", &["batches"]),
    damage("UPDATE agent_keys SET public_key = {32} WHERE key_id = 1", &["agent_keys", "events"]),
    damage("UPDATE agent_keys SET valid_to = 5 WHERE key_id = 1", &["agent_keys"]),
    damage("UPDATE agent_keys SET revoked_at = NULL WHERE key_id = 2", &["agent_keys"]),
    damage("UPDATE agent_keys SET revoked_at = 5 WHERE key_id = 1", &["agent_keys"]),
    damage("DELETE FROM agent_keys WHERE key_id = 2", &["agent_keys"]),
    damage("UPDATE cursors SET acknowledged = 1000", &["cursors"]),
    damage("DELETE FROM sequencer_keys", &["checkpoints"]),
    damage("UPDATE log_state SET frontier = {64}", &["log_state", "unknown"]),
    damage("UPDATE log_state SET blinding_key = {32}", &["log_tiles", "checkpoints"]),
    damage("UPDATE log_records SET record = {64} WHERE log_index = 7", &["log_records"]),
    damage("UPDATE log_records SET stream_no = stream_no + 1 WHERE log_index = 7", &["log_records"]),
    damage("DELETE FROM log_records WHERE log_index = 7", &["log_records"]),
    damage("UPDATE logged_heads SET size = size - 1 WHERE size > 500", &["logged_heads"]),
    damage("DELETE FROM logged_heads WHERE size > 500", &["logged_heads"]),
    damage(
        "UPDATE log_tiles SET hashes = (SELECT hashes FROM stream_tiles WHERE level = 0 ORDER BY stream_no LIMIT 1)",
        &["log_tiles"],
    ),
    damage("DELETE FROM log_tiles", &["log_tiles"]),
    damage("UPDATE checkpoints SET note = upper(note)", &["checkpoints"]),
    damage("DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)", &["checkpoints"]),
    damage("UPDATE checkpoints SET note = (SELECT max(note) FROM checkpoints) WHERE size < 200", &["checkpoints"]),
];

/// Every table with rows, so that a new one is not forgotten here.
const TABLES: [&str; 13] = [
    "agent_keys",
    "batches",
    "checkpoints",
    "cursors",
    "event_payload",
    "events",
    "log_records",
    "log_state",
    "log_tiles",
    "logged_heads",
    "sequencer_keys",
    "stream_tiles",
    "streams",
];

fn judge(damage: &Damage, answer: &Answer) -> Result<(), String> {
    let finding = &answer.json["findings"][0];
    let table = finding["table"].as_str().unwrap_or("nothing");
    if answer.code == Some(3) && damage.seen_in.contains(&table) {
        return Ok(());
    }
    Err(format!("{}: status {:?}, {finding} {}", damage.sql, answer.code, answer.error))
}

#[test]
fn every_table_is_damaged() {
    for table in TABLES {
        let words = [format!("UPDATE {table} "), format!("DELETE FROM {table}")];
        assert!(DAMAGES.iter().any(|damage| words.iter().any(|word| damage.sql.starts_with(word))), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_seen_on_sqlite() -> anyhow::Result<()> {
    let mut site = Site::embedded().await?;
    site.fill().await?;
    site.server.terminate(std::time::Duration::from_secs(20)).await?;
    let clean = site.admin(&["fsck", "--json"]).await?;
    assert_eq!(clean.code, Some(0), "{} {}", clean.out, clean.error);
    let data = site.server.folder().join("stateset-data");
    let mut missed = Vec::new();
    for damage in DAMAGES {
        let copy = tempfile::tempdir()?;
        for name in ["sequencer.db", "payload.key"] {
            std::fs::copy(data.join(name), copy.path().join(name))?;
        }
        let file = copy.path().join("sequencer.db");
        let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await?;
        let sql = damage.sql.replace("{32}", "zeroblob(32)").replace("{64}", "zeroblob(64)");
        run_sqlite(&mut connection, &sql).await.map_err(|fault| anyhow::anyhow!("{sql}: {fault:#}"))?;
        connection.close().await?;
        let variables = [("STATESET_DATA_DIR".to_owned(), copy.path().display().to_string())];
        missed.extend(judge(damage, &admin(&variables, &["fsck", "--json"], copy.path()).await?).err());
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    Ok(())
}

async fn run_sqlite(connection: &mut SqliteConnection, sql: &str) -> anyhow::Result<()> {
    let triggers: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetch_all(&mut *connection).await?;
    for trigger in triggers {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&mut *connection).await?;
    }
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await?;
    anyhow::ensure!(done.rows_affected() > 0, "nothing was damaged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_seen_on_postgres() -> anyhow::Result<()> {
    let mut site = Site::postgres().await?;
    site.fill().await?;
    site.server.terminate(std::time::Duration::from_secs(20)).await?;
    let clean = site.admin(&["fsck", "--json"]).await?;
    assert_eq!(clean.code, Some(0), "{} {}", clean.out, clean.error);
    let postgres = stateset_testkit::postgres::shared().await?;
    let database = site.database.as_ref().context("a database")?;
    let mut missed = Vec::new();
    for damage in DAMAGES {
        let copy = postgres.copy_database("damaged", database).await?;
        let mut connection = copy.connect().await?;
        let sql = damage
            .sql
            .replace("{32}", "decode(repeat('00', 32), 'hex')")
            .replace("{64}", "decode(repeat('00', 64), 'hex')");
        run_postgres(&mut connection, &sql).await.map_err(|fault| anyhow::anyhow!("{sql}: {fault:#}"))?;
        connection.close().await?;
        let mut variables = site.variables.clone();
        variables.retain(|(name, _)| name != "DATABASE_URL");
        variables.push(("DATABASE_URL".to_owned(), copy.url().to_owned()));
        let folder = PathBuf::from(site.server.folder());
        missed.extend(judge(damage, &admin(&variables, &["fsck", "--json"], &folder).await?).err());
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    Ok(())
}

async fn run_postgres(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut *connection).await?;
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await?;
    anyhow::ensure!(done.rows_affected() > 0, "nothing was damaged");
    Ok(())
}
