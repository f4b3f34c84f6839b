//! The demo as anyone would run it: a shop of real child processes, real SMTP, a real sequencer, and with Kafka a real
//! broker. Each run has a folder of its own.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use tokio::process::Command;

use stateset_testkit::sequencer::program;

/// Longest a run may take, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(4);

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

async fn demo(home: &TempDir, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stateset-events"));
    command.arg("demo").args(arguments).current_dir(home.path()).env_clear();
    for name in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = stateset_testkit::environment::variable(name) {
            command.env(name, value);
        }
    }
    command.env("HOME", home.path()).stdin(Stdio::null()).kill_on_drop(true);
    let Output { status, stdout, stderr } =
        tokio::time::timeout(PATIENCE, command.output()).await.expect("the demo comes to an end").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// What of an audit differs, by line of the table.
fn differences(report: &Value) -> Vec<(String, u64)> {
    let checked = report["audit"]["checked"].as_array().expect("an audit");
    let line = |one: &Value| (one["what"].as_str().unwrap().to_owned(), one["differences"].as_u64().unwrap());
    checked.iter().map(line).collect()
}

/// P01, P02, P03, D01–D07, C13, C16: every story goes as it is told, from checkout to the mails, and leaves sound outboxes.
#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_goes_as_told() {
    let home = tempfile::tempdir().unwrap();
    let ran = demo(&home, &["run", "--json", "--no-sequencer", "--data", "shop"]).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    let report = ran.json();
    let told: Vec<&str> =
        report["scenarios"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let names = ["happy", "double-payment", "ship-before-pay", "payment-mismatch", "poison", "late-created"];
    assert_eq!(told, names);
    for scenario in report["scenarios"].as_array().unwrap() {
        for step in scenario["steps"].as_array().unwrap() {
            assert_eq!(step["differences"].as_array().unwrap().len(), 0, "{}: {step}", scenario["name"]);
        }
        assert!(scenario["steps"].as_array().unwrap().len() >= 6, "{scenario}");
    }
    assert!(differences(&report).len() >= 6, "{report}");
    let again = demo(&home, &["audit", "--json", "--no-sequencer", "--data", "shop"]).await;
    assert_eq!(again.code, Some(0), "{}\n{}", again.out, again.err);
}

/// P01, D10: the same shop on a PostgreSQL database that is empty.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let server = stateset_testkit::postgres::shared().await.expect("a PostgreSQL server; without one this test fails");
    let database = server.create_database("demo").await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let stories = ["--scenario", "happy", "--scenario", "payment-mismatch", "--scenario", "poison"];
    let shop = ["run", "--json", "--no-sequencer", "--shop-database", database.url()];
    let ran = demo(&home, &[shop.as_slice(), stories.as_slice()].concat()).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
}

/// P01: what is not as expected is named, with what to look at, and the program says so with its exit code.
#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_is_not_overlooked() {
    let home = tempfile::tempdir().unwrap();
    let pack = "name = \"wrong\"\nabout = \"An order is never born paid\"\n[[step]]\nsay = \"Checkout\"\n\
                call = \"POST /orders/checkout\"\n\
                body = { user_email = \"{email}\", items = [{ product_id = 1, qty = 1, unit_price_cents = 5 }] }\n\
                expect = { status = \"PAID\" }\nsave = { order = \"order_id\" }\n[[step]]\nsay = \"Never reached\"\ncall = \"GET /orders/1\"\n";
    std::fs::write(home.path().join("wrong.toml"), pack).unwrap();
    let ran = demo(&home, &["run", "--no-sequencer", "--data", "shop", "--scenario", "wrong.toml"]).await;
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains(r#"WRONG: status: expected "PAID", found "CREATED""#), "{}", ran.out);
    assert!(ran.out.contains("explain --order 1") && !ran.out.contains("Never reached"), "{}", ran.out);
    assert!(ran.err.contains("NOT everything is as expected") && ran.err.contains("kept: "), "{}", ran.err);

    let nobody = ["run", "--against", "http://127.0.0.1:9", "--scenario", "happy", "--within", "1"];
    let ran = demo(&home, &nobody).await;
    assert!(ran.code == Some(3) && ran.out.contains("none came"), "{}\n{}", ran.out, ran.err);
    let ran = demo(&home, &["run", "--scenario", "hapy"]).await;
    assert!(ran.code == Some(2) && ran.err.contains("double-payment"), "{}\n{}", ran.out, ran.err);
    let ran = demo(&home, &["audit", "--data", "nowhere"]).await;
    assert!(ran.code == Some(2) && ran.err.contains("no run to audit"), "{}\n{}", ran.out, ran.err);
}

/// D03, D06, D08: orders flow while the shop and the sequencer are killed; every one of them ends where it should, once, and all
/// of it is sequenced and proved. And the audit that says so finds damage: an order, a parcel, a mail.
#[tokio::test(flavor = "multi_thread")]
async fn orders_survive_kills_and_damage_is_found() {
    let beside = program();
    assert!(beside.is_file());
    let home = tempfile::tempdir().unwrap();
    let ran = demo(&home, &["run", "--json", "--chaos", "--orders", "12", "--seed", "3", "--data", "shop"]).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    let report = ran.json();
    assert!(report["chaos"]["killed_services"].as_u64() >= Some(1), "{report}");
    let checked = differences(&report);
    assert!(checked.iter().any(|(what, _)| what.starts_with("events proved")), "{checked:?}");
    assert_eq!(checked.iter().map(|(_, wrong)| wrong).sum::<u64>(), 0, "{checked:?}");

    damage(&home, "order", "UPDATE orders SET lifecycle = CASE lifecycle WHEN 'cancelled' THEN 'pending' ELSE 'cancelled' END WHERE id = 2")
        .await;
    damage(&home, "shipping", "DELETE FROM shipment WHERE order_key = '3'").await;
    let mails = home.path().join("shop/mails.jsonl");
    let text = std::fs::read_to_string(&mails).unwrap();
    let lost = text.lines().next().unwrap().to_owned();
    let id = |line: &str| line.split("Message-ID: ").nth(1).and_then(|rest| rest.split('>').next()).map(str::to_owned);
    let mut rest: Vec<&str> = text.lines().filter(|line| id(line) != id(&lost)).collect();
    rest.push("");
    let rest = rest.join("\n");
    assert!(rest.len() < text.len());
    std::fs::write(&mails, rest).unwrap();
    let ran = demo(&home, &["audit", "--json", "--data", "shop"]).await;
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.out, ran.err);
    let report = ran.json();
    let found = report["audit"]["differences"].to_string();
    for what in ["order 2 ", "order 3 ", "noted as sent, and never arrived"] {
        assert!(found.contains(what), "{what}: {found}");
    }
    let wrong: Vec<_> = differences(&report).into_iter().filter(|(_, wrong)| *wrong > 0).collect();
    assert!(wrong.len() <= 4, "nothing else is found: {wrong:?}");
}

async fn damage(home: &TempDir, service: &str, sql: &'static str) {
    let file = home.path().join(format!("shop/databases/storefront_{service}.db"));
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let done = sqlx::query(sql).execute(&mut connection).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{sql}");
    connection.close().await.unwrap();
}

/// P01, D07: four processes over Apache Kafka; every story, and orders while processes are killed and the broker's
/// connections are cut.
#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread")]
async fn over_kafka() {
    let brokers = stateset_testkit::kafka::shared().await.expect("a broker; without one this test fails");
    let home = tempfile::tempdir().unwrap();
    let ran = demo(&home, &["run", "--json", "--no-sequencer", "--kafka", brokers, "--data", "stories"]).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    assert_eq!(ran.json()["shop"]["services"].as_object().map(serde_json::Map::len), Some(4));
    let chaos = ["--chaos", "--orders", "8", "--seed", "5", "--data", "chaos"];
    let ran = demo(&home, &[&["run", "--json", "--no-sequencer", "--kafka", brokers], chaos.as_slice()].concat()).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    let figures = &ran.json()["chaos"];
    assert!(figures["cuts_of_the_broker"] == 1 && figures["killed_services"] == 1, "{figures}");
    assert!(figures["cut_connections"].as_u64() >= Some(8), "the four processes' connections were cut: {figures}");
}
