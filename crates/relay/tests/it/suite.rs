//! What every sink must do, whatever is behind it. To add a sink: a [`Peer`] and a line at the end.

use std::collections::{HashMap, HashSet};

use stateset_relay::record::Record;
use stateset_relay::sink::{Batch, Outcome, Sink};
use uuid::Uuid;

use crate::peers::Peer;

async fn publish(sink: &dyn Sink, records: &[Record]) -> Vec<Outcome> {
    let outcomes = sink.publish(Batch::new(0, records)).await;
    assert_eq!(outcomes.len(), records.len(), "one outcome per record");
    outcomes
}

fn batch(peer: &impl Peer, count: i64) -> Vec<Record> {
    (1..=count).map(|number| peer.good(number, &format!("{}", number % 7))).collect()
}

/// Positions of the first arrival of each event.
fn first_arrivals(received: &[Uuid]) -> HashMap<Uuid, usize> {
    received.iter().enumerate().rev().map(|(position, id)| (*id, position)).collect()
}

fn assert_order(records: &[Record], received: &[Uuid]) {
    let arrivals = first_arrivals(received);
    let mut last: HashMap<_, usize> = HashMap::new();
    for record in records {
        let position = *arrivals.get(&record.event.event_id).expect("every event arrived");
        if let Some(before) = last.insert(record.lane(), position) {
            assert!(before < position, "event {} overtook one of its lane", record.event.log_id);
        }
    }
}

/// F14: everything arrives, each lane in order; an empty batch is nothing.
pub(crate) async fn takes_a_batch_in_order<P: Peer>() {
    let peer = P::start().await;
    let sink = peer.sink();
    publish(&*sink, &[]).await;
    let records = batch(&peer, 60);
    let outcomes = publish(&*sink, &records).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted(_))), "{outcomes:?}");
    let received = peer.received().await;
    assert_eq!(received.len(), 60, "nothing came twice");
    assert_order(&records, &received);
}

/// F13: an event that is sent again has the same identity.
pub(crate) async fn the_same_again_is_recognisable<P: Peer>() {
    let peer = P::start().await;
    let sink = peer.sink();
    let records = batch(&peer, 10);
    let first = publish(&*sink, &records).await;
    let second = publish(&*sink, &records).await;
    for (first, second) in first.iter().zip(&second) {
        assert!(matches!((first, second), (Outcome::Accepted(_), Outcome::Accepted(_))), "{first:?} {second:?}");
    }
    let distinct: HashSet<Uuid> = peer.received().await.into_iter().collect();
    assert_eq!(distinct, records.iter().map(|record| record.event.event_id).collect());
}

/// F08: a destination that is down is nobody's failed attempt; when it is back, the same sink delivers.
pub(crate) async fn a_destination_that_is_down_is_unavailable<P: Peer>() {
    let mut peer = P::start().await;
    let sink = peer.sink();
    let records = batch(&peer, 20);
    publish(&*sink, &records[..5]).await;
    peer.vanish().await;
    let outcomes = publish(&*sink, &records).await;
    let down = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(_) | Outcome::NotTried);
    assert!(outcomes.iter().all(down), "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Outcome::Unavailable(_))), "somebody must say why");
    peer.come_back().await;
    let outcomes = publish(&*sink, &records).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted(_))), "{outcomes:?}");
    assert_order(&records, &peer.received().await);
}

/// D08, G09: what is refused is refused for good, nothing of its lane behind it counts as tried in order, and the other
/// lanes are as if nothing were.
pub(crate) async fn a_refusal_concerns_its_lane_only<P: Peer>() {
    let peer = P::start().await;
    let sink = peer.sink();
    let records = [peer.good(1, "1"), peer.poison(2, "2"), peer.good(3, "2"), peer.good(4, "1"), peer.good(5, "3")];
    let outcomes = publish(&*sink, &records).await;
    let [first, poison, behind, fourth, fifth] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    for good in [first, fourth, fifth] {
        assert!(matches!(good, Outcome::Accepted(_)), "{outcomes:?}");
    }
    let Outcome::Refused(why) = poison else { panic!("{outcomes:?}") };
    assert!(!why.class.is_empty() && !why.message.is_empty());
    // A destination that takes whole batches took it; the worker sends it again in order.
    assert!(matches!(behind, Outcome::NotTried | Outcome::Accepted(_)), "{outcomes:?}");
    assert!(!peer.received().await.contains(&records[1].event.event_id));
}

macro_rules! sink_suite {
    ($name:ident, $peer:ty) => {
        mod $name {
            use crate::suite;

            #[tokio::test]
            async fn takes_a_batch_in_order() {
                suite::takes_a_batch_in_order::<$peer>().await;
            }

            #[tokio::test]
            async fn the_same_again_is_recognisable() {
                suite::the_same_again_is_recognisable::<$peer>().await;
            }

            #[tokio::test]
            async fn a_destination_that_is_down_is_unavailable() {
                suite::a_destination_that_is_down_is_unavailable::<$peer>().await;
            }

            #[tokio::test]
            async fn a_refusal_concerns_its_lane_only() {
                suite::a_refusal_concerns_its_lane_only::<$peer>().await;
            }
        }
    };
}

// O07: what is in this process passes the same suite as the real ones; so an application's tests need no broker.
sink_suite!(handler, crate::peers::HandlerPeer);
sink_suite!(webhook, crate::peers::WebhookPeer);
sink_suite!(mail, crate::peers::MailPeer);
sink_suite!(sequencer, crate::peers::SequencerPeer);
#[cfg(feature = "kafka")]
sink_suite!(kafka, crate::peers::KafkaPeer);
