//! `/metrics` is OpenMetrics, counts what happened, and names nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::{API_KEY, client, embedded, push, scope, unsigned};

/// One line of numbers: name, labels, value.
type Sample = (String, String, f64);

/// A page taken apart, by the rules of OpenMetrics 1.0 that a scraper relies on; anything else is an error.
#[derive(Debug, Default)]
struct Page {
    types: BTreeMap<String, String>,
    samples: Vec<Sample>,
}

impl Page {
    fn parse(text: &str) -> Result<Self, String> {
        let body = text.strip_suffix("# EOF\n").ok_or("the page does not end with # EOF")?;
        let mut page = Self::default();
        let (mut family, mut seen) = (String::new(), BTreeSet::new());
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# ") {
                let mut words = rest.splitn(3, ' ');
                let (keyword, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                let value = words.next().unwrap_or("");
                if !["HELP", "TYPE", "UNIT"].contains(&keyword) || value.is_empty() {
                    return Err(format!("not a comment of OpenMetrics: {line}"));
                }
                if name != family && !seen.insert(name.to_owned()) {
                    return Err(format!("the family {name} comes twice"));
                }
                name.clone_into(&mut family);
                if keyword == "TYPE" {
                    page.types.insert(family.clone(), value.to_owned());
                }
                if keyword == "UNIT" && !name.ends_with(&format!("_{value}")) {
                    return Err(format!("{name} does not end with its unit {value}"));
                }
                continue;
            }
            let sample = sample(line)?;
            let kind = page.types.get(&family).ok_or(format!("a sample before its type: {line}"))?;
            let suffix = sample.0.strip_prefix(&family).ok_or(format!("{} is not of the family {family}", sample.0))?;
            let allowed: &[&str] = match kind.as_str() {
                "counter" => &["_total", "_created"],
                "gauge" => &[""],
                "info" => &["_info"],
                "histogram" => &["_bucket", "_sum", "_count", "_created"],
                other => return Err(format!("the type {other}")),
            };
            if !allowed.contains(&suffix) {
                return Err(format!("{} is no sample of a {kind}", sample.0));
            }
            page.samples.push(sample);
        }
        page.check_histograms()?;
        Ok(page)
    }

    /// Buckets grow, and the last one is the count.
    fn check_histograms(&self) -> Result<(), String> {
        let mut last: BTreeMap<(String, String), f64> = BTreeMap::new();
        for (name, labels, value) in &self.samples {
            let Some(family) = name.strip_suffix("_bucket") else { continue };
            let rest: Vec<&str> = labels.split(',').filter(|label| !label.starts_with("le=")).collect();
            let key = (family.to_owned(), rest.join(","));
            if last.insert(key, *value).is_some_and(|before| before > *value) {
                return Err(format!("{name}{{{labels}}} is less than the bucket before"));
            }
        }
        for ((family, labels), infinite) in &last {
            let count = self.value(&format!("{family}_count"), labels);
            if count != Some(*infinite) {
                return Err(format!("{family}{{{labels}}} counts {count:?}, its last bucket {infinite}"));
            }
        }
        Ok(())
    }

    fn value(&self, name: &str, labels: &str) -> Option<f64> {
        self.samples.iter().find(|(n, l, _)| n == name && l == labels).map(|(.., value)| *value)
    }
}

fn sample(line: &str) -> Result<Sample, String> {
    let (head, value) = line.rsplit_once(' ').ok_or(format!("no value: {line}"))?;
    let (name, labels) = match head.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').ok_or(format!("open labels: {line}"))?),
        None => (head, ""),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(format!("not a name: {line}"));
    }
    for label in labels.split("\",").filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once("=\"").ok_or(format!("not a label: {line}"))?;
        if !name.chars().all(plain) || value.contains('\n') {
            return Err(format!("not a label: {line}"));
        }
    }
    let value = value.parse().map_err(|_| format!("not a number: {line}"))?;
    Ok((name.to_owned(), labels.to_owned(), value))
}

/// One page, strict OpenMetrics, right numbers.
#[tokio::test]
async fn the_page_is_openmetrics_and_counts() -> anyhow::Result<()> {
    let server = embedded()?.start().await?;
    let client = client(&server);
    let batch = unsigned(0x007e_4a47, 2, 1, &["{}", "{\"a\":1}", "{\"a\":2}"]);
    push(&client, &batch).await?;
    push(&client, &batch).await?;
    push(&client, &unsigned(0x007e_4a47, 2, 10, &["{}"])).await?;
    client.get(&format!("/api/v1/head?{}", scope(0x007e_4a47, 2))).await?.expect_status(200)?;
    server.client().get(&format!("/api/v1/head?{}", scope(0x007e_4a47, 2))).await?.expect_status(401)?;
    client.get("/nothing/here/0123456789").await?.expect_status(404)?;

    let response = client.get("/metrics").await?.expect_status(200)?;
    let kind = response.header("content-type").unwrap_or_default();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = response.text();
    let page = Page::parse(&text).map_err(|fault| anyhow::anyhow!("{fault} in\n{text}"))?;
    let value = |name: &str, labels: &str| {
        page.value(name, labels).unwrap_or_else(|| panic!("{name}{{{labels}}} is missing in\n{text}"))
    };
    let equal = |name: &str, labels: &str, expected: f64| {
        assert!((value(name, labels) - expected).abs() < f64::EPSILON, "{name}{{{labels}}}: {}", value(name, labels));
    };
    equal("stateset_append_events_total", "outcome=\"placed\"", 4.0);
    equal("stateset_append_events_total", "outcome=\"duplicate\"", 3.0);
    equal("stateset_append_group_events_count", "", 3.0);
    equal("stateset_append_group_events_sum", "", 7.0);
    equal("stateset_append_flush_seconds_count", "", 3.0);
    equal("stateset_append_waiting_events", "", 0.0);
    let ingest = "method=\"POST\",route=\"/api/v1/events/ingest\"";
    equal("stateset_http_request_duration_seconds_count", ingest, 3.0);
    equal("stateset_http_responses_total", &format!("{ingest},status=\"200\""), 3.0);
    let head = "method=\"GET\",route=\"/api/v1/head\"";
    equal("stateset_http_responses_total", &format!("{head},status=\"200\""), 1.0);
    equal("stateset_http_responses_total", &format!("{head},status=\"401\""), 1.0);
    equal("stateset_http_responses_total", "method=\"GET\",route=\"(none)\",status=\"404\"", 1.0);
    equal("stateset_log_events", "", 4.0);
    equal("stateset_log_streams", "", 2.0);
    equal("stateset_database_up", "", 1.0);
    assert!(value("stateset_database_connections_limit", "") >= 1.0);
    assert!(value("stateset_database_size_bytes", "") > 0.0);
    assert!(value("stateset_http_connections", "") >= 1.0);
    assert!(value("stateset_http_requests_in_flight", "") >= 1.0);
    #[cfg(target_os = "linux")]
    for name in ["process_resident_memory_bytes", "process_open_fds"] {
        assert!(value(name, "") > 0.0, "{name}");
    }
    assert!(value("process_cpu_seconds_total", "") >= 0.0);
    // No label holds what a client chose: neither ids nor paths nor credentials.
    for secret in ["7e4a47", "nothing", "0123456789", API_KEY, "o-1"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    Ok(())
}

/// The head log's numbers arrive once it is published.
#[tokio::test]
async fn the_publisher_is_measured() -> anyhow::Result<()> {
    let server = embedded()?.variable("PUBLISH_INTERVAL_MS", "10").start().await?;
    let client = client(&server);
    let batch = unsigned(1, 2, 1, &["{}"]);
    client.post("/api/v1/events/ingest?wait=logged", "application/json", batch.as_bytes()).await?.expect_status(200)?;
    let page = Page::parse(&client.get("/metrics").await?.text()).map_err(anyhow::Error::msg)?;
    assert!(page.value("stateset_publisher_rounds_total", "") >= Some(1.0));
    assert!(page.value("stateset_head_log_entries", "") >= Some(2.0));
    assert!(page.value("stateset_publisher_lag_seconds", "").is_some());
    Ok(())
}

#[tokio::test]
async fn the_operator_decides_who_reads_the_metrics() -> anyhow::Result<()> {
    let server = embedded()?.variable("METRICS_ACCESS", "credential").start().await?;
    server.client().get("/metrics").await?.expect_status(401)?;
    client(&server).get("/metrics").await?.expect_status(200)?;
    let server = embedded()?.variable("METRICS_ACCESS", "off").start().await?;
    client(&server).get("/metrics").await?.expect_status(404)?;
    Ok(())
}
