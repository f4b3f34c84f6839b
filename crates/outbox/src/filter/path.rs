//! What a payload says: `data.amount_cents>10000`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde_json::{Number, Value};

/// Longest path and longest value, in characters.
const CHARS: usize = 256;

/// How a member is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Is,
    /// `!=`: the member is there and is something else.
    IsNot,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `~`: a text contains it.
    Contains,
    /// No operator: the member is there and is not null.
    Exists,
}

impl Operator {
    /// Longer ones first, as they are looked for.
    const WRITTEN: [(&'static str, Self); 7] = [
        ("!=", Self::IsNot),
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("=", Self::Is),
        (">", Self::Above),
        ("<", Self::Below),
        ("~", Self::Contains),
    ];

    fn as_str(self) -> &'static str {
        Self::WRITTEN.iter().find(|(_, operator)| *operator == self).map_or("", |(text, _)| text)
    }
}

/// What a member is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// In quotes: text only.
    Text(String),
    /// A number, `true`, `false`, or a text without quotes, whichever the payload holds.
    Bare(String),
}

/// One comparison of a member of the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Member names, or places in lists from 0. The first may be `data` or `payload` for the payload itself, or `metadata`.
    pub path: Vec<String>,
    /// How.
    pub operator: Operator,
    /// With what; `None` with [`Operator::Exists`].
    pub value: Option<Literal>,
}

impl Comparison {
    /// Whether it holds for a payload and its metadata.
    pub fn holds(&self, payload: &Value, metadata: &Value) -> bool {
        let Some(found) = self.find(payload, metadata).filter(|found| !found.is_null()) else { return false };
        let Some(wanted) = &self.value else { return true };
        let wanted_text = match wanted {
            Literal::Text(text) | Literal::Bare(text) => text.as_str(),
        };
        if self.operator == Operator::Contains {
            return found.as_str().is_some_and(|text| text.contains(wanted_text));
        }
        let order = match (found, wanted) {
            (Value::String(text), _) => Some(text.as_str().cmp(wanted_text)),
            (Value::Number(number), Literal::Bare(text)) => text.parse().ok().and_then(|other| compare(number, &other)),
            (Value::Bool(flag), Literal::Bare(text)) => text.parse::<bool>().ok().map(|other| flag.cmp(&other)),
            _ => None,
        };
        match (self.operator, order) {
            (Operator::Is, Some(order)) => order.is_eq(),
            (Operator::IsNot, order) => order.is_none_or(Ordering::is_ne),
            (Operator::Above, Some(order)) => order.is_gt(),
            (Operator::AtLeast, Some(order)) => order.is_ge(),
            (Operator::Below, Some(order)) => order.is_lt(),
            (Operator::AtMost, Some(order)) => order.is_le(),
            _ => false,
        }
    }

    /// `false`: it does not hold, as a look at the bytes tells. Where a backslash may hide a letter, and for numbers, which
    /// have several forms, nothing is told.
    pub(crate) fn may_hold(&self, payload: &str, metadata: Option<&str>) -> bool {
        let within = |text: &str| {
            let name = self.path.last().filter(|name| name.parse::<usize>().is_err());
            let named = name.is_none_or(|name| has_quoted(text, name));
            let wanted = match (&self.value, self.operator) {
                (Some(Literal::Text(wanted)), Operator::Is) => has_quoted(text, wanted),
                (Some(Literal::Text(wanted) | Literal::Bare(wanted)), Operator::Contains) => {
                    text.contains(wanted.as_str())
                },
                _ => true,
            };
            named && wanted || text.contains('\\')
        };
        within(payload) || metadata.is_some_and(within)
    }

    /// The payload's own member of that name comes before the meaning of `data`, `payload` and `metadata`.
    fn find<'a>(&self, payload: &'a Value, metadata: &'a Value) -> Option<&'a Value> {
        let whole = walk(payload, &self.path);
        let rest = self.path.get(1..).unwrap_or_default();
        whole.or_else(|| match self.path.first().map(String::as_str) {
            Some("data" | "payload") => walk(payload, rest),
            Some("metadata") => walk(metadata, rest),
            _ => None,
        })
    }
}

/// Whether a JSON text without escapes holds this string.
fn has_quoted(text: &str, wanted: &str) -> bool {
    text.match_indices(wanted).any(|(at, _)| {
        text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'"') && text.as_bytes().get(at + wanted.len()) == Some(&b'"')
    })
}

fn walk<'a>(from: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(from, |at, step| match at {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Exact for whole numbers.
fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

impl FromStr for Comparison {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find(['=', '!', '>', '<', '~']).unwrap_or(text.len());
        let (path, rest) = text.split_at(at);
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        let plain = |step: &String| {
            !step.is_empty() && step.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-')
        };
        if text.chars().count() > 2 * CHARS || !path.iter().all(plain) {
            return Err("a path is member names with dots between: where:data.amount_cents>10000".to_owned());
        }
        if rest.is_empty() {
            return Ok(Self { path, operator: Operator::Exists, value: None });
        }
        let known = Operator::WRITTEN.iter().find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?)));
        let (operator, value) = known.ok_or("the signs are = != > >= < <= ~".to_owned())?;
        let value = match super::text::unquote(value)? {
            (text, true) => Literal::Text(text),
            (text, false) if text.is_empty() => return Err("there is nothing behind the sign".to_owned()),
            (text, false) => Literal::Bare(text),
        };
        Ok(Self { path, operator, value: Some(value) })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.path.join("."), self.operator.as_str())?;
        match &self.value {
            None => Ok(()),
            Some(Literal::Text(text)) => formatter.write_str(&super::text::quoted(text)),
            Some(Literal::Bare(text)) => formatter.write_str(text),
        }
    }
}
