//! All events as lines of JSON, in order, with their payloads opened.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use stateset_ledger::id::{Scope, Sequence};
use stateset_store::maintenance::Maintenance;
use stateset_store::read::EventQuery;
use stateset_store::stream::StreamNo;

use super::site::explain;
use crate::http::view;
use crate::keyring::Keyring;
use crate::read::open_events;

const STREAMS: u32 = 256;
const PAGE: u32 = 500;

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only this tenant's.
    pub tenant: Option<uuid::Uuid>,
    /// Only this store's.
    pub store: Option<uuid::Uuid>,
    /// From this sequence on, in each stream.
    pub from: Option<Sequence>,
}

impl Selection {
    fn takes(&self, scope: Scope) -> bool {
        self.tenant.is_none_or(|tenant| tenant == scope.tenant.0)
            && self.store.is_none_or(|store| store == scope.store.0)
    }
}

/// Writes a line per event: the envelope as `GET /api/v1/ves/events` shows it. Stream after stream; each up to the head it
/// had when its turn came. Returns how many.
pub async fn run(
    store: Arc<dyn Maintenance>,
    keyring: &Arc<Keyring>,
    selection: &Selection,
    out: &mut (impl Write + Send),
) -> anyhow::Result<u64> {
    let mut count = 0;
    let mut after = StreamNo(i64::MIN);
    loop {
        let streams = store.all_streams(after, STREAMS).await.map_err(explain)?;
        let Some(last) = streams.last() else { break };
        after = last.row.stream;
        for head in streams.into_iter().filter(|head| selection.takes(head.row.scope)) {
            let mut next = selection.from.unwrap_or(Sequence::FIRST);
            while next.get() <= head.row.size {
                let query = EventQuery::new(head.row.stream, next, PAGE);
                let page = store.events(&query).await.map_err(explain)?;
                let Some(last) = page.events.last().map(|event| event.sequence) else { break };
                for opened in open_events(keyring, head.row.scope, page.events, page.segments).await? {
                    serde_json::to_writer(&mut *out, &view::envelope(head.row.scope, opened))?;
                    out.write_all(b"\n").context("cannot write the export")?;
                    count += 1;
                }
                next = Sequence::from_index(last.get())?;
            }
        }
    }
    out.flush()?;
    Ok(count)
}
