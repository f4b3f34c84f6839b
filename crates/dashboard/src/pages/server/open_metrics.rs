//! Reading the text form of OpenMetrics: as much as the page about the server needs.

type Labels = Vec<(String, String)>;

/// All samples of a page.
pub(super) struct Page {
    samples: Vec<(String, Labels, f64)>,
}

impl Page {
    /// Reads a page; lines that are no samples are passed over.
    pub(super) fn parse(text: &str) -> Self {
        Self { samples: text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect() }
    }

    /// All series of a name.
    pub(super) fn series<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Labels, &'a f64)> {
        self.samples.iter().filter(move |(known, ..)| known == name).map(|(_, labels, value)| (labels, value))
    }

    /// The sum over all series of a name.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.series(name).map(|(_, value)| value).sum()
    }

    /// The value under which this part of a histogram's observations lies, as Prometheus estimates it; `None` without any.
    pub(super) fn quantile(&self, name: &str, labels: &[(&str, &str)], part: f64) -> Option<f64> {
        let buckets = format!("{name}_bucket");
        let mut bounds: Vec<(f64, f64)> = Vec::new();
        for (found, count) in self.series(&buckets) {
            let value = |name: &str| found.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            if labels.iter().any(|(name, wanted)| value(name) != Some(wanted)) {
                continue;
            }
            let Some(bound) = value("le").and_then(|text| text.replace("+Inf", "inf").parse::<f64>().ok()) else {
                continue;
            };
            match bounds.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
                Some((_, sum)) => *sum += count,
                None => bounds.push((bound, *count)),
            }
        }
        bounds.sort_by(|left, right| left.0.total_cmp(&right.0));
        let total = bounds.last().filter(|(_, count)| *count > 0.0)?.1;
        let (mut below, mut before) = (0.0, 0.0);
        for (bound, count) in bounds {
            if count >= part * total {
                let share = if count > before { (part * total - before) / (count - before) } else { 1.0 };
                return Some(if bound.is_finite() { share.mul_add(bound - below, below) } else { below });
            }
            (below, before) = (bound, count);
        }
        None
    }
}

fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let (head, rest) = match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, value) = labels(rest)?;
            return Some((name.to_owned(), labels, number(value)?));
        },
        None => line.split_once(' ')?,
    };
    Some((head.to_owned(), Vec::new(), number(rest)?))
}

/// A value, with a time or an exemplar behind it or not.
fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// `a="x",b="y"} 1`: the labels, and what is behind them.
fn labels(text: &str) -> Option<(Labels, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        if let Some(value) = rest.strip_prefix('}') {
            return Some((found, value));
        }
        let (name, after) = rest.trim_start_matches(',').split_once("=\"")?;
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        found.push((name.to_owned(), value));
        rest = after.get(end + 1..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn samples_labels_and_quantiles() {
        let page = Page::parse(concat!(
            "# HELP a A\n# TYPE a counter\n",
            "a_total{kind=\"x\",route=\"/q\\\"{id}\"} 3\na_total{kind=\"y\"} 4 1700000000\nplain 1.5\n",
            "d_bucket{le=\"0.1\"} 0\nd_bucket{le=\"0.2\"} 50\nd_bucket{le=\"0.4\"} 100 # {trace=\"x\"} 0.3\nd_bucket{le=\"+Inf\"} 100\n# EOF\n",
        ));
        assert!((page.sum("a_total") - 7.0).abs() < 1e-9 && (page.sum("plain") - 1.5).abs() < 1e-9);
        let first = page.series("a_total").next().unwrap().0;
        assert_eq!(first[1], ("route".to_owned(), "/q\"{id}".to_owned()));
        assert!((page.quantile("d", &[], 0.5).unwrap() - 0.2).abs() < 1e-9);
        assert!((page.quantile("d", &[], 0.75).unwrap() - 0.3).abs() < 1e-9);
        assert_eq!(page.quantile("d", &[("route", "/")], 0.5), None);
        assert_eq!(page.quantile("none", &[], 0.5), None);
    }
}
