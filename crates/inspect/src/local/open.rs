//! Opening an outbox database, for reading or for writing.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Postgres, Sqlite};
use stateset_outbox::delivery::DeliveryStore;
use stateset_outbox::{MigrationState, Outbox, Schema, Scope};

use super::{DATABASE, Local};
use crate::fault::{Fault, Kind};
use crate::surface::{Inspect, SourceKind};

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// The database itself refuses any change: a `SQLite` file is opened read-only, a PostgreSQL session is.
    Read,
    /// Changes are possible.
    Write,
    /// The same, and a file that is not there is made.
    Create,
}

/// Where and how.
#[derive(Clone, Debug)]
pub struct OpenSettings {
    /// `sqlite:path` or `postgres://…`.
    pub url: String,
    /// PostgreSQL schema of the tables.
    pub schema: Schema,
    /// Whose events.
    pub scope: Scope,
    /// What the connection may do.
    pub mode: OpenMode,
    /// How long to wait for a connection.
    pub timeout: Duration,
    /// Most connections.
    pub connections: u32,
}

/// An open outbox database.
#[derive(Clone)]
pub enum Database {
    /// A file.
    Sqlite(Outbox<Sqlite>, String),
    /// A server.
    Postgres(Outbox<Postgres>, String),
}

impl Database {
    /// Opens it.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, `DATABASE_NOT_FOUND`, `DATABASE_REFUSED`, `SOURCE_UNAVAILABLE`.
    pub async fn open(settings: &OpenSettings) -> Result<Self, Fault> {
        let url = settings.url.as_str();
        if url.starts_with("sqlite:") {
            return Self::open_file(settings).await;
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Self::open_server(settings).await;
        }
        // The URL may hold a password: it is not repeated.
        Err(Fault::usage("the database is neither sqlite:… nor postgres://…", "such as sqlite:shop.db or postgres://user@host/shop"))
    }

    async fn open_file(settings: &OpenSettings) -> Result<Self, Fault> {
        let options = SqliteConnectOptions::from_str(&settings.url).map_err(|error| {
            Fault::usage("the database is no URL of a file", "such as sqlite:shop.db or sqlite:///var/lib/shop.db").because(error)
        })?;
        let place = options.get_filename().display().to_string();
        let create = settings.mode == OpenMode::Create;
        if !create && !options.get_filename().exists() {
            let fix = "check the path; `stateset-events migrate --apply` makes a new outbox there";
            return Err(Fault::new(Kind::NotFound, "DATABASE_NOT_FOUND", format!("there is no file {place}"), fix));
        }
        let reading = settings.mode == OpenMode::Read;
        let options = options.create_if_missing(create).read_only(reading).busy_timeout(settings.timeout);
        let pool = SqlitePoolOptions::new().max_connections(settings.connections).acquire_timeout(settings.timeout);
        let pool = pool.connect_with(options).await.map_err(of_connecting)?;
        Ok(Self::Sqlite(Outbox::in_schema(pool, settings.schema.clone()).for_scope(settings.scope), place))
    }

    async fn open_server(settings: &OpenSettings) -> Result<Self, Fault> {
        let options = PgConnectOptions::from_str(&settings.url).map_err(|error| {
            // The cause may repeat the URL, and with it a password.
            drop(error);
            Fault::usage("the database is no URL of PostgreSQL", "such as postgres://user:password@host:5432/shop")
        })?;
        let place = format!("{}:{}/{}", options.get_host(), options.get_port(), options.get_database().unwrap_or_default());
        let mut options = options.application_name("stateset-events");
        if settings.mode == OpenMode::Read {
            options = options.options([("default_transaction_read_only", "on")]);
        }
        let pool = PgPoolOptions::new().max_connections(settings.connections).acquire_timeout(settings.timeout);
        let pool = pool.connect_with(options).await.map_err(of_connecting)?;
        Ok(Self::Postgres(Outbox::in_schema(pool, settings.schema.clone()).for_scope(settings.scope), place))
    }

    /// Asks it.
    pub fn inspect(&self) -> Arc<dyn Inspect> {
        match self {
            Self::Sqlite(outbox, place) => Arc::new(Local::new(outbox.clone(), SourceKind::Sqlite, place)),
            Self::Postgres(outbox, place) => Arc::new(Local::new(outbox.clone(), SourceKind::Postgres, place)),
        }
    }

    /// What delivers its log.
    pub fn deliveries(&self) -> Arc<dyn DeliveryStore> {
        match self {
            Self::Sqlite(outbox, _) => outbox.deliveries(),
            Self::Postgres(outbox, _) => outbox.deliveries(),
        }
    }

    /// Creates the tables, or brings them to this version.
    ///
    /// # Errors
    /// `SOURCE_UNAVAILABLE`, `SOURCE_CORRUPT`.
    pub async fn migrate(&self) -> Result<(), Fault> {
        let done = match self {
            Self::Sqlite(outbox, _) => outbox.migrate().await,
            Self::Postgres(outbox, _) => outbox.migrate().await,
        };
        done.map_err(|error| super::of_delivery(error.into()))
    }

    /// Which steps there are, and which were taken.
    ///
    /// # Errors
    /// `SOURCE_UNAVAILABLE`.
    pub async fn migrations(&self) -> Result<MigrationState, Fault> {
        let state = match self {
            Self::Sqlite(outbox, _) => outbox.migrations().await,
            Self::Postgres(outbox, _) => outbox.migrations().await,
        };
        state.map_err(|error| super::of_delivery(error.into()))
    }

    /// The time by the database's clock, microseconds since 1970 UTC.
    ///
    /// # Errors
    /// `SOURCE_UNAVAILABLE`.
    pub async fn now(&self) -> Result<i64, Fault> {
        let now = match self {
            Self::Sqlite(outbox, _) => outbox.reader().now().await,
            Self::Postgres(outbox, _) => outbox.reader().now().await,
        };
        now.map_err(super::of_read)
    }

    /// For people: where it is.
    pub fn place(&self) -> &str {
        match self {
            Self::Sqlite(_, place) | Self::Postgres(_, place) => place,
        }
    }
}

/// What a database that does not answer says.
pub(super) fn of_connecting(error: sqlx::Error) -> Fault {
    let code = error.as_database_error().and_then(|fault| fault.code().map(|code| code.into_owned()));
    match code.as_deref() {
        Some("28000" | "28P01" | "42501") => {
            let fix = "check the name and password in the URL or profile, and the rights of the role";
            Fault::new(Kind::Auth, "DATABASE_REFUSED", format!("{DATABASE} refuses this role"), fix).because(error)
        },
        Some("3D000") => {
            let fix = "check the name of the database in the URL";
            Fault::new(Kind::NotFound, "DATABASE_NOT_FOUND", "there is no such database", fix).because(error)
        },
        Some("25006" | "8") => {
            let fix = "a change was tried on a connection that only reads; this is a defect, please report it";
            Fault::new(Kind::Corrupt, "READ_ONLY", format!("{DATABASE} was opened for reading"), fix).because(error)
        },
        _ => Fault::unavailable(DATABASE, error),
    }
}
