use std::net::Ipv4Addr;

use stateset_dashboard::outbox::{Outbox, mount};
use stateset_inspect::{Fault, OpenMode};
use tokio::net::TcpListener;

use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::settings::Place;

/// Connections to the database: a page asks one thing after the other.
const CONNECTIONS: u32 = 4;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Port, on this machine only; 0 takes a free one
    #[arg(long, default_value_t = 8088)]
    port: u16,
    /// Let pages make changes, each after a preview; without this the database is opened for reading
    #[arg(long)]
    allow_changes: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let url = match context.settings.place()? {
            Place::Database(url) => url,
            Place::Sequencer { url, .. } => {
                let ask = format!(
                    "open {} in a browser",
                    url.join("/dashboard").map_or_else(|_| url.to_string(), String::from)
                );
                return Err(Fault::unsupported("pages of this program's own", "a sequencer", &ask).into());
            },
        };
        let mode = if self.allow_changes { OpenMode::Write } else { OpenMode::Read };
        let inspect = context.database(mode, CONNECTIONS).await?.inspect();
        let flags = flags(url, context.settings.profile.as_deref());
        let outbox = Outbox { inspect, actor: context.settings.actor.clone(), may_change: self.allow_changes, flags };
        let (router, link) = mount(outbox);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.map_err(|error| {
            Fault::usage(format!("port {} cannot be listened on", self.port), "another process may have it; see --port")
                .because(error)
        })?;
        let address = listener.local_addr().map_err(|error| Fault::unavailable("the operating system", error))?;
        crate::output::Output::line(&format!("http://{address}{link}"))?;
        context.output.note("the link lets one browser in, once, within 15 minutes; stop with Ctrl-C");
        let stop = async {
            tokio::signal::ctrl_c().await.ok();
        };
        axum::serve(listener, router)
            .with_graceful_shutdown(stop)
            .await
            .map_err(|error| Fault::unavailable("the dashboard", error))?;
        Ok(Done::Well)
    }
}

/// How a command names the same database. A URL of PostgreSQL may hold a password, and is not shown.
fn flags(url: &str, profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!("--profile {profile}"),
        None if url.starts_with("sqlite:") => format!("--database '{}'", url.replace('\'', r"'\''")),
        None => String::new(),
    }
}
