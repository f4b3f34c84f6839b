//! The connector's own tables: in the schema `connector` on PostgreSQL, with that prefix on `SQLite`. Statements are files
//! under `sql/`, one per engine and the same name; what is done with them is written once.

use sqlx::{Postgres, Sqlite, Transaction};
use stateset_contracts::instant::Instant;
use stateset_outbox::{Engine, Outbox, Scope};
use uuid::Uuid;

use crate::plan::Known;

/// Where a thing of a shop is in the tables.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub scope: Scope,
    pub connector: &'a str,
    pub shop: &'a str,
    pub kind: &'a str,
    pub id: &'a str,
}

/// A price as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRow {
    /// In the currency's smallest unit.
    pub price_cents: i64,
    /// ISO 4217.
    pub currency: String,
}

/// An engine that the tables are on. Sealed: a bound for callers, the verbs are ours.
pub trait Tables: Verbs {}

type Sql<T> = Result<T, sqlx::Error>;

pub trait Verbs: Engine {
    /// Creates what is missing.
    fn create(tx: &mut Transaction<'_, Self>) -> impl Future<Output = Sql<()>> + Send;
    /// What is known of a thing, which nobody else changes until the end of the transaction.
    fn lock(tx: &mut Transaction<'_, Self>, place: Place<'_>) -> impl Future<Output = Sql<Known>> + Send;
    fn set(
        tx: &mut Transaction<'_, Self>,
        place: Place<'_>,
        at: i64,
        amount: Option<i64>,
    ) -> impl Future<Output = Sql<()>> + Send;
    /// The stock keeping unit of an item.
    fn label(
        tx: &mut Transaction<'_, Self>,
        place: Place<'_>,
        item: &str,
    ) -> impl Future<Output = Sql<Option<String>>> + Send;
    fn set_label(
        tx: &mut Transaction<'_, Self>,
        place: Place<'_>,
        item: &str,
        label: &str,
    ) -> impl Future<Output = Sql<()>> + Send;
    /// A price, which nobody else changes until the end of the transaction if it is there.
    fn price(
        tx: &mut Transaction<'_, Self>,
        scope: Scope,
        product: i64,
    ) -> impl Future<Output = Sql<Option<PriceRow>>> + Send;
    fn set_price(
        tx: &mut Transaction<'_, Self>,
        scope: Scope,
        product: i64,
        price: &PriceRow,
        by: Uuid,
    ) -> impl Future<Output = Sql<()>> + Send;
}

macro_rules! tables {
    ($engine:ty, $folder:literal, $lock:literal) => {
        impl Tables for $engine {}

        impl Verbs for $engine {
            async fn create(tx: &mut Transaction<'_, Self>) -> Result<(), sqlx::Error> {
                sqlx::raw_sql($lock).execute(&mut **tx).await?;
                let sql = include_str!(concat!("../migrations/", $folder, "/0001_connector.sql"));
                sqlx::raw_sql(sql).execute(&mut **tx).await?;
                Ok(())
            }

            async fn lock(tx: &mut Transaction<'_, Self>, place: Place<'_>) -> Result<Known, sqlx::Error> {
                let Place { scope, connector, shop, kind, id } = place;
                sqlx::query(include_str!(concat!("../sql/", $folder, "/resource_add.sql")))
                    .bind(scope.tenant)
                    .bind(scope.store)
                    .bind(connector)
                    .bind(shop)
                    .bind(kind)
                    .bind(id)
                    .execute(&mut **tx)
                    .await?;
                let (at, amount): (Option<i64>, Option<i64>) =
                    sqlx::query_as(include_str!(concat!("../sql/", $folder, "/resource_lock.sql")))
                        .bind(scope.tenant)
                        .bind(scope.store)
                        .bind(connector)
                        .bind(shop)
                        .bind(kind)
                        .bind(id)
                        .fetch_one(&mut **tx)
                        .await?;
                Ok(Known { at: at.map(Instant::from_unix_micros), amount, label: None })
            }

            async fn set(
                tx: &mut Transaction<'_, Self>,
                place: Place<'_>,
                at: i64,
                amount: Option<i64>,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(include_str!(concat!("../sql/", $folder, "/resource_set.sql")))
                    .bind(place.scope.tenant)
                    .bind(place.scope.store)
                    .bind(place.connector)
                    .bind(place.shop)
                    .bind(place.kind)
                    .bind(place.id)
                    .bind(at)
                    .bind(amount)
                    .execute(&mut **tx)
                    .await?;
                Ok(())
            }

            async fn label(
                tx: &mut Transaction<'_, Self>,
                place: Place<'_>,
                item: &str,
            ) -> Result<Option<String>, sqlx::Error> {
                let found: Option<Option<String>> =
                    sqlx::query_scalar(include_str!(concat!("../sql/", $folder, "/label.sql")))
                        .bind(place.scope.tenant)
                        .bind(place.scope.store)
                        .bind(place.connector)
                        .bind(place.shop)
                        .bind(item)
                        .fetch_optional(&mut **tx)
                        .await?;
                Ok(found.flatten())
            }

            async fn set_label(
                tx: &mut Transaction<'_, Self>,
                place: Place<'_>,
                item: &str,
                label: &str,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(include_str!(concat!("../sql/", $folder, "/label_set.sql")))
                    .bind(place.scope.tenant)
                    .bind(place.scope.store)
                    .bind(place.connector)
                    .bind(place.shop)
                    .bind(item)
                    .bind(label)
                    .execute(&mut **tx)
                    .await?;
                Ok(())
            }

            async fn price(
                tx: &mut Transaction<'_, Self>,
                scope: Scope,
                product: i64,
            ) -> Result<Option<PriceRow>, sqlx::Error> {
                let found: Option<(i64, String)> =
                    sqlx::query_as(include_str!(concat!("../sql/", $folder, "/price_lock.sql")))
                        .bind(scope.tenant)
                        .bind(scope.store)
                        .bind(product)
                        .fetch_optional(&mut **tx)
                        .await?;
                Ok(found.map(|(price_cents, currency)| PriceRow { price_cents, currency }))
            }

            async fn set_price(
                tx: &mut Transaction<'_, Self>,
                scope: Scope,
                product: i64,
                price: &PriceRow,
                by: Uuid,
            ) -> Result<(), sqlx::Error> {
                sqlx::query(include_str!(concat!("../sql/", $folder, "/price_set.sql")))
                    .bind(scope.tenant)
                    .bind(scope.store)
                    .bind(product)
                    .bind(price.price_cents)
                    .bind(&price.currency)
                    .bind(by)
                    .execute(&mut **tx)
                    .await?;
                Ok(())
            }
        }
    };
}

// Processes that start at once create one after the other; a file has one writer anyway.
tables!(Postgres, "postgres", "SELECT pg_advisory_xact_lock(hashtextextended('stateset-connector', 0))");
tables!(Sqlite, "sqlite", "SELECT 1");

/// Creates the connector's tables where they are missing, beside those of the outbox. Safe when several processes do it at
/// once.
pub async fn migrate<DB: Tables>(outbox: &Outbox<DB>) -> Result<(), sqlx::Error> {
    let mut tx = outbox.begin().await?;
    DB::create(&mut tx).await?;
    tx.commit().await
}
