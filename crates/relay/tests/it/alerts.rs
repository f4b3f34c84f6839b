//! The alert rules that the project ships.

use std::path::Path;

use stateset_testkit::promtool;

/// Q08, Q09, Q10, G05, F10: promtool plays the numbers of a bad day to every rule; each is silent, fires, and clears.
#[tokio::test]
async fn every_alert_fires_and_clears() {
    promtool::test_rules("packaging/prometheus/outbox.rules.test.yml").await.unwrap();
    let tested = read("outbox.rules.test.yml");
    for alert in lines_after(&read("outbox.rules.yml"), "- alert: ") {
        assert!(tested.contains(&format!("name: {alert}\n")), "{alert} has no test");
        assert!(read("../../docs/guide/alerts.md").contains(&format!("## {alert}\n")), "{alert} is not explained");
    }
}

/// The metrics that the rules look at are those a worker tells.
pub(crate) fn assert_rules_can_be_judged_by(exposition: &str) {
    let rules = read("outbox.rules.yml");
    let names = lines_after(&rules, "expr: ").into_iter().flat_map(|expression| {
        let words = expression.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        words.filter(|word| word.starts_with("outbox_")).map(str::to_owned).collect::<Vec<_>>()
    });
    let mut looked_at = 0;
    for name in names {
        let sample = |line: &str| line.starts_with(&format!("{name}{{destination="));
        assert!(exposition.lines().any(sample), "no worker tells {name}:\n{exposition}");
        looked_at += 1;
    }
    assert!(looked_at >= 8);
}

fn read(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/prometheus");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

fn lines_after(text: &str, start: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.trim().strip_prefix(start)).map(str::to_owned).collect()
}
