//! J04, J05: nothing is written without `--apply`, whatever the environment says.

use serde_json::json;

use crate::harness::{Shop, id, on_both};

on_both! { no_command_writes_without_apply }

/// Every command there is that can write. Kept complete by `help::writes_are_known`.
pub(crate) const WRITES: [&str; 17] = [
    "replay EVENT --to hook",
    "ack EVENT --reason r --force",
    "dlq redrive type:*",
    "dlq discard type:* --reason r",
    "idempotency create k --operation o",
    "idempotency reset used --operation o --reason r",
    "breaker open hook --reason r",
    "breaker close hook",
    "jobs abort JOB",
    "jobs resume JOB",
    "routes apply routes.toml",
    "reconcile --destination hook",
    "trigger order.created --entity order/1",
    "migrate",
    "erase customer/1 --reason r",
    "connector price 1 11999 --currency USD",
    "connector import shopify --recorded --domain example.myshopify.com",
];

const TEMPTATIONS: [(&str, &str); 4] =
    [("STATESET_APPLY", "true"), ("APPLY", "1"), ("STATESET_EVENTS_APPLY", "1"), ("CLAP_APPLY", "true")];

async fn no_command_writes_without_apply(shop: Shop) {
    let shop = shop.with_order().await;
    let routes = "[[destination]]\nname = 'hook'\nkind = 'webhook'\nurl = 'http://127.0.0.1:9/'\nsecret_env = 'S'\n\
        start = 'beginning'\n[[destination.route]]\nname = 'all'\ntypes = '*'\n";
    shop.file("routes.toml", routes);
    shop.run("routes apply routes.toml --apply").await.well();
    shop.run("idempotency create used --operation o --apply").await.well();
    let job = shop.run(&format!("replay {} --to hook --apply --json", id(1).display())).await.well().json();
    let job = job["job_id"].as_str().expect("a job");
    // Something for `routes apply` to do.
    shop.file("routes.toml", &routes.replace("'*'", "'order.*'"));

    let before = shop.dump().await;
    assert!(before.contains("order.created"), "the dump sees rows");
    for write in WRITES {
        let line = write.replace("EVENT", &id(1).display()).replace("JOB", job);
        let ran = shop.run_with(&format!("{line} --json"), &TEMPTATIONS).await.well();
        assert!(ran.out.starts_with("{\"applied\":false,"), "{write}: {ran:?}");
        let message = ran.json()["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with("NOT EXECUTED: ") || message.contains("nothing is changed"), "{write}: {message}");
        assert_eq!(shop.dump().await, before, "{write}");
    }
    for read in [
        "list",
        "outbox",
        "stats",
        "dlq list",
        "jobs list",
        "audit list",
        "audit check",
        "doctor",
        "top --once",
        "config show",
    ] {
        shop.run(read).await;
        assert_eq!(shop.dump().await, before, "{read}");
    }

    let profile = shop.file("events.toml", "[profiles.p]\ndatabase = 'sqlite:x'\napply = true\n");
    let refused = shop.run(&format!("--config {} list", profile.display())).await;
    assert!(refused.code == 2 && refused.err.contains("apply"), "a profile cannot apply: {refused:?}");

    let preview = shop.run("trigger order.created --entity order/1 --json").await.well().json();
    let command = preview["apply_with"].as_str().expect("the command that does it");
    assert_eq!(command, "stateset-events trigger order.created --entity order/1 --json --apply");
    let done = shop.run(command.trim_start_matches("stateset-events ")).await.well().json();
    assert_eq!(done["applied"], json!(true));
    assert_ne!(shop.dump().await, before);
}
