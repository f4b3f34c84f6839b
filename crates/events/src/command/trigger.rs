use stateset_inspect::{Fault, Intent, Kind};
use stateset_sync::Replica;

use super::sync::file;
use super::timeline::entity;
use crate::context::Context;
use crate::exit::Ended;
use crate::settings::Place;

/// Write an event into the log, which is then delivered like any other. For trying things out: a fact stays.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Such as payment.failed
    event_type: String,
    /// What it is about: order/ORD-1; otherwise a test entity of the type's first word
    #[arg(long, value_name = "TYPE/ID")]
    entity: Option<String>,
    /// Root it belongs to, such as the order of a payment
    #[arg(long, visible_alias = "order", value_name = "KEY")]
    order_key: Option<String>,
    /// The payload, a JSON object; otherwise the catalogue's example of the type
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    /// Do it; without this, only what would be done is said
    #[arg(long)]
    apply: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        refuse_an_agents_file(context).await?;
        let kind = self.event_type.split('.').next().unwrap_or_default();
        let contract = stateset_contracts::catalogue::find(&self.event_type);
        let kind = contract.map_or(kind, |contract| contract.family.entity);
        let (entity_type, entity_id) = match &self.entity {
            Some(text) => entity(text, None)?,
            None => (kind.to_owned(), "test-1".to_owned()),
        };
        let data = self.data.unwrap_or_else(|| contract.map_or("{}", |contract| contract.example).to_owned());
        let object: serde_json::Value = serde_json::from_str(&data).map_err(|error| {
            Fault::usage(format!("--data is no JSON: {error}"), "such as --data '{\"amount_cents\":100}'")
        })?;
        if !object.is_object() {
            return Err(Fault::usage("--data is no JSON object", "such as --data '{\"amount_cents\":100}'").into());
        }
        let intent = Intent::Trigger {
            event_type: self.event_type,
            entity_type,
            entity_id,
            order_key: self.order_key,
            payload: data,
        };
        context.change(&intent, self.apply).await
    }
}

/// An event that names no agent and no key is never pushed: in an agent's own file it would lie for ever.
async fn refuse_an_agents_file(context: &Context) -> Result<(), Fault> {
    let Ok(Place::Database(url)) = context.settings.place() else { return Ok(()) };
    let Ok(path) = file(url) else { return Ok(()) };
    if !Replica::is_at(&path).await {
        return Ok(());
    }
    let message =
        format!("{} is an agent's own log: what is triggered there names no agent and is never pushed", path.display());
    let fix = "write an event of the agent's own: stateset-events sync write <type> --entity <type/id> --data <json>";
    Err(Fault::new(Kind::Conflict, "AGENTS_DATABASE", message, fix))
}
