//! Asks a question again and again.

use std::future::Future;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::ground::Raw;
use crate::numbers::{float, grouped, latency, micros_u64};
use crate::report::{Style, print_table};

/// What the answers took.
pub(super) struct Table {
    repeat: u32,
    bound: Duration,
    rows: Vec<Vec<String>>,
    missed: Vec<String>,
}

/// What asking once found: rows, and anything to be said about the answer.
pub(super) struct Answered {
    pub(super) rows: usize,
    pub(super) note: String,
}

/// The page that nothing can be faster than: its median.
pub(super) async fn bound(ground: &impl Raw, repeat: u32) -> anyhow::Result<Duration> {
    let mut times = Histogram::<u64>::new(3)?;
    for at in 0..repeat + 3 {
        let begun = Instant::now();
        anyhow::ensure!(ground.page().await? == 50, "the bound is a page of 50");
        if at >= 3 {
            times.record(micros_u64(begun.elapsed()))?;
        }
    }
    Ok(Duration::from_micros(times.value_at_quantile(0.5)))
}

impl Table {
    pub(super) fn new(repeat: u32, bound: Duration) -> Self {
        let headings =
            ["question", "found", "best", "p50", "p99", "of the bound", "rows read", "8 KiB pages", "target"];
        Self { repeat, bound, rows: vec![headings.map(str::to_owned).to_vec()], missed: Vec::new() }
    }

    /// Asks, and adds a row. The first two answers fill caches and do not count.
    pub(super) async fn ask<F, Fut>(
        &mut self,
        ground: &impl Raw,
        name: &str,
        target: Duration,
        mut question: F,
    ) -> anyhow::Result<()>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = anyhow::Result<Answered>>,
    {
        let mut times = Histogram::<u64>::new(3)?;
        question().await?;
        let before = ground.read_so_far().await?;
        let mut answered = question().await?;
        let after = ground.read_so_far().await?;
        for _ in 0..self.repeat {
            let begun = Instant::now();
            answered = question().await?;
            times.record(micros_u64(begun.elapsed()))?;
        }
        let read = before.zip(after).map(|(before, after)| (after.0 - before.0, after.1 - before.1));
        let found = format!("{}{}", answered.rows, answered.note);
        self.add(name, &found, &times, target, read);
        Ok(())
    }

    /// Adds a row of times that were taken elsewhere.
    pub(super) fn add(
        &mut self,
        name: &str,
        found: &str,
        times: &Histogram<u64>,
        target: Duration,
        read: Option<(i64, i64)>,
    ) {
        let at = |quantile| Duration::from_micros(times.value_at_quantile(quantile));
        let met = at(0.5) <= target;
        let of_bound = float(times.value_at_quantile(0.5)) / float(micros_u64(self.bound).max(1));
        let counted = |count: Option<i64>| count.map_or("–".to_owned(), |count| grouped(float(count.unsigned_abs())));
        if !met {
            self.missed.push(format!("{name}: {} where {} was wanted", latency(at(0.5)), latency(target)));
        }
        self.rows.push(vec![
            name.to_owned(),
            found.to_owned(),
            latency(Duration::from_micros(times.min())),
            latency(at(0.5)),
            latency(at(0.99)),
            format!("{of_bound:.1}"),
            counted(read.map(|read| read.0)),
            counted(read.map(|read| read.1)),
            format!("{} {}", if met { "✓" } else { "✗" }, latency(target)),
        ]);
        eprintln!("{}", self.rows.last().map(|row| row.join("  ")).unwrap_or_default());
    }

    pub(super) fn print(&self, style: Style) {
        print_table(&self.rows, style);
        println!("\nbound: 50 rows by primary key, p50 {}", latency(self.bound));
        for missed in &self.missed {
            println!("✗ {missed}");
        }
        println!();
    }
}
