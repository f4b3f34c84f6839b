//! Passwords and TLS towards a real broker, and what is said when they are wrong.

use std::time::Duration;

use stateset_relay::kafka::{KafkaSasl, KafkaSecurity, KafkaTls, SaslMechanism};
use stateset_relay::secret::Secret;
use stateset_relay::sink::kafka::{Kafka, KafkaSettings, KafkaSinkError};
use stateset_relay::sink::{Batch, Outcome, Sink as _, Why};
use stateset_testkit::kafka::{Broker, Secured};
use uuid::Uuid;

use crate::peers::event;
use crate::peers::kafka::{consume, settings};

fn with(brokers: &str, topic: &str, tls: Option<&str>, sasl: Option<(SaslMechanism, &Secured, &str)>) -> KafkaSettings {
    let sasl = sasl.map(|(mechanism, secured, password)| KafkaSasl {
        mechanism,
        username: secured.user.to_owned(),
        password: Secret::new(password.as_bytes()),
        clear_text: true,
    });
    let tls = tls.map(|ca| KafkaTls { ca_pem: Some(ca.to_owned()), identity: None });
    let security = KafkaSecurity { tls, sasl };
    KafkaSettings { security, delivery_timeout: Duration::from_secs(20), ..settings(brokers, topic) }
}

async fn publish(settings: KafkaSettings) -> Outcome {
    let kafka = Kafka::new(settings).unwrap();
    let record = event(1, "7");
    kafka.publish(Batch::new(0, std::slice::from_ref(&record))).await.remove(0)
}

fn unavailable(outcome: Outcome) -> Why {
    match outcome {
        Outcome::Unavailable(why) => why,
        other => panic!("the broker is not to be reached: {other:?}"),
    }
}

/// Every mechanism, with and without TLS; a wrong password opens the breaker and is named, without being shown; so are
/// an authority that did not sign, and a connection that speaks no TLS.
#[tokio::test]
async fn brokers_that_ask_are_answered() {
    let broker = Broker::start_secured().await.unwrap();
    let secured = broker.secured().unwrap();
    let topic = format!("secured.{}", Uuid::new_v4());
    let (ca, good) = (Some(secured.ca_pem.as_str()), secured.password);
    let mut ways = vec![(&secured.sasl, None, SaslMechanism::Plain)];
    if cfg!(feature = "kafka-tls") {
        ways.push((&secured.sasl, None, SaslMechanism::ScramSha256));
        ways.push((&secured.sasl_tls, ca, SaslMechanism::ScramSha512));
        ways.push((&secured.sasl_tls, ca, SaslMechanism::Plain));
    }
    for (brokers, tls, mechanism) in &ways {
        let outcome = publish(with(brokers, &topic, *tls, Some((*mechanism, secured, good)))).await;
        assert_eq!(outcome, Outcome::Accepted(None), "{mechanism} {}", tls.is_some());
    }
    assert_eq!(consume(broker.bootstrap(), &topic).await.len(), ways.len());

    let short = |settings| KafkaSettings { delivery_timeout: Duration::from_secs(3), ..settings };
    for (brokers, tls, mechanism) in ways {
        let why = unavailable(publish(short(with(brokers, &topic, tls, Some((mechanism, secured, "hunter2"))))).await);
        assert_eq!(why.class, "kafka_authentication", "{why:?}");
        assert!(why.message.contains("the broker refused our credentials"), "{why:?}");
        assert!(!why.message.contains("hunter2"), "{why:?}");
    }
    if cfg!(feature = "kafka-tls") {
        let sasl = Some((SaslMechanism::ScramSha512, secured, good));
        let other = Some(secured.other_ca_pem.as_str());
        let why = unavailable(publish(short(with(&secured.sasl_tls, &topic, other, sasl))).await);
        assert_eq!(why.class, "kafka_tls", "{why:?}");
        assert!(why.message.contains("certificate"), "{why:?}");
        // The same broker under a name that its certificate does not have.
        let by_address = secured.sasl_tls.replace("localhost", "127.0.0.1");
        let why = unavailable(publish(short(with(&by_address, &topic, ca, sasl))).await);
        assert_eq!(why.class, "kafka_tls", "{why:?}");
    }
}

/// Secrets lie in one place, which does not print them.
#[test]
fn secrets_are_not_plain_settings() {
    for name in ["sasl.password", "ssl.key.pem", "enable.ssl.certificate.verification", "security.protocol"] {
        let mut settings = KafkaSettings::new("127.0.0.1:1");
        settings.more = vec![(name.to_owned(), "x".to_owned())];
        assert!(matches!(Kafka::new(settings), Err(KafkaSinkError::SetElsewhere(set)) if set == name));
    }
}

/// G07: what was given up is copied beside its topic, with the reason; a value that is too large for that is left out.
#[tokio::test]
async fn dead_letters_are_copied_to_their_topic() {
    let brokers = stateset_testkit::kafka::shared().await.unwrap();
    let topic = format!("given-up.{}", Uuid::new_v4());
    let mut settings = settings(brokers, &topic);
    settings.dead_letter_suffix = Some(".dlq".to_owned());
    let kafka = Kafka::new(settings).unwrap();
    let (small, mut large) = (event(1, "7"), event(2, "8"));
    large.event.payload = format!("{{\"blob\":\"{}\"}}", "x".repeat(2_000_000));
    let why = Why::new("http_503", "no answer");
    let dead = [&small, &large].map(|record| stateset_relay::sink::Dead {
        record,
        class: "exhausted",
        why: &why,
        attempts: 6,
    });
    kafka.bury(dead.to_vec()).await;
    let mut copies = consume(brokers, &format!("{topic}.dlq")).await;
    copies.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(copies.len(), 2);
    assert_eq!((copies[0].key.as_str(), copies[0].event_id()), ("7", small.event.event_id));
    assert!(copies[0].value.contains("\"order_id\":7"), "{}", copies[0].value);
    for (name, expected) in [
        ("failure_class", "exhausted"),
        ("failure_reason", "http_503: no answer"),
        ("failure_attempts", "6"),
        ("failure_by", "relay"),
        ("failure_topic", topic.as_str()),
        ("tenant", &small.event.tenant.to_string()),
    ] {
        assert_eq!(copies[0].headers.get(name).map(String::as_str), Some(expected), "{name}");
    }
    assert_eq!((copies[1].value.as_str(), copies[1].headers["failure_value_omitted"].as_str()), ("", "too_large"));
}
