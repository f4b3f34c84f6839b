//! A database per test.

use anyhow::{Context, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::TestPostgres;

/// A database of one test. Dropping it removes the database, also from under open connections.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    admin_url: String,
}

impl TestDatabase {
    pub(super) async fn create(server: &TestPostgres, prefix: &str, template: Option<&str>) -> anyhow::Result<Self> {
        let plain = prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        ensure!(plain && prefix.len() <= 40, "the prefix {prefix:?} is not a short name of a-z, 0-9 and _");
        let name = format!("{prefix}_{:016x}", getrandom::u64().map_err(std::io::Error::other)?);
        let template = template.map(|template| format!(" TEMPLATE \"{template}\"")).unwrap_or_default();
        let mut connection = server.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE \"{name}\"{template}")))
            .execute(&mut connection)
            .await
            .with_context(|| format!("creating the database {name}"))?;
        connection.close().await?;
        Ok(Self { url: server.url_of(&name)?, name, admin_url: server.admin_url().to_owned() })
    }

    /// Name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// URL of the database, of a superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection to the database.
    pub async fn connect(&self) -> anyhow::Result<PgConnection> {
        PgConnection::connect(&self.url).await.with_context(|| format!("connecting to {}", self.name))
    }
}

impl Drop for TestDatabase {
    /// Best effort: with the server gone there is nothing to remove. A thread of its own, because the
    /// test's runtime cannot be waited for from inside; the wait keeps a shared server from filling up.
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name);
        let url = self.admin_url.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&url).await?;
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
                connection.close().await?;
                anyhow::Ok(())
            })
        });
        thread.join().ok();
    }
}

/// The same server and options, another database.
pub(super) fn url_with_name(url: &str, name: &str) -> anyhow::Result<String> {
    let (base, options) = match url.split_once('?') {
        Some((base, options)) => (base, format!("?{options}")),
        None => (url, String::new()),
    };
    let (scheme, rest) = base.split_once("://").with_context(|| format!("{url:?} is not a URL"))?;
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    Ok(format!("{scheme}://{authority}/{name}{options}"))
}

#[cfg(test)]
mod tests {
    use super::url_with_name;

    #[test]
    fn only_the_name_in_the_url_changes() {
        for (url, expected) in [
            ("postgres://a:b@h:1/postgres", "postgres://a:b@h:1/new"),
            ("postgres://a@h", "postgres://a@h/new"),
            ("postgres://h/x?sslmode=disable", "postgres://h/new?sslmode=disable"),
        ] {
            assert_eq!(url_with_name(url, "new").unwrap(), expected);
        }
        assert!(url_with_name("host/name", "new").is_err());
    }
}
