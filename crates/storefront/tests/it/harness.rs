//! A shop in this process, its mail server, and a look into its databases.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _};
use stateset_storefront::{Place, Service, Settings, SmtpPlace, StartError, Storefront};
use stateset_testkit::http::{Client, Request, Response};
use stateset_testkit::postgres::{TestDatabase, shared};
use stateset_testkit::smtp::SmtpServer;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Longest wait for anything; a busy machine is slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// The same test on both databases.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($on:ident) $body:block)+) => { $(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($on: $crate::harness::On) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::harness::On::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run($crate::harness::On::Postgres).await;
            }
        }
    )+ };
}
pub(crate) use on_both;

/// What the services keep, and who may look into it.
pub(crate) enum Data {
    Sqlite(TempDir),
    Postgres(TestDatabase),
}

impl Data {
    pub(crate) async fn create(on: On) -> Self {
        match on {
            On::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            On::Postgres => Self::Postgres(shared().await.unwrap().create_database("storefront").await.unwrap()),
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.url().parse().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().display()),
            Self::Postgres(database) => database.url().to_owned(),
        }
    }

    pub(crate) fn file(&self, service: Service) -> PathBuf {
        match self {
            Self::Sqlite(folder) => file(folder.path(), service),
            Self::Postgres(_) => panic!("PostgreSQL has no files of its own here"),
        }
    }

    /// The first column, which is text, of every row.
    pub(crate) async fn column(&self, service: Service, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(file(folder.path(), service));
                let mut connection = options.connect().await.unwrap();
                let rows = connection.fetch_all(sqlx::raw_sql(sql)).await.unwrap();
                connection.close().await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            },
            Self::Postgres(database) => {
                let mut connection = of(database, service).await;
                let rows = connection.fetch_all(sqlx::raw_sql(sql)).await.unwrap();
                connection.close().await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            },
        }
    }

    /// Types of the events in a service's log, in order.
    pub(crate) async fn events(&self, service: Service) -> Vec<String> {
        self.column(service, "SELECT event_type FROM event_log ORDER BY id").await
    }
}

fn file(folder: &Path, service: Service) -> PathBuf {
    folder.join(format!("storefront_{service}.db"))
}

async fn of(database: &TestDatabase, service: Service) -> PgConnection {
    let mut connection = database.connect().await.unwrap();
    let path = format!("SET search_path TO storefront_{service}");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(path))).await.unwrap();
    connection
}

/// A shop that listens.
pub(crate) struct Shop {
    pub(crate) data: Data,
    pub(crate) mail: SmtpServer,
    http: Http,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Shop {
    pub(crate) async fn open(on: On) -> Self {
        Self::on(Data::create(on).await, SmtpServer::start().await.unwrap()).await
    }

    pub(crate) async fn on(data: Data, mail: SmtpServer) -> Self {
        Self::with(settings(&data, mail.address()), data, mail).await
    }

    pub(crate) async fn with(settings: Settings, data: Data, mail: SmtpServer) -> Self {
        let (http, stop, task) = start(settings).await.unwrap();
        Self { data, mail, http, stop, task }
    }

    /// Ends in order; what it kept, and its mail server, remain.
    pub(crate) async fn close(self) -> (Data, SmtpServer) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        (self.data, self.mail)
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }
}

impl std::ops::Deref for Shop {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

/// All services on a free port.
pub(crate) fn settings(data: &Data, mail: SocketAddr) -> Settings {
    Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        smtp: SmtpPlace { host: mail.ip().to_string(), port: mail.port() },
        ..Settings::new(data.place())
    }
}

pub(crate) async fn start(settings: Settings) -> Result<(Http, oneshot::Sender<()>, JoinHandle<()>), StartError> {
    let storefront = Storefront::start(settings).await?;
    let http = Http(Client::new(storefront.address()));
    let (stop, stopped) = oneshot::channel::<()>();
    #[expect(clippy::disallowed_methods, reason = "the handle is kept, and waited for by whoever closes the shop")]
    let task = tokio::spawn(async move {
        let end = async {
            stopped.await.ok();
        };
        storefront.run(end).await.unwrap();
    });
    Ok((http, stop, task))
}

/// What a customer's browser does.
pub(crate) struct Http(pub(crate) Client);

impl Http {
    /// A status that is expected, and the JSON that came with it.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.0.get(path).await.unwrap();
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        response.json().unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.0.post_json(path, &body).await.unwrap();
        (response.status, response.json().unwrap())
    }

    /// The same with the header `Idempotency-Key`.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: &Value) -> Response {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let body = body.to_string();
        let request = Request { headers: &headers, body: Some(body.as_bytes()), ..Request::new("POST", path) };
        self.0.send(request).await.unwrap()
    }

    /// Two pieces of product 1, as in the event contracts.
    pub(crate) async fn checkout(&self) -> i64 {
        let (status, order) = self.post("/orders/checkout", order()).await;
        assert_eq!(status, 201, "{order}");
        order["order_id"].as_i64().unwrap()
    }

    pub(crate) async fn pay(&self, order: i64, amount_cents: i64) -> (u16, Value) {
        let body = json!({ "order_id": order, "amount_cents": amount_cents, "currency": "USD" });
        self.post("/payments/mock-succeed", body).await
    }

    /// The only shipment of an order, once it has this status.
    pub(crate) async fn shipment(&self, order: i64, status: &str) -> i64 {
        let path = format!("/shipments?order_id={order}");
        let found = self.until(&path, |it| it[0]["status"] == status).await;
        found[0]["shipment_id"].as_i64().unwrap()
    }

    pub(crate) async fn dispatch(&self, shipment: i64) -> (u16, Value) {
        let body = json!({ "carrier": "demo-carrier", "tracking_number": "TRK-0001" });
        self.post(&format!("/shipments/{shipment}/dispatch"), body).await
    }

    /// What the path answers once that holds.
    pub(crate) async fn until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path).await;
            if holds(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} is still {answer:#}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) fn order() -> Value {
    json!({
        "user_email": "cust@example.com",
        "currency": "USD",
        "items": [{ "product_id": 1, "qty": 2, "unit_price_cents": 12999 }],
    })
}

/// What that order costs.
pub(crate) const COSTS: i64 = 25_998;

/// What is looked at, once that holds.
pub(crate) async fn until<T: Debug>(what: &str, look: impl AsyncFn() -> T, holds: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look().await;
        if holds(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what} does not come; it is {seen:#?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The one header of this name of each mail.
pub(crate) fn headers(mail: &SmtpServer, name: &str) -> Vec<String> {
    let name = format!("{name}: ");
    let header = |data: &str| data.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_default().to_owned();
    mail.received().iter().map(|mail| header(&mail.data)).collect()
}
