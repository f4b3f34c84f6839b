//! Where customers' addresses are, and how they go away.

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgPool, SqlitePool};
use stateset_outbox::{Engine, Outbox, Schema, Scope};
use stateset_storefront::{Service, Settings};
use stateset_testkit::smtp::SmtpServer;

use crate::harness::{COSTS, Data, Shop, headers, on_both, until};

const KEYS: &str = "2026=0707070707070707070707070707070707070707070707070707070707070707";
const ADDRESS: &str = "cust@example.com";
const LOG: &str = "SELECT payload || coalesce(metadata, '') FROM event_log ORDER BY id";

fn settings(data: &Data, mail: &SmtpServer) -> Settings {
    Settings { subject_keys: Some(KEYS.parse().unwrap()), ..crate::harness::settings(data, mail.address()) }
}

async fn erase_in<DB: Engine>(outbox: Outbox<DB>, subject: &str) -> usize {
    let mut tx = outbox.begin().await.unwrap();
    let certificate = outbox.erase_subject(&mut tx, subject, "asked to", "test").await.unwrap();
    tx.commit().await.unwrap();
    certificate.keys_destroyed
}

/// In every service, as an operator does it with `stateset-events erase`: how many keys were destroyed.
async fn erase(data: &Data, subject: &str) -> usize {
    let mut keys = 0;
    for service in Service::ALL {
        keys += match data {
            Data::Sqlite(_) => {
                let options = SqliteConnectOptions::new().filename(data.file(service));
                let outbox = Outbox::new(SqlitePool::connect_with(options).await.unwrap());
                erase_in(outbox.for_scope(Scope::single_tenant()), subject).await
            },
            Data::Postgres(database) => {
                let pool = PgPool::connect(database.url()).await.unwrap();
                let schema = Schema::new(&format!("storefront_{service}")).unwrap();
                erase_in(Outbox::in_schema(pool, schema).for_scope(Scope::single_tenant()), subject).await
            },
        };
    }
    keys
}

fn sent(count: usize) -> impl Fn(&Value) -> bool {
    move |mails| {
        let mails = mails.as_array().unwrap();
        mails.len() == count && mails.iter().all(|mail| !mail["sent_at"].is_null())
    }
}

on_both! {
    /// C07, ruling 54: with master keys no log has an address, the mails go out all the same, and after an erasure nothing
    /// brings the address back: what is delivered once more sends no mail and stops nobody.
    async fn addresses_are_kept_under_keys(on) {
        let (data, mail) = (Data::create(on).await, SmtpServer::start().await.unwrap());
        let shop = Shop::with(settings(&data, &mail), data, mail).await;
        let order = shop.checkout().await;
        shop.pay(order, COSTS).await;
        let shipment = shop.shipment(order, "READY_TO_SHIP").await;
        shop.dispatch(shipment).await;
        shop.until(&format!("/mails?order_id={order}"), sent(3)).await;
        assert_eq!(headers(&shop.mail, "To"), [ADDRESS; 3]);
        for service in Service::ALL {
            let log = shop.data.column(service, LOG).await;
            assert!(!log.is_empty() && log.iter().all(|row| !row.contains(ADDRESS)), "{service}: {log:?}");
        }
        for service in [Service::Order, Service::Notification] {
            let log = shop.data.column(service, LOG).await;
            assert!(log.iter().all(|row| row.contains(r#"{"user_email":{"$personal":""#)), "{service}: {log:?}");
        }

        let (data, mail) = shop.close().await;
        assert!(erase(&data, &format!("order/{order}")).await >= 3, "of each service that knew whom");
        assert_eq!(erase(&data, &format!("order/{order}")).await, 0, "there is nothing left");
        let begin = match data {
            Data::Sqlite(_) => "UPDATE delivery_cursor SET prev = 0, cur = NULL, last_id = 0",
            Data::Postgres(_) => "UPDATE delivery_cursor SET prev = '1:1:', cur = NULL, last_id = 0",
        };
        for service in Service::ALL {
            data.column(service, begin).await;
            data.column(service, "DELETE FROM delivery_mark").await;
        }
        let shop = Shop::with(settings(&data, &mail), data, mail).await;
        for service in Service::ALL {
            let marks = async || shop.data.column(service, "SELECT CAST(count(*) AS TEXT) FROM delivery_mark").await;
            until("what was delivered again", marks, |count| count != &["0"]).await;
        }
        let next = shop.checkout().await;
        shop.pay(next, COSTS).await;
        shop.until(&format!("/mails?order_id={next}"), sent(2)).await;
        assert_eq!(shop.mail.received().len(), 5, "{:?}", headers(&shop.mail, "Subject"));
        shop.close().await;
    }

    /// Without master keys the shop works, and says nothing it does not keep: the address is beside the payload.
    async fn without_keys_addresses_are_in_clear(on) {
        let shop = Shop::open(on).await;
        shop.checkout().await;
        let log = shop.data.column(Service::Order, LOG).await;
        assert!(log.iter().any(|row| row.contains(ADDRESS)), "{log:?}");
        let held = shop.data.column(Service::Order, "SELECT field FROM subject_data").await;
        assert!(held.is_empty(), "{held:?}");
        shop.close().await;
    }
}
