use serde_json::Value;
use stateset_relay::sink::sequencer::{Sequencer, SequencerKeys};
use stateset_relay::sink::{Batch, Evidence, Outcome, Sink as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::peers::{Peer as _, SequencerPeer};

fn receipts(outcomes: Vec<Outcome>) -> Vec<Evidence> {
    let receipt = |outcome| match outcome {
        Outcome::Accepted(Some(evidence)) => evidence,
        other => panic!("{other:?}"),
    };
    outcomes.into_iter().map(receipt).collect()
}

/// Receipts without what says that the event was known.
fn signed_part(evidence: &Evidence) -> Value {
    let mut body = evidence.body.clone();
    body.as_object_mut().unwrap().remove("duplicate");
    body
}

/// Ruling 51, M01: places are proved by checked receipts; the same push again gives the same ones.
#[tokio::test]
async fn receipts_are_checked_and_the_same_again() {
    let peer = SequencerPeer::start().await;
    let records: Vec<_> = (1..=5).map(|number| peer.good(number, "7")).collect();
    let batch = Batch::new(0, &records);
    let first = receipts(peer.sink().publish(batch).await);
    let places: Vec<_> = first.iter().map(|evidence| evidence.remote_sequence).collect();
    assert_eq!(places, [Some(1), Some(2), Some(3), Some(4), Some(5)]);
    assert!(first.iter().all(|evidence| evidence.flaw.is_none()), "{first:?}");
    let second = receipts(peer.sink().publish(batch).await);
    let signed: Vec<[Value; 2]> = first.iter().zip(&second).map(|(a, b)| [signed_part(a), signed_part(b)]).collect();
    assert!(signed.iter().all(|[a, b]| a == b), "{signed:?}");
}

/// A receipt under a key we do not know proves nothing, and says so; the event is there nevertheless.
#[tokio::test]
async fn a_receipt_of_a_stranger_is_flagged() {
    let peer = SequencerPeer::start().await;
    let mut settings = peer.settings();
    settings.keys = SequencerKeys::new();
    let records = [peer.good(1, "7")];
    let evidence = receipts(Sequencer::new(settings).unwrap().publish(Batch::new(0, &records)).await);
    assert_eq!(evidence[0].flaw.as_ref().unwrap().class, "receipt_key");
}

/// The deterministic no: the same id with another content. Final, and the lane goes on.
#[tokio::test]
async fn a_verdict_is_final() {
    let peer = SequencerPeer::start().await;
    let first = peer.good(1, "7");
    peer.sink().publish(Batch::new(0, std::slice::from_ref(&first))).await;
    let mut forged = first;
    forged.event.payload = r#"{"amount_cents":1}"#.to_owned();
    let outcomes = peer.sink().publish(Batch::new(0, &[forged, peer.good(2, "7")])).await;
    assert!(matches!(&outcomes[0], Outcome::Rejected(why) if why.class == "event_id_conflict"), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Outcome::Accepted(Some(_))), "{outcomes:?}");
}

/// A wrong credential is the destination's fault, no event's.
#[tokio::test]
async fn a_wrong_credential_blames_no_event() {
    let peer = SequencerPeer::start().await;
    let mut settings = peer.settings();
    settings.api_key = stateset_relay::secret::Secret::new("a-key-nobody-gave-out");
    let records = [peer.good(1, "7")];
    let outcomes = Sequencer::new(settings).unwrap().publish(Batch::new(0, &records)).await;
    let Outcome::Unavailable(why) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(why.class.starts_with("http_40") && !why.message.contains("a-key-nobody"), "{why:?}");
}

/// Who was not given the key an event was written under holds the event; it does not sign with another.
#[tokio::test]
async fn an_event_of_an_unknown_key_is_held() {
    let peer = SequencerPeer::start().await;
    let sink = peer.sink();
    let mut record = peer.good(1, "7");
    assert_eq!(sink.unmapped(&record), None);
    record.event.agent_key_id = Some(9);
    assert_eq!(sink.unmapped(&record).unwrap().class, "signing_key_missing");
    record.event.agent_key_id = None;
    assert_eq!(sink.unmapped(&record).unwrap().class, "unsigned");
}

/// Forwards one request and closes the connection as soon as the reply begins.
async fn swallow_reply(listener: TcpListener, server: std::net::SocketAddr) {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut upstream = TcpStream::connect(server).await.unwrap();
    let (mut request, mut reply) = (vec![0; 65_536], [0; 1]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let read = read.unwrap();
                upstream.write_all(&request[..read]).await.unwrap();
            },
            read = upstream.read(&mut reply) => {
                assert_eq!(read.unwrap(), 1, "the server answered");
                return;
            },
        }
    }
}

/// M01: the reply is lost, the events are not pushed as new ones: the next push gets their places.
#[tokio::test]
async fn a_lost_reply_costs_nothing() {
    let peer = SequencerPeer::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = peer.settings();
    settings.url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let records = [peer.good(1, "7"), peer.good(2, "7")];
    let batch = Batch::new(0, &records);
    let through = Sequencer::new(settings).unwrap();
    let (outcomes, ()) = tokio::join!(through.publish(batch), swallow_reply(listener, peer.process.address()));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Unavailable(_))), "{outcomes:?}");
    let again = receipts(peer.sink().publish(batch).await);
    assert_eq!(again.iter().map(|evidence| evidence.remote_sequence).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(again[0].body["duplicate"], true);
    assert_eq!(peer.received().await.len(), 2);
}
