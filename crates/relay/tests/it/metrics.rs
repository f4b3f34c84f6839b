use std::time::Duration;

use stateset_ledger::id::Micros;
use stateset_relay::metrics::{DEFAULT_SLOW, DEFAULT_WINDOW, EventMetric, EventMetrics, MetricOutcome};
use uuid::Uuid;

const NOW: i64 = 1_700_000_000_000_000;
const HOUR: i64 = 3_600_000_000;

fn metric(ago: i64, latency_ms: u64, outcome: MetricOutcome) -> EventMetric {
    EventMetric {
        event_id: Uuid::new_v4(),
        event_type: "order.created".to_owned(),
        tenant: Uuid::nil(),
        correlation_id: Some("checkout-1".to_owned()),
        at: Micros(NOW - ago),
        latency: Duration::from_millis(latency_ms),
        outcome,
    }
}

/// Q01, Q02, Q03, Q05: the aggregate of the last hour; success and failure make the finished ones.
#[test]
fn stats_cover_their_window() {
    use MetricOutcome::{Failure, Retry, Success};
    let metrics = EventMetrics::new();
    metrics.record_event_metric(metric(2 * HOUR, 9_000, Success));
    for latency in [10, 20, 30] {
        metrics.record_event_metric(metric(1_000_000, latency, Success));
    }
    metrics.record_event_metric(metric(1_000_000, 5_000, Retry));
    metrics.record_event_metric(metric(1_000_000, 6_000, Failure));
    let stats = metrics.event_bus_stats(Micros(NOW), DEFAULT_WINDOW);
    assert_eq!(stats.total, 5);
    let latency = stats.latency.unwrap();
    assert_eq!((latency.p50, latency.max), (Duration::from_millis(20), Duration::from_millis(30)));
    assert!((stats.success_rate - 0.75).abs() < 1e-9 && (stats.failure_rate - 0.25).abs() < 1e-9);
    assert!((stats.retry_rate - 0.25).abs() < 1e-9);
    assert!((stats.throughput - 3.0 / 3_600.0).abs() < 1e-9);
    assert_eq!(stats.by_type["order.created"], 5);
    let slow: Vec<u128> = metrics.slow_events(DEFAULT_SLOW, 2).iter().map(|slow| slow.latency.as_millis()).collect();
    assert_eq!(slow, [9_000, 6_000]);
    assert_eq!(metrics.failed_events(10).len(), 1);
}

/// Q06: after 24 hours a metric is gone.
#[test]
fn what_is_old_is_forgotten() {
    let metrics = EventMetrics::new();
    metrics.record_event_metric(metric(25 * HOUR, 1, MetricOutcome::Failure));
    assert_eq!(metrics.failed_events(10).len(), 1);
    metrics.record_event_metric(metric(0, 1, MetricOutcome::Success));
    assert!(metrics.failed_events(10).is_empty());
}

/// B11: an operation is looked up within its tenant.
#[test]
fn correlations_belong_to_a_tenant() {
    let metrics = EventMetrics::new();
    metrics.record_event_metric(metric(0, 1, MetricOutcome::Success));
    assert_eq!(metrics.events_by_correlation(Uuid::nil(), "checkout-1").len(), 1);
    assert!(metrics.events_by_correlation(Uuid::max(), "checkout-1").is_empty());
    assert!(metrics.events_by_correlation(Uuid::nil(), "checkout-2").is_empty());
}

/// Q04: types without end do not fill the memory of whoever reads the table.
#[test]
fn types_are_capped() {
    let metrics = EventMetrics::new();
    for number in 0..300 {
        let event_type = format!("type.{number}");
        metrics.record_event_metric(EventMetric { event_type, ..metric(0, 1, MetricOutcome::Success) });
    }
    let by_type = metrics.event_bus_stats(Micros(NOW), DEFAULT_WINDOW).by_type;
    assert_eq!((by_type.len(), by_type["other"]), (201, 100));
}
