//! Four processes and a real Apache Kafka broker between them.
#![cfg(feature = "kafka")]

use serde_json::{Value, json};
use stateset_storefront::{KafkaPlace, Service, Settings};
use stateset_testkit::kafka::shared;
use stateset_testkit::smtp::SmtpServer;

use crate::harness::{COSTS, Data, Http, On, headers, until};
use crate::process::Process;

/// A name of this run's own on the broker.
fn run_name(what: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().file_name().unwrap().to_string_lossy().replace('.', "");
    format!("{what}-{name}")
}

fn topics(run: &str) -> [String; 3] {
    ["order", "payment", "shipping"].map(|kind| format!("{run}.{kind}.events"))
}

struct Processes {
    all: Vec<Process>,
}

impl Processes {
    async fn start(data: &Data, mail: &SmtpServer, brokers: &str, run: &str) -> Self {
        let (database, smtp, topics) = (data.url(), mail.address().to_string(), topics(run).join(","));
        let mut all = Vec::new();
        for service in Service::ALL {
            let arguments = [
                ["--service", service.as_str()],
                ["--database", &database],
                ["--smtp", &smtp],
                ["--kafka", brokers],
                ["--topics", &topics],
                ["--group", run],
            ];
            all.push(Process::start(arguments.as_flattened()).await);
        }
        Self { all }
    }

    fn of(&mut self, service: Service) -> &mut Process {
        let at = Service::ALL.iter().position(|it| *it == service).unwrap();
        &mut self.all[at]
    }

    fn http(&mut self, service: Service) -> Http {
        self.of(service).http()
    }
}

/// C01, C02, C03, C04, D01, D02, D03, D04, D10: four processes, each with its own database, and nothing but the contract's
/// topics between them. One of them is killed in the middle and started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_live_by_the_topics() {
    let brokers = shared().await.unwrap();
    let run = run_name("four");
    let (data, mail) = (Data::create(On::Sqlite).await, SmtpServer::start().await.unwrap());
    let mut shop = Processes::start(&data, &mail, brokers, &run).await;
    let (orders, payments) = (shop.http(Service::Order), shop.http(Service::Payment));
    let mails = shop.http(Service::Notification);
    let first = orders.checkout().await;
    assert_eq!(payments.pay(first, COSTS).await.0, 201);
    shop.http(Service::Shipping).shipment(first, "READY_TO_SHIP").await;

    // Paid while nobody ships.
    shop.of(Service::Shipping).kill().await;
    let second = orders.checkout().await;
    assert_eq!(payments.pay(second, COSTS).await.0, 201);
    orders.until(&format!("/orders/{second}"), |order| order["status"] == "PAID").await;
    shop.of(Service::Shipping).start_again().await;
    let shipping = shop.http(Service::Shipping);
    for order in [first, second] {
        let shipment = shipping.shipment(order, "READY_TO_SHIP").await;
        assert_eq!(shipping.dispatch(shipment).await.0, 200);
        let sent = |order: &Value| order["status"] == "PAID" && order["fulfilment"] == "dispatched";
        orders.until(&format!("/orders/{order}"), sent).await;
        let path = format!("/mails?order_id={order}");
        mails.until(&path, |mails| mails.as_array().is_some_and(|mails| mails.len() == 3)).await;
    }
    until("every mail", async || mail.received().len(), |count| *count == 6).await;
    let mut names = headers(&mail, "Message-ID");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 6);
    for service in Service::ALL {
        let http = shop.http(service);
        assert_eq!((http.get("/held").await, http.get("/quarantine").await), (json!([]), json!([])), "{service}");
        assert_eq!(http.get("/ready").await["status"], "ready");
    }
    // A process answers for its own service only.
    assert_eq!(orders.0.get("/mails?order_id=1").await.unwrap().status, 404);
    for process in &mut shop.all {
        process.kill().await;
    }
}

/// D07, C13, H12: all services in one process on PostgreSQL, over Kafka: a payment before its order, and one of another
/// amount, end as they do inside one process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_kafka_everything_ends_the_same() {
    let brokers = shared().await.unwrap();
    let run = run_name("same");
    let (data, mail) = (Data::create(On::Postgres).await, SmtpServer::start().await.unwrap());
    let place = KafkaPlace { topics: topics(&run), group: run, ..KafkaPlace::new(brokers) };
    let settings = Settings { kafka: Some(place), ..crate::harness::settings(&data, mail.address()) };
    let (http, stop, task) = crate::harness::start(settings).await.unwrap();
    assert_eq!(http.pay(1, COSTS).await.0, 201);
    http.until("/held?order_id=1", |held| held.as_array().is_some_and(|all| all.len() == 3)).await;
    assert_eq!(http.checkout().await, 1);
    http.until("/orders/1", |order| order["status"] == "PAID" && order["fulfilment"] == "ready_to_ship").await;
    let mismatched = http.checkout().await;
    assert_eq!(http.pay(mismatched, 1).await.0, 201);
    let path = format!("/quarantine?order_id={mismatched}");
    let put_away = http.until(&path, |entries| entries.as_array().is_some_and(|all| all.len() == 3)).await;
    assert!(put_away[0]["source"].as_str().unwrap().contains("payment.events/"), "{put_away}");
    assert_eq!(http.get(&format!("/orders/{mismatched}")).await["status"], "CREATED");
    until("every mail", async || mail.received().len(), |count| *count == 2).await;
    stop.send(()).unwrap();
    task.await.unwrap();
}
