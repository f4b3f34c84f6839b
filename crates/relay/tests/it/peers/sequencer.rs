use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::AgentId;
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer};
use stateset_relay::record::Record;
use stateset_relay::secret::Secret;
use stateset_relay::sink::Sink;
use stateset_relay::sink::sequencer::{Sequencer, SequencerKeys, SequencerSettings, SigningAgent};
use stateset_testkit::http::Client;
use stateset_testkit::sequencer::{self, API_KEY};
use stateset_testkit::server::SequencerProcess;
use stateset_testkit::ves::Agent;
use uuid::Uuid;

use super::{Peer, STORE, TENANT, event};

const AGENT_KEY: [u8; 32] = [42; 32];
pub(crate) const AGENT: Uuid = Uuid::from_u128(0xa6e7_0000_0000_4000_8000_0000_0000_0003);

/// The real server on an embedded database.
pub(crate) struct SequencerPeer {
    pub(crate) process: SequencerProcess,
    keys: SequencerKeys,
}

impl SequencerPeer {
    pub(crate) fn client(&self) -> Client {
        sequencer::client(&self.process)
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
        let process = sequencer::launch().unwrap().start().await.unwrap();
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
