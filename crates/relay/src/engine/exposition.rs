//! A worker's numbers in Prometheus' text format 0.0.4.
//!
//! `outbox_events_total` and `outbox_publish_duration_seconds` are what exporters make of the names
//! `outbox.events_total` and `outbox.publish_duration_seconds`. Labels are destinations and outcomes: never tenants,
//! events or keys, whose number has no bound.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Health;
use super::stats::DestinationStats;

/// Upper bounds of the duration buckets in microseconds: 0.5 ms to 16 s, each twice the one before.
pub(super) const BOUNDS_US: [u64; 16] = [
    500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000, 1_024_000, 2_048_000,
    4_096_000, 8_192_000, 16_384_000,
];

/// Times, by length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// Times per bucket of [`BOUNDS_US`], not cumulated; longer ones are in none.
    pub(super) buckets: [u64; BOUNDS_US.len()],
    /// How many there were.
    pub count: u64,
    /// Their sum, in microseconds.
    pub sum_us: u64,
}

impl Durations {
    pub(crate) fn add(&mut self, took: std::time::Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some((bucket, _)) = self.buckets.iter_mut().zip(BOUNDS_US).find(|(_, bound)| micros <= *bound) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(micros);
    }
}

/// Everything of one worker. Destinations' names hold nothing that needs escaping beyond what is done here.
pub(super) fn exposition(stats: &BTreeMap<String, DestinationStats>, health: &[Health]) -> String {
    let mut text = String::new();
    family(&mut text, "outbox_events_total", "counter", "Deliveries of this worker by what became of them.");
    for (name, stats) in stats {
        for (outcome, count) in [
            ("delivered", stats.delivered),
            ("retried", stats.retried),
            ("dead", stats.dead),
            ("rejected", stats.rejected),
            ("unrouted", stats.unrouted),
            ("repeated", stats.repeated),
        ] {
            let destination = escaped(name);
            line(
                &mut text,
                &format!("outbox_events_total{{destination=\"{destination}\",outcome=\"{outcome}\"}}"),
                count,
            );
        }
    }
    by_type(&mut text, stats);
    durations(&mut text, "outbox_publish_duration_seconds", "Calls of a destination.", stats, |stats| {
        &stats.publishing
    });
    let help = "From the commit of an event to its delivery.";
    durations(&mut text, "outbox_delivery_latency_seconds", help, stats, |stats| &stats.waiting);
    for (family_name, help, value) in GAUGES {
        family(&mut text, family_name, "gauge", help);
        for report in health {
            let destination = escaped(&report.destination);
            line(&mut text, &format!("{family_name}{{destination=\"{destination}\"}}"), value(report));
        }
    }
    text
}

type Gauge = (&'static str, &'static str, fn(&Health) -> f64);

const GAUGES: [Gauge; 7] =
    [
        ("outbox_pending", "Events not delivered yet, counted up to 10000.", |health| number(health.counts.pending)),
        ("outbox_oldest_seconds", "Age of the oldest event that is not finished.", |health| {
            health.counts.oldest.map_or(0.0, |age| age.as_secs_f64())
        }),
        ("outbox_lag_seconds", "Age of the oldest pending event.", |health| {
            health.counts.lag.map_or(0.0, |age| age.as_secs_f64())
        }),
        ("outbox_parked_lanes", "Keys that wait.", |health| number(health.counts.parked_lanes)),
        ("outbox_dead_letters", "Open dead letters.", |health| number(health.counts.dead_letters)),
        ("outbox_breaker_open", "1 while the destination is left alone.", |health| {
            if health.outage.is_some() { 1.0 } else { 0.0 }
        }),
        ("outbox_shard_groups", "Shard groups this worker holds.", |health| {
            f64::from(u32::try_from(health.groups).unwrap_or(u32::MAX))
        }),
    ];

fn number(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn by_type(text: &mut String, stats: &BTreeMap<String, DestinationStats>) {
    let name = "outbox_events_by_type_total";
    family(text, name, "counter", "Deliveries of this worker by type of the event; 200 types are told apart.");
    for (destination, stats) in stats {
        let destination = escaped(destination);
        for (event_type, counts) in &stats.by_type {
            let event_type = escaped(event_type);
            for (outcome, count) in
                [("delivered", counts.delivered), ("retried", counts.retried), ("failed", counts.failed)]
            {
                let labels = format!("destination=\"{destination}\",type=\"{event_type}\",outcome=\"{outcome}\"");
                line(text, &format!("{name}{{{labels}}}"), count);
            }
        }
    }
}

fn durations(
    text: &mut String,
    name: &str,
    help: &str,
    stats: &BTreeMap<String, DestinationStats>,
    of: fn(&DestinationStats) -> &Durations,
) {
    family(text, name, "histogram", help);
    for (destination, stats) in stats {
        histogram(text, name, &format!("destination=\"{}\"", escaped(destination)), of(stats));
    }
}

/// The samples of one histogram with these labels.
pub(crate) fn histogram(text: &mut String, name: &str, labels: &str, durations: &Durations) {
    let mut below = 0;
    for (bucket, bound) in durations.buckets.iter().zip(BOUNDS_US) {
        below += bucket;
        let bound = seconds(bound);
        line(text, &format!("{name}_bucket{{{labels},le=\"{bound}\"}}"), below);
    }
    line(text, &format!("{name}_bucket{{{labels},le=\"+Inf\"}}"), durations.count);
    line(text, &format!("{name}_sum{{{labels}}}"), seconds(durations.sum_us));
    line(text, &format!("{name}_count{{{labels}}}"), durations.count);
}

fn seconds(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64()
}

pub(crate) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

pub(crate) fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a string can be written to");
}

pub(crate) fn line(text: &mut String, sample: &str, value: impl std::fmt::Display) {
    writeln!(text, "{sample} {value}").expect("a string can be written to");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Q13: the names, the buckets that cumulate, the labels that are escaped.
    #[test]
    fn numbers_come_out_as_prometheus_reads_them() {
        let mut shop = DestinationStats { delivered: 7, dead: 1, ..DestinationStats::default() };
        for ms in [1, 3, 3, 60_000] {
            shop.publishing.add(Duration::from_millis(ms));
        }
        let health = Health {
            destination: "sh\"op".to_owned(),
            groups: 4,
            outage: Some("down".to_owned()),
            counts: stateset_outbox::delivery::Counts::default(),
        };
        let text = exposition(&BTreeMap::from([("shop".to_owned(), shop)]), &[health]);
        for expected in [
            "# TYPE outbox_events_total counter",
            "outbox_events_total{destination=\"shop\",outcome=\"delivered\"} 7",
            "outbox_events_total{destination=\"shop\",outcome=\"dead\"} 1",
            "outbox_publish_duration_seconds_bucket{destination=\"shop\",le=\"0.0005\"} 0",
            "outbox_publish_duration_seconds_bucket{destination=\"shop\",le=\"0.001\"} 1",
            "outbox_publish_duration_seconds_bucket{destination=\"shop\",le=\"0.004\"} 3",
            "outbox_publish_duration_seconds_bucket{destination=\"shop\",le=\"16.384\"} 3",
            "outbox_publish_duration_seconds_bucket{destination=\"shop\",le=\"+Inf\"} 4",
            "outbox_publish_duration_seconds_sum{destination=\"shop\"} 60.007",
            "outbox_publish_duration_seconds_count{destination=\"shop\"} 4",
            "outbox_breaker_open{destination=\"sh\\\"op\"} 1",
            "outbox_shard_groups{destination=\"sh\\\"op\"} 4",
        ] {
            assert!(text.lines().any(|line| line == expected), "{expected} is not in\n{text}");
        }
    }
}
