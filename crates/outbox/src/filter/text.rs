//! The text of a filter: tokens, quotes, and the canonical form.

use std::fmt;

use super::{Filter, format_time};

/// Tokens of a text: split at white space outside of quotes.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut token = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for letter in text.chars() {
        if letter.is_whitespace() && !quoted {
            if !token.is_empty() {
                all.push(std::mem::take(&mut token));
            }
            continue;
        }
        token.push(letter);
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {},
        }
    }
    if !token.is_empty() {
        all.push(token);
    }
    all
}

/// A value without its quotes, and whether it had them.
pub(super) fn unquote(value: &str) -> Result<(String, bool), String> {
    if value.chars().any(char::is_control) {
        return Err("a value has no control characters".to_owned());
    }
    let Some(inner) = value.strip_prefix('"') else {
        let plain = !value.contains(['"', '\\']) && !value.contains(char::is_whitespace);
        return if plain { Ok((value.to_owned(), false)) } else { Err(QUOTES.to_owned()) };
    };
    let mut text = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return if letters.next().is_none() { Ok((text, true)) } else { Err(QUOTES.to_owned()) },
            '\\' => text.push(letters.next().ok_or(QUOTES)?),
            _ => text.push(letter),
        }
    }
    Err(QUOTES.to_owned())
}

const QUOTES: &str = "a value with spaces, quotes or backslashes is put in double quotes: \"a \\\"b\\\" c\"";

/// In quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// In quotes if need be.
pub(super) fn value(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains(['"', '\\']) && !text.contains(char::is_whitespace);
    if plain { text.to_owned() } else { quoted(text) }
}

impl fmt::Display for Filter {
    /// The canonical text: read again, it is the same filter. Empty for every event.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&canonical(self).join(" "))
    }
}

fn canonical(filter: &Filter) -> Vec<String> {
    let mut all = Vec::new();
    let mut put = |key: &str, text: Option<String>| {
        if let Some(text) = text {
            all.push(format!("{key}:{text}"));
        }
    };
    let list = |words: Vec<&str>| (!words.is_empty()).then(|| words.join(","));
    let text = |text: &Option<String>| text.as_deref().map(value);
    put("type", list(filter.types.iter().map(super::TypeGlob::as_str).collect()));
    match (&filter.entity_type, &filter.entity_id) {
        (Some(kind), Some(id)) if !kind.contains('/') => put("entity", Some(value(&format!("{kind}/{id}")))),
        (kind, id) => {
            put("entity_type", text(kind));
            put("entity_id", text(id));
        },
    }
    put("key", text(&filter.order_key));
    put("since", filter.since.map(format_time));
    put("until", filter.until.map(format_time));
    put("seq", range(filter.first, filter.last));
    put("state", list(filter.states.iter().map(|state| state.as_str()).collect()));
    put("destination", text(&filter.destination));
    put("class", text(&filter.class));
    put("agent", filter.agent.map(|id| id.to_string()));
    put("correlation", text(&filter.correlation));
    put("causation", text(&filter.causation));
    put("command", filter.command.map(|id| id.to_string()));
    put("event", filter.event.as_ref().map(ToString::to_string));
    put("event_key", text(&filter.event_key));
    for comparison in &filter.payload {
        put("where", Some(comparison.to_string()));
    }
    all
}

fn range(first: Option<i64>, last: Option<i64>) -> Option<String> {
    let number = |place: Option<i64>| place.map_or_else(String::new, |place| place.to_string());
    match (first, last) {
        (None, None) => None,
        (Some(first), Some(last)) if first == last => Some(first.to_string()),
        _ => Some(format!("{}..{}", number(first), number(last))),
    }
}
