//! Where answers come from: flags, then environment, then a profile of the configuration file.
//!
//! This is the only place that reads the environment. Nothing here can make a write happen: `--apply` is a flag of the
//! commands that write, has no variable, and is no member of a profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use stateset_inspect::{Credential, Fault, OpenMode, OpenSettings, Scope};
use stateset_outbox::Schema;
use stateset_outbox::subject::MasterKeys;
use url::Url;
use uuid::Uuid;

use crate::output::Format;

/// Longest configuration file.
const CONFIG_BYTES: u64 = 1024 * 1024;

/// Flags that every command has.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Global {
    /// Outbox database: sqlite:shop.db or <postgres://user@host/shop> [env: `STATESET_DATABASE_URL`]
    #[arg(long, global = true, value_name = "URL", help_heading = "Where", conflicts_with = "url")]
    pub(crate) database: Option<String>,
    /// Sequencer: <https://sequencer.example:8080> [env: `STATESET_SEQUENCER_URL`]. Its API key is read from `STATESET_API_KEY` or
    /// the profile, never from the command line
    #[arg(long, global = true, value_name = "URL", help_heading = "Where")]
    pub(crate) url: Option<String>,
    /// Profile of the configuration file [env: `STATESET_PROFILE`]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Where")]
    pub(crate) profile: Option<String>,
    /// Configuration file [env: `STATESET_EVENTS_CONFIG`] [default: ~/.config/stateset/events.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Where")]
    pub(crate) config: Option<PathBuf>,
    /// Tenant, a UUID [env: `STATESET_TENANT_ID`] [default: the tenant of an application that has one]
    #[arg(long, global = true, value_name = "UUID", help_heading = "Where")]
    pub(crate) tenant: Option<Uuid>,
    /// Store of the tenant, a UUID [env: `STATESET_STORE_ID`]
    #[arg(long, global = true, value_name = "UUID", help_heading = "Where")]
    pub(crate) store: Option<Uuid>,
    /// PostgreSQL schema of the outbox tables [env: `STATESET_OUTBOX_SCHEMA`] [default: outbox]
    #[arg(long, global = true, value_name = "NAME", help_heading = "Where")]
    pub(crate) schema: Option<String>,
    /// Longest wait for the source, in seconds [default: 10]
    #[arg(long, global = true, value_name = "SECONDS", help_heading = "Where", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) timeout: Option<u64>,
    /// Form of the data
    #[arg(short, long, global = true, value_name = "FORM", help_heading = "Output")]
    pub(crate) output: Option<Format>,
    /// Same as --output json
    #[arg(long, global = true, help_heading = "Output", conflicts_with = "output")]
    pub(crate) json: bool,
    /// Nothing on standard error but faults
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// No colours, which a terminal gets otherwise [env: `NO_COLOR`]
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) no_color: bool,
    /// Who acts, for the audit [env: `STATESET_ACTOR`] [default: the user]
    #[arg(long = "as", global = true, value_name = "NAME", help_heading = "Where")]
    pub(crate) acting_as: Option<String>,
}

impl Global {
    /// The form that was asked for.
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output.unwrap_or_default() }
    }
}

/// The configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Used where none is named.
    pub(crate) default_profile: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// One place to ask.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) database: Option<String>,
    /// The variable that holds the URL of the database.
    pub(crate) database_env: Option<String>,
    pub(crate) url: Option<String>,
    /// The variable that holds the API key.
    pub(crate) api_key_env: Option<String>,
    /// The file that holds it.
    pub(crate) api_key_file: Option<PathBuf>,
    pub(crate) tenant: Option<Uuid>,
    pub(crate) store: Option<Uuid>,
    pub(crate) schema: Option<String>,
    pub(crate) timeout_s: Option<u64>,
    pub(crate) actor: Option<String>,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Database(String),
    Sequencer { url: Url, credential: Option<Credential> },
}

/// Everything that is decided before a command runs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `None`: nobody said; only commands that ask something need it.
    pub(crate) place: Option<Place>,
    pub(crate) profile: Option<String>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) file: File,
    pub(crate) scope: Scope,
    pub(crate) schema: Schema,
    pub(crate) timeout: Duration,
    pub(crate) actor: String,
    pub(crate) no_color: bool,
    /// Where small things are kept between calls, such as cursors.
    pub(crate) state_folder: Option<PathBuf>,
}

/// A variable that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}

/// A variable that a file of routes names for a secret.
pub(crate) fn secret_variable(name: &str) -> Result<String, Fault> {
    variable(name).ok_or_else(|| Fault::usage(format!("the variable {name} is not set"), "set it to the secret"))
}

/// The master keys of people's data, if there are any.
pub(crate) fn subject_keys() -> Result<Option<MasterKeys>, Fault> {
    const NAME: &str = "STATESET_SUBJECT_KEYS";
    let keys = variable(NAME).map(|text| MasterKeys::parse(&text)).transpose();
    keys.map_err(|error| {
        let fix = "such as 2026=$(openssl rand -hex 32); the first one wraps, the others only unwrap";
        Fault::usage(format!("{NAME}: {error}"), fix)
    })
}

impl Settings {
    pub(crate) fn read(global: &Global) -> Result<Self, Fault> {
        let config = global.config.clone().or_else(|| variable("STATESET_EVENTS_CONFIG").map(PathBuf::from));
        let named = config.is_some();
        let config = config.or_else(|| folder("XDG_CONFIG_HOME", ".config").map(|at| at.join("stateset/events.toml")));
        let file = match &config {
            Some(path) if named || path.exists() => read_file(path)?,
            _ => File::default(),
        };
        let profile_name = global.profile.clone().or_else(|| variable("STATESET_PROFILE"));
        let profile_name = profile_name.or_else(|| file.default_profile.clone());
        let profile = match &profile_name {
            Some(name) => file.profiles.get(name).cloned().ok_or_else(|| no_profile(name, &file, config.as_deref()))?,
            None => Profile::default(),
        };
        let single = Scope::single_tenant();
        let scope = Scope {
            tenant: id(global.tenant, "STATESET_TENANT_ID", profile.tenant)?.unwrap_or(single.tenant),
            store: id(global.store, "STATESET_STORE_ID", profile.store)?.unwrap_or(single.store),
        };
        let schema = global.schema.clone().or_else(|| variable("STATESET_OUTBOX_SCHEMA")).or(profile.schema.clone());
        let schema = match schema {
            Some(name) => Schema::new(&name).map_err(|error| Fault::usage(error.to_string(), "see --schema"))?,
            None => Schema::default(),
        };
        let actor = global.acting_as.clone().or_else(|| variable("STATESET_ACTOR")).or(profile.actor.clone());
        let actor =
            actor.or_else(|| variable("USER")).or_else(|| variable("LOGNAME")).unwrap_or_else(|| "unknown".to_owned());
        Ok(Self {
            place: place(global, &profile)?,
            profile: profile_name,
            config,
            file,
            scope,
            schema,
            timeout: Duration::from_secs(global.timeout.or(profile.timeout_s).unwrap_or(10)),
            actor,
            no_color: global.no_color || variable("NO_COLOR").is_some(),
            state_folder: folder("XDG_STATE_HOME", ".local/state").map(|at| at.join("stateset/events")),
        })
    }

    /// The place, if somebody named one.
    pub(crate) fn place(&self) -> Result<&Place, Fault> {
        self.place.as_ref().ok_or_else(|| {
            Fault::usage(
                "neither a database nor a sequencer is named",
                "give --database sqlite:shop.db, --url https://sequencer.example:8080, or a profile; `stateset-events config \
                 example` prints a configuration file",
            )
        })
    }

    /// The database, for commands that need one.
    pub(crate) fn open(&self, mode: OpenMode, connections: u32) -> Result<OpenSettings, Fault> {
        match self.place()? {
            Place::Database(url) => Ok(OpenSettings {
                url: url.clone(),
                schema: self.schema.clone(),
                scope: self.scope,
                mode,
                timeout: self.timeout,
                connections,
            }),
            Place::Sequencer { .. } => Err(Fault::unsupported(
                "outbox",
                "a sequencer",
                "name the outbox database with --database, or a profile that has one",
            )),
        }
    }
}

fn id(flag: Option<Uuid>, name: &str, profile: Option<Uuid>) -> Result<Option<Uuid>, Fault> {
    if flag.is_some() {
        return Ok(flag);
    }
    match variable(name) {
        Some(text) => {
            Uuid::try_parse(&text).map(Some).map_err(|_| Fault::usage(format!("{name} is no UUID: {text:.80?}"), ""))
        },
        None => Ok(profile),
    }
}

/// Flags win over variables, variables over the profile. `DATABASE_URL`, the application's own, comes last.
fn place(global: &Global, profile: &Profile) -> Result<Option<Place>, Fault> {
    if let Some(database) = &global.database {
        return Ok(Some(Place::Database(database.clone())));
    }
    if let Some(url) = &global.url {
        return sequencer(url, profile).map(Some);
    }
    // A profile that was asked for is not overruled by a variable that happens to be set.
    if global.profile.is_none() {
        match (variable("STATESET_DATABASE_URL"), variable("STATESET_SEQUENCER_URL")) {
            (Some(_), Some(_)) => {
                let fix = "unset one, or give --database or --url";
                return Err(Fault::usage("STATESET_DATABASE_URL and STATESET_SEQUENCER_URL are both set", fix));
            },
            (Some(database), None) => return Ok(Some(Place::Database(database))),
            (None, Some(url)) => return sequencer(&url, profile).map(Some),
            (None, None) => {},
        }
    }
    let database = match (&profile.database, &profile.database_env) {
        (Some(url), _) => Some(url.clone()),
        (None, Some(name)) => Some(secret_variable(name)?),
        (None, None) => None,
    };
    match (database, &profile.url) {
        (Some(_), Some(_)) => {
            Err(Fault::usage("the profile names a database and a sequencer", "make two profiles of it"))
        },
        (Some(database), None) => Ok(Some(Place::Database(database))),
        (None, Some(url)) => sequencer(url, profile).map(Some),
        (None, None) => Ok(variable("DATABASE_URL").map(Place::Database)),
    }
}

fn sequencer(url: &str, profile: &Profile) -> Result<Place, Fault> {
    let url = Url::parse(url).map_err(|error| {
        Fault::usage(format!("the sequencer's address is no URL: {error}"), "such as https://sequencer.example:8080")
    })?;
    let key = match (variable("STATESET_API_KEY"), &profile.api_key_env, &profile.api_key_file) {
        (Some(key), ..) => Some(key),
        (None, Some(name), _) => Some(secret_variable(name)?),
        (None, None, Some(path)) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Fault::usage(format!("the file of the API key cannot be read: {}", path.display()), "see api_key_file")
                    .because(error)
            })?;
            Some(text.trim().to_owned())
        },
        (None, None, None) => None,
    };
    let credential = key.map(|key| Credential::ApiKey(key.into()));
    let credential = credential.or_else(|| variable("STATESET_TOKEN").map(|token| Credential::Token(token.into())));
    Ok(Place::Sequencer { url, credential })
}

fn folder(name: &str, below_home: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from).or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(below_home)))
}

fn read_file(path: &Path) -> Result<File, Fault> {
    let unreadable = |error| {
        let message = format!("the configuration file cannot be read: {}", path.display());
        Fault::usage(message, "see --config, and `stateset-events config example`").because(error)
    };
    if std::fs::metadata(path).map_err(unreadable)?.len() > CONFIG_BYTES {
        return Err(Fault::usage(format!("{} is no configuration file: it is too large", path.display()), ""));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    toml::from_str(&text).map_err(|error| {
        // The whole error quotes the line, which may hold a secret.
        let message = format!("the configuration file {} is wrong: {}", path.display(), error.message());
        Fault::usage(message, "`stateset-events config example` prints one with every member")
    })
}

fn no_profile(name: &str, file: &File, path: Option<&Path>) -> Fault {
    let known: Vec<&str> = file.profiles.keys().map(String::as_str).collect();
    let place = path.map_or_else(String::new, |path| format!(" in {}", path.display()));
    let fix = match stateset_outbox::filter::nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => {
            "there are none; `stateset-events config example` prints a file with some".to_owned()
        },
        None => format!("there are: {}", known.join(", ")),
    };
    Fault::usage(format!("there is no profile {name:?}{place}"), fix)
}
