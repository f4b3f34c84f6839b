//! Which of our crates may use which. An arrow that is not in the table is not allowed.

use anyhow::Context;
use serde_json::Value;

/// From a crate to what its code may use. What only tests use is in [`FOR_TESTS`].
const ALLOWED: &[(&str, &[&str])] = &[
    ("ledger", &[]),
    ("api", &["ledger"]),
    ("store", &["ledger"]),
    // A stranger adopts it alone; the catalogue is a feature that is off.
    ("outbox", &["contracts"]),
    ("relay", &["contracts", "ledger", "outbox"]),
    ("dashboard", &["api", "contracts", "inspect", "outbox"]),
    ("sequencer", &["api", "contracts", "dashboard", "ledger", "store"]),
    ("testkit", &["ledger"]),
    ("bench", &["ledger", "outbox", "relay", "sync", "testkit"]),
    ("inspect", &["api", "outbox"]),
    // Its tests write the log that is asked, with the outbox.
    ("mcp", &["inspect", "outbox"]),
    (
        "events",
        &["connector", "contracts", "dashboard", "inspect", "ledger", "mcp", "outbox", "relay", "storefront", "sync"],
    ),
    ("xtask", &[]),
    ("contracts", &[]),
    // An agent's own machine: writes through the outbox, pushes as the relay's sink does, checks as an auditor does.
    ("sync", &["api", "ledger", "outbox", "relay"]),
    // As a stranger would: over public interfaces, and nothing else of ours.
    ("storefront", &["api", "contracts", "outbox", "relay"]),
    // A shop elsewhere: writes through the outbox, as an application does.
    ("connector", &["contracts", "outbox"]),
    // What a stranger does.
    ("example-axum-checkout", &["outbox"]),
];

/// What the tests of any crate may use besides.
const FOR_TESTS: [&str; 1] = ["testkit"];

const PREFIX: &str = "stateset-";

/// A crate of ours and what its manifest names.
pub(super) struct Crate {
    /// Without the prefix that all names have.
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
}

pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) only_for_tests: bool,
}

/// Reads the output of `cargo metadata --no-deps`.
pub(super) fn crates(metadata: &Value) -> anyhow::Result<Vec<Crate>> {
    let packages = metadata.get("packages").and_then(Value::as_array).context("no packages in cargo's metadata")?;
    packages.iter().map(read_crate).collect()
}

fn read_crate(package: &Value) -> anyhow::Result<Crate> {
    let name = package.get("name").and_then(Value::as_str).context("a package without a name")?;
    let list = package.get("dependencies").and_then(Value::as_array).context("a package without dependencies")?;
    let mut dependencies = Vec::new();
    for dependency in list {
        let name = dependency.get("name").and_then(Value::as_str).context("a dependency without a name")?;
        let only_for_tests = dependency.get("kind").and_then(Value::as_str) == Some("dev");
        dependencies.push(Dependency { name: name.to_owned(), only_for_tests });
    }
    Ok(Crate { name: name.strip_prefix(PREFIX).unwrap_or(name).to_owned(), dependencies })
}

pub(super) fn check(crates: &[Crate]) -> Vec<String> {
    let mut breaches = Vec::new();
    for Crate { name, dependencies } in crates {
        let place = format!("crates/{name}/Cargo.toml");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
            breaches.push(format!("{place}: a new crate needs a line in crates/xtask/src/tidy/arrows.rs"));
            continue;
        };
        for dependency in dependencies {
            let Some(target) = dependency.name.strip_prefix(PREFIX) else { continue };
            let for_tests = dependency.only_for_tests && FOR_TESTS.contains(&target);
            if !for_tests && !allowed.contains(&target) {
                breaches.push(format!("{place}: {name} must not use {target}"));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_arrows_of_the_table_are_allowed() {
        let package = |name: &str, dependencies: Value| json!({ "name": name, "dependencies": dependencies });
        let metadata = json!({ "packages": [
            package("stateset-api", json!([{ "name": "stateset-ledger", "kind": null }, { "name": "serde", "kind": null }])),
            package("stateset-store", json!([{ "name": "stateset-testkit", "kind": "dev" }, { "name": "stateset-api", "kind": null }])),
            package("stateset-sequencer", json!([{ "name": "stateset-testkit", "kind": null }])),
            package("stateset-new", json!([])),
        ] });
        let breaches = check(&crates(&metadata).unwrap());
        assert_eq!(
            breaches,
            [
                "crates/store/Cargo.toml: store must not use api",
                "crates/sequencer/Cargo.toml: sequencer must not use testkit",
                "crates/new/Cargo.toml: a new crate needs a line in crates/xtask/src/tidy/arrows.rs",
            ]
        );
    }
}
