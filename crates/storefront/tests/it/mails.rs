//! One mail per event, whatever happens to the event and to the mail server.

use stateset_storefront::Service;
use stateset_testkit::smtp::SmtpServer;

use crate::harness::{COSTS, Data, On, Shop, headers, until};

/// D03, P03: the mail server is away, refuses for a while, and comes back; the shop is closed and opened again meanwhile. All
/// mails come, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_wait_for_the_mail_server() {
    let server = SmtpServer::start().await.unwrap();
    let address = server.address();
    drop(server);
    // Nobody listens there now.
    let settings = |data: &Data| crate::harness::settings(data, address);
    let data = Data::create(On::Sqlite).await;
    let (http, stop, task) = crate::harness::start(settings(&data)).await.unwrap();
    let order = http.checkout().await;
    http.pay(order, COSTS).await;
    let path = format!("/mails?order_id={order}");
    http.until(&path, |mails| mails.as_array().is_some_and(|mails| mails.len() == 2)).await;
    stop.send(()).unwrap();
    task.await.unwrap();

    let server = SmtpServer::start_at(address).await.unwrap();
    server.script("RCPT", Some("451 4.7.1 try again later"));
    let (http, stop, task) = crate::harness::start(settings(&data)).await.unwrap();
    let attempts = async || {
        let sql = "SELECT CAST(count(*) AS TEXT) FROM attempt";
        data.column(Service::Notification, sql).await
    };
    until("a refused try", attempts, |count| count != &["0"]).await;
    server.script("RCPT", None);
    let sent = |mails: &serde_json::Value| {
        mails.as_array().is_some_and(|mails| mails.len() == 2 && mails.iter().all(|mail| !mail["sent_at"].is_null()))
    };
    http.until(&path, sent).await;
    let mut ids = headers(&server, "Message-ID");
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), server.received().len()), (2, 2));
    stop.send(()).unwrap();
    task.await.unwrap();
}

/// D03, P03: every event is delivered to the notification service again. Its inbox knows them all: no mail is sent twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redelivered_event_sends_no_second_mail() {
    let shop = Shop::open(On::Sqlite).await;
    let order = shop.checkout().await;
    shop.pay(order, COSTS).await;
    let path = format!("/mails?order_id={order}");
    let sent = |mails: &serde_json::Value| {
        mails.as_array().is_some_and(|mails| mails.len() == 2 && mails.iter().all(|mail| !mail["sent_at"].is_null()))
    };
    shop.until(&path, sent).await;
    let (data, mail) = shop.close().await;
    // All of them forget how far they had delivered, the notification service its mails included.
    for service in Service::ALL {
        data.column(service, "UPDATE delivery_cursor SET prev = 0, cur = NULL, last_id = 0").await;
        data.column(service, "DELETE FROM delivery_mark").await;
    }
    let shop = Shop::on(data, mail).await;
    for service in Service::ALL {
        let sql = "SELECT CAST(count(*) AS TEXT) FROM delivery_mark";
        let marks = async || shop.data.column(service, sql).await;
        until("what was delivered again", marks, |count| count != &["0"]).await;
    }
    let next = shop.checkout().await;
    shop.pay(next, COSTS).await;
    shop.until(&format!("/mails?order_id={next}"), sent).await;
    assert_eq!(shop.mail.received().len(), 4, "{:?}", headers(&shop.mail, "Subject"));
    shop.close().await;
}
