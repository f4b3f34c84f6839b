//! A storefront: its services, their relays and consumers, and one listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
#[cfg(feature = "kafka")]
use stateset_outbox::consumer::{Consumer, Handler};
use stateset_relay::engine::{Options, Relay, Running};
use stateset_relay::policy::{Ack, OnDead, Policy};
use stateset_relay::sink::Sink;
use stateset_relay::sink::reveal::Revealing;
use stateset_relay::sink::sequencer::{Sequencer, SequencerSettings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::dialect::{Dialect, Statement};
use crate::error::{ServeError, StartError};
use crate::http::not_found;
use crate::notification::{self, Notifications, post_office};
use crate::order::{self, Orders};
use crate::own::{self, Own};
use crate::payment::{self, Payments};
#[cfg(feature = "kafka")]
use crate::settings::KafkaPlace;
use crate::settings::{Place, SequencerPlace, Service, Settings};
use crate::shipping::{self, Shipments};
use crate::status::{self, Watched};
use crate::transport::{SHARD_GROUPS, Takes, To, hand_over, keep_house};

/// How long what was begun may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// Longest pause between two looks for events; commits of this process are noticed at once.
const POLL_MAX: Duration = Duration::from_millis(500);
/// How long a process that vanished keeps its part of the relay's work.
const LEASE: Duration = Duration::from_secs(5);
/// The same over Kafka: more than twice the time after which a message is given up, so that none is sent late.
const KAFKA_LEASE: Duration = Duration::from_secs(10);

/// A storefront that was started: it listens, and its relays and consumers run.
pub struct Storefront {
    listener: TcpListener,
    address: SocketAddr,
    services: Vec<Service>,
    router: Router,
    running: Vec<RunningService>,
    stop: CancellationToken,
    housekeeping: JoinHandle<()>,
}

/// What one service runs beside its routes.
struct RunningService {
    service: Service,
    relay: Running,
    #[cfg(feature = "kafka")]
    consumer: Option<stateset_relay::consumer::RunningConsumer>,
}

/// A service that is ready to be started.
struct Prepared<DB: Dialect> {
    service: Service,
    own: Own<DB>,
    router: Router,
    takes: Arc<dyn Takes>,
}

/// Starts a storefront, says on stdout where it listens, and serves until `shutdown` is there.
pub async fn serve(settings: Settings, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
    let storefront = Storefront::start(settings).await?;
    #[expect(clippy::print_stdout, reason = "whoever starts it has to know where it listens")]
    {
        println!("{}", storefront.announcement());
    }
    storefront.run(shutdown).await
}

impl Storefront {
    /// Makes tables, starts relays and consumers, and binds the address.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        settings.check().map_err(StartError::Settings)?;
        match settings.database.clone() {
            Place::Sqlite(folder) => {
                let mut owns = Vec::new();
                for service in services(&settings) {
                    owns.push((service, own::sqlite(&folder, service, &settings).await?));
                }
                Self::on(settings, owns).await
            },
            Place::Postgres(url) => {
                let mut owns = Vec::new();
                for service in services(&settings) {
                    owns.push((service, own::postgres(&url, service, &settings).await?));
                }
                Self::on(settings, owns).await
            },
        }
    }

    async fn on<DB: Dialect>(settings: Settings, owns: Vec<(Service, Own<DB>)>) -> Result<Self, StartError> {
        let listen = settings.listen;
        let listener =
            TcpListener::bind(listen).await.map_err(|source| StartError::Listen { address: listen, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address: listen, source })?;
        let mut prepared = Vec::new();
        for (service, own) in owns {
            own.migrate(service.as_str(), tables(service)).await.map_err(StartError::database)?;
            prepared.push(prepare(service, own));
        }
        let (stop, mut running) = (CancellationToken::new(), Vec::new());
        for one in &prepared {
            match start_service(one, &prepared, &settings).await {
                Ok(service) => running.push(service),
                Err(error) => {
                    end_all(running).await;
                    return Err(error);
                },
            }
        }
        let consumers = prepared.iter().map(|one| (one.service, Arc::clone(&one.takes))).collect();
        #[expect(clippy::disallowed_methods, reason = "the handle is kept, and waited for at the end")]
        let housekeeping = tokio::spawn(keep_house(consumers, stop.clone()));
        let watched = prepared.iter().zip(&running).map(|(one, running)| Watched {
            service: one.service,
            takes: Arc::clone(&one.takes),
            database: status::database(one.own.clone()),
            relay: running.relay.monitor(),
            #[cfg(feature = "kafka")]
            consumer: running.consumer.as_ref().map(stateset_relay::consumer::RunningConsumer::monitor),
        });
        let router = prepared
            .iter()
            .map(|one| one.router.clone())
            .fold(status::routes(watched.collect()), Router::merge)
            .fallback(not_found)
            .layer(axum::middleware::from_fn(crate::http::complete));
        Ok(Self { listener, address, services: services(&settings), router, running, stop, housekeeping })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One line of JSON for whoever started it.
    pub fn announcement(&self) -> Value {
        let services: Vec<&str> = self.services.iter().map(|service| service.as_str()).collect();
        json!({ "listening": format!("http://{}", self.address), "services": services })
    }

    /// Serves until `shutdown` is there, then ends in order: no new requests, no new deliveries, what is out is settled.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let Self { listener, router, running, stop, housekeeping, .. } = self;
        let ended = watch(&running, stop.clone());
        let told = stop.clone();
        let end = async move {
            tokio::select! {
                () = shutdown => {},
                () = told.cancelled() => {},
            }
            told.cancel();
        };
        // A client that never finishes its request does not hold the end up.
        let late = async {
            stop.cancelled().await;
            sleep(GRACE).await;
        };
        let served = async {
            let served = tokio::select! {
                served = async { axum::serve(listener, router).with_graceful_shutdown(end).await } => served,
                () = late => Ok(()),
            };
            stop.cancel();
            served
        };
        let (served, ended) = tokio::join!(served, ended);
        end_all(running).await;
        if housekeeping.await.is_err() {
            tracing::warn!("the housekeeping ended before");
        }
        served.map_err(ServeError::Listener)?;
        ended.map_or(Ok(()), |what| Err(ServeError::Ended(what)))
    }
}

async fn end_all(running: Vec<RunningService>) {
    for service in running {
        service.end().await;
    }
}

/// Waits for the end, or for a relay or a consumer that ends by itself: then the others are told, and it is named.
async fn watch(running: &[RunningService], stop: CancellationToken) -> Option<String> {
    const LOOK: Duration = Duration::from_secs(1);
    loop {
        tokio::select! {
            () = stop.cancelled() => return None,
            () = sleep(LOOK) => {},
        }
        if let Some(what) = running.iter().find_map(RunningService::ended) {
            stop.cancel();
            return Some(what);
        }
    }
}

impl RunningService {
    fn ended(&self) -> Option<String> {
        #[cfg(feature = "kafka")]
        if self.consumer.as_ref().is_some_and(stateset_relay::consumer::RunningConsumer::is_finished) {
            return Some(format!("the consumer of the {} service", self.service));
        }
        self.relay.is_finished().then(|| format!("the relay of the {} service", self.service))
    }

    async fn end(self) {
        #[cfg(feature = "kafka")]
        if let Some(consumer) = self.consumer
            && let Err(error) = consumer.stop(GRACE).await
        {
            tracing::warn!(service = %self.service, error = &error as &dyn std::error::Error, "the consumer failed");
        }
        if let Err(error) = self.relay.stop(GRACE).await {
            tracing::warn!(service = %self.service, error = &error as &dyn std::error::Error, "the relay failed");
        }
    }
}

/// The services, each once, in their own order.
fn services(settings: &Settings) -> Vec<Service> {
    Service::ALL.into_iter().filter(|service| settings.services.contains(service)).collect()
}

fn tables(service: Service) -> Statement {
    match service {
        Service::Order => order::TABLES,
        Service::Payment => payment::TABLES,
        Service::Shipping => shipping::TABLES,
        Service::Notification => notification::TABLES,
    }
}

fn prepare<DB: Dialect>(service: Service, own: Own<DB>) -> Prepared<DB> {
    let (router, takes): (Router, Arc<dyn Takes>) = match service {
        Service::Order => (Orders::routes(&own), Arc::new(Orders::consumer(&own))),
        Service::Payment => (Payments::routes(&own), Arc::new(Payments::consumer(&own))),
        Service::Shipping => (Shipments::routes(&own), Arc::new(Shipments::consumer(&own))),
        Service::Notification => (Notifications::routes(&own), Arc::new(Notifications::consumer(&own))),
    };
    Prepared { service, own, router, takes }
}

/// Starts a service's relay and, with Kafka, its consumer.
async fn start_service<DB: Dialect>(
    one: &Prepared<DB>,
    all: &[Prepared<DB>],
    settings: &Settings,
) -> Result<RunningService, StartError> {
    let service = one.service;
    let mut options = Options::new(format!("storefront-{service}-{}", Uuid::new_v4().simple()));
    options.poll_max = POLL_MAX;
    options.lease = if settings.kafka.is_some() { KAFKA_LEASE } else { LEASE };
    let mut relay = Relay::new(one.own.outbox.deliveries(), options);
    if service == Service::Notification {
        let mail = post_office(one.own.clone(), &settings.smtp, &settings.mail_from);
        let mail = mail.map_err(|fault| StartError::peer("the mail server", fault))?;
        // One part, so that few mails are in doubt if the process dies; one that is refused holds no other up.
        let policy = Policy { on_dead: OnDead::Continue, ..Policy::default() };
        let to = To { name: "mail", kind: "mail", globs: &["*"], shard_groups: 1, policy };
        relay = to.registered(relay, revealing(mail, &one.own, settings));
    } else {
        relay = publish(relay, one, all, settings)?;
    }
    let relay = relay.start().await.map_err(|source| StartError::Relay { service: service.as_str(), source })?;
    Ok(RunningService {
        service,
        relay,
        #[cfg(feature = "kafka")]
        consumer: join(one, settings)?,
    })
}

/// Where a service's events go: to Kafka, or to every service of this process that takes them; and to the sequencer.
fn publish<DB: Dialect>(
    mut relay: Relay,
    one: &Prepared<DB>,
    all: &[Prepared<DB>],
    settings: &Settings,
) -> Result<Relay, StartError> {
    let policy = Policy::default();
    if let Some(place) = &settings.sequencer {
        let policy = Policy { ack: Ack::Receipt, ..policy };
        let to = To { name: "sequencer", kind: "sequencer", globs: &["*"], shard_groups: SHARD_GROUPS, policy };
        relay = to.registered(relay, sequencer(place)?);
    }
    #[cfg(feature = "kafka")]
    if let Some(place) = &settings.kafka {
        let sink = revealing(crate::transport::kafka::sink(place)?, &one.own, settings);
        let to = To { name: "kafka", kind: "kafka", globs: &["*"], shard_groups: SHARD_GROUPS, policy };
        return Ok(to.registered(relay, sink));
    }
    for other in all {
        let globs = other.service.takes().iter().filter(|(producer, _)| *producer == one.service);
        let globs: Vec<&str> = globs.map(|(_, glob)| *glob).collect();
        if !globs.is_empty() {
            let name = format!("to-{}", other.service);
            let sink = revealing(hand_over(Arc::clone(&other.takes)), &one.own, settings);
            let to = To { name: &name, kind: "handler", globs: &globs, shard_groups: SHARD_GROUPS, policy };
            relay = to.registered(relay, sink);
        }
    }
    Ok(relay)
}

/// The other services and the customer may see addresses; a sequencer is given events as they were signed.
fn revealing<DB: Dialect>(sink: Arc<dyn Sink>, own: &Own<DB>, settings: &Settings) -> Arc<dyn Sink> {
    match settings.subject_keys {
        Some(_) => Arc::new(Revealing::new(sink, Arc::new(own.outbox.clone()))),
        None => sink,
    }
}

fn sequencer(place: &SequencerPlace) -> Result<Arc<dyn Sink>, StartError> {
    let seeds = [(place.agent_key_id, place.agent_key)];
    let settings =
        SequencerSettings::new(place.url.clone(), &place.api_key, place.agent, seeds, place.sequencer_keys.clone());
    let sink = settings.and_then(Sequencer::new).map_err(|fault| StartError::peer("the sequencer", fault))?;
    Ok(Arc::new(sink))
}

#[cfg(feature = "kafka")]
fn join<DB: Dialect>(
    one: &Prepared<DB>,
    settings: &Settings,
) -> Result<Option<stateset_relay::consumer::RunningConsumer>, StartError> {
    fn of<DB: Dialect, H: Handler<DB> + 'static>(
        consumer: Consumer<DB, H>,
        service: Service,
        place: &KafkaPlace,
    ) -> Result<Option<stateset_relay::consumer::RunningConsumer>, StartError> {
        crate::transport::kafka::join(consumer, service, place).map(Some)
    }
    let Some(place) = &settings.kafka else { return Ok(None) };
    match one.service {
        Service::Order => of(Orders::consumer(&one.own), one.service, place),
        Service::Payment => of(Payments::consumer(&one.own), one.service, place),
        Service::Shipping => of(Shipments::consumer(&one.own), one.service, place),
        Service::Notification => of(Notifications::consumer(&one.own), one.service, place),
    }
}
