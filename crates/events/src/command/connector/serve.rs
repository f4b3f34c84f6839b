use std::net::SocketAddr;
use std::sync::Arc;

use stateset_connector::http::{BODY_BYTES, router};
use stateset_connector::shopify::Shopify;
use stateset_connector::{Connector as _, Intake, Tables, migrate};
use stateset_inspect::{Database, Fault, OpenMode};
use stateset_outbox::Outbox;
use tokio::net::TcpListener;

use super::{Shop, Signing, currency, database, unanswered};
use crate::command::worker::stop_signal;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Output;
use crate::settings::subject_keys;

/// Transactions at a time.
const CONNECTIONS: u32 = 8;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Kind of shop
    shop: Shop,
    #[command(flatten)]
    signing: Signing,
    /// Where to listen; give the shop the path /webhooks/shopify behind your TLS proxy
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Take only this shop's requests, by its domain; may be repeated [default: every shop that signs with the secret]
    #[arg(long = "shop", value_name = "DOMAIN")]
    shops: Vec<String>,
    /// Currency of the shop's prices, which its products do not name; without it they are left out
    #[arg(long, value_name = "CODE", value_parser = currency)]
    currency: Option<String>,
    /// Largest body, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = BODY_BYTES)]
    body_limit: usize,
}

impl Args {
    pub(super) async fn run(self, context: &Context) -> Ended {
        let Shop::Shopify = self.shop;
        let shopify = self.signing.shopify(self.currency.as_ref())?.only(self.shops.iter().cloned());
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("info").init();
        if subject_keys()?.is_none() {
            context.output.note("STATESET_SUBJECT_KEYS is not set: webhooks about customers cannot be written");
        }
        match database(context, OpenMode::Write, CONNECTIONS).await? {
            Database::Sqlite(outbox, _) => self.serve(context, outbox, shopify).await,
            Database::Postgres(outbox, _) => self.serve(context, outbox, shopify).await,
        }
    }

    async fn serve<DB: Tables>(&self, context: &Context, outbox: Outbox<DB>, shopify: Shopify) -> Ended {
        migrate(&outbox).await.map_err(unanswered)?;
        let listener = TcpListener::bind(self.listen).await.map_err(|error| {
            let message = format!("{} cannot be listened on", self.listen);
            Fault::usage(message, "another process may have it; see --listen").because(error)
        })?;
        let address = listener.local_addr().map_err(|error| Fault::unavailable("the operating system", error))?;
        let path = format!("/webhooks/{}", shopify.name());
        let intake = Arc::new(Intake::new(outbox, shopify));
        Output::line(&format!("http://{address}{path}"))?;
        context.output.note("taking webhooks; stop with Ctrl-C or SIGTERM");
        let served = axum::serve(listener, router(intake, self.body_limit)).with_graceful_shutdown(stop_signal());
        served.await.map_err(|error| Fault::unavailable("the listener", error))?;
        Ok(Done::Well)
    }
}
