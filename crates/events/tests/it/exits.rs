//! J11: how the program ends, as a table.

use crate::harness::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_are_stable() {
    let shop = Shop::sqlite().await.with_order().await;
    let nobody = format!("--url http://127.0.0.1:{}", stateset_testkit::free_port().unwrap());
    let bad_server = "--database postgres://nobody@127.0.0.1:1/x --timeout 1";
    for (line, code, word) in [
        ("list", 0, "3 of 3"),
        ("trigger a.b", 0, ""),
        ("--help", 0, ""),
        ("--version", 0, ""),
        ("lits", 2, "list"),
        ("list --limit 0", 2, "1..=1000"),
        ("list nonsense", 2, "INVALID_FILTER"),
        ("--database file.db list", 2, "INVALID_ARGUMENT"),
        ("--profile none list", 2, "there is no profile"),
        ("dlq redrive --apply", 2, "EMPTY_FILTER"),
        ("trigger Order --data {} --apply", 2, "INVALID_ARGUMENT"),
        ("inspect evt_00000000000000000000000000", 8, "EVENT_NOT_FOUND"),
        ("--database sqlite:none.db list", 8, "DATABASE_NOT_FOUND"),
        ("breaker show kafak", 8, "DESTINATION_NOT_FOUND"),
        ("jobs watch 01234567", 8, "JOB_NOT_FOUND"),
        ("state order/none", 8, "ENTITY_NOT_FOUND"),
        ("dlq redrive --plan p_00000000 --apply", 8, "PLAN_NOT_FOUND"),
        ("inspect 01946a5f", 5, "AMBIGUOUS_EVENT_ID"),
        (bad_server, 7, "SOURCE_UNAVAILABLE"),
    ] {
        let line = if line == bad_server { format!("{line} list") } else { line.to_owned() };
        let ran = shop.run(&line).await;
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert!(ran.err.contains(word), "{line}: {ran:?}");
        assert!(code == 0 || ran.out.is_empty(), "data only on success: {line}: {ran:?}");
    }
    let ran = shop.run(&format!("{nobody} list --json")).await;
    assert_eq!(ran.code, 7, "{ran:?}");
    let fault: serde_json::Value = serde_json::from_str(&ran.err).expect("a fault for programs is JSON");
    assert_eq!(fault["error"]["retryable"], serde_json::json!(true));
    let unsupported = shop.run(&format!("{nobody} outbox")).await;
    assert!(unsupported.code == 2 && unsupported.err.contains("--database"), "says where to ask: {unsupported:?}");
    let filter = shop.run(&format!("{nobody} list --status failed")).await;
    assert!(filter.code == 2 && filter.err.contains("UNSUPPORTED_FILTER"), "ruling 61: {filter:?}");
    let nowhere = shop.run_with("list", &[("STATESET_DATABASE_URL", "")]).await;
    assert!(nowhere.code == 2 && nowhere.err.contains("config example"), "{nowhere:?}");
}

/// Secrets are shown nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_secret() {
    let shop = Shop::sqlite().await;
    let password = [("STATESET_DATABASE_URL", "postgres://shop:hunter2@127.0.0.1:1/shop")];
    for line in ["config show", "--timeout 1 list", "--timeout 1 doctor", "--timeout 1 breaker open x --reason y"] {
        let ran = shop.run_with(line, &password).await;
        assert!(!format!("{ran:?}").contains("hunter2"), "{line}: {ran:?}");
    }
    let key = [
        ("STATESET_DATABASE_URL", ""),
        ("STATESET_SEQUENCER_URL", "http://127.0.0.1:1"),
        ("STATESET_API_KEY", "hunter2"),
    ];
    for line in ["config show", "--timeout 1 list", "--timeout 1 doctor"] {
        let ran = shop.run_with(line, &key).await;
        assert!(!format!("{ran:?}").contains("hunter2"), "{line}: {ran:?}");
    }
}
