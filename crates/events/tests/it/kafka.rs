//! Kafka as the file of routes describes it: topics compared, brokers that ask who we are, copies of dead letters.

use serde_json::json;
use stateset_testkit::kafka::{Broker, shared};
use uuid::Uuid;

use crate::harness::{Shop, id, on_both};

on_both! { topics_are_read_and_compared }

fn routes(brokers: &str, members: &str) -> String {
    format!(
        "[[destination]]\nname = 'kafka'\nkind = 'kafka'\nbrokers = '{brokers}'\n{members}\nshard_groups = 1\n\
         start = 'beginning'\n[[destination.route]]\nname = 'all'\ntypes = '*'\n"
    )
}

/// H04, O01: what a topic has not got is named and delivered again, and only that; a topic that does not exist is said.
async fn topics_are_read_and_compared(shop: Shop) {
    let brokers = shared().await.unwrap();
    let run = Uuid::new_v4().simple().to_string();
    let file = |payments: &str| {
        routes(brokers, &format!("topics = [['order.*', 'orders.{run}'], ['payment.*', 'payments{payments}.{run}']]"))
    };
    shop.file("routes.toml", &file(""));
    shop.run("routes apply routes.toml --apply").await.well();
    for number in 1..=3_u128 {
        shop.write(number * 2, "order.created", ("order", &format!("o{number}")), &format!("{number}"), json!({}))
            .await;
        let payment = format!("p{number}");
        shop.write(number * 2 + 1, "payment.succeeded", ("payment", &payment), &format!("{number}"), json!({})).await;
    }
    let json = async |line: &str| shop.run(&format!("{line} --json")).await.well().json();
    let line = "reconcile --destination kafka --routes routes.toml --since 1h";
    let before = json(line).await;
    assert_eq!((&before["agrees"], &before["counts"]["waiting"]), (&json!(true), &json!(6)), "{before}");
    let done = json("worker run --routes routes.toml --once").await;
    assert_eq!(done["destinations"][0]["delivered"], json!(6), "{done}");
    let same = json(line).await;
    assert_eq!((&same["agrees"], &same["counts"]["agreeing"]), (&json!(true), &json!(6)), "{same}");

    // The topic of payments is lost.
    shop.file("routes.toml", &file("2"));
    let lost = shop.run(line).await.well();
    assert!(lost.out.contains("does not exist") && lost.out.contains("NOT EXECUTED: 3 missing events"), "{lost:?}");
    let lost = json(line).await;
    assert_eq!((&lost["counts"]["missing"], &lost["counts"]["agreeing"]), (&json!(3), &json!(3)), "{lost}");
    assert_eq!(lost["differences"][0]["event_id"], json!(id(3).display()), "{lost}");
    let record = json("reconcile --destination kafka").await;
    assert_eq!(record["plan"].get("count"), Some(&json!(0)), "the record of deliveries knows nothing of it: {record}");
    let repaired = json(&format!("{line} --apply")).await;
    assert_eq!(repaired["applied"], json!(true), "{repaired}");
    let done = json("worker run --routes routes.toml --once").await;
    assert_eq!(done["destinations"][0]["delivered"], json!(3), "only what was missing: {done}");
    let after = json(line).await;
    assert_eq!((&after["agrees"], &after["counts"]["agreeing"]), (&json!(true), &json!(6)), "{after}");

    // What another log of the same scope wrote there is nothing of ours: the places of this log are known.
    let elsewhere = Shop::sqlite().await;
    elsewhere.file("routes.toml", &file("2"));
    elsewhere.run("routes apply routes.toml --apply").await.well();
    elsewhere.write(99, "order.created", ("order", "o1"), "1", json!({})).await;
    elsewhere.run("worker run --routes routes.toml --once").await.well();
    let extra = json(line).await;
    assert_eq!((&extra["agrees"], &extra["counts"]["extra"]), (&json!(false), &json!(1)), "{extra}");
    assert!(extra["differences"][0]["at"].as_str().is_some_and(|at| at.starts_with("orders.")), "{extra}");
}

/// The file says how brokers are reached that ask for a password, over TLS too; the password is in no output. What is given
/// up is copied to the topic of dead letters.
#[cfg(feature = "kafka-tls")]
#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_ask_are_answered_by_the_file() {
    let broker = Broker::start_secured().await.unwrap();
    let secured = broker.secured().unwrap();
    let shop = Shop::sqlite().await;
    shop.file("ca.pem", &secured.ca_pem);
    shop.file("password", &format!("{}\n", secured.password));
    let member = |mechanism: &str, password: &str| {
        format!(
            "topics = [['*', 'secured']]\ndead_letter_suffix = '.dlq'\ntls = {{ ca_file = 'ca.pem' }}\n\
             sasl = {{ mechanism = '{mechanism}', username = '{}', {password} }}",
            secured.user
        )
    };
    let good = member("SCRAM-SHA-512", "password_file = 'password'");
    shop.file("routes.toml", &routes(&secured.sasl_tls, &good));
    shop.run("routes apply routes.toml --apply").await.well();
    shop.write(1, "order.created", ("order", "o1"), "1", json!({})).await;
    let wrong = member("SCRAM-SHA-256", "password_env = 'KAFKA_PASSWORD'");
    shop.file("wrong.toml", &routes(&secured.sasl_tls, &wrong));
    let refused = shop.run_with("worker run --routes wrong.toml --once", &[("KAFKA_PASSWORD", "hunter2")]).await;
    let explained = shop.run("explain destination kafka").await.well();
    assert!(explained.out.contains("refused our credentials"), "{explained:?} {refused:?}");
    assert!(!format!("{refused:?}{explained:?}").contains("hunter2"), "{refused:?}");
    let missing = shop.run("worker run --routes wrong.toml --once").await;
    assert!(missing.code == 2 && missing.err.contains("KAFKA_PASSWORD"), "{missing:?}");
    let asked =
        shop.run_with("reconcile --destination kafka --routes wrong.toml", &[("KAFKA_PASSWORD", "hunter2")]).await;
    assert!(asked.code == 7 && asked.err.contains("refused our credentials"), "{asked:?}");

    shop.run("breaker close kafka --apply").await.well();
    // Larger than a message may be.
    shop.write(2, "order.created", ("order", "o2"), "2", json!({ "blob": "x".repeat(1_020_000) })).await;
    let done = shop.run("worker run --routes routes.toml --once --json").await.well().json();
    let round = &done["destinations"][0];
    assert_eq!((&round["delivered"], &round["dead"]), (&json!(1), &json!(1)), "{done}");
    let copies = shop.file("copies.toml", &routes(&secured.sasl_tls, &good.replace("'secured'", "'secured.dlq'")));
    let found =
        shop.run(&format!("reconcile --destination kafka --routes {} --json", copies.display())).await.well().json();
    assert_eq!(
        found["counts"]["ahead"],
        json!(1),
        "the dead one, and only it, is in the topic of dead letters: {found}"
    );
}
