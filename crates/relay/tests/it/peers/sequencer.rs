use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::AgentId;
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer};
use stateset_relay::record::Record;
use stateset_relay::secret::Secret;
use stateset_relay::sink::Sink;
use stateset_relay::sink::sequencer::{Sequencer, SequencerKeys, SequencerSettings, SigningAgent};
use stateset_testkit::http::Client;
use stateset_testkit::server::{Launch, SequencerProcess};
use stateset_testkit::ves::Agent;
use uuid::Uuid;

use super::{Peer, STORE, TENANT, event};

const API_KEY: &str = "relay-tests-key-of-a-throw-away-server";
const SIGNING_KEY: &str = "5b9d1c3e7f2a4860b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728";
const PAYLOAD_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const AGENT_KEY: [u8; 32] = [42; 32];
pub(crate) const AGENT: Uuid = Uuid::from_u128(0xa6e7_0000_0000_4000_8000_0000_0000_0003);

/// The real server on an embedded database.
pub(crate) struct SequencerPeer {
    pub(crate) process: SequencerProcess,
    keys: SequencerKeys,
}

/// The program beside this test's own, built first if it is missing or older than its sources.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let program = test.parent().and_then(Path::parent).unwrap().join("stateset-sequencer");
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let newest =
            ["api", "ledger", "sequencer", "store"].iter().map(|name| newest(&crates.join(name))).max().unwrap();
        let built = program.metadata().and_then(|file| file.modified());
        if !built.is_ok_and(|built| built >= newest) {
            let cargo =
                Command::new(env!("CARGO")).args(["build", "-p", "stateset-sequencer"]).current_dir(&crates).status();
            assert!(cargo.unwrap().success(), "the sequencer cannot be built");
        }
        program
    })
}

fn newest(folder: &Path) -> SystemTime {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("tests"));
    let times =
        entries.map(|path| if path.is_dir() { newest(&path) } else { path.metadata().unwrap().modified().unwrap() });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

impl SequencerPeer {
    pub(crate) fn client(&self) -> Client {
        self.process.client().with_header("authorization", &format!("ApiKey {API_KEY}"))
    }

    pub(crate) fn settings(&self) -> SequencerSettings {
        let signer: Arc<dyn Signer> = Arc::new(SeedSigner::new(&AGENT_KEY));
        SequencerSettings {
            url: self.process.base_url().parse().unwrap(),
            api_key: Secret::new(API_KEY),
            agent: SigningAgent { id: AgentId(AGENT), keys: BTreeMap::from([(1, signer)]) },
            keys: self.keys.clone(),
            timeout: Duration::from_secs(10),
        }
    }
}

impl Peer for SequencerPeer {
    async fn start() -> Self {
        let launch = Launch::new(program()).unwrap();
        let port = launch.address().port().to_string();
        let process = launch
            .variable("HOST", "127.0.0.1")
            .variable("PORT", port)
            .variable("STATESET_DATA_DIR", "data")
            .variable("BOOTSTRAP_ADMIN_API_KEY", API_KEY)
            .variable("VES_SEQUENCER_SIGNING_KEY", SIGNING_KEY)
            .variable("PAYLOAD_ENCRYPTION_KEYS", PAYLOAD_KEY)
            .start()
            .await
            .unwrap();
        let mut peer = Self { process, keys: SequencerKeys::new() };
        let agent = Agent::from_key(AGENT_KEY, AGENT, TENANT, STORE);
        let client = peer.client();
        let registered = client.post_json("/api/v1/agents/keys", &agent.registration()).await.unwrap();
        assert!((200..300).contains(&registered.status), "{}", registered.text());
        let published: Value = client.get("/.well-known/ves-keys").await.unwrap().json().unwrap();
        for key in published["keys"].as_array().unwrap() {
            let bytes = PublicKeyBytes::from_hex(key["publicKey"].as_str().unwrap()).unwrap();
            let version = u32::try_from(key["keyVersion"].as_u64().unwrap()).unwrap();
            peer.keys.insert(version, PublicKey::new(&bytes).unwrap());
        }
        peer
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(Sequencer::new(self.settings()).unwrap())
    }

    async fn received(&self) -> Vec<Uuid> {
        let path = format!("/api/v1/ves/events?tenant_id={TENANT}&store_id={STORE}&limit=1000");
        let page: Value = self.client().get(&path).await.unwrap().expect_status(200).unwrap().json().unwrap();
        let events = page["events"].as_array().unwrap();
        events.iter().map(|event| event["event_id"].as_str().unwrap().parse().unwrap()).collect()
    }

    async fn vanish(&mut self) {
        self.process.kill9().await.unwrap();
    }

    async fn come_back(&mut self) {
        self.process.restart().await.unwrap();
    }

    fn good(&self, number: i64, key: &str) -> Record {
        let mut record = event(number, key);
        record.event.agent_id = Some(AGENT);
        record.event.agent_key_id = Some(1);
        record
    }

    fn poison(&self, number: i64, key: &str) -> Record {
        let mut record = self.good(number, key);
        record.event.payload = format!("{{\"blob\":\"{}\"}}", "x".repeat(1_100_000));
        record
    }
}
