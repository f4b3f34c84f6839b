//! R03: row security hides nothing from those who must see all tenants: the server's own numbers and the operator's tools,
//! under the login that owns the tables and under one that owns nothing.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _};
use stateset_testkit::postgres::TestDatabase;

use super::{SECRET, Site, admin, client, embedded, quick};
use crate::service::{push, unsigned};

async fn run(connection: &mut PgConnection, sql: String) -> anyhow::Result<()> {
    connection.execute(AssertSqlSafe(sql).into_sql_str()).await?;
    Ok(())
}

/// The same URL for another login.
fn url_for(url: &str, login: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (authority, path) = rest.split_once('/').expect("a database");
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{login}:secret@{host}/{path}")
}

fn variables(url: &str) -> Vec<(String, String)> {
    [
        ("DATABASE_URL", url),
        ("PAYLOAD_ENCRYPTION_KEYS", SECRET),
        ("VES_SEQUENCER_SIGNING_KEY", SECRET),
        ("DB_MIGRATE_ON_STARTUP", "false"),
        ("BOOTSTRAP_ADMIN_API_KEY", crate::service::API_KEY),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The value of a metric without labels.
fn metric(page: &str, name: &str) -> Option<u64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// A login that owns the tables and one that owns nothing and is a member of both roles; neither passes row security by.
async fn logins(database: &TestDatabase) -> anyhow::Result<[Vec<(String, String)>; 2]> {
    let mut superuser = database.connect().await?;
    let [owner, member] = ["owner", "member"].map(|kind| format!("{kind}_{}", database.name()));
    for login in [&owner, &member] {
        let options = "LOGIN PASSWORD 'secret' NOSUPERUSER NOCREATEROLE NOBYPASSRLS";
        run(&mut superuser, format!("CREATE ROLE {login} {options}")).await?;
    }
    run(&mut superuser, format!("ALTER DATABASE {} OWNER TO {owner}", database.name())).await?;
    let urls = [&owner, &member].map(|login| url_for(database.url(), login));
    let folder = tempfile::tempdir()?;
    let migrated = admin(&variables(&urls[0]), &["migrate"], folder.path()).await?;
    anyhow::ensure!(migrated.code == Some(0), "{}", migrated.error);
    // The roles belong to the whole server, so another test may have made them, or be granting them at this moment.
    for role in ["stateset_api", "stateset_service"] {
        for attempt in 0.. {
            let make = format!(
                "DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            );
            let made = run(&mut superuser, make).await;
            let granted = run(&mut superuser, format!("GRANT {role} TO {member}")).await;
            match made.and(granted) {
                Ok(()) => break,
                Err(error) => anyhow::ensure!(attempt < 20, error),
            }
        }
    }
    let mut of_tables = PgConnection::connect(&urls[0]).await?;
    run(&mut of_tables, "SELECT stateset_isolate()".to_owned()).await?;
    Ok(urls.map(|url| variables(&url)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tools_see_all_tenants_under_row_security() -> anyhow::Result<()> {
    let database = stateset_testkit::postgres::shared().await?.create_database("roles").await?;
    let logins = logins(&database).await?;
    let folder = tempfile::tempdir()?;
    let mut expected = 0_u32;
    for (login, variables) in ["owner", "member"].into_iter().zip(&logins) {
        let launch = variables.iter().fold(quick(embedded()?), |launch, (name, value)| launch.variable(name, value));
        let mut server = launch.start().await?;
        for tenant in 1..=3 {
            push(&client(&server), &unsigned(tenant, 2, u128::from(1 + expected / 3), &["{\"n\":1}"])).await?;
        }
        expected += 3;
        let page = client(&server).get("/metrics").await?.text();
        assert_eq!(metric(&page, "stateset_database_up "), Some(1), "{login}: {page}");
        let site = Site { server, database: None, variables: variables.clone() };
        for tool in &logins {
            let check = admin(tool, &["fsck", "--all", "--json"], folder.path()).await?;
            assert_eq!(check.code, Some(0), "{login}: {} {}", check.out, check.error);
            assert_eq!(check.json["events"].as_u64(), Some(u64::from(expected)), "{login}: {}", check.out);
            let written = admin(tool, &["export-events"], folder.path()).await?;
            let tenants: std::collections::HashSet<String> = written
                .out
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .map(|event| event["tenant_id"].to_string())
                .collect();
            assert_eq!((written.out.lines().count(), tenants.len()), (usize::try_from(expected)?, 3), "{login}");
            let doctor = admin(tool, &["doctor", "--json"], folder.path()).await?;
            let faults = doctor.json["findings"].as_array().into_iter().flatten();
            let faults: Vec<&Value> =
                faults.filter(|finding| finding["state"] == "fault" && finding["subject"] != "port").collect();
            assert!(faults.is_empty(), "{login}: {faults:?}");
            let sealed = admin(tool, &["reencrypt-events", "--json"], folder.path()).await?;
            assert_eq!(sealed.code, Some(0), "{login}: {} {}", sealed.out, sealed.error);
            let keys = admin(tool, &["keys", "payload", "list", "--json"], folder.path()).await?;
            assert_eq!(keys.json["keys"][0]["payloads"].as_u64(), Some(u64::from(expected)), "{login}: {}", keys.out);
        }
        server = site.server;
        server.terminate(std::time::Duration::from_secs(20)).await?;
        // A new process, which looks anew: the sizes of all tenants together.
        server.restart().await?;
        let page = client(&server).get("/metrics").await?.text();
        assert_eq!(metric(&page, "stateset_log_events "), Some(u64::from(expected)), "{login}: {page}");
        assert_eq!(
            metric(&page, "stateset_log_streams "),
            Some(6),
            "{login}: streams and key streams of three tenants"
        );
    }
    Ok(())
}
