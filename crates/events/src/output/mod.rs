//! Data to standard output in the form that was asked for; talk to standard error.

mod csv;
mod members;
mod table;
mod yaml;

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde::Serialize;
use serde_json::value::RawValue;
use stateset_inspect::{Fault, Kind};

use crate::exit::Stop;
pub(crate) use table::Sheet;

/// To the upper left corner, the rest of the screen empty.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// Forms of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// One document.
    Json,
    /// One line per entry.
    Jsonl,
    /// One document.
    Yaml,
    /// The table's columns, RFC 4180.
    Csv,
}

impl Format {
    /// Whether a program reads it, which then wants faults as JSON too.
    pub(crate) fn is_for_programs(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl | Self::Yaml)
    }
}

/// How a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) quiet: bool,
    pub(crate) color: bool,
}

impl Output {
    /// Prints an answer. `sheet` is its form for people, and says what the columns are.
    pub(crate) fn print<T: Serialize>(self, answer: &T, sheet: impl FnOnce(&T) -> Sheet) -> Result<(), Stop> {
        match self.format {
            Format::Json => Self::line(&json(answer)?),
            Format::Jsonl => {
                for line in lines(&json(answer)?)? {
                    Self::line(&line)?;
                }
                Ok(())
            },
            Format::Yaml => Self::text(&yaml::yaml(&json(answer)?)?),
            Format::Csv => Self::text(&csv::csv(&sheet(answer))),
            Format::Table => {
                let sheet = sheet(answer);
                Self::text(&sheet.render(self.color, width()))?;
                for note in sheet.notes() {
                    self.note(note);
                }
                Ok(())
            },
        }
    }

    /// Draws over what was drawn before, where that can be; elsewhere prints one answer after the other.
    pub(crate) fn redraw<T: Serialize>(self, answer: &T, sheet: impl FnOnce(&T) -> Sheet) -> Result<(), Stop> {
        if self.format == Format::Table && std::io::stdout().is_terminal() {
            return Self::text(&format!("{CLEAR}{}", sheet(answer).render(self.color, width())));
        }
        self.print(answer, sheet)
    }

    /// A line of data.
    pub(crate) fn line(line: &str) -> Result<(), Stop> {
        Self::text(&format!("{line}\n"))
    }

    /// Data.
    pub(crate) fn text(text: &str) -> Result<(), Stop> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => Stop::ReaderGone,
            _ => Fault::new(
                Kind::Corrupt,
                "OUTPUT_LOST",
                "standard output cannot be written",
                "a full disk? do it again",
            )
            .because(error)
            .into(),
        })
    }

    /// Something that is not data, and not asked for.
    pub(crate) fn note(self, note: &str) {
        if !self.quiet {
            talk(note);
        }
    }
}

/// To standard error. If nobody can read it, nobody can be told.
pub(crate) fn talk(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

/// The answer as JSON on one line, payloads byte for byte.
pub(crate) fn json<T: Serialize>(answer: &T) -> Result<String, Fault> {
    serde_json::to_string(answer).map_err(|error| Fault::corrupt("the answer", error))
}

/// The entries of the first list in the document; without one, the document.
fn lines(document: &str) -> Result<Vec<String>, Fault> {
    let corrupt = |error| Fault::corrupt("the answer", error);
    let Ok(members) = members::members(document) else { return Ok(vec![document.to_owned()]) };
    let Some((_, list)) = members.iter().find(|(_, value)| value.get().starts_with('[')) else {
        return Ok(vec![document.to_owned()]);
    };
    let entries: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(corrupt)?;
    Ok(entries.into_iter().map(|entry| entry.get().to_owned()).collect())
}

/// Columns of the terminal; enough for everything where there is none.
fn width() -> Option<u16> {
    std::io::stdout().is_terminal().then_some(()).and_then(|()| table::terminal_width())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_lines_and_bytes_stay() {
        let list = r#"{"events":[{"payload":{"n": 1.10}},{"b":2}],"total":2}"#;
        assert_eq!(lines(list).expect("lines"), [r#"{"payload":{"n": 1.10}}"#, r#"{"b":2}"#]);
        assert_eq!(lines(r#"{"status":"active"}"#).expect("lines"), [r#"{"status":"active"}"#]);
        assert_eq!(lines("[]").expect("lines"), ["[]"]);
    }
}
