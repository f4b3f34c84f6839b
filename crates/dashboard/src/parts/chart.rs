//! A sparkline: events over time, as SVG from the server.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::text;

/// Place of an event and its time in seconds.
pub type Sample = (u64, f64);

/// Events per second in `buckets` equal parts of the time from `start` to `end`, from some places of the log whose times
/// are known, in order. Between two places events are taken to be evenly spread. Pure.
pub fn rates(samples: &[Sample], start: f64, end: f64, buckets: u32) -> Vec<f64> {
    let width = (end - start) / f64::from(buckets.max(1));
    if width <= 0.0 {
        return Vec::new();
    }
    let edges: Vec<f64> = (0..=buckets).map(|at| position(samples, f64::from(at).mul_add(width, start))).collect();
    edges.windows(2).map(|edge| (edge[1] - edge[0]).max(0.0) / width).collect()
}

/// How many events there were up to a time.
#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than a double holds")]
fn position(samples: &[Sample], at: f64) -> f64 {
    let next = samples.partition_point(|sample| sample.1 <= at);
    match (next.checked_sub(1).and_then(|before| samples.get(before)), samples.get(next)) {
        (Some(before), Some(after)) if after.1 > before.1 => {
            let share = (at - before.1) / (after.1 - before.1);
            share.mul_add((after.0 - before.0) as f64, before.0 as f64)
        },
        (Some(before), _) => before.0 as f64,
        // Before the first known place nothing is known; at most the event itself.
        (None, Some(after)) => after.0.saturating_sub(1) as f64,
        (None, None) => 0.0,
    }
}

/// The drawing, with its highest value beside it. `label` says over which time, `unit` what the values are.
pub fn sparkline(values: &[f64], label: &str, unit: &str) -> Markup {
    const WIDTH: f64 = 240.0;
    const HEIGHT: f64 = 48.0;
    let most = values.iter().copied().fold(0.0, f64::max);
    let step = WIDTH / f64::from(u32::try_from(values.len().max(2) - 1).unwrap_or(u32::MAX));
    let mut line = String::new();
    let mut x = 0.0;
    for value in values {
        let y = if most > 0.0 { HEIGHT - 2.0 - value / most * (HEIGHT - 4.0) } else { HEIGHT - 2.0 };
        let letter = if line.is_empty() { 'M' } else { 'L' };
        write!(line, "{letter}{x:.1} {y:.1}").expect("writing to a string does not fail");
        x += step;
    }
    let area = format!("{line}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z");
    let peak = format!("peak {} {unit}", text::quantity(most));
    let described = format!("{label}: {peak}");
    html! {
        figure.spark {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(described) {
                @if !values.is_empty() { path.area d=(area) {} path.line d=(line) {} }
            }
            figcaption { span { (label) } span { (peak) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rates;

    #[test]
    fn rates_follow_the_places() {
        let even: Vec<_> = (0..=10_u32).map(|at| (u64::from(at) * 10 + 1, f64::from(at))).collect();
        assert_eq!(rates(&even, 0.0, 10.0, 5), [10.0; 5]);
        // A pause, then a burst.
        let burst = [(1, 0.0), (2, 9.0), (102, 10.0)];
        let found = rates(&burst, 0.0, 10.0, 10);
        assert!(found[9] > 99.0 && found[..9].iter().all(|rate| *rate < 0.2), "{found:?}");
        assert!(rates(&[], 0.0, 10.0, 4).iter().all(|rate| *rate == 0.0));
        assert!(rates(&even, 1.0, 1.0, 4).is_empty());
    }
}
