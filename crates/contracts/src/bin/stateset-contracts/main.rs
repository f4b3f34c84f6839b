//! Writes what follows from the catalogue into `docs/contracts`, or tells whether it is up to date.
//!
//! ```text
//! stateset-contracts generate [--check]
//! ```
//!
//! It refuses to write when a published schema was changed without a new version, or when a new version does not only add.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

mod asyncapi;
mod diagram;
mod drawing;
mod markdown;
mod page;
mod python;
mod typescript;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use stateset_contracts::catalogue::all;
use stateset_contracts::history::{History, breaches};
use stateset_contracts::json_schema::schema;

const FOLDER: &str = "docs/contracts";
const SCHEMAS: &str = "docs/contracts/schemas";
const USAGE: &str = "usage: stateset-contracts generate [--check], in the root of the repository";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["generate"] => generate(false),
        ["generate", "--check"] => generate(true),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
    }
}

fn generate(check: bool) -> anyhow::Result<()> {
    let contracts: Vec<_> = all().collect();
    let found = breaches(&contracts, &published()?);
    for breach in &found {
        println!("{breach}");
    }
    ensure!(found.is_empty(), "a published contract only grows, under a new version: {} breaches", found.len());

    let mut stale = Vec::new();
    for (path, fresh) in documents() {
        if fs::read_to_string(&path).unwrap_or_default() == fresh {
            continue;
        }
        if check {
            stale.push(path);
            continue;
        }
        if let Some(folder) = Path::new(&path).parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, fresh).with_context(|| format!("writing {path}"))?;
        println!("wrote {path}");
    }
    if !stale.is_empty() {
        bail!("run `cargo xtask codegen`, look at the difference, and commit {}", stale.join(", "));
    }
    Ok(())
}

/// Every file, by its path in the repository.
fn documents() -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    for contract in all() {
        for version in 1..=contract.schema_version {
            let path = format!("{SCHEMAS}/{}/{version}.json", contract.name);
            documents.insert(path, pretty(&schema(contract, version)));
        }
    }
    for (name, text) in [
        ("README.md", markdown::list()),
        ("index.html", page::catalogue()),
        ("asyncapi.json", pretty(&asyncapi::document())),
        ("events.ts", typescript::module()),
        ("stateset_events.py", python::module()),
        ("state-machines.md", diagram::page()),
    ] {
        documents.insert(format!("{FOLDER}/{name}"), text);
    }
    documents
}

fn pretty(value: &Value) -> String {
    let value = stateset_contracts::json_schema::sorted(value.clone());
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

/// The schemas that were published, as their files have them.
fn published() -> anyhow::Result<History> {
    let mut history = History::new();
    if !Path::new(SCHEMAS).is_dir() {
        return Ok(history);
    }
    for folder in fs::read_dir(SCHEMAS)? {
        let folder = folder?;
        let name = folder.file_name().to_string_lossy().into_owned();
        for file in fs::read_dir(folder.path())? {
            let path = file?.path();
            let version = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            let version: u32 = version.with_context(|| format!("{} is not named after a version", path.display()))?;
            let text = fs::read_to_string(&path)?;
            let schema = serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
            history.entry(name.clone()).or_default().insert(version, schema);
        }
    }
    Ok(history)
}
