//! The suite again, where the server's login is what it should be: owner of its database, no superuser, and not allowed to
//! create roles. Row security holds for it, so every statement passes through the policies.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _};
use stateset_store::postgres::PostgresStore;
use stateset_testkit::postgres::{TestDatabase, shared};

use crate::suite::{Factory, store_suite};

const MAX_CONNECTIONS: u32 = 6;

pub(crate) struct OwnerFactory {
    database: TestDatabase,
    url: String,
}

impl OwnerFactory {
    pub(crate) fn database(&self) -> &TestDatabase {
        &self.database
    }
}

/// The same URL for another login.
pub(crate) fn url_for(url: &str, login: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (authority, path) = rest.split_once('/').expect("a database");
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{login}:secret@{host}/{path}")
}

async fn run(connection: &mut PgConnection, sql: String) {
    connection
        .execute(AssertSqlSafe(sql.clone()).into_sql_str())
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

impl Factory for OwnerFactory {
    type Store = PostgresStore;

    async fn create() -> Self {
        let server = shared().await.expect("a PostgreSQL server; without one these tests fail");
        let database = server.create_database("owned").await.expect("a fresh database");
        let login = format!("login_{}", database.name());
        let mut admin = database.connect().await.expect("the database answers");
        run(&mut admin, format!("CREATE ROLE {login} LOGIN PASSWORD 'secret' NOSUPERUSER NOCREATEROLE NOBYPASSRLS"))
            .await;
        run(&mut admin, format!("ALTER DATABASE {} OWNER TO {login}", database.name())).await;
        admin.close().await.expect("closed");
        let url = url_for(database.url(), &login);
        let factory = Self { database, url };
        factory.open().await.migrate().await.expect("an owner may migrate");
        factory
    }

    async fn open(&self) -> PostgresStore {
        PostgresStore::new(&self.url, MAX_CONNECTIONS).expect("the URL of a test database")
    }
}

store_suite!(OwnerFactory);
