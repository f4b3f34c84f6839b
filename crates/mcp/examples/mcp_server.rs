//! The server over any outbox database, with nothing around it: what `stateset-events mcp` is without profiles.
//!
//! `--fill` makes the tables in an empty database and writes a few orders into it, for trying the tools out.

#[path = "../tests/it/shop.rs"]
mod shop;

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::Parser;
use sqlx::PgPool;
use stateset_inspect::{Database, OpenMode, OpenSettings, Scope};
use stateset_mcp::{BearerToken, HttpSettings, Server, Settings};
use stateset_outbox::{Outbox, Schema};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Serves the tools on standard input and output, or over HTTP.
#[derive(Parser)]
struct Args {
    /// postgres://… or sqlite:…
    #[arg(long)]
    database: String,
    /// Address for Streamable HTTP
    #[arg(long)]
    http: Option<SocketAddr>,
    /// Let calls that say apply: true change something
    #[arg(long)]
    apply: bool,
    /// Where orders are made
    #[arg(long)]
    storefront: Option<Url>,
    /// What clients must show
    #[arg(long, env = "STATESET_MCP_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Write a few orders into an empty database, say what they are called, and stop
    #[arg(long)]
    fill: bool,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the ids are what this prints, and it stops then")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if args.fill {
        let shop = if let Some(path) = args.database.strip_prefix("sqlite:") {
            shop::fill(&shop::file(std::path::Path::new(path)).await?).await?
        } else {
            let outbox = Outbox::new(PgPool::connect(&args.database).await?);
            outbox.migrate().await?;
            shop::fill(&outbox).await?
        };
        println!("{}", serde_json::json!({ "delivered": shop.delivered, "dead": shop.dead, "foreign": shop.foreign }));
        return Ok(());
    }
    let settings = OpenSettings {
        url: args.database.clone(),
        schema: Schema::default(),
        scope: Scope::single_tenant(),
        mode: if args.apply { OpenMode::Write } else { OpenMode::Read },
        timeout: std::time::Duration::from_secs(10),
        connections: 8,
    };
    let inspect = Database::open(&settings).await?.inspect();
    let settings = Settings { apply: args.apply, actor: "example".to_owned(), storefront: args.storefront };
    let server = Server::new(inspect, settings)?;
    let stop = CancellationToken::new();
    match args.http {
        None => server.stdio(stop).await?,
        Some(address) => serve(server, address, args.token.as_deref(), stop).await?,
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "whoever starts it has to know the port")]
async fn serve(server: Server, address: SocketAddr, token: Option<&str>, stop: CancellationToken) -> anyhow::Result<()> {
    let token = token.map(BearerToken::new).transpose()?;
    let settings = HttpSettings { token, ..HttpSettings::default() };
    settings.check(address)?;
    let listener = tokio::net::TcpListener::bind(address).await.context("the address is taken")?;
    eprintln!("listening on http://{}/mcp", listener.local_addr()?);
    Ok(server.http(listener, settings, stop).await?)
}
