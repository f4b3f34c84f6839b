use serde_json::json;
use stateset_inspect::answer::Change;
use stateset_inspect::{Fault, Kind, OpenMode};

use crate::context::{Context, typed};
use crate::exit::Ended;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Print the SQL of every step
    #[arg(long)]
    sql: bool,
    /// Do it; without this, only what would be done is said
    #[arg(long)]
    apply: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let mode = if self.apply { OpenMode::Create } else { OpenMode::Read };
        let database = match context.database(mode, 1).await {
            Err(fault) if fault.code == "DATABASE_NOT_FOUND" && !self.apply => {
                let message = format!("NOT EXECUTED: {}; it would be made, with all tables", fault.message);
                return context.print_change(&change(false, message, json!(null), true));
            },
            database => database?,
        };
        let state = database.migrations().await?;
        if let Some(unknown) = state.applied.iter().find(|version| !state.steps.iter().any(|step| step.version == **version)) {
            let message = format!("the tables have migration {unknown}, which this version does not know");
            return Err(Fault::new(Kind::Conflict, "NEWER_TABLES", message, "use the version that made them, or a later one").into());
        }
        let missing: Vec<_> = state.steps.iter().filter(|step| !state.applied.contains(&step.version)).collect();
        if self.apply && !missing.is_empty() {
            database.migrate().await?;
        }
        let names: Vec<String> = missing.iter().map(|step| format!("{:04} {}", step.version, step.name)).collect();
        let sentence = match (missing.is_empty(), self.apply) {
            (true, _) => format!("the tables in {} are those of this version; nothing is changed", database.place()),
            (false, true) => format!("{} is migrated: {}", database.place(), names.join(", ")),
            (false, false) => format!("NOT EXECUTED: {} would get: {}", database.place(), names.join(", ")),
        };
        if self.sql {
            for step in &missing {
                context.output.text(&format!("-- {:04} {}\n{}\n", step.version, step.name, step.sql))?;
            }
        }
        let result = json!({ "applied_before": state.applied, "missing": names });
        context.print_change(&change(self.apply, sentence, result, !missing.is_empty()))
    }
}

/// `more`: there is something to apply.
fn change(applied: bool, message: String, result: serde_json::Value, more: bool) -> Change {
    Change {
        applied,
        action: "migrate".to_owned(),
        message,
        plan_id: None,
        job_id: None,
        plan: None,
        result,
        apply_with: (!applied && more).then(|| format!("{} --apply", typed())),
    }
}
