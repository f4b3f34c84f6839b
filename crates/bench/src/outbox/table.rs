//! What is printed.

use super::arena::Cost;
use super::drain::Drained;
use super::latency::Latency;
use crate::judge::Verdict;
use crate::numbers::{grouped, latency};
use crate::report::{Style, print_table, print_verdicts};

/// More of the processors than this used by others is told.
const MOST_ELSEWHERE: f64 = 0.15;

#[derive(Default)]
pub(super) struct Table {
    rates: Vec<Vec<String>>,
    latencies: Vec<Vec<String>>,
    verdicts: Vec<Verdict>,
}

impl Table {
    /// `ratio` as "to what: how much".
    pub(super) fn rate(&mut self, cell: &str, who: &str, cost: &Cost, ratio: &str, notes: &str) {
        let (database, client) = cost.micros();
        let elsewhere = cost.elsewhere();
        let disturbed = if elsewhere > MOST_ELSEWHERE {
            format!("disturbed: {:.0} % used elsewhere", elsewhere * 100.0)
        } else {
            String::new()
        };
        let notes: Vec<&str> = [notes, &disturbed].into_iter().filter(|note| !note.is_empty()).collect();
        self.rates.push(vec![
            cell.to_owned(),
            who.to_owned(),
            grouped(cost.rate()),
            format!("{database:.1}"),
            format!("{client:.1}"),
            ratio.to_owned(),
            notes.join("; "),
        ]);
        eprintln!("{}", self.rates.last().map(|row| row.join("  ")).unwrap_or_default());
    }

    pub(super) fn drained(&mut self, cell: &str, who: &str, drained: &Drained, ratio: &str) {
        let notes = format!("{}; {} rows changed, {} dead", drained.tally, drained.changed, drained.dead);
        self.rate(cell, who, &drained.cost, ratio, &notes);
    }

    pub(super) fn latency(&mut self, who: &str, measured: &Latency) {
        self.latencies.push(vec![who.to_owned(), latency(measured.p50), latency(measured.p99)]);
        eprintln!("{}", self.latencies.last().map(|row| row.join("  ")).unwrap_or_default());
    }

    pub(super) fn judge(&mut self, subject: &str, verdict: Verdict) {
        let Verdict { text, met } = verdict;
        self.verdicts.push(Verdict { text: format!("{subject}: {text}"), met });
    }

    pub(super) fn print(&self, style: Style) {
        let heads = ["cell", "who", "events/s", "database µs", "client µs", "ratio", "notes"];
        print_part(&heads, &self.rates, style);
        print_part(&["commit to sink, idle", "p50", "p99"], &self.latencies, style);
        print_verdicts(&self.verdicts, style);
    }
}

fn print_part(heads: &[&str], rows: &[Vec<String>], style: Style) {
    if rows.is_empty() {
        return;
    }
    let mut all = vec![heads.iter().map(|head| (*head).to_owned()).collect()];
    all.extend(rows.iter().cloned());
    print_table(&all, style);
    println!();
}
