//! Rows, read column by column from the left.

use std::str::FromStr;

use sqlx::Error;
use stateset_contracts::instant::Instant;

/// A value of a row.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

/// A row.
#[derive(Debug)]
pub struct Row(std::vec::IntoIter<Cell>);

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self(cells.into_iter())
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>, Error> {
        match self.0.next() {
            Some(Cell::Null) => Ok(None),
            Some(Cell::Int(value)) => Ok(Some(value)),
            Some(Cell::Text(_)) | None => Err(decode("a number is none")),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        self.opt_int()?.ok_or_else(|| decode("a number is NULL"))
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<String>, Error> {
        match self.0.next() {
            Some(Cell::Null) => Ok(None),
            Some(Cell::Text(value)) => Ok(Some(value)),
            Some(Cell::Int(_)) | None => Err(decode("a text is none")),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String, Error> {
        self.opt_text()?.ok_or_else(|| decode("a text is NULL"))
    }

    /// A word that parses.
    pub(crate) fn word<T: FromStr>(&mut self) -> Result<T, Error> {
        self.text()?.parse().map_err(|_| decode("a word is unknown to this version"))
    }

    /// Microseconds since 1970, as the contracts write a point in time.
    pub(crate) fn instant(&mut self) -> Result<String, Error> {
        self.int().map(|micros| Instant::from_unix_micros(micros).to_string())
    }

    /// The same, if there is one.
    pub(crate) fn opt_instant(&mut self) -> Result<Option<String>, Error> {
        Ok(self.opt_int()?.map(|micros| Instant::from_unix_micros(micros).to_string()))
    }
}

fn decode(what: &'static str) -> Error {
    Error::Decode(what.into())
}
