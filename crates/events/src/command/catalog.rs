use clap::Subcommand;
use serde_json::{Value, json};
use stateset_contracts::catalogue::{self, Contract};
use stateset_inspect::{Fault, Kind};

use crate::exit::{Done, Ended};
use crate::output::{Format, Output, Sheet};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Catalog,
}

#[derive(Debug, Subcommand)]
enum Catalog {
    /// Every type of event that is known
    List,
    /// One type: its names, topic, and an example
    Show {
        /// Its name, or an alias
        event_type: String,
    },
}

impl Args {
    pub(crate) fn run(&self, format: Format, quiet: bool) -> Ended {
        let output = Output { format, quiet, color: false };
        match &self.command {
            Catalog::List => {
                let types: Vec<Value> = catalogue::all().map(answer).collect();
                let total = types.len();
                output.print(&json!({ "types": types, "total": total }), |_| {
                    let columns = ["event_type", "aliases", "entity", "topic", "version", "family"];
                    catalogue::all().fold(Sheet::new(&columns), |sheet, one| {
                        let topic = one.family.topic.map_or("–", catalogue::Topic::name);
                        let version = one.schema_version.to_string();
                        let aliases = one.aliases.join(", ");
                        sheet.row([one.name, &aliases, one.family.entity, topic, &version, one.family.title])
                    })
                })?;
            },
            Catalog::Show { event_type } => {
                let contract = find(event_type)?;
                output.print(&answer(contract), |_| {
                    Sheet::default()
                        .head(format!("{} (version {})", contract.name, contract.schema_version))
                        .head(format!("aliases  {}", contract.aliases.join(", ")))
                        .head(format!("entity   {}", contract.family.entity))
                        .head(format!("topic    {}", contract.family.topic.map_or("–", catalogue::Topic::name)))
                        .head(format!("example  {}", contract.example))
                })?;
            },
        }
        Ok(Done::Well)
    }
}

/// The contract of a type, or the nearest known name.
pub(super) fn find(event_type: &str) -> Result<&'static Contract, Fault> {
    catalogue::find(event_type).ok_or_else(|| {
        let near = stateset_outbox::filter::nearest(event_type, catalogue::all().map(|one| one.name));
        let fix = near.map_or_else(
            || "`stateset-events catalog list` shows all".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        Fault::new(Kind::NotFound, "TYPE_NOT_FOUND", format!("the catalogue has no type {event_type:.80?}"), fix)
    })
}

fn answer(one: &Contract) -> Value {
    json!({
        "event_type": one.name,
        "aliases": one.aliases,
        "entity_type": one.family.entity,
        "topic": one.family.topic.map(catalogue::Topic::name),
        "schema_version": one.schema_version,
        "example": serde_json::from_str::<Value>(one.example).unwrap_or_default(),
    })
}
