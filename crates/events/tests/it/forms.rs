//! Data in every form, without colours where nobody sees them.

use crate::harness::Shop;

/// J01
#[tokio::test(flavor = "multi_thread")]
async fn a_list_in_every_form() {
    let shop = Shop::sqlite().await;
    shop.write(1, "order.created", ("order", "ord_123"), "123", serde_json::json!({"note": "a, \"b\""})).await;
    let id = crate::harness::id(1);
    let (display, uuid) = (id.display(), id.0);

    let table = shop.run("list").await.well();
    let expected = format!(
        "EVENT ID                        EVENT TYPE     ENTITY         CREATED AT            SEQUENCE NUMBER  LOCAL SEQUENCE  \
         ORDER KEY\n{display}  order.created  order/ord_123  2025-01-15T10:30:00Z  –                1               123\n"
    );
    assert_eq!(table.out, expected);
    assert_eq!(table.err, "1 of 1\n");
    let quiet = shop.run("list --quiet").await.well();
    assert_eq!((quiet.out, quiet.err.as_str()), (expected, ""));

    let csv = shop.run("list -o csv").await.well();
    let header = "event_id,event_type,entity,created_at,sequence_number,local_sequence,order_key\r\n";
    assert_eq!(csv.out, format!("{header}{display},order.created,order/ord_123,2025-01-15T10:30:00Z,–,1,123\r\n"));

    let line = shop.run("list -o jsonl --include-payload").await.well();
    assert!(
        line.out.starts_with(&format!("{{\"event_id\":\"{display}\"")) && line.out.lines().count() == 1,
        "{line:?}"
    );
    assert!(line.out.contains(r#""payload":{"note":"a, \"b\""}"#), "{line:?}");

    let yaml = shop.run("list -o yaml").await.well();
    let begins = format!("events:\n  - event_id: {display}\n    event_type: order.created\n");
    assert!(yaml.out.starts_with(&begins) && yaml.out.contains(&format!("event_uuid: \"{uuid}\"")), "{}", yaml.out);
    assert!(yaml.out.ends_with("total: 1\nnext_cursor: null\ntotal_exact: true\n"), "{}", yaml.out);
    for ran in [shop.run("outbox").await, shop.run("list --json").await, shop.run("inspect 01946a5f").await] {
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "no terminal, no colours: {ran:?}");
    }
}

/// C19, C20: every type with its example, by any of its names; and what is triggered has that example.
#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_is_shown_and_triggered() {
    let shop = Shop::sqlite().await;
    let all = shop.run("catalog list --json").await.well().json();
    assert!(all["total"].as_u64().is_some_and(|total| total >= 33), "{all}");
    let one = shop.run("catalog show payment.completed --json").await.well().json();
    assert_eq!(one["event_type"], serde_json::json!("payment.succeeded"));
    let none = shop.run("catalog show order.craeted").await;
    assert!(none.code == 8 && none.err.contains("did you mean order.created?"), "{none:?}");
    shop.run("trigger payment.failed --order 123 --apply").await.well();
    let found = shop.run("list --json --include-payload").await.well().json();
    let example = shop.run("catalog show payment.failed --json").await.well().json();
    assert_eq!(found["events"][0]["payload"], example["example"]);
    assert_eq!(found["events"][0]["order_key"], serde_json::json!("123"));
}
