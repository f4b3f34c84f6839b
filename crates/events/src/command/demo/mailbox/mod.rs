//! Where the shop's mails arrive: a `MailHog` that runs already, or our own receiver, which answers as it does.
//!
//! The receiver keeps every message as it came, repeats included, in order: whoever asks sees what a customer's mail
//! server would have been given. Messages also go to a file, so that a later audit can ask about them.

mod letters;
mod session;
mod smtp;

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::IntoResponse;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use stateset_inspect::Fault;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

use session::Letterhead;

pub(super) use letters::{Letter, letters};

/// Where `MailHog` takes mails, and where it shows them.
const SMTP_PORT: u16 = 1025;
const SHOW_PORT: u16 = 8025;
/// Says that an answer is this receiver's and not `MailHog`'s: it ends with the demo that started it.
const OURS: &str = "x-stateset-demo";
/// Most messages that are kept.
const MESSAGES: usize = 200_000;
/// Most messages of one answer; asked for without a number, 50.
const PAGE: usize = 1_000;
/// How long to wait for a `MailHog` that may not be there.
const LOOK: Duration = Duration::from_millis(500);

/// A message as it was accepted, in `MailHog`'s shape.
#[derive(Clone, Debug)]
struct Kept {
    shown: Value,
}

/// Everything that was accepted.
#[derive(Debug)]
pub(super) struct Mailbox {
    kept: Mutex<Vec<Kept>>,
    file: Mutex<File>,
}

impl Mailbox {
    /// With the messages of an earlier run, if the file holds some.
    fn open(path: &Path) -> Result<Self, Fault> {
        let unreadable =
            |error| Fault::usage(format!("{} cannot be used", path.display()), "see --data").because(error);
        let text = if path.exists() { std::fs::read_to_string(path).map_err(unreadable)? } else { String::new() };
        // A last line that was cut off by a kill was never acknowledged.
        let kept = text.lines().filter_map(|line| serde_json::from_str(line).ok()).map(|shown| Kept { shown });
        let kept = kept.collect();
        let mut file = File::options().create(true).append(true).open(path).map_err(unreadable)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(unreadable)?;
        }
        Ok(Self { kept: Mutex::new(kept), file: Mutex::new(file) })
    }

    /// Keeps a message; then its sender may be told so.
    fn keep(&self, head: &Letterhead, data: &str) -> std::io::Result<()> {
        let at = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let mut kept = self.kept();
        if kept.len() >= MESSAGES {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let shown = shown(kept.len(), &at, head, data);
        let line = format!("{shown}\n");
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())?;
        kept.push(Kept { shown });
        drop(kept);
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message in the shape of `MailHog`'s API, version 2.
fn shown(number: usize, at: &str, head: &Letterhead, data: &str) -> Value {
    let address = |text: &str| {
        let (mailbox, domain) = text.rsplit_once('@').unwrap_or((text, ""));
        json!({ "Relays": null, "Mailbox": mailbox, "Domain": domain, "Params": "" })
    };
    let (headers, body) = letters::parts(data);
    let to: Vec<Value> = head.to.iter().map(|text| address(text)).collect();
    json!({
        "ID": format!("{number}@stateset-demo"),
        "From": address(&head.from),
        "To": to,
        "Content": { "Headers": headers, "Body": body, "Size": data.len(), "MIME": null },
        "Created": at,
        "MIME": null,
        "Raw": { "From": head.from, "To": head.to, "Data": data, "Helo": head.helo },
    })
}

/// Where mails go, and where they are seen.
pub(super) struct Post {
    /// For the shop: `host:port`.
    pub(super) smtp: String,
    /// `/api/v2/messages` is below it.
    pub(super) show: Url,
    /// Dropping it closes the ports.
    _tasks: JoinSet<()>,
}

impl Post {
    /// Somebody's receiver that is known to run.
    pub(super) fn given(show: Url) -> Self {
        let host = show.host_str().unwrap_or("localhost").to_owned();
        Self { smtp: format!("{host}:{SMTP_PORT}"), show, _tasks: JoinSet::new() }
    }

    /// A `MailHog` on this machine, or else a receiver of ours that keeps its messages in `file`.
    pub(super) async fn find_or_start(http: &reqwest::Client, file: &Path) -> Result<Self, Fault> {
        let local = format!("http://localhost:{SHOW_PORT}/");
        if let Ok(url) = Url::parse(&local)
            && is_mailhog(http, &url).await
        {
            return Ok(Self::given(url));
        }
        Self::start(file).await
    }

    /// A receiver of ours, on the well-known ports if they are free.
    pub(super) async fn start(file: &Path) -> Result<Self, Fault> {
        let mailbox = Arc::new(Mailbox::open(file)?);
        let (smtp, show) = (listen(SMTP_PORT).await?, listen(SHOW_PORT).await?);
        let unavailable = |error| Fault::unavailable("the mail receiver", error);
        let smtp_address = smtp.local_addr().map_err(unavailable)?;
        let show_address = show.local_addr().map_err(unavailable)?;
        let router = Router::new()
            .route("/api/v2/messages", get(messages))
            .route("/api/v1/messages", delete(forget))
            .with_state(Arc::clone(&mailbox));
        let mut tasks = JoinSet::new();
        tasks.spawn(smtp::serve(smtp, mailbox));
        tasks.spawn(async move {
            axum::serve(show, router).await.ok();
        });
        let url = format!("http://{show_address}/");
        let show = Url::parse(&url).map_err(|error| Fault::corrupt("the receiver's address", error))?;
        Ok(Self { smtp: smtp_address.to_string(), show, _tasks: tasks })
    }
}

/// On this port, or on any other if it is taken.
async fn listen(port: u16) -> Result<TcpListener, Fault> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(local(port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => {
            TcpListener::bind(local(0)).await.map_err(|error| Fault::unavailable("a port for the mail receiver", error))
        },
    }
}

async fn is_mailhog(http: &reqwest::Client, url: &Url) -> bool {
    let Ok(url) = url.join("api/v2/messages?limit=1") else { return false };
    match http.get(url).timeout(LOOK).send().await {
        Ok(answer) if answer.status().is_success() && !answer.headers().contains_key(OURS) => {
            let body: Option<Value> = answer.bytes().await.ok().and_then(|body| serde_json::from_slice(&body).ok());
            body.is_some_and(|body| body["items"].is_array())
        },
        _ => false,
    }
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    start: usize,
    limit: Option<usize>,
}

/// Newest first, as `MailHog` answers.
async fn messages(State(mailbox): State<Arc<Mailbox>>, Query(part): Query<Part>) -> impl IntoResponse {
    let limit = part.limit.unwrap_or(50).min(PAGE);
    let kept = mailbox.kept();
    let items: Vec<Value> = kept.iter().rev().skip(part.start).take(limit).map(|one| one.shown.clone()).collect();
    let total = kept.len();
    drop(kept);
    let body = json!({ "total": total, "count": items.len(), "start": part.start, "items": items });
    ([(OURS, "mailbox")], Json(body))
}

async fn forget(State(mailbox): State<Arc<Mailbox>>) -> impl IntoResponse {
    mailbox.kept().clear();
    [(OURS, "mailbox")]
}
