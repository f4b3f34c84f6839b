//! From text to a filter, token by token. Flags and query parameters go the same way, one [`Filter::set`] each.

use uuid::Uuid;

use super::text::{tokens, unquote};
use super::{Comparison, EventRef, Filter, TypeGlob, nearest, parse_time};
use crate::delivery::DeliveryState as State;

/// Every key, in the order of the canonical text.
pub const KEYS: [&str; 19] = [
    "type",
    "entity",
    "entity_type",
    "entity_id",
    "key",
    "since",
    "until",
    "seq",
    "state",
    "status",
    "destination",
    "class",
    "agent",
    "correlation",
    "causation",
    "command",
    "event",
    "event_key",
    "where",
];

/// Longest text of a filter in bytes.
const TEXT_BYTES: usize = 8_192;
/// Longest value in characters.
const VALUE_CHARS: usize = 1_024;
/// Most types and most comparisons.
const MANY: usize = 64;

/// A filter that cannot be understood: which token, why, and what would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter {token:?}: {why}")]
pub struct FilterError {
    /// As it was written.
    pub token: String,
    /// What is wrong with it, and what would be right.
    pub why: String,
}

impl Filter {
    /// Reads the text of a filter. `now`, in microseconds since 1970 UTC, is what relative times count from.
    ///
    /// # Errors
    /// The first token that is not understood, with the nearest known word.
    pub fn parse(text: &str, now: i64) -> Result<Self, FilterError> {
        if text.len() > TEXT_BYTES {
            let token = text.chars().take(40).collect();
            return Err(FilterError { token, why: format!("a filter has at most {TEXT_BYTES} bytes") });
        }
        let mut filter = Self::default();
        for token in tokens(text) {
            let Some((key, value)) = token.split_once(':') else {
                return Err(FilterError { why: bare(&token), token });
            };
            filter.add(key, value, now).map_err(|why| FilterError { token: token.clone(), why })?;
        }
        Ok(filter)
    }

    /// Adds one thing, as a flag or a query parameter gives it: `value` needs no quotes.
    ///
    /// # Errors
    /// As in [`Self::parse`].
    pub fn set(&mut self, key: &str, value: &str, now: i64) -> Result<(), FilterError> {
        let written = if key == "where" { value.to_owned() } else { super::text::value(value) };
        self.add(key, &written, now).map_err(|why| FilterError { token: format!("{key}:{value}"), why })
    }

    fn add(&mut self, key: &str, written: &str, now: i64) -> Result<(), String> {
        if written.chars().count() > VALUE_CHARS {
            return Err(format!("a value has at most {VALUE_CHARS} characters"));
        }
        if key == "where" {
            return add_comparison(&mut self.payload, written);
        }
        let (value, _) = unquote(written)?;
        if value.is_empty() {
            return Err("there is nothing behind the colon".to_owned());
        }
        match key {
            "type" => add_types(&mut self.types, &value),
            "state" => add_states(&mut self.states, &value, state_word),
            "status" => add_states(&mut self.states, &value, |word| status_word(word).or_else(|| state_word(word))),
            "entity" => {
                let (kind, id) = value.split_once('/').map_or((value.as_str(), None), |(kind, id)| (kind, Some(id)));
                if kind != "*" {
                    once(&mut self.entity_type, kind.to_owned())?;
                }
                id.filter(|id| *id != "*").map_or(Ok(()), |id| once(&mut self.entity_id, id.to_owned()))
            },
            "seq" => self.add_range(&value),
            "since" => once(&mut self.since, parse_time(&value, now)?),
            "until" => once(&mut self.until, parse_time(&value, now)?),
            "agent" => once(&mut self.agent, uuid(&value)?),
            "command" => once(&mut self.command, uuid(&value)?),
            "event" => once(&mut self.event, value.parse::<EventRef>()?),
            _ => once(self.text(key).ok_or_else(|| unknown(key))?, value),
        }
    }

    /// What is a plain text.
    fn text(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "entity_type" => &mut self.entity_type,
            "entity_id" => &mut self.entity_id,
            "key" => &mut self.order_key,
            "destination" => &mut self.destination,
            "class" => &mut self.class,
            "correlation" => &mut self.correlation,
            "causation" => &mut self.causation,
            "event_key" => &mut self.event_key,
            _ => return None,
        })
    }

    fn add_range(&mut self, value: &str) -> Result<(), String> {
        let wrong = || "a range of places is 100..200, 100.., ..200 or 100".to_owned();
        let place = |text: &str| match text {
            "" => Ok(None),
            digits => {
                digits.parse::<u32>().map(i64::from).or_else(|_| digits.parse::<i64>()).map(Some).map_err(|_| wrong())
            },
        };
        let (first, last) = value.split_once("..").unwrap_or((value, value));
        let (first, last) = (place(first)?, place(last)?);
        if first.is_none() && last.is_none() || first.into_iter().chain(last).any(i64::is_negative) {
            return Err(wrong());
        }
        if first.zip(last).is_some_and(|(first, last)| first > last) {
            return Err("the range ends before it begins".to_owned());
        }
        if self.first.is_some() || self.last.is_some() {
            return Err(TWICE.to_owned());
        }
        (self.first, self.last) = (first, last);
        Ok(())
    }
}

const TWICE: &str = "it was said before; a filter says each thing once";

/// The same again is no fault.
fn once<T: PartialEq>(slot: &mut Option<T>, value: T) -> Result<(), String> {
    if slot.as_ref().is_some_and(|known| *known != value) {
        return Err(TWICE.to_owned());
    }
    *slot = Some(value);
    Ok(())
}

fn add_types(types: &mut Vec<TypeGlob>, value: &str) -> Result<(), String> {
    for glob in value.split(',') {
        types.push(glob.parse()?);
    }
    types.sort();
    types.dedup();
    if types.len() > MANY { Err(format!("at most {MANY} types")) } else { Ok(()) }
}

fn add_comparison(all: &mut Vec<Comparison>, written: &str) -> Result<(), String> {
    let comparison = written.parse()?;
    if !all.contains(&comparison) {
        all.push(comparison);
    }
    if all.len() > MANY { Err(format!("at most {MANY} comparisons")) } else { Ok(()) }
}

fn add_states(states: &mut Vec<State>, value: &str, read: fn(&str) -> Option<Vec<State>>) -> Result<(), String> {
    for word in value.split(',') {
        let found = read(word).ok_or_else(|| {
            let all = State::ALL.map(State::as_str);
            let near =
                nearest(&word.to_lowercase(), all).map_or(String::new(), |near| format!("; did you mean {near:?}?"));
            format!(
                "{word:?} is no state{near} States are {}; also Pending, Synced, Failed, FAILED, Sent and the like",
                all.join(", ")
            )
        })?;
        states.extend(found);
    }
    states.sort_by_key(|state| State::ALL.iter().position(|known| known == state));
    states.dedup();
    Ok(())
}

/// The canonical word; else a word of another vocabulary.
fn state_word(word: &str) -> Option<Vec<State>> {
    word.parse().map(|state| vec![state]).ok().or_else(|| status_word(word))
}

/// Words of other systems. Upper case is the worker's vocabulary, in which FAILED is final; else `failed` includes what
/// is tried again.
fn status_word(word: &str) -> Option<Vec<State>> {
    let projected = |same: fn(State, &str) -> bool| -> Option<Vec<State>> {
        let states: Vec<State> = State::ALL.into_iter().filter(|state| same(*state, word)).collect();
        (!states.is_empty()).then_some(states)
    };
    projected(|state, word| state.worker_status() == word)
        .or_else(|| projected(|state, word| state.sync_status().eq_ignore_ascii_case(word)))
        .or_else(|| {
            projected(|state, word| state.outbox_status().is_some_and(|status| status.eq_ignore_ascii_case(word)))
        })
        .or(match word {
            "syncing" => Some(vec![State::InFlight]),
            "parked" => Some(vec![State::Held]),
            "completed" => Some(vec![State::Delivered, State::Acknowledged]),
            "dlq" => Some(vec![State::Dead]),
            _ => None,
        })
}

fn uuid(value: &str) -> Result<Uuid, String> {
    Uuid::try_parse(value).map_err(|_| "this is no UUID".to_owned())
}

fn unknown(key: &str) -> String {
    let near = nearest(&key.to_lowercase(), KEYS).map_or(String::new(), |near| format!("; did you mean {near:?}?"));
    format!("{key:?} is no key{near} Keys are {}", KEYS.join(", "))
}

/// A token without a colon: what it may have been.
fn bare(token: &str) -> String {
    let key = match token {
        _ if token.starts_with("evt_") || Uuid::try_parse(token).is_ok() => "event",
        _ if token.contains(['>', '<', '=']) => "where",
        _ if token.contains('/') => "entity",
        _ if State::ALL.iter().any(|state| state.as_str() == token) => "state",
        _ => "type",
    };
    format!("a filter is made of key:value; did you mean {key}:{token}?")
}
