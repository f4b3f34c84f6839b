//! Seeded randomness: the same seed gives the same events, so that a failure can be repeated.

use stateset_ledger::bytes::{Hash, PublicKeyBytes, Salt, Signature};
use stateset_ledger::event::{Annotations, Candidate, EnvelopeVersion, Header, PayloadForm, Seal};
use stateset_ledger::id::{AgentId, EventId, KeyId, Scope, StoreId, TenantId};
use uuid::Uuid;

/// Text that a database could mistreat: composed and decomposed letters, quotes, wildcards, separators, all planes.
const TEXTS: [&str; 10] =
    ["order", "Bestellung", "\u{e9}", "e\u{301}", "注文🧾", "100%", "a_b", "it's \"\\", "[x]?{}$1", " \t\n\u{10ffff}"];
const TYPES: [&str; 6] =
    ["order.created", "order.paid", "order.item.created", "payment.created", "100%.created", "a_b.c[d]?"];

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let place = usize::try_from(self.below(from.len() as u64)).expect("below a length");
        &from[place]
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.number().to_le_bytes()[0])
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        Uuid::from_bytes(self.bytes())
    }

    pub(crate) fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.once_in(3)).then(|| make(self))
    }

    pub(crate) fn text(&mut self) -> String {
        format!("{}{}", self.pick(&TEXTS), self.below(3))
    }

    pub(crate) fn scope(&mut self) -> Scope {
        Scope::new(TenantId(self.uuid()), StoreId(self.uuid()))
    }

    pub(crate) fn public_key(&mut self) -> PublicKeyBytes {
        PublicKeyBytes(self.bytes())
    }

    /// An event of `scope` with anything in its fields.
    pub(crate) fn event(&mut self, scope: Scope) -> Candidate {
        let payload_form = *self.pick(&[
            PayloadForm::Plain,
            PayloadForm::Encrypted,
            PayloadForm::LegacySorted,
            PayloadForm::LegacyCanonical,
        ]);
        let cipher_hash = if payload_form == PayloadForm::Encrypted { Hash(self.bytes()) } else { Hash::ZERO };
        let header = Header {
            event_id: EventId(self.uuid()),
            version: *self.pick(&[EnvelopeVersion::Legacy, EnvelopeVersion::V1, EnvelopeVersion::V2]),
            agent: AgentId(Uuid::from_u128(u128::from(self.below(3)))),
            entity_type: self.text(),
            entity_id: self.text(),
            event_type: (*self.pick(&TYPES)).to_owned(),
            created_at: (*self.pick(&["2026-01-02T03:04:05Z", "2026-01-02 03:04:60.123456789+05:30"])).to_owned(),
            payload_form,
            payload_hash: Hash(self.bytes()),
            cipher_hash,
            content_hash: Hash::ZERO,
            seal: self.seal(),
            command_id: self.maybe(Self::uuid),
            base_version: self.maybe(|random| *random.pick(&[0, 1, 1 << 63, u64::MAX])),
            order_key: self.maybe(Self::text),
            correlation_id: self.maybe(Self::text),
            annotations: self.maybe(Self::annotations).unwrap_or_default(),
        };
        let length = self.below(200);
        let payload = (0..length).map(|_| self.number().to_le_bytes()[0]).collect();
        with_content_hash(Candidate { header, payload, warnings: Vec::new() }, scope)
    }

    pub(crate) fn events(&mut self, scope: Scope, count: usize) -> Vec<Candidate> {
        (0..count).map(|_| self.event(scope)).collect()
    }

    fn seal(&mut self) -> Seal {
        if self.once_in(2) {
            Seal::Unsigned { salt: Salt(self.bytes()) }
        } else {
            Seal::Signed { key: *self.pick(&[KeyId(0), KeyId(7), KeyId(u32::MAX)]), signature: Signature(self.bytes()) }
        }
    }

    fn annotations(&mut self) -> Annotations {
        Annotations {
            causation_id: self.maybe(Self::text),
            schema_version: self.maybe(|random| *random.pick(&[1, u32::MAX])),
            metadata: self.maybe(|random| {
                let json = [r#"{"a":"\u0000\"é","n":1.10}"#, "{ }", r#"{"deep":{"list":[null,true,-0.0e5]}}"#];
                (*random.pick(&json)).into()
            }),
            traceparent: self.maybe(Self::text),
            legacy_signature: self.maybe(Self::text),
        }
    }
}

/// The candidate with the content hash that follows from its fields.
pub(crate) fn with_content_hash(mut candidate: Candidate, scope: Scope) -> Candidate {
    candidate.header.content_hash = candidate.header.derive_content_hash(scope);
    candidate
}
