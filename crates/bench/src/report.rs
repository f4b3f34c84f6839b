//! Tables for people, JSON for programs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cells::BoundKind;
use crate::conditions::Conditions;
use crate::judge::{Result, Verdict};
use crate::numbers::{grouped, latency, micros_u64, millis};

const HEADINGS: [&str; 13] = [
    "database",
    "server",
    "cell",
    "events/s",
    "p50",
    "p99",
    "server µs",
    "database µs",
    "generator µs",
    "memory",
    "bound",
    "of bound",
    "targets",
];

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Markdown,
}

pub(crate) fn print_conditions(conditions: &Conditions, style: Style) {
    let bullet = if style == Style::Markdown { "- " } else { "" };
    for (name, value) in conditions {
        println!("{bullet}{name}: {value}");
    }
    println!();
}

pub(crate) fn print_results(results: &[Result], style: Style) {
    let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
    rows.extend(results.iter().map(row));
    print_table(&rows, style);
    println!();
    println!("µs: processor time per event. ✓ met, ✗ missed, – not judged.");
    println!("Bound: COPY over one connection into a table with the server's indexes. Ceiling: over two, no indexes.");
}

pub(crate) fn print_verdicts(verdicts: &[Verdict], style: Style) {
    let bullet = if style == Style::Markdown { "- " } else { "" };
    for verdict in verdicts {
        println!("{bullet}{}", marked(verdict));
    }
}

fn row(result: &Result) -> Vec<String> {
    let measured = &result.measured;
    let verdicts: Vec<String> = result.verdicts().iter().map(marked).collect();
    vec![
        result.engine.to_owned(),
        result.server.to_owned(),
        result.cell.name.to_owned(),
        grouped(measured.rate()),
        latency(measured.quantile(0.5)),
        latency(measured.quantile(0.99)),
        format!("{:.1}", result.server_micros()),
        format!("{:.1}", result.database_micros()),
        format!("{:.1}", result.generator_micros()),
        format!("{} MB", result.megabytes()),
        bound(result),
        format!("{:.2}", result.of_bound()),
        verdicts.join("; "),
    ]
}

fn bound(result: &Result) -> String {
    let rate = grouped(result.bound.rate);
    match result.cell.bound {
        BoundKind::Bulk => match result.bound.ceiling {
            Some(ceiling) => format!("{rate} rows/s (ceiling {})", grouped(ceiling)),
            None => format!("{rate} rows/s"),
        },
        BoundKind::Commits => format!("{rate} commits/s"),
        BoundKind::LoneCommit => format!("commit p50 {}", latency(result.bound.p50)),
    }
}

fn marked(verdict: &Verdict) -> String {
    let mark = match verdict.met {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "–",
    };
    format!("{mark} {}", verdict.text)
}

/// The first row holds the headings; all rows have as many columns as it.
pub(crate) fn print_table(rows: &[Vec<String>], style: Style) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
        match style {
            Style::Markdown => println!("| {} |", cells.join(" | ")),
            Style::Plain => println!("{}", cells.join("  ").trim_end()),
        }
        if at == 0 && style == Style::Markdown {
            println!("|{}", "---|".repeat(columns));
        }
    }
}

pub(crate) fn write_json(path: &Path, conditions: &Conditions, results: &[Result]) -> anyhow::Result<()> {
    let conditions: serde_json::Map<String, Value> =
        conditions.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let cells: Vec<Value> = results.iter().map(value).collect();
    let document = json!({ "conditions": conditions, "cells": cells });
    std::fs::write(path, serde_json::to_vec_pretty(&document)?)?;
    Ok(())
}

fn value(result: &Result) -> Value {
    let measured = &result.measured;
    let targets: Vec<Value> =
        result.verdicts().iter().map(|verdict| json!({ "text": verdict.text, "met": verdict.met })).collect();
    let marks: Vec<f64> = measured.marks.iter().map(Duration::as_secs_f64).collect();
    json!({
        "database": result.engine,
        "server": result.server,
        "cell": result.cell.name,
        "batch": result.cell.batch,
        "clients": result.cell.clients,
        "streams": result.cell.streams,
        "events": measured.events,
        "seconds": measured.elapsed.as_secs_f64(),
        "events_per_second": measured.rate(),
        "p50_ms": millis(measured.quantile(0.5)),
        "p99_ms": millis(measured.quantile(0.99)),
        "server_us_per_event": result.server_micros(),
        "database_us_per_event": result.database_micros(),
        "generator_us_per_event": result.generator_micros(),
        "peak_resident_bytes": result.peak_resident_bytes,
        "bound_per_second": result.bound.rate,
        "ceiling_per_second": result.bound.ceiling,
        "bound_p50_us": micros_u64(result.bound.p50),
        "of_bound": result.of_bound(),
        "processors_used_elsewhere": result.share_elsewhere(),
        "accept_rate": result.accept_rate,
        "requests_per_client_at_least": measured.fewest_requests,
        "marks_seconds": marks,
        "discarded": result.is_discarded(),
        "targets": targets,
    })
}
