//! One batch, one Kafka transaction: all of it becomes visible or nothing does. The client's calls block, so they run on
//! threads of their own.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;
use tokio::task::spawn_blocking;

use super::message::Message;
use super::{Kafka, Sender, failure, send, unavailable};
use crate::sink::Outcome;

impl Kafka {
    pub(super) async fn publish_transaction(
        &self,
        group: u16,
        messages: Vec<(usize, Message)>,
    ) -> Vec<(usize, Outcome)> {
        let indices: Vec<usize> = messages.iter().map(|(index, _)| *index).collect();
        match self.transaction(group, messages).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                // Fenced, fatal or of unknown outcome: a new producer with the same id settles what the old one left.
                self.forget(group);
                indices.into_iter().map(|index| (index, unavailable(&error))).collect()
            },
        }
    }

    async fn transaction(
        &self,
        group: u16,
        messages: Vec<(usize, Message)>,
    ) -> Result<Vec<(usize, Outcome)>, KafkaError> {
        let limit = self.settings.delivery_timeout;
        let producer = self.ready(group).await?;
        blocking(&producer, Sender::begin_transaction).await?;
        let mut outcomes = send(&producer, messages, limit).await;
        let all = outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Accepted(_)));
        if all {
            match blocking(&producer, move |producer| producer.commit_transaction(limit)).await {
                Ok(()) => return Ok(outcomes),
                Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                    let outcome = failure(&KafkaError::Transaction(error));
                    for (_, place) in &mut outcomes {
                        *place = outcome.clone();
                    }
                },
                Err(error) => return Err(error),
            }
        }
        blocking(&producer, move |producer| producer.abort_transaction(limit)).await?;
        // Nobody will see what the others wrote: it was not tried, as far as anyone can tell.
        for (_, outcome) in &mut outcomes {
            if matches!(outcome, Outcome::Accepted(_)) {
                *outcome = Outcome::NotTried;
            }
        }
        Ok(outcomes)
    }

    /// A producer whose id is fenced: from here on any older one with this id is refused by the broker.
    async fn ready(&self, group: u16) -> Result<Arc<Sender>, KafkaError> {
        let known = self.known(group);
        let producer = self.producer(group)?;
        if !known.is_some_and(|known| Arc::ptr_eq(&known, &producer)) {
            let limit: Duration = self.settings.delivery_timeout;
            if let Err(error) = blocking(&producer, move |producer| producer.init_transactions(limit)).await {
                self.forget(group);
                return Err(error);
            }
        }
        Ok(producer)
    }

    fn known(&self, group: u16) -> Option<Arc<Sender>> {
        self.producers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&group).cloned()
    }
}

async fn blocking<F>(producer: &Arc<Sender>, call: F) -> Result<(), KafkaError>
where
    F: FnOnce(&Sender) -> Result<(), KafkaError> + Send + 'static,
{
    let producer = Arc::clone(producer);
    // A call that panicked left the producer in an unknown state, which is what `Canceled` makes the caller assume.
    spawn_blocking(move || call(&producer)).await.unwrap_or(Err(KafkaError::Canceled))
}
