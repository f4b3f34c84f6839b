//! `reconcile` against what a destination really holds.

use serde_json::{Value, json};
use stateset_testkit::sequencer::{API_KEY, client};
use stateset_testkit::ves::Agent;
use uuid::Uuid;

use crate::harness::Shop;
use crate::sequencer::{Log, STORE, TENANT};

const SEED: [u8; 32] = [42; 32];

/// H04: what a sequencer has not got is named and delivered again; what it has besides is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_sequencer_is_asked_what_it_holds() {
    let log = Log::start().await;
    let agent_id = Uuid::from_u128(0xa6e7_0000_0000_4000_8000_0000_0000_0042);
    let agent = Agent::from_key(SEED, agent_id, TENANT, STORE);
    let client = client(&log.process);
    let registered = client.post_json("/api/v1/agents/keys", &agent.registration()).await.unwrap();
    assert!((200..300).contains(&registered.status), "{}", registered.text());
    let keys: Value = client.get("/.well-known/ves-keys").await.unwrap().json().unwrap();
    let key = keys["keys"][0]["publicKey"].as_str().expect("a key");
    log.shop.file(
        "routes.toml",
        &format!(
            "[[destination]]\nname = 'seq'\nkind = 'sequencer'\nurl = '{}'\napi_key_env = 'SEQ_KEY'\nagent = '{agent_id}'\n\
             key_envs = {{ 1 = 'AGENT_KEY' }}\nsequencer_keys = {{ 1 = '{key}' }}\nshard_groups = 1\nstart = 'beginning'\n\
             [[destination.route]]\nname = 'all'\ntypes = '*'\npolicy = {{ ack = 'receipt' }}\n",
            log.process.base_url()
        ),
    );
    let seed = "2a".repeat(32);
    let (tenant, store) = (TENANT.to_string(), STORE.to_string());
    let variables = [
        ("SEQ_KEY", API_KEY),
        ("AGENT_KEY", seed.as_str()),
        ("STATESET_TENANT_ID", tenant.as_str()),
        ("STATESET_STORE_ID", store.as_str()),
    ];
    let run = async |line: &str| log.shop.run_with(&format!("{line} --json"), &variables).await.well().json();
    run("routes apply routes.toml --apply").await;
    for number in 1..=5 {
        log.shop.write_signed(number, "order.created", (TENANT, STORE), (agent_id, 1)).await;
    }
    let done = run("worker run --routes routes.toml --once").await;
    assert_eq!(done["destinations"][0]["delivered"], json!(5), "{done}");
    let line = "reconcile --destination seq --routes routes.toml";
    let same = run(line).await;
    assert_eq!((&same["agrees"], &same["counts"]["agreeing"]), (&json!(true), &json!(5)), "{same}");

    // Another program of the same agent pushes one that this log knows nothing of; and a receipt that names a wrong place.
    let stranger = agent.event("ord_9", "order.created", json!({})).sign();
    let pushed = client.post_json("/api/v1/ves/events/ingest", &agent.batch(&[stranger])).await.unwrap();
    assert_eq!(pushed.status, 200, "{}", pushed.text());
    log.shop.write_signed(6, "order.created", (TENANT, STORE), (agent_id, 1)).await;
    run("worker run --routes routes.toml --once").await;
    let found = run(line).await;
    assert_eq!(found["agrees"], json!(false), "{found}");
    let counts = &found["counts"];
    assert_eq!(
        (&counts["agreeing"], &counts["extra"], &counts["missing"]),
        (&json!(6), &json!(1), &json!(0)),
        "{found}"
    );
    assert_eq!(found["differences"][0]["at"], json!("place 6"), "{found}");

    // A sequencer that was set back: another one that has nothing of all this.
    let other = Log::start().await;
    let path = log.shop.home.path().join("routes.toml");
    let routes = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, routes.replace(&log.process.base_url(), &other.process.base_url())).unwrap();
    let lost = run(line).await;
    assert_eq!((&lost["counts"]["missing"], &lost["applied"]), (&json!(6), &json!(false)), "{lost}");
    let registered = stateset_testkit::sequencer::client(&other.process)
        .post_json("/api/v1/agents/keys", &agent.registration())
        .await;
    assert!((200..300).contains(&registered.unwrap().status));
    let repaired = run(&format!("{line} --apply")).await;
    assert_eq!((&repaired["applied"], repaired["job_ids"].as_array().map(Vec::len)), (&json!(true), Some(1)));
    run("worker run --routes routes.toml --once").await;
    let stream = other.json("stats").await;
    assert_eq!(stream["total"], json!(6), "{stream}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_cannot_be_asked_is_said() {
    let shop = Shop::sqlite().await.with_order().await;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    shop.file("routes.toml", &crate::story::routes(address));
    let line = "reconcile --destination hook --routes routes.toml";
    let unknown = shop.run(line).await;
    assert!(unknown.code == 8 && unknown.err.contains("DESTINATION_NOT_FOUND"), "{unknown:?}");
    shop.run("routes apply routes.toml --apply").await.well();
    let asked = shop.run(line).await;
    assert!(asked.code == 2 && asked.err.contains("cannot be asked"), "{asked:?}");
    let typed = shop.run("reconcile --destination hook --routes routes.toml type:order.*").await;
    assert!(typed.code == 2 && typed.err.contains("UNSUPPORTED_FILTER"), "{typed:?}");
    let misspelt = shop.run("reconcile --destination hok --routes routes.toml").await;
    assert!(misspelt.code == 2 && misspelt.err.contains("it has: hook"), "{misspelt:?}");
    let record = shop.run("reconcile --destination hook").await.well();
    assert!(record.out.starts_with("applied: false") && record.err.contains("--routes"), "{record:?}");
}
