//! Tables for people: no lines, two spaces between columns, wrapped to the terminal.

use clap::builder::styling::{AnsiColor, Style as Ansi};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

/// How a word is shown where colours are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Good,
    Waiting,
    Bad,
}

impl Style {
    /// Of a state or a status, in any of the vocabularies.
    fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "delivered" | "acknowledged" | "synced" | "ok" | "closed" | "completed" | "verified" | "done" => {
                Some(Self::Good)
            },
            "pending" | "held" | "in_flight" | "retry_wait" | "half_open" | "warning" | "in_progress" | "running"
            | "active" => Some(Self::Waiting),
            "failed" | "dead" | "rejected" | "error" | "open" | "uncertain" | "invalid" | "aborted" => Some(Self::Bad),
            _ => None,
        }
    }

    fn paint(self, word: &str) -> String {
        let color = match self {
            Self::Good => AnsiColor::Green,
            Self::Waiting => AnsiColor::Yellow,
            Self::Bad => AnsiColor::Red,
        };
        let style = Ansi::new().fg_color(Some(color.into()));
        format!("{style}{word}{style:#}")
    }
}

/// A table with what is said before and after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sheet {
    heading: Vec<String>,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    tail: Vec<String>,
    notes: Vec<String>,
}

impl Sheet {
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), ..Self::default() }
    }

    #[must_use]
    pub(crate) fn row<S: Into<String>>(mut self, cells: impl IntoIterator<Item = S>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// A line above the table.
    #[must_use]
    pub(crate) fn head(mut self, line: impl Into<String>) -> Self {
        self.heading.push(line.into());
        self
    }

    /// A line below it, which is data too.
    #[must_use]
    pub(crate) fn foot(mut self, line: impl Into<String>) -> Self {
        self.tail.push(line.into());
        self
    }

    /// A hint, for standard error.
    #[must_use]
    pub(crate) fn note(mut self, line: impl Into<String>) -> Self {
        self.notes.push(line.into());
        self
    }

    pub(crate) fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    pub(crate) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(crate) fn render(&self, color: bool, width: Option<u16>) -> String {
        let mut text = String::new();
        let lines = |lines: &[String], text: &mut String| {
            for line in lines {
                text.push_str(line);
                text.push('\n');
            }
        };
        lines(&self.heading, &mut text);
        if !self.rows.is_empty() {
            text.push_str(&self.table(color, width));
        }
        lines(&self.tail, &mut text);
        text
    }

    /// What fits as a table; what does not, row by row: words that are cut to pieces cannot be read, or copied.
    fn table(&self, color: bool, width: Option<u16>) -> String {
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| visible(cell)).collect()).collect();
        let shown = self.columns.iter().enumerate().map(|(at, name)| (at, name.to_uppercase().replace('_', " ")));
        let mut shown: Vec<(usize, String)> = shown.collect();
        if !fits(&shown, &rows, width) {
            shown.retain(|(at, _)| *at == 0 || rows.iter().any(|row| !matches!(row[*at].as_str(), "" | "–")));
        }
        let text = match wrapped(&shown, &rows, width) {
            Wrap::Nothing => aligned(&shown, &rows, None),
            Wrap::Column(at, most) => aligned(&shown, &rows, Some((at, most))),
            Wrap::Rows => blocks(&shown, &rows),
        };
        let lines = text.lines().map(str::trim_end);
        let lines = lines.map(|line| if color { painted(line) } else { line.to_owned() } + "\n");
        lines.collect()
    }
}

/// Narrowest column of words that are broken over lines.
const NARROWEST: usize = 20;
/// Between columns.
const GAP: usize = 2;

/// How a table is made to fit.
enum Wrap {
    /// It fits.
    Nothing,
    /// This column is broken over lines of so many characters.
    Column(usize, usize),
    /// Each row becomes lines of its own.
    Rows,
}

fn widths(shown: &[(usize, String)], rows: &[Vec<String>]) -> Vec<usize> {
    let of = |(at, name): &(usize, String)| {
        rows.iter().map(|row| row[*at].chars().count()).chain([name.chars().count()]).max().unwrap_or_default()
    };
    shown.iter().map(of).collect()
}

fn fits(shown: &[(usize, String)], rows: &[Vec<String>], width: Option<u16>) -> bool {
    let total: usize = widths(shown, rows).iter().map(|one| one + GAP).sum();
    width.is_none_or(|width| total <= usize::from(width) + GAP)
}

/// Pure: only the widest column may be broken, and never the first, which is an id.
fn wrapped(shown: &[(usize, String)], rows: &[Vec<String>], width: Option<u16>) -> Wrap {
    let Some(width) = width.filter(|_| !fits(shown, rows, width)) else { return Wrap::Nothing };
    let widths = widths(shown, rows);
    let Some((at, widest)) = widths.iter().enumerate().skip(1).max_by_key(|(_, width)| **width) else {
        return Wrap::Rows;
    };
    let others: usize = widths.iter().map(|one| one + GAP).sum::<usize>() - widest - GAP;
    match usize::from(width).checked_sub(others) {
        Some(left) if left >= NARROWEST => Wrap::Column(at, left),
        _ => Wrap::Rows,
    }
}

fn aligned(shown: &[(usize, String)], rows: &[Vec<String>], wrap: Option<(usize, usize)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(shown.iter().map(|(_, name)| name));
    for row in rows {
        table.add_row(shown.iter().map(|(at, _)| &row[*at]));
    }
    if wrap.is_some() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::MAX);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        match wrap {
            Some((at, most)) if column.index == at => {
                let most = u16::try_from(most + GAP).unwrap_or(u16::MAX);
                column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(most)))
            },
            _ => column.set_constraint(ColumnConstraint::ContentWidth),
        };
    }
    table.to_string()
}

/// A line per cell, an empty one between rows.
fn blocks(shown: &[(usize, String)], rows: &[Vec<String>]) -> String {
    let label = shown.iter().map(|(_, name)| name.chars().count()).max().unwrap_or_default();
    let cell = |row: &Vec<String>, (at, name): &(usize, String)| format!("{name:label$}  {}\n", row[*at]);
    let block = |row: &Vec<String>| shown.iter().map(|column| cell(row, column)).collect::<String>();
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// Control characters of an error text must not reach the terminal.
fn visible(cell: &str) -> String {
    cell.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// States in their colours. Done line by line, so that the columns are laid out without them.
fn painted(line: &str) -> String {
    let words = line.split_inclusive(' ');
    words
        .map(|word| match Style::of(word.trim_end()) {
            Some(style) => word.replacen(word.trim_end(), &style.paint(word.trim_end()), 1),
            None => word.to_owned(),
        })
        .collect()
}

/// Columns of the terminal.
pub(super) fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_stays_readable() {
        let sheet = Sheet::new(&["event_id", "empty", "state", "reason"])
            .row(["evt_1", "–", "dead", "the answer was 422, and it was so for a while"])
            .row(["evt_2", "", "held", "it waits"]);
        let wide = sheet.render(false, Some(120));
        assert!(wide.contains("EMPTY") && wide.lines().count() == 3, "{wide}");
        let narrow = sheet.render(false, Some(44));
        let expected = "EVENT ID  STATE  REASON\n\
                        evt_1     dead   the answer was 422, and it\n                 was so for a while\n\
                        evt_2     held   it waits\n";
        assert_eq!(narrow, expected, "one column is broken, between words, and an empty one left out");
        let narrowest = sheet.render(false, Some(30));
        let expected = "EVENT ID  evt_1\nSTATE     dead\nREASON    the answer was 422, and it was so for a while\n\n\
                        EVENT ID  evt_2\nSTATE     held\nREASON    it waits\n";
        assert_eq!(narrowest, expected);
    }

    #[test]
    fn tables_are_plain_and_terminals_safe() {
        let sheet =
            Sheet::new(&["event_id", "state"]).row(["evt_1", "dead"]).row(["evt_22", "x\u{1b}[2J"]).foot("2 of 2");
        assert_eq!(sheet.render(false, None), "EVENT ID  STATE\nevt_1     dead\nevt_22    x [2J\n2 of 2\n");
        let colored = sheet.render(true, None);
        assert!(colored.contains("\u{1b}[31mdead\u{1b}[0m") && !colored.contains("\u{1b}[2J"), "{colored:?}");
        assert_eq!(Sheet::default().head("a").foot("b").render(false, None), "a\nb\n");
    }
}
