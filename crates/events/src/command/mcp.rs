use std::net::SocketAddr;
use std::sync::Arc;

use stateset_inspect::{Fault, Inspect, OpenMode};
use stateset_mcp::{BearerToken, HttpSettings, Server};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::worker::stop_signal;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::settings::{Place, variable};

/// Connections to the database: calls of agents come side by side.
const CONNECTIONS: u32 = 8;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Serve Streamable HTTP at /mcp of this address; otherwise one client on standard input and output. Beyond loopback, a
    /// token is needed [env: `STATESET_MCP_TOKEN`]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Let a call that says apply: true change something; without this, every write is a preview
    #[arg(long)]
    apply: bool,
    /// Storefront in which `create_order` makes orders; without one there is no such tool
    #[arg(long, value_name = "URL")]
    storefront: Option<Url>,
    /// Origin of a web page that may call, such as <https://agents.example:443>; none by default
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    allow_origin: Vec<String>,
    /// Name under which clients reach the address, besides loopback
    #[arg(long, value_name = "HOST", requires = "http")]
    allow_host: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let inspect: Arc<dyn Inspect> = match context.settings.place()? {
            // Without --apply the database itself refuses any change.
            Place::Database(_) => {
                let mode = if self.apply { OpenMode::Write } else { OpenMode::Read };
                context.database(mode, CONNECTIONS).await?.inspect()
            },
            Place::Sequencer { .. } => Arc::new(context.remote()?),
        };
        let actor = context.settings.actor.clone();
        let settings = stateset_mcp::Settings { apply: self.apply, actor, storefront: self.storefront.clone() };
        let server = Server::new(inspect, settings)?;
        let stop = CancellationToken::new();
        let serving = self.serve(context, server, stop.clone());
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended,
            () = stop_signal() => stop.cancel(),
        }
        serving.await
    }

    async fn serve(self, context: &Context, server: Server, stop: CancellationToken) -> Ended {
        let Some(address) = self.http else {
            server.stdio(stop).await?;
            return Ok(Done::Well);
        };
        let token = variable("STATESET_MCP_TOKEN").map(|secret| BearerToken::new(&secret)).transpose()?;
        let settings = HttpSettings { token, allowed_origins: self.allow_origin, allowed_hosts: self.allow_host };
        settings.check(address)?;
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| {
            Fault::usage(
                format!("{address} cannot be listened on"),
                "another program has it, or it is not this machine's",
            )
            .because(error)
        })?;
        let address = listener.local_addr().map_err(|error| Fault::unavailable("the listener", error))?;
        context.output.note(&format!("listening on http://{address}/mcp"));
        server.http(listener, settings, stop).await?;
        Ok(Done::Well)
    }
}
