//! Scenario packs: a story as data, one TOML file each. Reading one finds every mistake in it; running it is `runner`.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stateset_inspect::Fault;

/// Largest file of a pack.
const PACK_BYTES: u64 = 256 * 1024;

/// The packs that come with the program, in the order in which `all` runs them.
const BUILT_IN: [(&str, &str); 6] = [
    ("happy", include_str!("packs/happy.toml")),
    ("double-payment", include_str!("packs/double-payment.toml")),
    ("ship-before-pay", include_str!("packs/ship-before-pay.toml")),
    ("payment-mismatch", include_str!("packs/payment-mismatch.toml")),
    ("poison", include_str!("packs/poison.toml")),
    ("late-created", include_str!("packs/late-created.toml")),
];

/// A story.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pack {
    pub(super) name: String,
    /// One line.
    pub(super) about: String,
    #[serde(rename = "step", deserialize_with = "steps")]
    pub(super) steps: Vec<Step>,
}

impl Pack {
    /// Whether it reaches behind the HTTP API, which only a shop that the demo started allows.
    pub(super) fn needs_own_shop(&self) -> bool {
        self.steps.iter().any(|step| match &step.action {
            Action::Write(_) => true,
            // Where others order too, the next number may be theirs.
            Action::Call(call) => !call.next.is_empty(),
            Action::Mails(_) | Action::Quarantined(_) => false,
        })
    }
}

/// One step of it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// For people: what happens, or what must be so.
    pub(super) say: String,
    pub(super) action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Calls the shop.
    Call(Box<CallStep>),
    /// Waits until the order's mails are these, by event type: one each.
    Mails(Vec<String>),
    /// Waits until these events of the order are in quarantine, and no others.
    Quarantined(Vec<Quarantine>),
    /// Writes an event into a service's outbox, past its rules: as a program with a mistake would.
    Write(Box<WriteStep>),
}

/// A call and what must come of it.
#[derive(Clone, Debug)]
pub(super) struct CallStep {
    pub(super) method: Method,
    pub(super) path: String,
    /// Of idempotency; the same name in a run is the same key.
    pub(super) key: Option<String>,
    pub(super) body: Option<Value>,
    pub(super) status: u16,
    /// Members that the answer must have.
    pub(super) expect: Value,
    /// Ask again until it is so.
    pub(super) poll: bool,
    /// Variables from paths of the answer.
    pub(super) save: BTreeMap<String, String>,
    /// Variables that are one more than another: the number that will come next.
    pub(super) next: BTreeMap<String, String>,
    /// Under which name the answer's bytes are kept.
    pub(super) keep: Option<String>,
    /// Whose bytes must come again.
    pub(super) same_as: Option<String>,
}

/// An event that a service will not take.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quarantine {
    /// Whose consumer.
    pub(super) service: String,
    pub(super) event_type: String,
    /// Of which order; a scenario means its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<String>,
    /// A part of the reason.
    pub(super) reason: String,
}

/// An event that is written past a service's rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteStep {
    /// Whose outbox.
    pub(super) service: String,
    pub(super) event_type: String,
    pub(super) order: Value,
    pub(super) data: Value,
}

/// A step as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    say: String,
    call: Option<String>,
    key: Option<String>,
    body: Option<Value>,
    status: Option<u16>,
    expect: Option<Value>,
    #[serde(default)]
    poll: bool,
    #[serde(default)]
    save: BTreeMap<String, String>,
    #[serde(default)]
    next: BTreeMap<String, String>,
    keep: Option<String>,
    same_as: Option<String>,
    mails: Option<Vec<String>>,
    quarantined: Option<Vec<Quarantine>>,
    write: Option<WriteStep>,
}

fn steps<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Step>, D::Error> {
    let written = Vec::<Written>::deserialize(from)?;
    if written.is_empty() {
        return Err(serde::de::Error::custom("a pack has steps"));
    }
    written.into_iter().map(|one| one.step().map_err(serde::de::Error::custom)).collect()
}

impl Written {
    fn step(self) -> Result<Step, String> {
        let only_for_calls = self.key.is_some()
            || self.body.is_some()
            || self.status.is_some()
            || self.poll
            || self.keep.is_some()
            || self.same_as.is_some()
            || self.expect.is_some()
            || !(self.save.is_empty() && self.next.is_empty());
        let action = match (self.call, self.mails, self.quarantined, self.write) {
            (Some(call), None, None, None) => {
                let (method, path) = call.split_once(' ').unwrap_or(("", ""));
                let method = match method {
                    "GET" => Method::GET,
                    "POST" => Method::POST,
                    _ => return Err(format!("{call:?} is no call; such as \"GET /orders/{{order}}\"")),
                };
                if self.poll && method != Method::GET {
                    return Err(format!("{call:?} cannot be polled: only reading may be repeated without an end"));
                }
                Action::Call(Box::new(CallStep {
                    path: path.to_owned(),
                    key: self.key,
                    body: self.body,
                    status: self.status.unwrap_or(if method == Method::GET { 200 } else { 201 }),
                    method,
                    expect: self.expect.unwrap_or_else(|| Value::String("*".to_owned())),
                    poll: self.poll,
                    save: self.save,
                    next: self.next,
                    keep: self.keep,
                    same_as: self.same_as,
                }))
            },
            (None, Some(mails), None, None) if !only_for_calls => Action::Mails(mails),
            (None, None, Some(quarantined), None) if !only_for_calls => Action::Quarantined(quarantined),
            (None, None, None, Some(write)) if !only_for_calls => Action::Write(Box::new(write)),
            _ => {
                return Err(format!(
                    "the step {:?} has one of call, mails, quarantined and write; expect, poll and the like only with call",
                    self.say
                ));
            },
        };
        Ok(Step { say: self.say, action })
    }
}

/// Every pack of the program.
pub(super) fn built_in() -> Result<Vec<Pack>, Fault> {
    BUILT_IN.iter().map(|(name, text)| read(name, text)).collect()
}

/// `all`, a pack of the program, or a file with one.
pub(super) fn named(name: &str) -> Result<Vec<Pack>, Fault> {
    if name == "all" {
        return built_in();
    }
    if let Some((name, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return Ok(vec![read(name, text)?]);
    }
    let is_file = Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    if is_file {
        let unreadable = |error| Fault::usage(format!("{name} cannot be read"), "give a file of TOML").because(error);
        if std::fs::metadata(name).map_err(unreadable)?.len() > PACK_BYTES {
            return Err(Fault::usage(format!("{name} is too large for a scenario"), ""));
        }
        return Ok(vec![read(name, &std::fs::read_to_string(name).map_err(unreadable)?)?]);
    }
    let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
    Err(Fault::usage(
        format!("there is no scenario {name:.80}"),
        format!("all, {}, or a file of yours that ends in .toml", known.join(", ")),
    ))
}

fn read(name: &str, text: &str) -> Result<Pack, Fault> {
    toml::from_str(text).map_err(|error| {
        Fault::usage(
            format!("the scenario {name} is wrong: {}", error.message()),
            "docs/guide/demo.md describes the members",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_can_be_read_under_its_name() {
        let packs = built_in().unwrap();
        for ((name, _), pack) in BUILT_IN.iter().zip(&packs) {
            assert_eq!(*name, pack.name);
            assert!(pack.steps.len() > 2, "{name}");
        }
        assert_eq!(named("poison").unwrap()[0].name, "poison");
        assert!(named("poisoned").is_err());
        assert!(named("/nowhere/poison.toml").is_err());
    }

    #[test]
    fn mistakes_are_found_before_anything_runs() {
        let with = |step: &str| read("x", &format!("name = \"x\"\nabout = \"y\"\n[[step]]\nsay = \"z\"\n{step}"));
        with("call = \"GET /orders/1\"\npoll = true").unwrap();
        for wrong in [
            "",
            "call = \"DELETE /orders/1\"",
            "call = \"POST /orders/1/cancel\"\npoll = true",
            "mails = []\nstatus = 200",
            "mails = []\nquarantined = []",
            "cal = \"GET /orders/1\"",
            "quarantined = [{ service = \"order\" }]",
        ] {
            with(wrong).expect_err(wrong);
        }
        read("x", "name = \"x\"\nabout = \"y\"").expect_err("no steps");
    }
}
