//! A shop from its beginning.

use serde_json::{Value, json};
use stateset_connector::Taken;
use stateset_connector::fixtures;
use stateset_connector::import::{ImportError, Imported, Page, PageKind, import, pages_in, preview};
use stateset_outbox::ReplayFilter;

use crate::harness::{Database, headers, on_both, payload, shopify};

on_both! {
    a_shop_is_read_once
    a_page_that_cannot_be_read_ends_the_run
}

const SHOP: &str = "example.myshopify.com";

/// C23, D14: from started to completed, each thing once, however often the run is done; a later webhook goes on from there.
async fn a_shop_is_read_once<D: Database>() {
    let database = D::create().await;
    let (outbox, pages) = (database.keyed(), fixtures::shopify_pages());
    let expected = Imported { products: 3, orders: 2, stale: 0 };
    assert_eq!(preview(&shopify(), SHOP, &pages).unwrap(), expected);
    assert_eq!(database.events().await, []);
    for _ in 0..2 {
        assert_eq!(import(&outbox, &shopify(), SHOP, "sync_2", &pages).await.unwrap(), expected);
    }
    let of_run = ReplayFilter { correlation_id: Some("shopify:sync_2".to_owned()), ..ReplayFilter::default() };
    let events = outbox.events_for_replay(&of_run, 100).await.unwrap();
    let types: Vec<&str> = events.iter().map(|event| event.event_type.as_str()).collect();
    let (product, order) = ("shopify.sync.product", "shopify.sync.order");
    assert_eq!(types, ["shopify.sync.started", product, product, product, order, order, "shopify.sync.completed"]);
    assert_eq!(payload(&events[6]), json!({ "shop": SHOP, "sync_id": "sync_2", "products": 3, "orders": 2 }));
    assert!(events.iter().all(|event| event.entity_id == SHOP), "one lane, in order");

    // The mug on the page is older than the webhook about it.
    let update = &fixtures::shopify()[6];
    let taken = database.intake().take(&headers(update), update.body()).await.unwrap();
    assert!(matches!(taken, Taken::Written(_)), "{taken:?}");
    let later = import(&outbox, &shopify(), SHOP, "sync_3", &pages).await.unwrap();
    assert_eq!(later, Imported { stale: 1, ..expected });
}

/// C23: the reason is an event, what came before stays, and the run can be done again.
async fn a_page_that_cannot_be_read_ends_the_run<D: Database>() {
    let database = D::create().await;
    let outbox = database.keyed();
    let mut pages = fixtures::shopify_pages();
    let good = pages[1].clone();
    let mut body: Value = serde_json::from_slice(&good.body).unwrap();
    body["products"][0]["variants"][0]["price"] = json!("a lot");
    pages[1] = Page { kind: PageKind::Products, body: body.to_string().into_bytes() };
    let failed = import(&outbox, &shopify(), SHOP, "sync_1", &pages).await.unwrap_err();
    assert!(matches!(&failed, ImportError::Unreadable { page: 2, .. }), "{failed}");
    let events = database.events().await;
    let last = payload(events.last().unwrap());
    assert_eq!((events.len(), &last["code"]), (4, &json!("unreadable")));
    assert_eq!(last["reason"], json!("page 2: sync/products: variants[0].price is no amount in USD"));
    pages[1] = good;
    import(&outbox, &shopify(), SHOP, "sync_1", &pages).await.unwrap();
    let types = database.types().await;
    assert_eq!((types.len(), types.last().map(String::as_str)), (8, Some("shopify.sync.completed")));
    let refused = import(&outbox, &shopify(), SHOP, "", &pages).await.unwrap_err();
    assert!(matches!(refused, ImportError::Name(_)));
}

#[test]
fn pages_are_found_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["orders_1.json", "products_2.json", "products_1.json", "notes.json", "products.txt"] {
        std::fs::write(folder.path().join(name), name).unwrap();
    }
    let found: Vec<String> =
        pages_in(folder.path()).unwrap().into_iter().map(|page| String::from_utf8(page.body).unwrap()).collect();
    assert_eq!(found, ["products_1.json", "products_2.json", "orders_1.json"]);
}
