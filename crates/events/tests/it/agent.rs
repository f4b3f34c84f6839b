//! An agent's own machine, against a real sequencer.

use serde_json::json;
use uuid::Uuid;

use crate::sequencer::Log;

const HERE: &str = "--database sqlite:agent.db";

/// J09, M02: the commands of an agent's own machine, on the database and with the faults that all commands have.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_s_machine_is_set_up_and_pulls() {
    let log = Log::start().await;
    log.fill(1, 3).await;
    let unknown = log.run(&format!("sync status {HERE}")).await;
    assert_eq!(unknown.code, 8, "{}", unknown.err);
    assert!(unknown.err.contains("SYNC_NOT_INITIALISED"), "{}", unknown.err);
    log.run(&format!("sync init --agent {} {HERE}", Uuid::from_u128(77))).await.well();
    let pushed = log.json(&format!("sync push {HERE}")).await;
    assert_eq!(pushed["acknowledged"], 0, "{pushed}");
    let pulled = log.json(&format!("sync pull {HERE}")).await;
    assert_eq!((&pulled["pulled"], &pulled["quarantined"]), (&json!(3), &json!(0)), "{pulled}");
    log.run(&format!("sync status {HERE}")).await.well();
    let postgres = log.run("sync status --database postgres://localhost/shop").await;
    assert_eq!(postgres.code, 2, "{}", postgres.err);
}

/// J09, J05, M01: an event of the agent's own is previewed, written once, pushed and vouched for; what would never be pushed
/// is not written into its file.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_s_own_event_is_written_and_pushed() {
    let log = Log::start().await;
    log.run(&format!("sync init --agent {} {HERE}", Uuid::from_u128(78))).await.well();
    let lost = log.run(&format!("trigger order.created --entity order/ORD-1 --apply {HERE}")).await;
    assert!(lost.code == 5 && lost.err.contains("AGENTS_DATABASE") && lost.err.contains("sync write"), "{lost:?}");

    let write = format!("sync write order.created --entity order/ORD-1 --order 1 --event-key k1 {HERE}");
    let data = "--data '{\"amount_cents\":4200,\"price\":1.10}'";
    let preview = log.json(&format!("{write} {data}")).await;
    assert_eq!((&preview["applied"], &preview["event_id"]), (&json!(false), &json!(null)), "{preview}");
    assert!(preview["message"].as_str().is_some_and(|text| text.starts_with("NOT EXECUTED: ")), "{preview}");
    assert_eq!(log.json(&format!("sync push {HERE}")).await["acknowledged"], 0, "a preview wrote nothing");
    for (line, word) in [
        (format!("sync write Order --entity order/1 --data {{}} {HERE}"), "EVENT_NOT_WRITTEN"),
        (format!("sync write order.created --entity order --data {{}} {HERE}"), "order/ORD-1"),
        (format!("sync write order.created --entity order/1 --data [1] {HERE}"), "JSON object"),
        (format!("sync write order.created --entity order/1 --data {{}} --base first {HERE}"), "`any`, `known`"),
    ] {
        let refused = log.run(&line).await;
        assert!(
            refused.code == 2 && refused.err.contains(word),
            "a preview refuses what would be: {line}: {refused:?}"
        );
    }

    let written = log.json(&format!("{write} {data} --apply")).await;
    let id = written["event_id"].as_str().expect("an id").to_owned();
    assert_eq!(written["applied"], json!(true), "{written}");
    let again = log.json(&format!("{write} {data} --apply")).await;
    assert_eq!((&again["applied"], &again["duplicate"], &again["event_id"]), (&json!(false), &json!(true), &json!(id)));
    let other = log.run(&format!("{write} --data {{}} --apply")).await;
    assert!(other.code == 5 && other.err.contains("EVENT_DUPLICATE_KEY"), "{other:?}");

    let pushed = log.json(&format!("sync push {HERE}")).await;
    assert_eq!(pushed["acknowledged"], 1, "{pushed}");
    let seen = log.json(&format!("inspect {id} --include-payload")).await;
    assert_eq!((&seen["signature"]["state"], &seen["event"]["order_key"]), (&json!("verified"), &json!("1")), "{seen}");
    let whole = log.run(&format!("inspect {id} --include-payload --json")).await.well();
    assert!(whole.out.contains("1.10"), "its bytes are those that were typed: {whole:?}");

    // One that builds on what the machine knows.
    log.run(&format!("sync pull {HERE}")).await.well();
    let next = "sync write order.paid --entity order/ORD-1 --base known --data '{\"paid\":true}' --apply";
    log.run(&format!("{next} {HERE}")).await.well();
    assert_eq!(log.json(&format!("sync push {HERE}")).await["acknowledged"], 1);
    let state = log.json("state order/ORD-1").await;
    assert_eq!((&state["version"], &state["data"]["paid"]), (&json!(2), &json!(true)), "{state}");
}
