//! The walk through a terminal that the guide shows, walked again. `UPDATE_GOLDEN=1` writes it anew.

use std::path::Path;

use serde_json::json;
use uuid::Uuid;

use crate::harness::{Shop, id};
use crate::story::{Receiver, routes, secret};

const BEGIN: &str = "<!-- walk: written by crates/events/tests/it/walk.rs -->\n```console\n";
const END: &str = "```\n<!-- end of walk -->";

/// Commands, and what happens between them.
const STEPS: [&str; 17] = [
    "stateset-events routes apply routes.toml",
    "stateset-events routes apply routes.toml --apply",
    "# the shop takes two orders; the receiver refuses the second",
    "stateset-events list",
    "stateset-events timeline order/ord_2",
    "stateset-events outbox --status failed",
    "stateset-events explain order 2",
    "stateset-events dlq list --group-by error",
    "# the receiver is mended",
    "stateset-events dlq redrive type:order.* since:3h",
    "stateset-events dlq redrive --plan PLAN --rate 50/s --apply",
    "stateset-events worker run --routes routes.toml --once",
    "stateset-events outbox",
    "stateset-events list type:order.craeted",
    "stateset-events stats",
    "stateset-events audit list --actor me -o csv",
    "stateset-events list --json --limit 1 --type payment.*",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_of_the_guide_is_true() {
    let shop = Shop::sqlite().await;
    let receiver = Receiver::listen("127.0.0.1:0".parse().unwrap()).await;
    shop.file("routes.toml", &routes(receiver.address));
    let mut text = String::new();
    let mut plan = String::new();
    for step in STEPS {
        if let Some(happens) = step.strip_prefix("# ") {
            text.push_str(&format!("# {happens}\n"));
            if happens.contains("takes") {
                receiver.poison(Some("ord_2"));
                shop.write(1, "order.created", ("order", "ord_1"), "1", json!({"amount_cents": 4200})).await;
                shop.write(2, "order.created", ("order", "ord_2"), "2", json!({"amount_cents": 100})).await;
                shop.write(3, "payment.succeeded", ("payment", "pm_2"), "2", json!({"amount_cents": 100})).await;
                shop.run_with("worker run --routes routes.toml --once", &[("HOOK_SECRET", secret())]).await.well();
            } else {
                receiver.poison(None);
            }
            continue;
        }
        let line = step.trim_start_matches("stateset-events ").replace("PLAN", &plan);
        let ran = shop.run_with(&quoted(&line), &[("HOOK_SECRET", secret())]).await.well();
        if let Some(found) = ran.out.lines().find_map(|line| line.strip_prefix("plan: ")) {
            found.clone_into(&mut plan);
        }
        let said: String = ran.err.split_inclusive('\n').filter(|line| !line.contains(" INFO ")).collect();
        text.push_str(&format!("$ stateset-events {line}\n{}{said}\n", ran.out.replace('\r', "")));
    }
    let text = redacted(&text, &receiver.address.to_string());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/cli.md");
    let guide = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = guide.split_once(BEGIN).expect("the guide has a place for the walk");
    let (shown, after) = rest.split_once(END).expect("and an end of it");
    if stateset_testkit::environment::variable("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{}\n{END}{after}", text.trim_end())).unwrap();
        return;
    }
    assert_eq!(collapsed(&text), collapsed(shown), "UPDATE_GOLDEN=1 writes the guide anew");
}

/// Stars are not the shell's here.
fn quoted(line: &str) -> String {
    let word = |word: &str| if word.contains('*') { format!("'{word}'") } else { word.to_owned() };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// What differs from run to run.
fn redacted(text: &str, address: &str) -> String {
    let mut out = String::new();
    for line in text.replace(address, "127.0.0.1:4000").lines() {
        let words: Vec<String> = line.split(' ').map(word).collect();
        let line = words.join(" ");
        // Ages: "for 120 ms", "oldest 2 s".
        let line = ["for ", "oldest "].iter().fold(line, |line, lead| age(&line, lead));
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn word(word: &str) -> String {
    let parts: Vec<String> = word.split_inclusive([',', '(', ')', ':', '"']).map(part).collect();
    let joined = parts.concat();
    time(&joined)
}

fn part(part: &str) -> String {
    let bare = part.trim_end_matches([',', '(', ')', ':', '"']);
    let tail = part.get(bare.len()..).unwrap_or_default();
    let is_plan = bare.strip_prefix("p_").is_some_and(|hex| hex.len() == 8);
    match bare {
        _ if is_plan => format!("p_7f3a51c0{tail}"),
        id_text if Uuid::try_parse(id_text).is_ok() && !id_text.starts_with("01946a5f") => format!("<id>{tail}"),
        _ => part.to_owned(),
    }
}

/// Times of this run: what begins like a year and ends with a Z.
fn time(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, behind)) = rest.split_once("20") {
        let (inside, after) = behind.split_once('Z').unwrap_or_default();
        let is_time = inside.chars().nth(8) == Some('T') && !inside.contains(' ');
        out.push_str(before);
        match (is_time, inside.starts_with("25-01-15")) {
            (true, false) => out.push_str("<time>"),
            (true, true) => out.push_str(&format!("20{inside}Z")),
            (false, _) => out.push_str("20"),
        }
        rest = if is_time { after } else { behind };
    }
    out.push_str(rest);
    out
}

fn age(line: &str, lead: &str) -> String {
    let Some((before, behind)) = line.split_once(lead) else { return line.to_owned() };
    let words: Vec<&str> = behind.splitn(3, ' ').collect();
    match words.as_slice() {
        [number, unit, rest @ ..] if number.parse::<u64>().is_ok() => {
            let unit_end = unit.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
            let rest = rest.first().map(|rest| format!(" {rest}")).unwrap_or_default();
            format!("{before}{lead}<age>{unit_end}{rest}")
        },
        _ => line.to_owned(),
    }
}

/// Without the widths of columns, which follow the times.
fn collapsed(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn only_what_differs_is_left_out() {
    assert_eq!(redacted("at 2026-11-21T09:07:17.5Z, for 3 min (x", "none"), "at <time>, for <age> (x\n");
    assert_eq!(redacted("2025-01-15T10:30:00Z p_0123abcd", "none"), "2025-01-15T10:30:00Z p_7f3a51c0\n");
    assert!(redacted(&id(1).display(), "none").starts_with("evt_"));
}
