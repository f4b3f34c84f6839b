//! Runs a pack against a shop: step after step, each answer shown and compared. The first step that is other than expected
//! ends its pack, for the steps behind it build on it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use stateset_inspect::Fault;
use tokio::time::{Instant, sleep};

use super::expect::{Difference, at, differences, same_members};
use super::http::{Answer, Call};
use super::mailbox::letters;
use super::pack::{Action, CallStep, Pack, Quarantine, Step, WriteStep};
use super::report::{ScenarioReport, StepReport, Telling};
use super::shop::Shop;
use crate::exit::Stop;

/// Between two looks at something that is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a pack has found out so far.
pub(super) struct Runner<'a> {
    shop: &'a Shop,
    telling: Telling,
    /// How long to wait for what comes by itself.
    within: Duration,
    variables: BTreeMap<String, Value>,
    /// Bytes of answers, by name.
    kept: BTreeMap<String, Vec<u8>>,
}

/// What a pack left behind, for a last look when everything is quiet.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) order: Value,
    pub(super) mails: Vec<String>,
}

/// What one look found.
struct Look {
    call: Option<String>,
    status: Option<u16>,
    answer: Value,
    differences: Vec<Difference>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(shop: &'a Shop, telling: Telling, within: Duration) -> Self {
        Self { shop, telling, within, variables: BTreeMap::new(), kept: BTreeMap::new() }
    }

    /// Runs the pack.
    pub(super) async fn run(&mut self, pack: &Pack) -> Result<(ScenarioReport, Option<Left>), Stop> {
        let run = self.shop.run();
        self.variables = BTreeMap::from([
            ("run".to_owned(), json!(run)),
            ("email".to_owned(), json!(format!("{}-{run}@example.com", pack.name))),
        ]);
        self.kept.clear();
        self.telling.line(&format!("\n{}: {}", pack.name, pack.about))?;
        let mut report = ScenarioReport { name: pack.name.clone(), ok: true, left_out: None, steps: Vec::new() };
        let mut mails = None;
        for (number, step) in (1..).zip(&pack.steps) {
            let started = Instant::now();
            let look = self.step(pack, step).await?;
            let step_report = StepReport {
                say: step.say.clone(),
                call: look.call,
                status: look.status,
                answer: look.answer,
                took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                differences: look.differences,
            };
            self.telling.step(number, &step_report)?;
            report.ok = step_report.differences.is_empty();
            report.steps.push(step_report);
            if !report.ok {
                for line in self.shop.what_to_look_at(self.variables.get("order")) {
                    self.telling.line(&format!("     look at: {line}"))?;
                }
                break;
            }
            if let Action::Mails(types) = &step.action {
                mails = Some(types.clone());
            }
        }
        let left = self.variables.get("order").zip(mails);
        Ok((report, left.map(|(order, mails)| Left { order: order.clone(), mails })))
    }

    async fn step(&mut self, pack: &Pack, step: &Step) -> Result<Look, Stop> {
        match &step.action {
            Action::Call(call) => self.call(pack, call).await,
            Action::Mails(types) => {
                let order = self.order()?;
                let shop = self.shop;
                self.until(async || mails(shop, &order, types).await).await
            },
            Action::Quarantined(entries) => {
                let order = self.order()?;
                let shop = self.shop;
                self.until(async || quarantined(shop, &order, entries).await).await
            },
            Action::Write(write) => self.write(write).await,
        }
    }

    /// Looks until nothing differs, or the time is up; the last look counts.
    async fn until(&self, look: impl AsyncFn() -> Result<Look, Stop>) -> Result<Look, Stop> {
        let deadline = Instant::now() + self.within;
        loop {
            let found = look().await?;
            if found.differences.is_empty() || Instant::now() >= deadline {
                return Ok(found);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn call(&mut self, pack: &Pack, step: &CallStep) -> Result<Look, Stop> {
        let path = self.text(&step.path)?;
        let key = step.key.as_ref().map(|key| format!("{}-{}-{key}", self.shop.run(), pack.name));
        let body = step.body.as_ref().map(|body| self.filled(body)).transpose()?;
        let expect = self.filled(&step.expect)?;
        let call = Call { method: step.method.clone(), path, key, body };
        let (answer, found) = if step.poll {
            self.poll(&call, step.status, &expect).await
        } else {
            let answer = self.answered(&call).await;
            let found = compared(answer.as_ref(), step.status, &expect);
            (answer, found)
        };
        let mut look = look(&call, answer.as_ref(), found);
        let Some(answer) = answer else { return Ok(look) };
        if let Some(first) = step.same_as.as_ref().and_then(|name| self.kept.get(name))
            && *first != answer.bytes
        {
            let first = String::from_utf8_lossy(first).into_owned();
            look.differences.push(Difference::new("the bytes of the answer", first, answer.text()));
        }
        if let Some(name) = &step.keep {
            self.kept.insert(name.clone(), answer.bytes.clone());
        }
        for (name, path) in &step.save {
            match at(&answer.value, path) {
                Some(value) => drop(self.variables.insert(name.clone(), value.clone())),
                None if look.differences.is_empty() => {
                    look.differences.push(Difference::new(path.clone(), "a value", "nothing"));
                },
                None => {},
            }
        }
        for (name, of) in &step.next {
            let number = self.variable(of)?.as_i64().and_then(|number| number.checked_add(1));
            let number = number.ok_or_else(|| Fault::usage(format!("{{{of}}} is no number"), "see the step's next"))?;
            self.variables.insert(name.clone(), json!(number));
        }
        Ok(look)
    }

    async fn poll(&self, call: &Call, status: u16, expect: &Value) -> (Option<Answer>, Vec<Difference>) {
        let deadline = Instant::now() + self.within;
        loop {
            let answer = self.answered(call).await;
            let found = compared(answer.as_ref(), status, expect);
            if found.is_empty() || Instant::now() >= deadline {
                return (answer, found);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn answered(&self, call: &Call) -> Option<Answer> {
        self.shop.client().call_until_answered(call, self.within).await
    }

    async fn write(&self, step: &WriteStep) -> Result<Look, Stop> {
        let (order, data) = (self.filled(&step.order)?, self.filled(&step.data)?);
        let event = self.shop.inside()?.write(&step.service, &step.event_type, &plain(&order), &data).await?;
        Ok(Look {
            call: Some(format!("{} into the outbox of {}", step.event_type, step.service)),
            status: None,
            answer: json!({ "event_id": event, "order_id": order, "data": data }),
            differences: Vec::new(),
        })
    }

    fn order(&self) -> Result<Value, Fault> {
        self.variable("order").cloned()
    }

    fn variable(&self, name: &str) -> Result<&Value, Fault> {
        self.variables.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.variables.keys().map(String::as_str).collect();
            Fault::usage(format!("the scenario has no {{{name}}} yet"), format!("there are: {}", known.join(", ")))
        })
    }

    /// A value with its variables filled in. A text that is one variable and nothing else becomes the variable's value.
    fn filled(&self, value: &Value) -> Result<Value, Fault> {
        Ok(match value {
            Value::String(text) => match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if is_name(name) => self.variable(name)?.clone(),
                _ => Value::String(self.text(text)?),
            },
            Value::Array(items) => Value::Array(items.iter().map(|item| self.filled(item)).collect::<Result<_, _>>()?),
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| Ok((name.clone(), self.filled(value)?)));
                Value::Object(members.collect::<Result<_, Fault>>()?)
            },
            other => other.clone(),
        })
    }

    fn text(&self, text: &str) -> Result<String, Fault> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            filled.push_str(before);
            match behind.split_once('}') {
                Some((name, behind)) if is_name(name) => {
                    filled.push_str(&plain(self.variable(name)?));
                    rest = behind;
                },
                _ => {
                    filled.push('{');
                    rest = behind;
                },
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// A value as it stands in a path.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn compared(answer: Option<&Answer>, status: u16, expect: &Value) -> Vec<Difference> {
    let Some(answer) = answer else {
        return vec![Difference::new("the answer", format!("status {status}"), "none came")];
    };
    let mut found = Vec::new();
    if answer.status != status {
        found.push(Difference::new("the status", status.to_string(), answer.status.to_string()));
    }
    found.extend(differences(expect, &answer.value));
    found
}

fn look(call: &Call, answer: Option<&Answer>, differences: Vec<Difference>) -> Look {
    let tries = answer.map_or(0, |answer| answer.tries);
    let again = if tries > 1 { format!(", answered at try {tries}") } else { String::new() };
    let body = answer.map_or(Value::Null, |answer| match &answer.value {
        Value::Null => Value::String(answer.text()),
        value => value.clone(),
    });
    Look {
        call: Some(format!("{} {}{again}", call.method, call.path)),
        status: answer.map(|answer| answer.status),
        answer: body,
        differences,
    }
}

/// The mails of an order: what the shop says it sent, and what arrived, one for each event.
pub(super) async fn mails_of(shop: &Shop, order: &Value, types: &[String]) -> Result<(Value, Vec<Difference>), Stop> {
    let call = Call::get(format!("/mails?order_id={}", plain(order)));
    let Some(answer) = shop.client().call_until_answered(&call, Duration::from_secs(10)).await else {
        return Ok((Value::Null, vec![Difference::new("the mails", "an answer", "none came")]));
    };
    let sent: Vec<&Value> = answer.value.as_array().map(|all| all.iter().collect()).unwrap_or_default();
    let text = |mail: &Value, name: &str| mail[name].as_str().unwrap_or_default().to_owned();
    let found: Vec<String> = sent.iter().map(|mail| text(mail, "type")).collect();
    let mut wrong = same_members("the mails that the shop sent, by event", types, &found);
    let arrived = letters(shop.http(), shop.mailbox()).await?;
    let mut shown = Vec::new();
    for mail in &sent {
        let event = text(mail, "event_id");
        let copies: Vec<_> = arrived.iter().filter(|letter| letter.event() == event).collect();
        if copies.len() != 1 {
            let what = format!("copies of the mail about {} in the mailbox", text(mail, "type"));
            wrong.push(Difference::new(what, "1", copies.len().to_string()));
        }
        shown
            .extend(copies.iter().map(|letter| json!({ "to": letter.to, "subject": letter.subject, "at": letter.at })));
    }
    Ok((Value::Array(shown), wrong))
}

async fn mails(shop: &Shop, order: &Value, types: &[String]) -> Result<Look, Stop> {
    let (answer, differences) = mails_of(shop, order, types).await?;
    Ok(Look { call: Some(format!("GET {}api/v2/messages", shop.mailbox())), status: None, answer, differences })
}

async fn quarantined(shop: &Shop, order: &Value, expected: &[Quarantine]) -> Result<Look, Stop> {
    let path = format!("/quarantine?order_id={}", plain(order));
    let (mut found, mut differences) = (Vec::new(), Vec::new());
    for answer in shop.client().everywhere(&path, Duration::from_secs(10)).await {
        match answer.as_ref().and_then(|answer| answer.value.as_array()) {
            Some(entries) => found.extend(entries.iter().map(entry)),
            None => differences.push(Difference::new("the quarantine of a service", "a list", "none came")),
        }
    }
    let fits = |want: &Quarantine, one: &Quarantine| {
        want.service == one.service && want.event_type == one.event_type && one.reason.contains(&want.reason)
    };
    let line = |one: &Quarantine| format!("{}: {} ({})", one.service, one.event_type, one.reason);
    for want in expected.iter().filter(|want| !found.iter().any(|one| fits(want, one))) {
        differences.push(Difference::new("in quarantine", line(want), "nothing of the kind"));
    }
    for one in found.iter().filter(|one| !expected.iter().any(|want| fits(want, one))) {
        differences.push(Difference::new("in quarantine", "nothing more", line(one)));
    }
    Ok(Look { call: Some(format!("GET {path}")), status: None, answer: json!(found), differences })
}

fn entry(shown: &Value) -> Quarantine {
    let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    let order = shown["order_id"].as_str().map(str::to_owned);
    Quarantine { service: text("service"), event_type: text("type"), order, reason: text("reason") }
}
