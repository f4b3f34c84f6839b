use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::delivery::Counts;

const NOW: i64 = 1_000_000_000;

fn breaker(state: BreakerState, probe_in: Option<u64>) -> Breaker {
    Breaker {
        destination: 1,
        state,
        failures: 1,
        reason: Some("TLS certificate expired".to_owned()),
        probe_in: probe_in.map(Duration::from_secs),
        since: Duration::from_mins(1),
        version: 1,
    }
}

fn delivery(state: State) -> Delivery {
    Delivery {
        destination_id: 1,
        destination: "kafka".to_owned(),
        kind: "kafka".to_owned(),
        replay_job: None,
        state,
        will_retry: state.will_retry(),
        reason: None,
        attempts: 2,
        next_attempt_at: Some(NOW + 5),
        last_class: Some("http_503".to_owned()),
        last_error: Some("busy".to_owned()),
        delivered_at: Some(NOW - 9),
        acknowledged_at: Some(NOW - 8),
        remote_sequence: None,
        locked_until: Some(NOW + 7),
        dead_letter: (state == State::Dead).then_some(Uuid::nil()),
        route: None,
        lane: "1".to_owned(),
        shard_group: 0,
        delivery_id: Some(1),
        updated_at: Some(NOW - 20),
    }
}

/// A delivery, its breaker, workers, what is before it; how urgent it is, why, when something happens, what mends it.
type Case<'a> =
    (&'a Delivery, &'a Breaker, usize, Option<(i64, &'a Delivery)>, Urgency, &'a str, Option<i64>, Option<&'a str>);

/// Stories: where it is, why, since when, what comes next and when, and the command; for every state and hindrance.
#[test]
fn every_delivery_is_explained() {
    use Urgency::{Fine, Stuck, Waiting};
    let (closed, open, stopped) =
        (breaker(BreakerState::Closed, None), breaker(BreakerState::Open, Some(3)), breaker(BreakerState::Open, None));
    let unmapped = Delivery { reason: Some("unmapped".to_owned()), ..delivery(State::Held) };
    let blocked = Delivery { reason: Some("lane_blocked".to_owned()), ..delivery(State::Held) };
    let (dead, retried) = (delivery(State::Dead), delivery(State::RetryWait));
    let letter = "stateset-events dlq redrive 00000000-0000-0000-0000-000000000000 --apply";
    let retry_at = Some(NOW + 5);
    let cases: [Case<'_>; 14] = [
        (&delivery(State::Delivered), &closed, 1, None, Fine, "took it", None, None),
        (&delivery(State::Acknowledged), &open, 0, None, Fine, "proved", None, None),
        (&delivery(State::Rejected), &closed, 1, None, Fine, "http_503: busy", None, None),
        (&delivery(State::Discarded), &closed, 1, None, Fine, "given up", None, None),
        (&dead, &closed, 1, None, Stuck, "2 attempts failed, the last with http_503: busy", None, Some(letter)),
        (&delivery(State::InFlight), &closed, 1, None, Waiting, "publishing", Some(NOW + 7), None),
        (&retried, &closed, 1, None, Waiting, "2 attempts failed", retry_at, None),
        (
            &retried,
            &open,
            1,
            None,
            Waiting,
            "TLS certificate expired",
            Some(NOW + 3_000_000),
            Some("stateset-events doctor --destination kafka"),
        ),
        (
            &retried,
            &stopped,
            1,
            None,
            Stuck,
            "breaker of kafka is open",
            None,
            Some("stateset-events breaker close kafka --apply"),
        ),
        (&delivery(State::Pending), &closed, 0, None, Stuck, "no worker", None, Some("stateset-events worker run")),
        (&delivery(State::Pending), &closed, 2, None, Waiting, "no worker has come to it", None, None),
        (
            &unmapped,
            &closed,
            1,
            None,
            Stuck,
            "no form for kafka",
            None,
            Some("stateset-events doctor --destination kafka"),
        ),
        (&blocked, &closed, 1, Some((3, &dead)), Stuck, "3 earlier events of its key", None, Some(letter)),
        (
            &blocked,
            &closed,
            1,
            Some((1, &retried)),
            Waiting,
            "the first is retry_wait (http_503: busy)",
            retry_at,
            None,
        ),
    ];
    for (delivery, breaker, workers, before, urgency, why, at, fix) in cases {
        let facts = DeliveryFacts { delivery, written_at: NOW - 100, breaker, workers, before, now: NOW };
        let line = explain_delivery(&facts);
        assert_eq!((line.urgency, line.at, line.fix.as_deref()), (urgency, at, fix), "{line:?}");
        assert!(line.why.contains(why) && !line.next.is_empty() && line.since.is_some(), "{line:?}");
    }
    let replay = Delivery { replay_job: Some(Uuid::nil()), ..delivery(State::RetryWait) };
    let facts =
        DeliveryFacts { delivery: &replay, written_at: 0, breaker: &closed, workers: 1, before: None, now: NOW };
    assert!(explain_delivery(&facts).place.starts_with("kafka (replay "));
}

#[test]
fn every_destination_is_explained() {
    let status = |breaker: Breaker, workers: usize, dead_letters| DestinationStatus {
        id: 1,
        name: "kafka".to_owned(),
        kind: "kafka".to_owned(),
        counts: Counts { pending: 4_212, dead_letters, parked_lanes: 2, ..Counts::default() },
        breaker,
        workers: (0..workers).map(|number| (format!("w{number}"), 1)).collect(),
        shard_groups: 4,
        passed_last_day: 0,
        settled_at: Some(1),
        lanes: vec![],
    };
    for (status, urgencies, words) in [
        (
            status(breaker(BreakerState::Open, Some(1)), 1, 3),
            vec![Urgency::Waiting, Urgency::Stuck],
            "4212 deliveries wait",
        ),
        (status(breaker(BreakerState::Open, None), 1, 0), vec![Urgency::Stuck], "TLS certificate expired"),
        (status(breaker(BreakerState::Closed, None), 0, 0), vec![Urgency::Stuck], "no worker"),
        (status(breaker(BreakerState::Closed, None), 2, 0), vec![Urgency::Waiting], "2 workers"),
    ] {
        let lines = explain_destination(&status, NOW);
        let found: Vec<Urgency> = lines.iter().map(|line| line.urgency).collect();
        assert_eq!(found, urgencies);
        assert!(lines[0].why.contains(words), "{lines:?}");
    }
}

/// I05, I07: what a command under the key would meet.
#[test]
fn every_key_is_explained() {
    let key = |status, lease_until| KeySummary {
        operation: "checkout".to_owned(),
        key: "k".to_owned(),
        generation: 1,
        status,
        command_id: Uuid::nil(),
        created_at: 1,
        completed_at: None,
        expires_at: Some(NOW + 1),
        lease_until,
    };
    for (key, urgency, words) in [
        (key(KeyStatus::Active, None), Urgency::Waiting, "reserved"),
        (key(KeyStatus::InProgress, Some(NOW + 1)), Urgency::Waiting, "being done"),
        (key(KeyStatus::InProgress, Some(NOW - 1)), Urgency::Waiting, "is gone"),
        (key(KeyStatus::Uncertain, None), Urgency::Stuck, "nobody knows"),
        (key(KeyStatus::Completed, None), Urgency::Fine, "wrote 2 events"),
        (key(KeyStatus::Failed, None), Urgency::Fine, "refused"),
        (key(KeyStatus::Expired, None), Urgency::Fine, "time is over"),
    ] {
        let line = explain_key(&KeyFacts { key: &key, events: 2, now: NOW });
        assert_eq!((line.urgency, line.fix.is_some()), (urgency, urgency == Urgency::Stuck), "{line:?}");
        assert!(line.why.contains(words), "{line:?}");
    }
}
