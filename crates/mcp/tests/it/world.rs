//! A log, a server over it, and calls.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};
use sqlx::Sqlite;
use stateset_inspect::{Database, OpenMode, OpenSettings, Scope};
use stateset_mcp::{HttpSettings, Server, Settings};
use stateset_outbox::{Outbox, Schema};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::shop::{self, Shop};

pub(crate) const CURRENT: &str = "2026-07-28";
pub(crate) const PREVIOUS: &str = "2025-11-25";

pub(crate) struct World {
    _folder: TempDir,
    url: String,
    pub(crate) outbox: Outbox<Sqlite>,
    pub(crate) shop: Shop,
}

/// A running server; it stops when this is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    client: reqwest::Client,
    _stop: DropGuard,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join("shop.sqlite");
        let outbox = shop::file(&path).await.expect("the tables");
        let shop = shop::fill(&outbox).await.expect("orders");
        Self { _folder: folder, url: format!("sqlite:{}", path.display()), outbox, shop }
    }

    pub(crate) async fn serve(&self, apply: bool) -> Served {
        self.serve_with(apply, None, HttpSettings::default()).await
    }

    pub(crate) async fn serve_with(&self, apply: bool, storefront: Option<Url>, http: HttpSettings) -> Served {
        let mode = if apply { OpenMode::Write } else { OpenMode::Read };
        let settings = OpenSettings {
            url: self.url.clone(),
            schema: Schema::default(),
            scope: Scope::single_tenant(),
            mode,
            timeout: Duration::from_secs(20),
            connections: 4,
        };
        let inspect = Database::open(&settings).await.expect("the file opens").inspect();
        let settings = Settings { apply, actor: "tester".to_owned(), storefront };
        let server = Server::new(inspect, settings).expect("a server");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        tokio::spawn(server.http(listener, http, stop.clone()));
        Served { address, client: reqwest::Client::new(), _stop: stop.drop_guard() }
    }

    /// Everything in the file but plans, which are notes of previews.
    pub(crate) async fn dump(&self) -> Vec<String> {
        let mut tx = self.outbox.begin().await.expect("a transaction");
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'job' ORDER BY name",
        )
        .fetch_all(&mut *tx)
        .await
        .expect("tables");
        assert!(tables.len() > 10, "{tables:?}");
        let mut rows = Vec::new();
        for table in tables {
            let sql = format!("SELECT group_concat(name, ', ') FROM pragma_table_info('{table}')");
            let columns: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *tx).await.expect("columns");
            let quoted: Vec<String> = columns.split(", ").map(|column| format!("quote({column})")).collect();
            let sql = format!("SELECT '{table}: ' || {} FROM {table} ORDER BY 1", quoted.join(" || ', ' || "));
            let found: Vec<String> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *tx).await.expect("rows");
            rows.extend(found);
        }
        rows
    }
}

impl Served {
    /// One request, as a client of that version writes it.
    pub(crate) async fn post(&self, version: &str, method: &str, params: Value, more: HeaderMap) -> (u16, String) {
        let mut params = params;
        let url = format!("http://{}/mcp", self.address);
        let mut request = self.client.post(url).header("accept", "application/json, text/event-stream");
        request = request.header("content-type", "application/json").header("mcp-protocol-version", version);
        if version == CURRENT {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientInfo": { "name": "raw \u{7} client", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            request = request.header("mcp-method", method);
            if let Some(name) = params["name"].as_str() {
                request = request.header("mcp-name", name);
            }
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let reply = request.headers(more).body(body.to_string()).send().await.expect("it answers");
        (reply.status().as_u16(), reply.text().await.expect("text"))
    }

    /// The result of a call of a tool, as it was written.
    pub(crate) async fn call_raw(&self, tool: &str, arguments: Value) -> String {
        let params = json!({ "name": tool, "arguments": arguments });
        let (status, text) = self.post(CURRENT, "tools/call", params, HeaderMap::new()).await;
        assert_eq!(status, 200, "{text}");
        text
    }

    /// The structured result of a call that is answered.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let (refused, answer) = self.ask(tool, arguments.clone()).await;
        assert!(!refused, "{tool} {arguments}: {answer}");
        answer
    }

    /// The error of a call that is refused.
    pub(crate) async fn refused(&self, tool: &str, arguments: Value) -> Value {
        let (refused, answer) = self.ask(tool, arguments.clone()).await;
        assert!(refused, "{tool} {arguments}: {answer}");
        assert_eq!(answer["ok"], false);
        answer["error"].clone()
    }

    async fn ask(&self, tool: &str, arguments: Value) -> (bool, Value) {
        let text = self.call_raw(tool, arguments).await;
        let mut reply: Map<String, Value> = serde_json::from_str(&text).expect("JSON");
        let result = reply.get_mut("result").unwrap_or_else(|| panic!("no result: {text}"));
        let texts = result["content"].as_array().expect("content").iter().filter_map(|block| block["text"].as_str());
        let last = texts.last().expect("a text");
        let structured = result["structuredContent"].clone();
        assert_eq!(serde_json::from_str::<Value>(last).expect("JSON"), structured, "both say the same");
        (result["isError"] == true, structured)
    }
}
