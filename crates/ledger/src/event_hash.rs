//! The two content hashes of an event: what an agent signs, and what stands for an event nobody signed.

use uuid::Uuid;

use crate::bytes::{Hash, Preimage};
use crate::domain;
use crate::event::{EnvelopeVersion, Header, Seal};
use crate::id::{KeyId, Scope};

impl Header {
    /// Derives [`Header::content_hash`] from all other fields, as ingest does and as every audit repeats.
    pub fn derive_content_hash(&self, scope: Scope) -> Hash {
        match self.seal {
            Seal::Signed { key, .. } => self.signing_hash(scope, key),
            Seal::Unsigned { .. } => self.unsigned_hash(scope),
        }
    }

    /// The hash an agent signs: 171 bytes and the four strings for version 1, wrapped with the execution controls
    /// (`command_id`, `base_version`) for version 2.
    fn signing_hash(&self, scope: Scope, key: KeyId) -> Hash {
        let inner = Preimage::new(domain::EVENT_SIGNATURE)
            .u32(u32::from(self.version.number()))
            .fixed(scope.tenant.as_bytes())
            .fixed(scope.store.as_bytes())
            .fixed(self.event_id.as_bytes())
            .fixed(self.agent.as_bytes())
            .u32(key.0)
            .text(&self.entity_type)
            .text(&self.entity_id)
            .text(&self.event_type)
            .text(&self.created_at)
            .u32(self.payload_form.payload_kind())
            .fixed(&self.payload_hash.0)
            .fixed(&self.cipher_hash.0)
            .hash();
        match self.version {
            EnvelopeVersion::Legacy | EnvelopeVersion::V1 => inner,
            EnvelopeVersion::V2 => self.controls(Preimage::new(domain::EVENT_SIGNATURE_V2).fixed(&inner.0)).hash(),
        }
    }

    /// Every envelope field of an unsigned event, by the same encoding rules.
    fn unsigned_hash(&self, scope: Scope) -> Hash {
        let fields = Preimage::new(domain::UNSIGNED_EVENT)
            .fixed(scope.tenant.as_bytes())
            .fixed(scope.store.as_bytes())
            .fixed(self.event_id.as_bytes())
            .fixed(self.agent.as_bytes())
            .text(&self.entity_type)
            .text(&self.entity_id)
            .text(&self.event_type)
            .text(&self.created_at)
            .u8(self.payload_form.number())
            .fixed(&self.payload_hash.0)
            .fixed(&self.cipher_hash.0);
        self.controls(fields).hash()
    }

    fn controls(&self, preimage: Preimage) -> Preimage {
        preimage
            .option(self.command_id.as_ref().map(Uuid::as_bytes))
            .option(self.base_version.map(u64::to_be_bytes).as_ref())
    }
}
