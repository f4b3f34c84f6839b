//! Requests made before the clock starts: every event with an id and a signature of its own.

use std::io::Write as _;
use std::thread;

use stateset_ledger::bytes::{Hash, Preimage};
use stateset_ledger::domain;
use stateset_ledger::id::Micros;
use stateset_ledger::signature::{SeedSigner, Signer as _};
use stateset_testkit::ves::Agent;
use uuid::{Builder, Uuid};

use crate::stage::API_KEY;

/// Bytes of every payload in RFC 8785 form.
pub(crate) const PAYLOAD_BYTES: usize = 208;
const PAYLOADS: u64 = 64;
const KEY_SEED: [u8; 32] = [7; 32];
const KEY_ID: u32 = 1;
/// Events that share a millisecond in ids and times: about what is sequenced in one.
const EVENTS_PER_MS: u64 = 40;
/// 2026-01-02T00:00:00Z.
const FIRST_MS: u64 = 1_767_312_000_000;
const EVENT_TYPES: [&str; 4] = ["order.placed", "order.line_added", "order.amended", "order.shipped"];

/// How event ids are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Ids {
    /// UUID version 7: ids grow with time.
    V7,
    /// UUID version 4: ids are random.
    V4,
}

/// Which route, and what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Signed events; the flush's signature vouches for all of them.
    Signed,
    /// Signed events; a signature for each receipt, as by default.
    SignedEach,
    /// Events of the first API, unsigned.
    Unsigned,
}

impl Route {
    fn path(self) -> &'static str {
        match self {
            Self::Signed => "/api/v1/ves/events/ingest?receipts=flush",
            Self::SignedEach => "/api/v1/ves/events/ingest",
            Self::Unsigned => "/api/v1/events/ingest?receipts=flush",
        }
    }

    pub(crate) fn is_signed(self) -> bool {
        self != Self::Unsigned
    }
}

/// Requests to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) route: Route,
    pub(crate) ids: Ids,
    /// Requests go to the streams in turns.
    pub(crate) streams: usize,
    pub(crate) batch: usize,
    pub(crate) requests: usize,
}

/// One agent, writing to the stores of one tenant.
pub(crate) struct Author {
    pub(crate) tenant: Uuid,
    agent: Uuid,
    stores: Vec<Uuid>,
    signer: SeedSigner,
    payloads: Vec<Payload>,
}

struct Payload {
    json: String,
    plain_hash: Hash,
    legacy_hash: Hash,
}

impl Author {
    pub(crate) fn new(stores: usize) -> Self {
        let id = |kind: u64, number: u64| uuid_of(mix(kind), mix(kind.wrapping_add(number)));
        Self {
            tenant: id(11, 0),
            agent: id(12, 0),
            stores: (0..stores.max(1)).map(|number| id(13, number as u64)).collect(),
            signer: SeedSigner::new(&KEY_SEED),
            payloads: (0..PAYLOADS).map(payload).collect(),
        }
    }

    /// The body that registers the key.
    pub(crate) fn registration(&self) -> serde_json::Value {
        Agent::from_key(KEY_SEED, self.agent, self.tenant, self.stores[0]).registration()
    }

    pub(crate) fn store(&self, number: usize) -> Uuid {
        self.stores[number % self.stores.len()]
    }

    /// Whole HTTP requests, made on all cores. `first` is the number of the first event: ids and times follow
    /// from it, so orders that must not meet in one stream take separate ranges.
    pub(crate) fn requests(&self, order: Order, first: u64) -> Vec<Vec<u8>> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = order.requests.div_ceil(threads).max(1);
        let shares: Vec<_> =
            (0..order.requests).step_by(share).map(|at| at..(at + share).min(order.requests)).collect();
        thread::scope(|scope| {
            let makers: Vec<_> = shares
                .into_iter()
                .map(|range| scope.spawn(move || range.map(|at| self.request(order, first, at)).collect::<Vec<_>>()))
                .collect();
            makers.into_iter().flat_map(|maker| maker.join().expect("making requests does not panic")).collect()
        })
    }

    fn request(&self, order: Order, first: u64, at: usize) -> Vec<u8> {
        let store = self.store(at % order.streams);
        let agent_member = if order.route.is_signed() { "agentId" } else { "agent_id" };
        let mut body = format!(r#"{{"{agent_member}":"{}","events":["#, self.agent).into_bytes();
        body.reserve(order.batch * 1_000);
        for number in 0..order.batch {
            if number > 0 {
                body.push(b',');
            }
            let serial = first + (at * order.batch + number) as u64;
            self.write_event(order, store, serial, &mut body);
        }
        body.extend_from_slice(b"]}");
        request("POST", order.route.path(), &body)
    }

    fn write_event(&self, order: Order, store: Uuid, serial: u64, out: &mut Vec<u8>) {
        let ms = FIRST_MS + serial / EVENTS_PER_MS;
        let event = Event {
            id: event_id(order.ids, ms, serial),
            entity: format!("order-{:08}", serial / 4),
            kind: EVENT_TYPES[index(serial, EVENT_TYPES.len())],
            created_at: Micros(i64::try_from(ms * 1_000).expect("a time of this century")).to_rfc3339(),
            payload: &self.payloads[index(mix(serial), self.payloads.len())],
        };
        if order.route.is_signed() {
            self.write_signed(store, &event, out);
        } else {
            self.write_unsigned(store, &event, out);
        }
    }

    fn write_signed(&self, store: Uuid, event: &Event<'_>, out: &mut Vec<u8>) {
        let hash = Preimage::new(domain::EVENT_SIGNATURE)
            .u32(1)
            .fixed(self.tenant.as_bytes())
            .fixed(store.as_bytes())
            .fixed(event.id.as_bytes())
            .fixed(self.agent.as_bytes())
            .u32(KEY_ID)
            .text("order")
            .text(&event.entity)
            .text(event.kind)
            .text(&event.created_at)
            .u32(0)
            .fixed(&event.payload.plain_hash.0)
            .fixed(&[0; 32])
            .hash();
        let signature = self.signer.sign(&hash.0);
        write!(
            out,
            concat!(
                r#"{{"ves_version":1,"event_id":"{}","tenant_id":"{}","store_id":"{}","source_agent_id":"{}","#,
                r#""agent_key_id":{},"entity_type":"order","entity_id":"{}","event_type":"{}","created_at":"{}","#,
                r#""payload_kind":0,"payload":{},"payload_plain_hash":"0x{}","payload_cipher_hash":"0x{}","#,
                r#""agent_signature":"0x{}"}}"#,
            ),
            event.id,
            self.tenant,
            store,
            self.agent,
            KEY_ID,
            event.entity,
            event.kind,
            event.created_at,
            event.payload.json,
            event.payload.plain_hash,
            Hash([0; 32]),
            signature
        )
        .expect("a Vec takes any bytes");
    }

    fn write_unsigned(&self, store: Uuid, event: &Event<'_>, out: &mut Vec<u8>) {
        write!(
            out,
            concat!(
                r#"{{"event_id":"{}","tenant_id":"{}","store_id":"{}","source_agent":"{}","entity_type":"order","#,
                r#""entity_id":"{}","event_type":"{}","created_at":"{}","payload":{},"payload_hash":"{}"}}"#,
            ),
            event.id,
            self.tenant,
            store,
            self.agent,
            event.entity,
            event.kind,
            event.created_at,
            event.payload.json,
            event.payload.legacy_hash
        )
        .expect("a Vec takes any bytes");
    }

    /// Bytes of one event as sent.
    pub(crate) fn event_bytes(&self, route: Route) -> usize {
        let order = Order { route, ids: Ids::V7, streams: 1, batch: 1, requests: 1 };
        let mut out = Vec::new();
        self.write_event(order, self.store(0), 0, &mut out);
        out.len()
    }
}

struct Event<'a> {
    id: Uuid,
    entity: String,
    kind: &'static str,
    created_at: String,
    payload: &'a Payload,
}

/// A request as it goes over the wire.
pub(crate) fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: ApiKey {API_KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn payload(number: u64) -> Payload {
    let text = |note: &str| {
        format!(
            concat!(
                r#"{{"currency":"EUR","customer":"c-{:05}","discount_cents":{},"line":{},"note":"{}","quantity":{},"#,
                r#""sku":"SKU-{:05}","tax_cents":{},"total_cents":{},"unit_price_cents":{}}}"#,
            ),
            10_000 + number * 37,
            100 + number,
            1 + number % 9,
            note,
            1 + number % 7,
            20_000 + number * 11,
            300 + number,
            2_000 + number * 13,
            1_000 + number * 5
        )
    };
    let room = PAYLOAD_BYTES - text("").len();
    let json = text(&"leave with the neighbour ".repeat(9).chars().take(room).collect::<String>());
    Payload {
        plain_hash: Preimage::new(domain::PAYLOAD_PLAIN).raw(json.as_bytes()).hash(),
        legacy_hash: Hash::of(&[json.as_bytes()]),
        json,
    }
}

fn event_id(ids: Ids, ms: u64, serial: u64) -> Uuid {
    let random = uuid_of(mix(serial), mix(!serial));
    match ids {
        Ids::V4 => random,
        Ids::V7 => {
            let tail = random.as_bytes().last_chunk().expect("a UUID is longer than its random part");
            Builder::from_unix_timestamp_millis(ms, tail).into_uuid()
        },
    }
}

fn uuid_of(high: u64, low: u64) -> Uuid {
    Builder::from_random_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes()).into_uuid()
}

pub(crate) fn index(number: u64, length: usize) -> usize {
    usize::try_from(number % length as u64).expect("less than a usize")
}

/// Bits that look random and follow from `number` (splitmix64): a run can be repeated.
pub(crate) fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;
    use stateset_ledger::bytes::Salt;
    use stateset_ledger::envelope::{Admission, EnvelopeKind, read};
    use stateset_ledger::id::{AgentId, Scope, StoreId, TenantId};
    use stateset_ledger::json::is_canonical;
    use stateset_ledger::signature::PublicKey;

    use super::*;

    fn events(order: Order) -> (Author, Vec<String>) {
        let author = Author::new(order.streams);
        let requests = author.requests(order, 0);
        let events = requests.iter().flat_map(|request| {
            let text = std::str::from_utf8(request).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())));
            let array = body.split_once(r#""events":["#).unwrap().1.strip_suffix("]}").unwrap();
            array.replace("},{\"", "}\n{\"").lines().map(str::to_owned).collect::<Vec<_>>()
        });
        let events = events.collect();
        (author, events)
    }

    #[test]
    fn every_event_is_admissible_and_has_its_own_id() {
        for route in [Route::Signed, Route::Unsigned] {
            let order = Order { route, ids: Ids::V7, streams: 2, batch: 5, requests: 30 };
            let (author, events) = events(order);
            let mut ids = HashSet::new();
            for text in &events {
                let value: Value = serde_json::from_str(text).unwrap();
                let store: Uuid = serde_json::from_value(value["store_id"].clone()).unwrap();
                let admission = Admission {
                    kind: if route.is_signed() { EnvelopeKind::Ves } else { EnvelopeKind::Legacy },
                    agent: AgentId(author.agent),
                    scope: Scope::new(TenantId(author.tenant), StoreId(store)),
                    max_payload_bytes: 1_000,
                    max_future_skew_ms: None,
                    now: Micros(0),
                    traceparent: None,
                };
                let candidate = read(text, &admission, Salt([1; 16])).unwrap();
                assert!(candidate.warnings.is_empty());
                candidate.verify(&PublicKey::new(&author.signer.public_key()).unwrap()).unwrap();
                ids.insert(candidate.header.event_id.0);
            }
            assert_eq!((events.len(), ids.len()), (150, 150));
        }
    }

    #[test]
    fn payloads_have_the_stated_size_and_form() {
        for number in 0..PAYLOADS {
            let payload = payload(number);
            assert_eq!(payload.json.len(), PAYLOAD_BYTES);
            assert!(is_canonical(payload.json.as_bytes()));
        }
        let author = Author::new(1);
        assert!((850..1_000).contains(&author.event_bytes(Route::Signed)), "{}", author.event_bytes(Route::Signed));
    }

    #[test]
    fn ids_of_version_seven_grow_with_time() {
        assert!(event_id(Ids::V7, 5, 1) < event_id(Ids::V7, 6, 0));
        assert_eq!(event_id(Ids::V7, 5, 1).get_version_num(), 7);
        assert_eq!(event_id(Ids::V4, 5, 1).get_version_num(), 4);
    }
}
