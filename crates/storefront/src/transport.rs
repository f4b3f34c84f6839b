//! How events get from one service to the others: over Kafka, or inside the process.
//!
//! Either way each service's own relay reads its own outbox, and each consumer takes what comes through the same kit, in
//! a transaction of its own database. The difference is only what stands between the two.

use std::sync::Arc;
use std::time::Duration;

use stateset_outbox::consumer::{ConsumeError, Consumer, Handler, HeldEvent, Incoming, Quarantined, Standing};
use stateset_outbox::delivery::{NewRoute, Registration, Start};
use stateset_relay::engine::Relay;
use stateset_relay::policy::Policy;
use stateset_relay::sink::Sink;
use stateset_relay::sink::handler::{Handler as HandlerSink, HandlerError};
use tokio_util::sync::CancellationToken;

use crate::dialect::{Dialect, SqlFuture};
use crate::settings::Service;

/// How often held events are looked at for their deadline.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
/// Held events that one look moves.
const EXPIRED: u16 = 100;
/// Into how many parts a destination's log is split for workers.
pub(crate) const SHARD_GROUPS: u16 = 4;

/// What a consumer takes and shows, whatever its rules.
pub(crate) trait Takes: Send + Sync {
    /// Takes an event in a transaction of its own.
    fn take<'a>(&'a self, event: &'a Incoming) -> Taking<'a>;

    /// Puts what has waited too long into quarantine.
    fn expire(&self) -> Taking<'_>;

    /// What waits and what is in quarantine.
    fn standing(&self) -> SqlFuture<'_, Standing>;

    /// What waits, the oldest first.
    fn held(&self, most: u16) -> SqlFuture<'_, Vec<HeldEvent>>;

    /// What is in quarantine, the oldest first.
    fn quarantined(&self, most: u16) -> SqlFuture<'_, Vec<Quarantined>>;
}

type Taking<'a> = std::pin::Pin<Box<dyn Future<Output = Result<(), ConsumeError>> + Send + 'a>>;

impl<DB: Dialect, H: Handler<DB>> Takes for Consumer<DB, H> {
    fn take<'a>(&'a self, event: &'a Incoming) -> Taking<'a> {
        Box::pin(async move {
            let taken = self.take_alone(event).await?;
            tracing::debug!(consumer = self.name(), event = %event.event_id, kind = event.event_type, ?taken, "taken");
            Ok(())
        })
    }

    fn expire(&self) -> Taking<'_> {
        Box::pin(async move { self.expire_held(EXPIRED).await.map(drop) })
    }

    fn standing(&self) -> SqlFuture<'_, Standing> {
        Box::pin(Self::standing(self))
    }

    fn held(&self, most: u16) -> SqlFuture<'_, Vec<HeldEvent>> {
        Box::pin(Self::held(self, 0, most))
    }

    fn quarantined(&self, most: u16) -> SqlFuture<'_, Vec<Quarantined>> {
        Box::pin(Self::quarantined(self, None, most))
    }
}

/// A destination of a service's relay.
pub(crate) struct To<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Kind of sink, for people.
    pub(crate) kind: &'a str,
    /// Which types it takes.
    pub(crate) globs: &'a [&'a str],
    /// Into how many parts its log is split for workers.
    pub(crate) shard_groups: u16,
    /// What its deliveries are treated like.
    pub(crate) policy: Policy,
}

impl To<'_> {
    /// Registers it. A new one starts with the first event of the log: whoever subscribes later learns what there was.
    pub(crate) fn registered(&self, relay: Relay, sink: Arc<dyn Sink>) -> Relay {
        let policy = self.policy.to_json();
        let route =
            |glob: &&str| NewRoute { name: (*glob).to_owned(), type_glob: (*glob).to_owned(), policy: policy.clone() };
        let registration = Registration {
            name: self.name.to_owned(),
            kind: self.kind.to_owned(),
            shard_groups: self.shard_groups,
            routes: self.globs.iter().map(route).collect(),
            start: Start::Beginning,
        };
        relay.destination(registration, sink)
    }
}

/// Hands a service's events to a consumer of the same process.
pub(crate) fn hand_over(consumer: Arc<dyn Takes>) -> Arc<dyn Sink> {
    let hand = move |record: stateset_relay::record::Record| {
        let consumer = Arc::clone(&consumer);
        async move { take(&*consumer, &record.incoming()).await.map_err(|error| failed(&error)) }
    };
    Arc::new(HandlerSink::new(hand))
}

/// Takes an event; two transactions that were in each other's way try again.
async fn take(consumer: &dyn Takes, event: &Incoming) -> Result<(), ConsumeError> {
    const TRIES: u32 = 5;
    for pause in 1..TRIES {
        match consumer.take(event).await {
            Err(ConsumeError::Retry(_)) => tokio::time::sleep(Duration::from_millis(10) * pause).await,
            taken => return taken,
        }
    }
    consumer.take(event).await
}

/// The database's troubles are no event's fault, and use up no attempt.
fn failed(error: &ConsumeError) -> HandlerError {
    let text = chain(error);
    match error {
        ConsumeError::Unavailable(_) | ConsumeError::Retry(_) => HandlerError::Unavailable(text),
        ConsumeError::Handler(_) | ConsumeError::Corrupt(_) => HandlerError::Retry(text),
    }
}

/// An error with its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Looks after deadlines until the end; the Kafka consumer does so by itself.
pub(crate) async fn keep_house(consumers: Vec<(Service, Arc<dyn Takes>)>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HOUSEKEEPING) => {},
        }
        for (service, consumer) in &consumers {
            if let Err(error) = consumer.expire().await {
                tracing::warn!(%service, error = &error as &dyn std::error::Error, "deadlines have to wait");
            }
        }
    }
}

#[cfg(feature = "kafka")]
pub(crate) mod kafka {
    //! The contract's topics.

    use std::sync::Arc;
    use std::time::Duration;

    use stateset_outbox::consumer::{Consumer, Handler};
    use stateset_relay::consumer::{ConsumerSettings, RunningConsumer, start};
    use stateset_relay::sink::Sink;
    use stateset_relay::sink::kafka::{Kafka, KafkaSettings};

    use crate::dialect::Dialect;
    use crate::error::StartError;
    use crate::settings::{KafkaPlace, Service};

    /// From enqueueing a message to giving it up: less than half of the relay's lease.
    const DELIVERY: Duration = Duration::from_secs(4);
    /// Records that one consumer takes at once, each on a connection of its own.
    const CONCURRENCY: usize = 6;
    /// How soon a consumer notices a topic that did not exist when it subscribed, in milliseconds.
    const NOTICE_MS: &str = "1000";

    /// What publishes a service's events.
    pub(crate) fn sink(place: &KafkaPlace) -> Result<Arc<dyn Sink>, StartError> {
        let mut settings = KafkaSettings::new(&place.brokers);
        let globs = ["order.*", "payment.*", "shipping.*"];
        settings.topics = globs.into_iter().map(str::to_owned).zip(place.topics.clone()).collect();
        settings.delivery_timeout = DELIVERY;
        let sink = Kafka::new(settings).map_err(|fault| StartError::peer("Kafka", fault))?;
        Ok(Arc::new(sink))
    }

    /// Joins the group of a service.
    pub(crate) fn join<DB: Dialect, H: Handler<DB> + 'static>(
        consumer: Consumer<DB, H>,
        service: Service,
        place: &KafkaPlace,
    ) -> Result<RunningConsumer, StartError> {
        let mut settings = ConsumerSettings::new(&place.brokers, format!("{}-{service}", place.group));
        let topics = service.takes().iter().filter_map(|(producer, _)| place.topic(*producer));
        settings.topics = topics.map(str::to_owned).collect();
        settings.concurrency = CONCURRENCY;
        settings.dead_letter_suffix = Some(".dlq".to_owned());
        // A topic comes about with its first event, which may be after this.
        settings.more = vec![
            ("allow.auto.create.topics".to_owned(), "true".to_owned()),
            ("topic.metadata.refresh.interval.ms".to_owned(), NOTICE_MS.to_owned()),
        ];
        start(consumer, settings).map_err(|fault| StartError::peer("Kafka", fault))
    }
}
