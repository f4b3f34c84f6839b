//! Why a filter finds nothing.

use sqlx::Transaction;

use super::{COUNTED, ReadError, Reader};
use crate::engine::Engine;
use crate::filter::{Filter, KEYS, nearest};

/// What there is instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Events of the scope, counted up to 10,000.
    pub in_scope: i64,
    /// How many events match without each part of the filter, counted up to 10,000; payloads and deliveries are not
    /// looked at. By key of the filter.
    pub without: Vec<(&'static str, i64)>,
    /// Types that were asked for and are not there, with the nearest one that is.
    pub unknown_types: Vec<(String, Option<String>)>,
    /// A destination that was asked for and is not there, with the nearest one that is.
    pub unknown_destination: Option<(String, Option<String>)>,
    /// When the first and the last event of the scope were written, microseconds since 1970 UTC.
    pub written_at: Option<(i64, i64)>,
}

impl<DB: Engine> Reader<DB> {
    pub(super) async fn diagnose(
        &self,
        tx: &mut Transaction<'static, DB>,
        filter: &Filter,
    ) -> Result<Diagnostics, ReadError> {
        let everything = self.query(tx, &Filter::default()).await?;
        let in_scope = self.total(tx, &everything).await?.min(COUNTED);
        let mut found = Diagnostics { in_scope, ..Diagnostics::default() };
        let mut seen = Vec::new();
        for key in KEYS {
            let Some(less) = filter.without(key).filter(|less| !seen.contains(less)) else { continue };
            let query = self.query(tx, &less).await?;
            found.without.push((key, self.total(tx, &query).await?.min(COUNTED)));
            seen.push(less);
        }
        let known = self.known_types(tx).await?;
        for glob in &filter.types {
            if !known.iter().any(|name| crate::delivery::type_matches(glob.as_str(), name)) {
                let near = nearest(glob.as_str(), known.iter().map(String::as_str));
                found.unknown_types.push((glob.to_string(), near.map(str::to_owned)));
            }
        }
        if let Some(name) = &filter.destination {
            let names: Vec<String> = self.facts(tx, &[]).await?.destinations.into_iter().map(|one| one.name).collect();
            if !names.contains(name) {
                let near = nearest(name, names.iter().map(String::as_str));
                found.unknown_destination = Some((name.clone(), near.map(str::to_owned)));
            }
        }
        let (first, last) =
            (self.fetch(tx, &everything, false, true, 1).await?, self.fetch(tx, &everything, true, true, 1).await?);
        found.written_at = first.first().zip(last.first()).map(|(first, last)| (first.0.written_at, last.0.written_at));
        Ok(found)
    }
}
