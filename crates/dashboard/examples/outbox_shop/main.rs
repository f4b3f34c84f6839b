//! Fills an empty outbox with a shop's day: orders whose deliveries are in every state, parked lanes, dead letters, keys,
//! jobs, what others could write to do harm, and another tenant's order. Prints the ids that a test of the pages needs.
//!
//! `cargo run -p stateset-dashboard --example outbox_shop -- sqlite:shop.db`, then `stateset-events dashboard`.

mod deliveries;
mod desk;
mod orders;

use std::error::Error;
use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use stateset_outbox::{Engine, EventId, Outbox, Scope};
use uuid::Uuid;

type Done<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the ids are what this prints, and it stops then")]
async fn main() -> Done<()> {
    let url = std::env::args().nth(1).ok_or("name a database: sqlite:FILE or postgres://…")?;
    let ids = if let Some(path) = url.strip_prefix("sqlite:") {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Wal).busy_timeout(Duration::from_secs(20));
        fill(&Outbox::new(SqlitePoolOptions::new().max_connections(4).connect_with(options).await?)).await?
    } else {
        fill(&Outbox::new(PgPool::connect(&url).await?)).await?
    };
    println!("{ids}");
    Ok(())
}

async fn fill<DB: Engine>(outbox: &Outbox<DB>) -> Done<serde_json::Value> {
    outbox.migrate().await?;
    let places = deliveries::Places::register(outbox).await?;
    let written = orders::write(outbox).await?;
    places.settle(outbox).await?;
    let late = orders::write_late(outbox).await?;
    places.publish_some(outbox).await?;
    desk::keys(outbox).await?;
    let jobs = desk::jobs(outbox).await?;

    let stranger = outbox.for_scope(Scope { tenant: Uuid::from_u128(0xA), store: Uuid::from_u128(0xB) });
    let foreign = orders::of_a_stranger(&stranger).await?;
    let shown = |id: Uuid| EventId(id).display();
    Ok(json!({
        "refused": shown(written.refused), "retried": shown(written.retried), "delivered": shown(written.delivered),
        "hostile": shown(written.hostile), "large": shown(written.large), "late": shown(late), "foreign": shown(foreign),
        "jobs": jobs,
    }))
}
