//! Counts and times as numbers to divide, and as text to read.

use std::time::Duration;

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53, and ratios shown with three digits")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

pub(crate) fn per_second(count: u64, elapsed: Duration) -> f64 {
    float(count) / elapsed.as_secs_f64().max(1e-9)
}

/// Microseconds for each of `count`.
pub(crate) fn micros_each(total: Duration, count: u64) -> f64 {
    total.as_secs_f64() * 1e6 / float(count.max(1))
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) fn micros_u64(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// `37 412`: no decimals, groups of three.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A latency, with the digits that matter.
pub(crate) fn latency(time: Duration) -> String {
    let ms = millis(time);
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (value, text) in [(7.4, "7"), (999.0, "999"), (1000.0, "1 000"), (1_234_567.0, "1 234 567")] {
            assert_eq!(grouped(value), text);
        }
    }
}
