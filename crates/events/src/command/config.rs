use clap::Subcommand;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;
use crate::settings::Place;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Config,
}

#[derive(Debug, Subcommand)]
enum Config {
    /// What is in force, secrets left out
    Show,
    /// Where the configuration file is looked for
    Path,
    /// A configuration file with every member
    Example,
}

const EXAMPLE: &str = r#"# ~/.config/stateset/events.toml
default_profile = "shop"

[profiles.shop]
database = "sqlite:shop.db"                 # or postgres://user@host:5432/shop
# database_env = "SHOP_DATABASE_URL"        # the variable that holds it, where it has a password
# schema = "outbox"                         # PostgreSQL schema of the tables
# tenant = "…"                              # UUIDs; left out: an application with one tenant
# store = "…"
# actor = "ada"                             # who acts, for the audit

[profiles.sequencer]
url = "https://sequencer.example:8080"
api_key_env = "SEQUENCER_API_KEY"           # or api_key_file = "/run/secrets/key"
tenant = "7a0e2c5e-1111-4222-8333-000000000001"
store = "7a0e2c5e-1111-4222-8333-000000000002"
timeout_s = 10
# There is no member that applies writes: --apply is typed, each time.
"#;

impl Args {
    pub(crate) fn run(self, context: &Context) -> Ended {
        let settings = &context.settings;
        match self.command {
            Config::Example => context.output.text(EXAMPLE)?,
            Config::Path => {
                let path = settings.config.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
                context.output.line(&path)?;
            },
            Config::Show => {
                let place = match &settings.place {
                    Some(Place::Database(url)) => json!({ "database": without_secret(url) }),
                    Some(Place::Sequencer { url, credential }) => {
                        json!({ "url": without_secret(url.as_str()), "credential": credential.as_ref().map(|kind| format!("{kind:?}")) })
                    },
                    None => json!(null),
                };
                let shown = json!({
                    "source": place,
                    "profile": settings.profile,
                    "profiles": settings.file.profiles.keys().collect::<Vec<_>>(),
                    "config": settings.config,
                    "tenant": settings.scope.tenant,
                    "store": settings.scope.store,
                    "schema": settings.schema.name(),
                    "timeout_s": settings.timeout.as_secs(),
                    "actor": settings.actor,
                });
                context.output.print(&shown, |shown| {
                    let members = shown.as_object().into_iter().flatten();
                    members.fold(Sheet::new(&["setting", "value"]), |sheet, (name, value)| {
                        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        sheet.row([name.clone(), value])
                    })
                })?;
            },
        }
        Ok(Done::Well)
    }
}

/// A URL as it may be shown. What cannot be read as one is not shown at all.
fn without_secret(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) => {
            if url.password().is_some() && url.set_password(Some("…")).is_err() {
                return "…".to_owned();
            }
            // Parameters may hold a password too.
            if url.query().is_some_and(|query| query.contains("password")) {
                url.set_query(None);
            }
            url.to_string()
        },
        Err(_) => "…".to_owned(),
    }
}
