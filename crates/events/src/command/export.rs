use std::path::PathBuf;

use serde_json::value::RawValue;
use stateset_inspect::Fault;

use super::timeline::entity;
use crate::context::Context;
use crate::exit::{Done, Ended};
use crate::output::{self, Output};

/// Write events of a sequencer with everything that proves them into a file, for `verify`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where to; otherwise standard output
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only this entity's events: order/ORD-1. A range, unlike an entity, shows that none is missing
    #[arg(long, value_name = "TYPE/ID")]
    entity: Option<String>,
    /// First sequence
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// Last sequence
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// Leave payloads out: hashes and signatures are shown all the same
    #[arg(long)]
    without_payloads: bool,
    /// Size of a checkpoint that the auditor holds: adds the proof that the log continues it
    #[arg(long, value_name = "N")]
    log_size: Option<u64>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Ended {
        let remote = context.remote()?;
        let mut path = format!("/api/v1/proofs/bundle?{}", remote.scope_query());
        for (name, number) in [("from", self.from), ("to", self.to), ("log_size", self.log_size)] {
            if let Some(number) = number {
                path.push_str(&format!("&{name}={number}"));
            }
        }
        if let Some(text) = &self.entity {
            let (kind, id) = entity(text, None)?;
            let escaped = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            path.push_str(&format!("&entity_type={}&entity_id={}", escaped(&kind), escaped(&id)));
        }
        if self.without_payloads {
            path.push_str("&payloads=false");
        }
        let bundle: Box<RawValue> = remote.get(&path).await?;
        match &self.file {
            None => Output::line(bundle.get())?,
            Some(file) => {
                std::fs::write(file, bundle.get()).map_err(|error| {
                    Fault::usage(format!("{} cannot be written", file.display()), "see --file").because(error)
                })?;
                context.output.note(&format!("wrote {}", file.display()));
            },
        }
        let next: serde_json::Value = serde_json::from_str(bundle.get()).unwrap_or_default();
        if let Some(next) = next["next_from"].as_u64() {
            output::talk(&format!("there is more: a further bundle with --from {next}"));
        }
        Ok(Done::Well)
    }
}
