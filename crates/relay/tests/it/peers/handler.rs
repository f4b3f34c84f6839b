use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use stateset_relay::record::Record;
use stateset_relay::sink::Sink;
use stateset_relay::sink::handler::{Handler, HandlerError};
use uuid::Uuid;

use super::{Peer, event};

/// A function of the application, and what it needs.
pub(crate) struct HandlerPeer {
    handled: Arc<Mutex<Vec<Uuid>>>,
    up: Arc<AtomicBool>,
}

impl Peer for HandlerPeer {
    async fn start() -> Self {
        Self { handled: Arc::default(), up: Arc::new(AtomicBool::new(true)) }
    }

    fn sink(&self) -> Arc<dyn Sink> {
        let (handled, up) = (Arc::clone(&self.handled), Arc::clone(&self.up));
        Arc::new(Handler::new(move |record: Record| {
            let (handled, up) = (Arc::clone(&handled), Arc::clone(&up));
            async move {
                tokio::task::yield_now().await;
                if !up.load(Ordering::SeqCst) {
                    return Err(HandlerError::Unavailable("its database is down".to_owned()));
                }
                if record.event.event_type == "order.poison" {
                    return Err(HandlerError::Refuse("an order without items".to_owned()));
                }
                handled.lock().unwrap().push(record.event.event_id);
                Ok(())
            }
        }))
    }

    async fn received(&self) -> Vec<Uuid> {
        self.handled.lock().unwrap().clone()
    }

    async fn vanish(&mut self) {
        self.up.store(false, Ordering::SeqCst);
    }

    async fn come_back(&mut self) {
        self.up.store(true, Ordering::SeqCst);
    }

    fn poison(&self, number: i64, key: &str) -> Record {
        let mut record = event(number, key);
        record.event.event_type = "order.poison".to_owned();
        record
    }
}
