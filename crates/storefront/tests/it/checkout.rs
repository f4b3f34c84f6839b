//! C12: goods, order, event and answer are one.

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use stateset_storefront::Service;

use crate::harness::{Data, Shop, on_both, order};

on_both! {
    /// C12: the connection is lost, or the engine refuses, between the reservation and the commit: there is neither a
    /// reservation nor an order nor an event, and the same request is done when it comes again.
    async fn half_a_checkout_is_none(on) {
        let shop = Shop::open(on).await;
        break_the_end(&shop.data).await;
        let failed = shop.post_once("/orders/checkout", "create_order_1", &order()).await;
        assert_eq!(failed.status, 503, "{}", failed.text());
        let stock = shop.get("/stock/1").await;
        assert_eq!((&stock["on_hand"], &stock["reserved"]), (&json!(1_000_000), &json!(0)));
        assert!(shop.data.events(Service::Order).await.is_empty());
        let orders = "SELECT CAST(count(*) AS TEXT) FROM orders";
        assert_eq!(shop.data.column(Service::Order, orders).await, ["0"]);

        mend_the_end(&shop.data).await;
        let made = shop.post_once("/orders/checkout", "create_order_1", &order()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(shop.get("/stock/1").await["reserved"], 2);
        shop.close().await;
    }

    /// C12, I02, I04: the reply is lost and the request comes again, also at once: one order, one event, the same bytes.
    async fn a_lost_reply_makes_no_second_order(on) {
        let shop = Shop::open(on).await;
        let request = order();
        let send = || shop.post_once("/orders/checkout", "create_order_1", &request);
        let (first, second, third) = tokio::join!(send(), send(), send());
        assert_eq!((first.status, second.status, third.status), (201, 201, 201));
        assert!(first.body == second.body && second.body == third.body);
        let replayed = [&first, &second, &third].iter().filter(|it| it.header("idempotency-replayed").is_some()).count();
        assert_eq!(replayed, 2);
        assert_eq!(shop.data.events(Service::Order).await, ["order.created"]);
        assert_eq!(shop.get("/stock/1").await["reserved"], 2);
        shop.close().await;
    }

    /// C12: the last pieces are sold once, and an order that cannot be filled reserves nothing of what it could have had.
    async fn stock_is_never_oversold(on) {
        let shop = Shop::open(on).await;
        let put = async |product: u32, on_hand: u32| {
            let path = format!("/stock/{product}");
            shop.http().0.put_json(&path, &json!({ "on_hand": on_hand })).await.unwrap()
        };
        assert_eq!(put(1, 10).await.status, 200);
        assert_eq!(put(2, 1).await.status, 200);
        let buy = async |product: u32, qty: u32| {
            let items = json!([{ "product_id": product, "qty": qty, "unit_price_cents": 5 }]);
            shop.post("/orders/checkout", json!({ "items": items })).await.0
        };
        let answers = tokio::join!(buy(1, 3), buy(1, 3), buy(1, 3), buy(1, 3), buy(1, 3));
        let answers: [u16; 5] = answers.into();
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 3, "{answers:?}");
        let both = json!([
            { "product_id": 1, "qty": 1, "unit_price_cents": 5 },
            { "product_id": 2, "qty": 2, "unit_price_cents": 5 },
        ]);
        let (status, refusal) = shop.post("/orders/checkout", json!({ "items": both })).await;
        assert_eq!((status, &refusal["code"]), (409, &json!("OUT_OF_STOCK")), "{refusal}");
        assert!(refusal["detail"].as_str().unwrap().contains("product 2"), "{refusal}");
        assert_eq!(shop.get("/stock/1").await["reserved"], 9);
        assert_eq!(put(1, 8).await.status, 409, "more are reserved");
        assert_eq!(shop.data.events(Service::Order).await.len(), 3);
        shop.close().await;
    }
}

/// From now on the last statement of a checkout, which stores its answer, ends the transaction: on PostgreSQL with the
/// connection, on SQLite with an error. Goods, order and event were written before it.
async fn break_the_end(data: &Data) {
    let script = match data {
        Data::Sqlite(_) => {
            "CREATE TRIGGER breaks BEFORE UPDATE ON idempotency_keys WHEN new.status = 'completed' \
             BEGIN SELECT RAISE(ROLLBACK, 'broken'); END"
        },
        Data::Postgres(_) => {
            "CREATE FUNCTION storefront_order.breaks() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$; \
             CREATE TRIGGER breaks BEFORE UPDATE ON storefront_order.idempotency_keys FOR EACH ROW \
             WHEN (new.status = 'completed') EXECUTE FUNCTION storefront_order.breaks()"
        },
    };
    run(data, script).await;
}

async fn mend_the_end(data: &Data) {
    let script = match data {
        Data::Sqlite(_) => "DROP TRIGGER breaks",
        Data::Postgres(_) => "DROP TRIGGER breaks ON storefront_order.idempotency_keys",
    };
    run(data, script).await;
}

async fn run(data: &Data, script: &'static str) {
    match data {
        Data::Sqlite(_) => {
            let options = SqliteConnectOptions::new().filename(data.file(Service::Order));
            let mut connection = options.connect().await.unwrap();
            connection.execute(sqlx::raw_sql(script)).await.unwrap();
            connection.close().await.unwrap();
        },
        Data::Postgres(database) => {
            database.connect().await.unwrap().execute(sqlx::raw_sql(script)).await.unwrap();
        },
    }
}
