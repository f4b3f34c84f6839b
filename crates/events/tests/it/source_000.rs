//! Every command of source 000, as it is typed there.

use serde_json::{Value, json};

use crate::harness::{Shop, id, on_both};

on_both! {
    list_has_the_published_json
    inspect_shows_one_event
    outbox_shows_what_waits
    timeline_joins_the_order
    idempotency_keys_are_looked_up_and_reserved
    an_event_is_replayed_and_acknowledged
    wrong_filters_are_diagnosed
    ids_have_many_forms
}

/// B01, B03, J01: `stateset-events list`, and the document of the source: its members first, in its order.
async fn list_has_the_published_json(shop: Shop) {
    let shop = shop.with_order().await;
    let table = shop.run("list").await.well();
    assert!(table.out.starts_with("EVENT ID"), "{table:?}");
    assert_eq!(table.out.lines().count(), 4, "{table:?}");
    assert!(table.out.contains("order.created") && table.err.contains("3 of 3"), "{table:?}");

    let one = shop.run("list --json --type order.created").await.well();
    let id = id(1).display();
    let published = format!(
        "{{\"events\":[{{\"event_id\":\"{id}\",\"event_type\":\"order.created\",\"entity_type\":\"order\",\"entity_id\":\
         \"ord_123\",\"created_at\":\"2025-01-15T10:30:00Z\","
    );
    assert!(one.out.starts_with(&published), "{}", one.out);
    assert!(one.out.ends_with("],\"total\":1,\"next_cursor\":null,\"total_exact\":true}\n"), "{}", one.out);

    let second = shop.run("list --json --limit 2 --oldest-first").await.well().json();
    assert_eq!((second["total"].clone(), second["events"].as_array().map(Vec::len)), (json!(3), Some(2)));
    let cursor = second["next_cursor"].as_str().expect("there is more");
    let last = shop.run(&format!("list --json --limit 2 --oldest-first --cursor {cursor}")).await.well().json();
    assert_eq!(last["events"][0]["event_type"], json!("inventory.adjusted"));
    assert_eq!(last["next_cursor"], Value::Null);
}

/// B02, J02: `stateset-events inspect <event_id>`.
async fn inspect_shows_one_event(shop: Shop) {
    let shop = shop.with_order().await;
    let id = id(1).display();
    let plain = shop.run(&format!("inspect {id}")).await.well();
    assert!(plain.out.contains("order/ord_123") && !plain.out.contains("amount_cents"), "{plain:?}");
    let whole = shop.run(&format!("inspect {id} --include-payload --json")).await.well().json();
    assert_eq!(whole["event"]["payload"], json!({"amount_cents": 4200}));
    assert_eq!(whole["signature"]["state"], json!("absent"));
    assert_eq!(whole["deliveries"], json!([]));
}

/// E14, J03, J12: `stateset-events outbox`.
async fn outbox_shows_what_waits(shop: Shop) {
    let shop = shop.with_order().await;
    let routes = shop.file("routes.toml", ROUTES);
    shop.run(&format!("routes apply {} --apply", routes.display())).await.well();
    let all = shop.run("outbox --json").await.well().json();
    assert_eq!(all["counts"]["pending"], json!(3), "{all}");
    assert_eq!(all["deliveries"].as_array().map(Vec::len), Some(3), "{all}");
    for delivery in all["deliveries"].as_array().expect("a list") {
        assert_eq!(
            (&delivery["status"], &delivery["state"], &delivery["will_retry"]),
            (&json!("Pending"), &json!("pending"), &json!(true))
        );
        assert_eq!(delivery["max_attempts"], json!(6), "1 and 5 retries");
    }
    let none = shop.run("outbox --status failed").await.well();
    assert!(none.err.contains("no such deliveries"), "{none:?}");
    let text = shop.run("outbox").await.well();
    assert!(text.out.starts_with("pending 3, failed 0 (0 will retry)\nhook (webhook): pending 3"), "{text:?}");
}

const ROUTES: &str = "[[destination]]\nname = 'hook'\nkind = 'webhook'\nurl = 'http://127.0.0.1:9/'\nsecret_env = 'S'\n\
    allow_private = true\nshard_groups = 1\nstart = 'beginning'\n[[destination.route]]\nname = 'all'\ntypes = '*'\n";

/// B04: payments and shipments of an order appear in its timeline.
async fn timeline_joins_the_order(shop: Shop) {
    let shop = shop.with_order().await;
    let found = shop.run("timeline order/ord_123 --json").await.well().json();
    let types: Vec<&Value> =
        found["events"].as_array().expect("a list").iter().map(|event| &event["event_type"]).collect();
    assert_eq!(types, [&json!("order.created"), &json!("payment.succeeded")]);
    let table = shop.run("timeline order ord_123").await.well();
    assert!(table.out.starts_with("CREATED AT            EVENT TYPE         ENTITY"), "{table:?}");
    let traced = shop.run("trace checkout-1 --json").await.well().json();
    assert_eq!(traced["total"], json!(3), "B11");
    let state = shop.run("state order/ord_123 --json").await.well().json();
    assert_eq!((&state["version"], &state["data"]), (&json!(1), &json!({"amount_cents": 4200})), "H05");
    let stats = shop.run("stats --json").await.well().json();
    assert_eq!((&stats["total"], stats["types"].as_array().map(Vec::len)), (&json!(3), Some(3)), "B12");
}

/// I05, I06, I07, I12: keys.
async fn idempotency_keys_are_looked_up_and_reserved(shop: Shop) {
    let unknown = shop.run("idempotency get create_order_ORD-123 --operation create_order --json").await.well().json();
    assert_eq!(unknown["status"], json!("not_found"));
    let preview = shop.run("idempotency create create_order_ORD-123 --operation create_order --json").await.well();
    assert!(preview.out.starts_with("{\"applied\":false,"), "{preview:?}");
    let made = shop
        .run("idempotency create create_order_ORD-123 --operation create_order --ttl 24h --apply --json")
        .await
        .well()
        .json();
    assert_eq!((&made["applied"], &made["result"]["created"]), (&json!(true), &json!(true)));
    let again =
        shop.run("idempotency create create_order_ORD-123 --operation create_order --apply --json").await.well().json();
    assert_eq!(again["result"]["created"], json!(false), "returns the first, is no error");
    let twice =
        shop.run("idempotency create create_order_ORD-123 --operation create_order --must-be-new --apply").await;
    assert!(twice.code == 5 && twice.err.contains("EVENT_DUPLICATE_KEY"), "J11: {twice:?}");
    let found = shop.run("idempotency get create_order_ORD-123 --json").await.well().json();
    assert_eq!((&found["status"], &found["operation"]), (&json!("active"), &json!("create_order")));
    assert!(found["expires_at"].is_string(), "{found}");
    let reset = shop
        .run("idempotency reset create_order_ORD-123 --operation create_order --reason again --apply --json")
        .await
        .well();
    assert_eq!(reset.json()["result"]["after"]["generation"], json!(2));
}

/// H01, H02, H03: replay. What acknowledging does to a delivery is in the story (H07).
async fn an_event_is_replayed_and_acknowledged(shop: Shop) {
    let shop = shop.with_order().await;
    // A new destination, which has none of the events: an initial load (H03).
    let routes = shop.file("routes.toml", &ROUTES.replace("start = 'beginning'\n", ""));
    shop.run(&format!("routes apply {} --apply", routes.display())).await.well();
    let id = id(1).display();
    let refused = shop.run(&format!("ack {id} --reason seen --apply --json")).await.well().json();
    assert_eq!(refused["plan"]["count"], json!(0), "what is not delivered is left alone: {refused}");
    let preview = shop.run(&format!("replay {id} --to hook --json")).await.well().json();
    assert_eq!((&preview["applied"], &preview["plan"]["count"]), (&json!(false), &json!(1)), "{preview}");
    let done = shop.run(&format!("replay {id} --to hook --apply --json")).await.well().json();
    assert_eq!((&done["applied"], &done["result"]["done"]), (&json!(true), &json!(1)), "{done}");
    let deliveries = shop.run(&format!("inspect {id} --json")).await.well().json();
    let replays =
        deliveries["deliveries"].as_array().expect("a list").iter().filter(|one| one["replay_job"].is_string());
    assert_eq!(replays.count(), 1, "a replay is a delivery of its own: {deliveries}");
    let empty = shop.run("replay --to hook --apply").await;
    assert!(empty.code == 2 && empty.err.contains("EMPTY_FILTER"), "{empty:?}");
}

/// B05: an empty result explains itself.
async fn wrong_filters_are_diagnosed(shop: Shop) {
    let shop = shop.with_order().await;
    let none = shop.run("list type:order.craeted since:30d").await.well();
    assert_eq!(none.out, "");
    assert!(none.err.contains("without any filter there are 3"), "{none:?}");
    assert!(none.err.contains("did you mean the type order.created?"), "{none:?}");
    let json = shop.run("list --json type:order.craeted").await.well().json();
    assert_eq!(json["diagnostics"]["nearest_event_types"], json!(["order.created"]));
    let typo = shop.run("list tpye:order.created").await;
    assert!(
        typo.code == 2 && typo.err.contains("did you mean \"type\"?") && typo.err.contains("INVALID_FILTER"),
        "{typo:?}"
    );
    let inside = shop.run("list --json --where amount_cents>4000").await.well().json();
    assert_eq!(inside["total"], json!(2));
}

/// A02, K02: display form, UUID, unique beginning, and the name in another system.
async fn ids_have_many_forms(shop: Shop) {
    let shop = shop.with_order().await;
    let uuid = id(2).0;
    for form in [
        id(2).display(),
        id(2).display().to_uppercase().replace("EVT_", "evt_"),
        uuid.to_string(),
        uuid.simple().to_string(),
        "evt_002".into(),
    ] {
        let found = shop.run(&format!("inspect {form} --json")).await.well().json();
        assert_eq!(found["event"]["event_type"], json!("payment.succeeded"), "{form}");
    }
    let many = shop.run("inspect 01946a5f --json").await;
    assert!(many.code == 5 && many.err.contains("AMBIGUOUS_EVENT_ID"), "{many:?}");
    let unknown = shop.run("inspect evt_999").await;
    assert!(unknown.code == 8 && unknown.err.contains("EVENT_NOT_FOUND"), "{unknown:?}");
}
