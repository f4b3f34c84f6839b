//! The reference documents, written by the program they describe.

use std::fs;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::program::{cargo, program};
use crate::workspace::Workspace;

/// Subcommand of the server, and the file that holds its output.
const DOCUMENTS: [(&str, &str); 3] = [
    ("openapi", "docs/reference/openapi.json"),
    ("config-reference", "docs/reference/config.md"),
    ("error-codes", "docs/reference/errors.md"),
];

pub(crate) fn run(workspace: &Workspace, check: bool) -> anyhow::Result<()> {
    contracts(workspace, check)?;
    let server = build_server(workspace)?;
    let mut stale = Vec::new();
    for (subcommand, path) in DOCUMENTS {
        let fresh = program(workspace, &server, &[subcommand]).output()?;
        let file = workspace.root().join(path);
        let committed = fs::read_to_string(&file).unwrap_or_default();
        if fresh == committed {
            continue;
        }
        if check {
            println!("{path} is not up to date:\n{}", first_difference(&committed, &fresh));
            stale.push(path);
            continue;
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, fresh).with_context(|| format!("writing {path}"))?;
        println!("wrote {path}");
    }
    if !stale.is_empty() {
        bail!("run `cargo xtask codegen`, look at the difference, and commit {}", stale.join(", "));
    }
    Ok(())
}

/// The event catalogue writes its own documents, and refuses where a published contract was changed.
fn contracts(workspace: &Workspace, check: bool) -> anyhow::Result<()> {
    let mut arguments = vec!["run", "--quiet", "--locked", "--bin", "stateset-contracts", "-p", "stateset-contracts"];
    arguments.extend(["--", "generate"]);
    arguments.extend(check.then_some("--check"));
    cargo(workspace, &arguments).run()
}

/// Builds it as the tests do, with all features of the whole workspace: another choice would compile
/// every dependency a second time.
fn build_server(workspace: &Workspace) -> anyhow::Result<String> {
    let arguments = ["build", "--workspace", "--all-features", "--locked", "--bin", "stateset-sequencer"];
    let format = "--message-format=json-render-diagnostics".to_owned();
    let messages = cargo(workspace, &arguments).args(vec![format]).output()?;
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message.get("executable").and_then(Value::as_str).map(str::to_owned))
        .next_back();
    executable.context("cargo built no executable of the server")
}

/// The first line that differs, in the manner of `diff`.
fn first_difference(committed: &str, fresh: &str) -> String {
    let mut old = committed.lines();
    let mut new = fresh.lines();
    let mut number = 0;
    loop {
        number += 1;
        match (old.next(), new.next()) {
            (None, None) => return "only the line ends differ".to_owned(),
            (left, right) if left == right => {},
            (left, right) => {
                let end = "(the end of the file)";
                return format!("line {number}\n- {}\n+ {}", left.unwrap_or(end), right.unwrap_or(end));
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_difference_is_shown() {
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), "line 2\n- b\n+ c");
        assert_eq!(first_difference("", "a\n"), "line 1\n- (the end of the file)\n+ a");
        assert_eq!(first_difference("a", "a\n"), "only the line ends differ");
    }
}
