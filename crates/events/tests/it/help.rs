//! What the program says of itself, compared with files. `UPDATE_GOLDEN=1` writes them anew.

use std::path::Path;

use crate::harness::Shop;
use crate::preview::WRITES;

const COMMANDS: [&str; 44] = [
    "",
    "list",
    "inspect",
    "outbox",
    "timeline",
    "trace",
    "stats",
    "tail",
    "state",
    "top",
    "explain",
    "replay",
    "ack",
    "dlq",
    "idempotency",
    "breaker",
    "jobs",
    "routes",
    "worker",
    "reconcile",
    "audit",
    "trigger",
    "mcp",
    "migrate",
    "doctor",
    "demo",
    "demo run",
    "catalog",
    "export",
    "verify",
    "erase",
    "connector",
    "connector serve",
    "connector fixtures",
    "connector import",
    "connector price",
    "sync",
    "sync write",
    "worker run",
    "dlq redrive",
    "dlq discard",
    "routes apply",
    "audit check",
    "idempotency create",
];

/// J11: one table of exit codes, in the program, its help and the guide.
#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_are_those_of_the_table() {
    let shop = Shop::sqlite().await;
    let help = shop.run("--help").await.well().out;
    assert!(help.contains(&stateset_inspect::exit::table()), "{help}");
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/cli.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let rows = stateset_inspect::Exit::ALL.map(|exit| format!("| {} | {} |\n", exit.code(), exit.meaning()));
    assert!(guide.contains(&rows.concat()), "the guide's table is to be:\n{}", rows.concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn help_is_as_it_was() {
    let shop = Shop::sqlite().await;
    let mut text = String::new();
    for command in COMMANDS {
        let line = format!("{command} -h");
        let ran = shop.run(line.trim()).await.well();
        text.push_str(&format!("$ stateset-events {}\n{}\n", line.trim(), ran.out));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/help.txt");
    if stateset_testkit::environment::variable("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "look at the difference; UPDATE_GOLDEN=1 writes {}", path.display());
}

/// Every command with `--apply` is in the list of those whose preview is tried.
#[tokio::test(flavor = "multi_thread")]
async fn writes_are_known() {
    let shop = Shop::sqlite().await;
    let script = shop.run("completions bash").await.well().out;
    let mut found = Vec::new();
    let mut case = String::new();
    for line in script.lines() {
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix("stateset__subcmd__events")
            .or(line.strip_prefix("stateset__events"))
            .and_then(|rest| rest.strip_suffix(')'))
        {
            case = name.replace("__subcmd__", " ").replace("__", " ").trim().to_owned();
        }
        if line.starts_with("opts=") && line.contains(" --apply ") && !case.starts_with("help") {
            found.push(case.clone());
        }
    }
    // A server: the previews of its tools are tried by `scripts/mcp`. An agent's own machine: those of `stateset-sync`.
    found.retain(|command| command != "mcp" && !command.starts_with("sync "));
    found.sort();
    let mut known: Vec<String> = WRITES
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let two = matches!(words[0], "dlq" | "idempotency" | "breaker" | "jobs" | "routes" | "connector");
            words[..if two { 2 } else { 1 }].join(" ")
        })
        .collect();
    known.sort();
    assert_eq!(found, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn manuals_and_completions_are_made() {
    let shop = Shop::sqlite().await;
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = shop.run(&format!("completions {shell}")).await.well().out;
        assert!(script.contains("redrive"), "{shell}");
    }
    assert!(shop.run("man").await.well().out.contains(".TH stateset-events"));
    shop.run("man --dir pages").await.well();
    assert!(shop.home.path().join("pages/stateset-events-dlq-redrive.1").exists());
}
