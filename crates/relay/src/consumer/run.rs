//! The loop of one member: receive, begin, finish, commit.

use std::collections::HashMap;
use std::sync::Arc;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use stateset_outbox::Engine;
use stateset_outbox::consumer::Handler;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::client::{Client, Finished, Place};
use super::partition::{Flow, Partition};
use super::take::Taking;
use super::{ConsumerError, ConsumerSettings, RawRecord};
use crate::task::joined;

/// Waiting events that one look at deadlines moves.
const EXPIRED: u16 = 100;

/// A record that was taken, or was not before the end.
struct Done {
    place: Place,
    /// Of the assignment under which it began.
    assignment: u64,
    offset: i64,
    key: Vec<u8>,
    taken: bool,
}

struct Assigned {
    number: u64,
    partition: Partition<RawRecord>,
}

pub(super) struct Run<DB: Engine, H> {
    client: Arc<Client>,
    taking: Arc<Taking<DB, H>>,
    finished: Finished,
    settings: ConsumerSettings,
    assigned: HashMap<Place, Assigned>,
    assignments: u64,
    work: JoinSet<Done>,
    housework: JoinSet<()>,
}

impl<DB: Engine, H: Handler<DB> + 'static> Run<DB, H> {
    pub(super) fn new(
        client: Arc<Client>,
        taking: Arc<Taking<DB, H>>,
        finished: Finished,
        settings: ConsumerSettings,
    ) -> Self {
        Self {
            client,
            taking,
            finished,
            settings,
            assigned: HashMap::new(),
            assignments: 0,
            work: JoinSet::new(),
            housework: JoinSet::new(),
        }
    }

    pub(super) async fn run(mut self, mut revocations: UnboundedReceiver<Vec<Place>>) -> Result<(), ConsumerError> {
        let mut commits = interval(self.settings.commit_every);
        commits.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = interval(self.settings.housekeeping);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.taking.stop.clone();
        let client = Arc::clone(&self.client);
        let result = loop {
            self.begin();
            tokio::select! {
                biased;
                () = stop.cancelled() => break Ok(()),
                Some(places) = revocations.recv() => self.forget(&places),
                Some(done) = self.work.join_next(), if !self.work.is_empty() => self.finish(&joined(done).await),
                _ = commits.tick() => self.commit(CommitMode::Async),
                _ = looks.tick() => self.look(),
                received = client.recv() => {
                    // What was revoked before the message came is forgotten before it is looked at.
                    while let Ok(places) = revocations.try_recv() {
                        self.forget(&places);
                    }
                    match received {
                        Ok(message) => self.receive(&message),
                        Err(error) => if let Some(fatal) = self.fatal(&error) {
                            break Err(fatal);
                        },
                    }
                },
            }
        };
        while let Some(done) = self.work.join_next().await {
            self.finish(&joined(done).await);
        }
        while let Ok(places) = revocations.try_recv() {
            self.forget(&places);
        }
        self.leave().await;
        result
    }

    fn receive(&mut self, message: &BorrowedMessage<'_>) {
        let record = raw(message);
        let place = (record.topic.clone(), record.partition);
        let assigned = self.assigned.entry(place.clone()).or_insert_with(|| {
            self.assignments += 1;
            Assigned { number: self.assignments, partition: Partition::new() }
        });
        let key = record.key.clone().unwrap_or_default();
        let bytes = message.payload_len() + message.key_len() + 256;
        assigned.partition.push(record.offset, key, bytes, record);
        self.taking.stats.change(|stats| stats.received += 1);
        self.regulate(&place);
    }

    /// Begins as much as may be begun.
    fn begin(&mut self) {
        let Self { assigned, work, taking, settings, .. } = self;
        let mut progress = true;
        while std::mem::take(&mut progress) {
            // One of each partition per turn, so that none starves.
            for (place, Assigned { number, partition }) in assigned.iter_mut() {
                if work.len() >= settings.concurrency {
                    return;
                }
                let Some((offset, key, record)) = partition.begin() else { continue };
                progress = true;
                let (taking, place, assignment) = (Arc::clone(taking), place.clone(), *number);
                work.spawn(async move {
                    let taken = taking.take(&record).await;
                    Done { place, assignment, offset, key, taken }
                });
            }
        }
    }

    fn finish(&mut self, done: &Done) {
        let Some(assigned) = self.assigned.get_mut(&done.place) else { return };
        // Of an assignment that has ended: another member deals with it.
        if assigned.number != done.assignment || !done.taken {
            return;
        }
        assigned.partition.finish(done.offset, &done.key);
        if let Some(upto) = assigned.partition.to_commit() {
            self.finished.set(&done.place, upto);
        }
        self.regulate(&done.place);
    }

    /// Pauses a partition that is far ahead of the database, and resumes it.
    fn regulate(&mut self, place: &Place) {
        let Some(flow) = self.assigned.get_mut(place).and_then(|it| it.partition.flow()) else { return };
        let mut list = TopicPartitionList::new();
        list.add_partition(&place.0, place.1);
        let told = match flow {
            Flow::Pause => self.client.pause(&list),
            Flow::Resume => self.client.resume(&list),
        };
        if let Err(error) = told {
            tracing::debug!(%error, ?place, ?flow, "a partition went away");
        }
    }

    fn forget(&mut self, places: &[Place]) {
        for place in places {
            if let Some(gone) = self.assigned.remove(place) {
                tracing::debug!(?place, in_hand = gone.partition.in_hand(), "a partition went to another member");
            }
        }
    }

    /// What is finished and was not committed yet.
    fn offsets(&mut self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (place, Assigned { partition, .. }) in &mut self.assigned {
            let Some(upto) = partition.to_commit() else { continue };
            if list.add_partition_offset(&place.0, place.1, Offset::Offset(upto)).is_ok() {
                partition.committed(upto);
            }
        }
        list
    }

    fn commit(&mut self, mode: CommitMode) {
        let offsets = self.offsets();
        if offsets.count() > 0
            && let Err(error) = self.client.commit(&offsets, mode)
        {
            tracing::debug!(%error, "offsets were not committed");
        }
    }

    /// Deadlines of what waits, and the gauges. One look at a time.
    fn look(&mut self) {
        while self.housework.try_join_next().is_some() {}
        if !self.housework.is_empty() {
            return;
        }
        let taking = Arc::clone(&self.taking);
        self.housework.spawn(async move {
            match taking.consumer.expire_held(EXPIRED).await {
                Ok(gone) => taking.stats.change(|stats| stats.quarantined += gone),
                Err(error) => tracing::warn!(%error, "deadlines have to wait for the database"),
            }
            if let Ok(standing) = taking.consumer.standing().await {
                taking.stats.change(|stats| stats.standing = standing);
            }
        });
    }

    /// Errors of the client pass by themselves, unless it says otherwise.
    fn fatal(&self, error: &KafkaError) -> Option<ConsumerError> {
        tracing::warn!(%error, "the Kafka client complains");
        self.taking.stats.change(|stats| stats.retried += 1);
        self.client.context().watch.note(error.rdkafka_error_code(), &error.to_string());
        self.client.client().fatal_error().map(|(_, reason)| ConsumerError::Fatal(reason))
    }

    /// The last commit waits for its answer; then the group learns at once that this member is gone. The client's calls
    /// block, so they run on a thread of their own.
    async fn leave(mut self) {
        self.housework.abort_all();
        let offsets = self.offsets();
        let Self { client, .. } = self;
        let left = tokio::task::spawn_blocking(move || {
            if offsets.count() > 0
                && let Err(error) = client.commit(&offsets, CommitMode::Sync)
            {
                tracing::warn!(%error, "the last offsets were not committed: their records come again, without effect");
            }
            drop(client);
        });
        if left.await.is_err() {
            tracing::warn!("leaving the group failed; it notices by itself");
        }
    }
}

fn raw(message: &BorrowedMessage<'_>) -> RawRecord {
    let headers = message.headers().map(|headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec())).collect()
    });
    RawRecord {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}
