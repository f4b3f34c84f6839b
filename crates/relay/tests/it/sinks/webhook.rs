use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use stateset_ledger::id::Micros;
use stateset_relay::clock::{Clock, SystemClock};
use stateset_relay::record::Record;
use stateset_relay::sink::webhook::{NotASecret, Secrets, Webhook, WebhookError, WebhookSettings, is_public};
use stateset_relay::sink::{Batch, Outcome, Sink as _};

use crate::peers::webhook::SECRET;
use crate::peers::{Peer as _, WebhookPeer, event};

const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

async fn publish(webhook: &Webhook, record: Record) -> Outcome {
    webhook.publish(Batch::new(0, &[record])).await.remove(0)
}

/// The published vector of Standard Webhooks 1.0.
#[test]
fn the_published_signature_comes_out() {
    let secrets = Secrets::new(SECRET).unwrap();
    let body = br#"{"test": 2432232314}"#;
    let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(secrets.sign(id, 1_614_265_330, body), expected);
    let rotating = Secrets::new(OTHER).unwrap().and_previous(SECRET).unwrap().sign(id, 1_614_265_330, body);
    let (newest, former) = rotating.split_once(' ').unwrap();
    assert_eq!(former, expected);
    assert!(newest.starts_with("v1,") && newest != expected);
}

#[test]
fn secrets_are_checked_and_never_printed() {
    for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAEC", "whsec_!!!"] {
        assert_eq!(Secrets::new(bad).unwrap_err(), NotASecret);
    }
    let long = format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([0; 65]));
    Secrets::new(&long).unwrap_err();
    let shown = format!("{:?}", Secrets::new(SECRET).unwrap());
    assert!(!shown.contains("MfKQ") && !shown.contains("49, 242"), "{shown}");
}

struct At(i64);

impl Clock for At {
    fn now(&self) -> Micros {
        Micros(self.0)
    }
}

/// What a receiver checks: id, time and signature over the very bytes it got; the same id on every attempt.
#[tokio::test]
async fn a_receiver_can_check_every_call() {
    let peer = WebhookPeer::start().await;
    let mut settings = peer.settings();
    settings.secrets = Secrets::new(OTHER).unwrap().and_previous(SECRET).unwrap();
    let webhook = Webhook::new(settings, Arc::new(At(1_700_000_000_999_999))).unwrap();
    let record = event(1, "7");
    for _ in 0..2 {
        assert_eq!(publish(&webhook, record.clone()).await, Outcome::Accepted(None));
    }
    let calls = peer.receiver.lock().unwrap().calls.clone();
    assert_eq!(calls.len(), 2);
    for call in &calls {
        let header = |name: &str| call.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("webhook-id"), record.event.event_id.to_string());
        assert_eq!(header("webhook-timestamp"), "1700000000");
        assert_eq!(header("traceparent"), record.event.traceparent.clone().unwrap());
        // A receiver that knows only the former secret.
        let own = Secrets::new(SECRET).unwrap().sign(&header("webhook-id"), 1_700_000_000, &call.body);
        assert!(header("webhook-signature").split(' ').any(|signature| signature == own));
    }
}

/// Ruling 43: which answers blame the event, which the destination, which neither.
#[tokio::test]
async fn answers_mean_what_they_should() {
    let peer = WebhookPeer::start().await;
    let webhook = Webhook::new(peer.settings(), Arc::new(SystemClock)).unwrap();
    for (status, expected) in [
        (200, "accepted"),
        (202, "accepted"),
        (299, "accepted"),
        (301, "unavailable"),
        (307, "unavailable"),
        (400, "refused"),
        (401, "unavailable"),
        (403, "unavailable"),
        (404, "refused"),
        (408, "retry"),
        (410, "refused"),
        (425, "retry"),
        (429, "retry"),
        (500, "unavailable"),
        (503, "unavailable"),
    ] {
        peer.receiver.lock().unwrap().answer = Some((status, "retry-after", "17"));
        let outcome = publish(&webhook, event(1, "7")).await;
        let found = match &outcome {
            Outcome::Accepted(None) => "accepted",
            Outcome::Retry { after, .. } => {
                assert_eq!(*after, Some(Duration::from_secs(17)));
                "retry"
            },
            Outcome::Unavailable(_) => "unavailable",
            Outcome::Refused(_) => "refused",
            _ => "something else",
        };
        assert_eq!(found, expected, "{status}: {outcome:?}");
    }
}

/// A redirect is not followed, not even to the same server.
#[tokio::test]
async fn redirects_are_not_followed() {
    let peer = WebhookPeer::start().await;
    let webhook = Webhook::new(peer.settings(), Arc::new(SystemClock)).unwrap();
    peer.receiver.lock().unwrap().answer = Some((307, "location", "/hooks"));
    publish(&webhook, event(1, "7")).await;
    assert_eq!(peer.receiver.lock().unwrap().calls.len(), 1);
}

/// A name that leads into a private network is refused when it is resolved, at every call; the receiver hears nothing.
#[tokio::test]
async fn names_of_private_addresses_are_refused() {
    let peer = WebhookPeer::start().await;
    let url = format!("https://localhost:{}/hooks", peer.address.port()).parse().unwrap();
    let settings = WebhookSettings::new(url, Secrets::new(SECRET).unwrap());
    let webhook = Webhook::new(settings, Arc::new(SystemClock)).unwrap();
    let Outcome::Unavailable(why) = publish(&webhook, event(1, "7")).await else { panic!("it must not be reached") };
    assert!(why.message.contains("no public address"), "{}", why.message);
    assert!(peer.receiver.lock().unwrap().calls.is_empty());
}

#[test]
fn urls_are_checked_before_anything_is_sent() {
    let webhook = |url: &str| {
        let settings = WebhookSettings::new(url.parse().unwrap(), Secrets::new(SECRET).unwrap());
        Webhook::new(settings, Arc::new(SystemClock)).map(drop)
    };
    for url in ["http://example.com/", "ftp://example.com/"] {
        assert!(matches!(webhook(url), Err(WebhookError::Scheme)), "{url}");
    }
    assert!(matches!(webhook("https://user:pass@example.com/"), Err(WebhookError::Credentials)));
    for url in ["https://127.0.0.1/", "https://[::1]/", "https://0x7f000001/", "https://169.254.169.254/latest"] {
        assert!(matches!(webhook(url), Err(WebhookError::Private(_))), "{url}");
    }
    webhook("https://example.com/hooks").unwrap();
}

#[test]
fn public_addresses_are_told_from_the_others() {
    let public = |text: &str| is_public(text.parse::<IpAddr>().unwrap());
    for text in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"] {
        assert!(public(text), "{text}");
    }
    for text in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "2001::1",
        "fc00::1",
        "fe80::1",
        "ff02::1",
    ] {
        assert!(!public(text), "{text}");
    }
}
