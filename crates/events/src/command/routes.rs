use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use stateset_inspect::answer::Change;
use stateset_inspect::{Fault, Kind, OpenMode};

use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::Sheet;
use crate::sinks::{Difference, EXAMPLE, RoutesFile, differences};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Routes,
}

#[derive(Debug, Subcommand)]
enum Routes {
    /// Destinations and their routes, as the database has them
    List {
        /// Every version, ended ones too
        #[arg(long)]
        all: bool,
    },
    /// Make the database say what the file says (writes with --apply)
    Apply {
        file: PathBuf,
        /// Do it; without this, only what would change is said
        #[arg(long)]
        apply: bool,
    },
    /// A file with every kind of destination
    Example,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        match self.command {
            Routes::Example => context.output.text(EXAMPLE)?,
            Routes::List { all } => list(context, all).await?,
            Routes::Apply { file, apply } => return apply_file(context, &RoutesFile::read(&file)?, apply).await,
        }
        Ok(Done::Well)
    }
}

async fn list(context: &Context, all: bool) -> Result<(), crate::exit::Stop> {
    let store = context.database(OpenMode::Read, 1).await?.deliveries();
    let destinations = store.destinations().await.map_err(database)?;
    let mut routes = Vec::new();
    for destination in &destinations {
        for route in &destination.routes {
            let newest = destination.routes.iter().filter(|other| other.name == route.name).map(|other| other.version).max();
            if all || (route.active && newest == Some(route.version)) {
                routes.push(json!({
                    "destination": destination.name,
                    "kind": destination.kind,
                    "shard_groups": destination.shard_groups,
                    "route": route.name,
                    "version": route.version,
                    "active": route.active,
                    "types": route.type_glob,
                    "policy": serde_json::from_str::<serde_json::Value>(&route.policy).unwrap_or_default(),
                }));
            }
        }
    }
    let answer = json!({ "routes": routes, "total": routes.len() });
    context.output.print(&answer, |_| {
        let mut sheet = Sheet::new(&["destination", "kind", "route", "version", "types", "active", "policy"]);
        for route in &routes {
            let text = |name: &str| match &route[name] {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            sheet = sheet.row(["destination", "kind", "route", "version", "types", "active", "policy"].map(text));
        }
        if routes.is_empty() {
            sheet = sheet.note("no routes: `stateset-events routes example` prints a file to begin with");
        }
        sheet
    })
}

pub(super) fn database(error: stateset_outbox::delivery::DeliveryError) -> Fault {
    let kind = match error {
        stateset_outbox::delivery::DeliveryError::Unavailable(_) => Kind::Unavailable,
        stateset_outbox::delivery::DeliveryError::Corrupt(_) => Kind::Corrupt,
        _ => Kind::Conflict,
    };
    Fault::new(kind, "OUTBOX_FAULT", error.to_string(), "`stateset-events doctor` finds out more").because(error)
}

/// What the file and the database say differently.
pub(super) async fn compared(
    store: &dyn stateset_outbox::delivery::DeliveryStore,
    file: &RoutesFile,
) -> Result<Vec<Difference>, Fault> {
    let known = store.destinations().await.map_err(database)?;
    let mut all = Vec::new();
    for described in &file.destinations {
        let wanted = described.registration()?;
        all.extend(differences(known.iter().find(|one| one.name == wanted.name), &wanted));
    }
    Ok(all)
}

pub(super) fn line(one: &Difference) -> String {
    let sign = match one.change {
        "add" => "+",
        "end" => "-",
        "conflict" => "!",
        _ => "~",
    };
    let name = one.route.as_ref().map_or_else(|| one.destination.clone(), |route| format!("{}/{route}", one.destination));
    match (&one.before, &one.after) {
        (Some(before), Some(after)) => format!("{sign} {name}: {before} → {after}"),
        (Some(text), None) | (None, Some(text)) => format!("{sign} {name}: {text}"),
        (None, None) => format!("{sign} {name}"),
    }
}

async fn apply_file(context: &Context, file: &RoutesFile, apply: bool) -> Ended {
    let mode = if apply { OpenMode::Write } else { OpenMode::Read };
    let store = context.database(mode, 1).await?.deliveries();
    let found = compared(&*store, file).await?;
    if let Some(conflict) = found.iter().find(|one| one.change == "conflict") {
        let fix = "kind and shard groups are fixed for ever: give the destination another name";
        return Err(Fault::new(Kind::Conflict, "DESTINATION_FIXED", line(conflict), fix).into());
    }
    if apply {
        for described in &file.destinations {
            store.register(&described.registration()?).await.map_err(database)?;
        }
    }
    let lines: Vec<String> = found.iter().map(line).collect();
    let message = match (lines.is_empty(), apply) {
        (true, _) => "the database says what the file says; nothing is changed".to_owned(),
        (false, true) => format!("{} differences are gone:\n{}", lines.len(), lines.join("\n")),
        (false, false) => format!("NOT EXECUTED: {} differences:\n{}", lines.len(), lines.join("\n")),
    };
    let change = Change {
        applied: apply,
        action: "routes.apply".to_owned(),
        message,
        plan_id: None,
        job_id: None,
        plan: None,
        result: json!({ "differences": found }),
        apply_with: (!apply && !found.is_empty()).then(|| format!("{} --apply", crate::context::typed())),
    };
    context.print_change(&change)
}
