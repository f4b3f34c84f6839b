use std::time::Duration;

use stateset_outbox::delivery::{Breaker, BreakerState};
use stateset_relay::backoff::Backoff;
use stateset_relay::breaker::{Permit, permit, reached, stop, unavailable};
use stateset_relay::policy::{OnDead, Policy};

fn seconds(numbers: &[u64]) -> Vec<Duration> {
    numbers.iter().copied().map(Duration::from_secs).collect()
}

/// F04, F05, R07: 1 s, doubled, at most 60 s.
#[test]
fn the_formula_has_its_published_values() {
    let backoff = Backoff::default();
    let nominal: Vec<Duration> = (0..9).map(|n| backoff.nominal(n)).collect();
    assert_eq!(nominal, seconds(&[1, 2, 4, 8, 16, 32, 60, 60, 60]));
    assert_eq!(backoff.nominal(u32::MAX), Duration::from_mins(1));
}

/// F05: five retries are six attempts, waits of 1, 2, 4, 8 and 16 s.
#[test]
fn five_retries_are_six_attempts() {
    let backoff = Backoff { jitter_percent: 0, ..Backoff::default() };
    assert_eq!(backoff.max_attempts(), 6);
    let waits: Vec<Duration> = (1..).map_while(|attempts| backoff.after(attempts, 7)).collect();
    assert_eq!(waits, seconds(&[1, 2, 4, 8, 16]));
    assert_eq!(Backoff { retries: 0, ..backoff }.after(1, 7), None);
}

/// F05: ±20 %, the same for the same seed, spread over the whole width, without a bias.
#[test]
fn jitter_is_bounded_seeded_and_even() {
    let backoff = Backoff::default();
    let delays: Vec<Duration> = (0..4_000).map(|seed| backoff.delay(3, seed)).collect();
    let (low, high) = (Duration::from_millis(6_400), Duration::from_millis(9_600));
    assert!(delays.iter().all(|delay| (low..=high).contains(delay)));
    assert!(delays.iter().any(|delay| *delay < Duration::from_millis(6_500)));
    assert!(delays.iter().any(|delay| *delay > Duration::from_millis(9_500)));
    let mean = delays.iter().sum::<Duration>() / 4_000;
    assert!((Duration::from_millis(7_900)..Duration::from_millis(8_100)).contains(&mean), "{mean:?}");
    assert_eq!(backoff.delay(3, 42), backoff.delay(3, 42));
}

/// F06: a policy keeps its values through its stored form, which is the same text every time.
#[test]
fn policies_are_stored_as_text() {
    assert_eq!(
        Policy::default().to_json(),
        r#"{"on_dead":"wait","ack":"none","retries":5,"initial_ms":1000,"factor":2,"max_ms":60000,"jitter_percent":20}"#
    );
    let policy = Policy::from_json(r#"{"on_dead":"continue","retries":9}"#).unwrap();
    assert_eq!(policy.on_dead, OnDead::Continue);
    assert_eq!(policy.backoff.max_attempts(), 10);
    assert_eq!(Policy::from_json(&policy.to_json()).unwrap(), policy);
    Policy::from_json(r#"{"on_ded":"continue"}"#).unwrap_err();
}

const CLOSED: Breaker = Breaker {
    destination: 1,
    state: BreakerState::Closed,
    failures: 0,
    reason: None,
    probe_in: None,
    since: Duration::ZERO,
    version: 0,
};
const LIMIT: Duration = Duration::from_secs(30);

/// F08: the first failure closes the way, one batch at a time finds out, the first answer opens it.
#[test]
fn a_breaker_opens_probes_and_closes() {
    assert_eq!(permit(&CLOSED, LIMIT), Permit::Everything);
    assert_eq!(reached(&CLOSED), None);
    let open = unavailable(&CLOSED, "connection refused", 1).unwrap();
    assert_eq!((open.state, open.failures), (BreakerState::Open, 1));
    assert!(matches!(permit(&open, LIMIT), Permit::Nothing(wait) if wait <= Duration::from_millis(600)));
    assert_eq!(unavailable(&open, "a batch that was out", 1), None);
    let due = Breaker { probe_in: Some(Duration::ZERO), ..open };
    let Permit::Probe(probing) = permit(&due, LIMIT) else { panic!("a probe is due") };
    assert!(matches!(permit(&probing, LIMIT), Permit::Nothing(_)), "one probe at a time");
    let closed = reached(&probing).unwrap();
    assert_eq!((closed.state, closed.failures, closed.reason), (BreakerState::Closed, 0, None));
    let again = unavailable(&probing, "still down", 1).unwrap();
    assert!(again.probe_in.unwrap() >= Duration::from_millis(800), "and waits longer: {:?}", again.probe_in);
    let abandoned = Breaker { since: LIMIT, ..probing };
    assert!(matches!(permit(&abandoned, LIMIT), Permit::Probe(_)), "a prober that died blocks nobody for ever");
}

/// F08: an outage of any length is probed at least every 18 s.
#[test]
fn probes_never_stop() {
    let mut breaker = CLOSED;
    for round in 0..1_000 {
        let open = unavailable(&Breaker { state: BreakerState::HalfOpen, ..breaker }, "down", round).unwrap();
        assert!(open.probe_in.unwrap() <= Duration::from_secs(18));
        breaker = open;
    }
}

/// Ruling 44: `on_dead = stop` waits for an operator, not for a probe.
#[test]
fn a_stopped_destination_is_not_probed() {
    let stopped = stop(&CLOSED, "event 7 is dead");
    assert!(matches!(permit(&stopped, LIMIT), Permit::Nothing(_)));
    assert_eq!(unavailable(&stopped, "down", 1), None);
    assert_eq!(reached(&stopped).unwrap().state, BreakerState::Closed);
}
