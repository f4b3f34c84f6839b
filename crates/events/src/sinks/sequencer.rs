//! A sequencer of the file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use stateset_inspect::Fault;
use stateset_ledger::bytes::PublicKeyBytes;
use stateset_ledger::id::AgentId;
use stateset_ledger::signature::{PublicKey, SeedSigner, Signer};
use stateset_relay::secret::Secret;
use stateset_relay::sink::Sink;
use stateset_relay::sink::sequencer::{Sequencer, SequencerKeys, SequencerSettings, SigningAgent};
use url::Url;
use uuid::Uuid;

use super::{Of, address};
use crate::settings::secret_variable;

const SEED_BYTES: usize = 32;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequencerDestination {
    #[serde(deserialize_with = "address")]
    pub(crate) url: Url,
    pub(crate) api_key_env: String,
    pub(crate) agent: Uuid,
    /// Variables that hold the agent's 32-byte keys in hexadecimal, by number.
    key_envs: BTreeMap<String, String>,
    /// The sequencer's public keys in hexadecimal, by number: which receipts are believed.
    sequencer_keys: BTreeMap<String, String>,
    timeout_s: Option<u64>,
}

impl SequencerDestination {
    pub(super) fn sink(&self, of: Of<'_>) -> Result<Arc<dyn Sink>, Fault> {
        let settings = SequencerSettings {
            url: self.url.clone(),
            api_key: Secret::new(secret_variable(&self.api_key_env)?),
            agent: SigningAgent { id: AgentId(self.agent), keys: self.signers(of)? },
            keys: self.believed(of)?,
            timeout: Duration::from_secs(self.timeout_s.unwrap_or(30)),
        };
        Ok(Arc::new(Sequencer::new(settings).map_err(|error| of.wrong(error))?))
    }

    fn signers(&self, of: Of<'_>) -> Result<BTreeMap<u32, Arc<dyn Signer>>, Fault> {
        let mut keys: BTreeMap<u32, Arc<dyn Signer>> = BTreeMap::new();
        for (number, name) in &self.key_envs {
            let seed = hex(&secret_variable(name)?).and_then(|bytes| <[u8; SEED_BYTES]>::try_from(bytes).ok());
            let seed = seed.ok_or_else(|| {
                of.fault(
                    format_args!("{name} is no signing key"),
                    "set it to 32 bytes in hexadecimal, the secret of the agent's key of that number",
                )
            })?;
            keys.insert(self::number(of, number)?, Arc::new(SeedSigner::new(&seed)));
        }
        Ok(keys)
    }

    fn believed(&self, of: Of<'_>) -> Result<SequencerKeys, Fault> {
        let mut believed = SequencerKeys::new();
        for (number, text) in &self.sequencer_keys {
            let key = PublicKeyBytes::from_hex(text).ok().and_then(|bytes| PublicKey::new(&bytes).ok());
            let key = key.ok_or_else(|| {
                let fix = "copy it from the sequencer's /.well-known/ves-keys, and compare it with its operator";
                of.fault(format_args!("{text:.80?} is no public key"), fix)
            })?;
            believed.insert(self::number(of, number)?, key);
        }
        Ok(believed)
    }
}

fn number(of: Of<'_>, text: &str) -> Result<u32, Fault> {
    let fix = "keys are named by their number: key_envs = { 1 = \"AGENT_KEY_1\" }";
    text.parse().map_err(|_| of.fault(format_args!("{text:.20?} is no number of a key"), fix))
}

pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_start_matches("0x");
    let digits: Option<Vec<u32>> = text.chars().map(|letter| letter.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}
