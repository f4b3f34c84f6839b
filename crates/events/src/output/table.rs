//! Tables for people: no lines, two spaces between columns, wrapped to the terminal.

use clap::builder::styling::{AnsiColor, Style as Ansi};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

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
            "delivered" | "acknowledged" | "synced" | "ok" | "closed" | "completed" | "verified" | "done" => Some(Self::Good),
            "pending" | "held" | "in_flight" | "retry_wait" | "half_open" | "warning" | "in_progress" | "running" | "active" => {
                Some(Self::Waiting)
            },
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

    fn table(&self, color: bool, width: Option<u16>) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if let Some(width) = width {
            table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
        }
        table.set_header(self.columns.iter().map(|column| column.to_uppercase().replace('_', " ")));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| visible(cell)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
            // An id that is broken over lines cannot be copied.
            if column.index == 0 {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let mut text = String::new();
        for line in table.lines() {
            let line = line.trim_end();
            text.push_str(&if color { painted(line) } else { line.to_owned() });
            text.push('\n');
        }
        text
    }
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
    fn tables_are_plain_and_terminals_safe() {
        let sheet = Sheet::new(&["event_id", "state"]).row(["evt_1", "dead"]).row(["evt_22", "x\u{1b}[2J"]).foot("2 of 2");
        assert_eq!(sheet.render(false, None), "EVENT ID  STATE\nevt_1     dead\nevt_22    x [2J\n2 of 2\n");
        let colored = sheet.render(true, None);
        assert!(colored.contains("\u{1b}[31mdead\u{1b}[0m") && !colored.contains("\u{1b}[2J"), "{colored:?}");
        assert_eq!(Sheet::default().head("a").foot("b").render(false, None), "a\nb\n");
    }
}
