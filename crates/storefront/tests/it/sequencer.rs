//! The shop's events in one provable order.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;
use stateset_outbox::Scope;
use stateset_storefront::{SequencerPlace, Service, Settings};
use stateset_testkit::server::Launch;
use stateset_testkit::smtp::SmtpServer;
use stateset_testkit::ves::Agent;
use uuid::Uuid;

use crate::harness::{COSTS, Data, On, until};

const API_KEY: &str = "storefront-tests-key-of-a-throw-away-server";
const SIGNING_KEY: &str = "5b9d1c3e7f2a4860b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728";
const PAYLOAD_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const AGENT_KEY: [u8; 32] = [43; 32];
const AGENT: Uuid = Uuid::from_u128(0xa6e7_0000_0000_4000_8000_0000_0000_0004);

/// The program beside this test's own, built first if it is missing or older than its sources.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("stateset-sequencer");
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let newest = ["api", "ledger", "sequencer", "store"].iter().map(|name| newest(&crates.join(name))).max().unwrap();
    let built = program.metadata().and_then(|file| file.modified());
    if !built.is_ok_and(|built| built >= newest) {
        let cargo =
            Command::new(env!("CARGO")).args(["build", "-p", "stateset-sequencer"]).current_dir(&crates).status();
        assert!(cargo.unwrap().success(), "the sequencer cannot be built");
    }
    program
}

fn newest(folder: &Path) -> SystemTime {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("tests"));
    let times =
        entries.map(|path| if path.is_dir() { newest(&path) } else { path.metadata().unwrap().modified().unwrap() });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// E11: what the services say is signed in the name of the shop's agent and put into one order, and every delivery is
/// acknowledged by a receipt that was checked. The customer's address is in none of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shops_events_are_sequenced() {
    let launch = Launch::new(program()).unwrap();
    let port = launch.address().port().to_string();
    let sequencer = launch
        .variable("HOST", "127.0.0.1")
        .variable("PORT", port)
        .variable("STATESET_DATA_DIR", "data")
        .variable("BOOTSTRAP_ADMIN_API_KEY", API_KEY)
        .variable("VES_SEQUENCER_SIGNING_KEY", SIGNING_KEY)
        .variable("PAYLOAD_ENCRYPTION_KEYS", PAYLOAD_KEY)
        .start()
        .await
        .unwrap();
    let client = sequencer.client().with_header("authorization", &format!("ApiKey {API_KEY}"));
    let scope = Scope::single_tenant();
    let agent = Agent::from_key(AGENT_KEY, AGENT, scope.tenant, scope.store);
    let registered = client.post_json("/api/v1/agents/keys", &agent.registration()).await.unwrap();
    assert!((200..300).contains(&registered.status), "{}", registered.text());
    let published: Value = client.get("/.well-known/ves-keys").await.unwrap().json().unwrap();
    let keys = published["keys"].as_array().unwrap().iter().map(|key| {
        let text = key["publicKey"].as_str().unwrap();
        let number = u32::try_from(key["keyVersion"].as_u64().unwrap()).unwrap();
        (number, bytes(text.trim_start_matches("0x")))
    });

    let (data, mail) = (Data::create(On::Sqlite).await, SmtpServer::start().await.unwrap());
    let place = SequencerPlace {
        url: sequencer.base_url().parse().unwrap(),
        api_key: API_KEY.to_owned(),
        agent: AGENT,
        agent_key_id: 1,
        agent_key: AGENT_KEY,
        sequencer_keys: keys.collect(),
    };
    let settings = Settings { sequencer: Some(place), ..crate::harness::settings(&data, mail.address()) };
    let (http, stop, task) = crate::harness::start(settings).await.unwrap();
    let order = http.checkout().await;
    http.pay(order, COSTS).await;
    let shipment = http.shipment(order, "READY_TO_SHIP").await;
    http.dispatch(shipment).await;

    let path = format!("/api/v1/ves/events?tenant_id={}&store_id={}&limit=1000", scope.tenant, scope.store);
    let sequenced = async || client.get(&path).await.unwrap().expect_status(200).unwrap().text();
    let page = until("four events", sequenced, |page| page.matches("\"event_type\"").count() == 4).await;
    let page: Value = serde_json::from_str(&page).unwrap();
    let mut types: Vec<&str> =
        page["events"].as_array().unwrap().iter().filter_map(|event| event["event_type"].as_str()).collect();
    types.sort_unstable();
    assert_eq!(types, ["order.created", "payment.succeeded", "shipping.dispatched", "shipping.ready"]);
    assert!(!page.to_string().contains("cust@example.com"));
    for (service, count) in [(Service::Order, 1), (Service::Payment, 1), (Service::Shipping, 2)] {
        let receipts = async || data.column(service, "SELECT kind FROM receipt").await;
        let receipts = until("the receipts", receipts, |kinds| kinds.len() == count).await;
        assert!(receipts.iter().all(|kind| kind == "sequencer"));
    }
    stop.send(()).unwrap();
    task.await.unwrap();
}

fn bytes(text: &str) -> [u8; 32] {
    let digits: Vec<u8> = text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    std::array::from_fn(|at| digits[2 * at] << 4 | digits[2 * at + 1])
}
