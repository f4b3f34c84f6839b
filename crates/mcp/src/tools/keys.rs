//! Idempotency keys.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stateset_inspect::answer::KeyAnswer;
use stateset_inspect::{Intent, parse_duration};

use crate::gate::{Decision, Reach};
use crate::outcome::Failure;
use crate::tool::{Call, Effect, Tool};

/// Longest key and operation in characters, as of the outbox.
const CHARS: usize = 255;
/// Longest time to live: a year.
const LONGEST_MICROS: i64 = 366 * 86_400 * 1_000_000;

fn check(name: &str, text: &str) -> Result<(), Failure> {
    let fits = (1..=CHARS).contains(&text.chars().count()) && !text.contains(char::is_control);
    let message = || format!("{name} has 1 to {CHARS} printable characters, such as create_order_ORD-123");
    if fits { Ok(()) } else { Err(Failure::argument(message(), "")) }
}

impl Call {
    /// What is known of a key of one operation.
    pub(crate) async fn key(&self, key: &str, operation: &str) -> Result<KeyAnswer, Failure> {
        let found = self.desk.inspect.keys(key, Some(operation)).await?.keys.into_iter().next();
        found.ok_or_else(|| Failure::argument("the source did not answer for this key", ""))
    }
}

/// `get_idempotency_key`.
pub(crate) struct GetIdempotencyKey;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GetArguments {
    /// Such as `create_order_ORD-123`
    key: String,
    /// Whose key, such as `create_order`; without it, of every operation it was used with
    #[serde(default)]
    operation: Option<String>,
}

/// What is known of a key.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyFound {
    #[serde(flatten)]
    first: KeyAnswer,
    /// The same key with other operations, which are other keys
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<KeyAnswer>,
}

impl Tool for GetIdempotencyKey {
    const NAME: &'static str = "get_idempotency_key";
    const TITLE: &'static str = "Get an idempotency key";
    const ABOUT: &'static str = "What became of a command under an idempotency key: not_found, active (reserved), in_progress, \
        completed or failed (with the stored result and its events), uncertain, expired. Ask this after a lost reply: \
        disposition says what to do next: new_request, same_key (send the same command again under the same key), \
        use_result, or operator.";
    const EFFECT: Effect = Effect::Read;
    type Arguments = GetArguments;
    type Output = KeyFound;

    async fn call(call: Call, arguments: GetArguments) -> Result<KeyFound, Failure> {
        check("key", &arguments.key)?;
        if let Some(operation) = &arguments.operation {
            check("operation", operation)?;
        }
        let list = call.desk.inspect.keys(&arguments.key, arguments.operation.as_deref()).await?;
        let mut keys = list.keys.into_iter();
        let first = keys.next().ok_or_else(|| Failure::argument("the source did not answer for this key", ""))?;
        Ok(KeyFound { first, others: keys.collect() })
    }
}

/// `create_idempotency_key`.
pub(crate) struct CreateIdempotencyKey;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct CreateArguments {
    /// 1 to 255 printable characters, such as `create_order_ORD-123`
    key: String,
    /// Whose key, such as `create_order`
    operation: String,
    /// How long it stays reserved: `30m`, `24h`, `7d`
    #[serde(default = "a_day")]
    ttl: String,
    /// Refuse a key that exists with `EVENT_DUPLICATE_KEY`; otherwise it comes back as it is
    #[serde(default)]
    must_be_new: bool,
    /// Do it; otherwise it is only said what would be done
    #[serde(default)]
    #[expect(dead_code, reason = "read by the gate; here for the published schema")]
    apply: bool,
}

fn a_day() -> String {
    "24h".to_owned()
}

/// A key that was, or would be, reserved.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyCreated {
    /// Whether anything was changed
    applied: bool,
    /// Whether the key is new; false: it existed, and is as it was
    created: bool,
    /// What was, or would be, done. A preview begins with NOT EXECUTED
    message: String,
    /// Names this preview
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_id: Option<String>,
    #[serde(flatten)]
    key: KeyAnswer,
}

impl Tool for CreateIdempotencyKey {
    const NAME: &'static str = "create_idempotency_key";
    const TITLE: &'static str = "Create an idempotency key";
    const ABOUT: &'static str = "Reserves an idempotency key for a command to come. A key that exists comes back as it is, \
        with created: false and its original result: that is no error. Without apply: true, and on a server without \
        --apply, nothing is changed and applied is false.";
    const EFFECT: Effect = Effect::Once;
    type Arguments = CreateArguments;
    type Output = KeyCreated;

    async fn call(call: Call, arguments: CreateArguments) -> Result<KeyCreated, Failure> {
        let CreateArguments { key, operation, ttl, must_be_new, .. } = arguments;
        check("key", &key)?;
        check("operation", &operation)?;
        let decision = call.decision(Reach::One)?;
        let micros = parse_duration(&ttl).filter(|micros| (1..=LONGEST_MICROS).contains(micros));
        let micros = micros.and_then(|micros| u64::try_from(micros).ok());
        let ttl = micros.map(Duration::from_micros);
        let ttl = ttl.ok_or_else(|| Failure::argument("ttl is a time up to a year, such as 30m, 24h or 7d", ""))?;
        let intent = Intent::CreateKey { key: key.clone(), operation: operation.clone(), ttl };
        let change = call.desk.inspect.change(&intent, &decision.apply(&call.actor)).await?;
        let created = change.result.get("created").and_then(serde_json::Value::as_bool).unwrap_or_default();
        let now = call.key(&key, &operation).await?;
        let free = matches!(now.status.as_str(), "not_found" | "expired");
        if must_be_new && !created && !free {
            let message = format!("the key {key:?} of {operation:?} exists and is {}", now.status);
            let fix = "get_idempotency_key has its result; another command needs another key";
            return Err(Failure::new("EVENT_DUPLICATE_KEY", crate::outcome::Next::NewKey, message, fix));
        }
        let (message, plan_id) = match decision {
            Decision::Preview(because) => {
                let previewed = call.previewed(&change.message, None, because, Reach::One)?;
                (previewed.message, previewed.plan_id)
            },
            Decision::Execute(_) => (change.message, None),
        };
        Ok(KeyCreated { applied: change.applied, created, message, plan_id, key: now })
    }

    fn sentence(answer: &KeyCreated) -> Option<&str> {
        Some(&answer.message)
    }
}
