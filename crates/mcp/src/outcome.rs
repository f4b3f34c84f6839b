//! From answers and faults to the results of tools.

use rmcp::model::{CallToolResult, ContentBlock};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use stateset_inspect::{Disposition, Fault};

/// Most bytes of a result as JSON: what is longer helps no model.
const RESULT_BYTES: usize = 512 * 1024;
/// Most characters of a sentence in a refusal, which may repeat what was given.
const SENTENCE_CHARS: usize = 600;

/// What an agent does about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Next {
    /// The same call again, later.
    Retry,
    /// The same call again, with the same idempotency key and the same arguments. It is safe, and the only safe way.
    SameKey,
    /// A changed call under a new idempotency key.
    NewKey,
    /// The call without `apply` first; then again with the `plan_id` of that preview.
    Preview,
    /// Another call: this one fails again.
    Change,
    /// A person.
    Operator,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Failure {
    /// Stable, upper snake case.
    pub(crate) code: String,
    /// A sentence.
    pub(crate) message: String,
    /// What helps; empty if the message says it.
    pub(crate) fix: String,
    /// Whether the same call may succeed later.
    pub(crate) retryable: bool,
    /// What to do next.
    pub(crate) disposition: Next,
    /// Milliseconds to wait before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
}

impl Failure {
    pub(crate) fn new(code: &str, next: Next, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: cut(message.into()),
            fix: cut(fix.into()),
            retryable: matches!(next, Next::Retry | Next::SameKey),
            disposition: next,
            retry_after_ms: None,
        }
    }

    /// `INVALID_ARGUMENT`.
    pub(crate) fn argument(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new("INVALID_ARGUMENT", Next::Change, message, fix)
    }

    pub(crate) fn after(self, millis: u64) -> Self {
        Self { retry_after_ms: Some(millis), ..self }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let cause = std::error::Error::source(&fault).map(|cause| cause as &dyn std::error::Error);
        tracing::debug!(code = %fault.code, error = &fault as &dyn std::error::Error, cause, "a question was refused");
        let body = fault.body();
        let next = match body.disposition {
            Disposition::Retry => Next::Retry,
            Disposition::Change => Next::Change,
            Disposition::Operator => Next::Operator,
        };
        Self { retry_after_ms: body.retry_after_ms, ..Self::new(body.code, next, body.message, body.fix) }
    }
}

fn cut(mut sentence: String) -> String {
    if let Some((at, _)) = sentence.char_indices().nth(SENTENCE_CHARS) {
        sentence.truncate(at);
        sentence.push('…');
    }
    sentence
}

/// The structured result of a call that was refused.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Refusal {
    /// Always false.
    ok: bool,
    /// Why, and what to do.
    error: Failure,
}

/// The result of a call that was answered. `sentence` comes before the JSON, for whoever reads only the beginning.
pub(crate) fn answered<T: Serialize>(answer: &T, sentence: Option<&str>) -> CallToolResult {
    let text = serde_json::to_string(answer);
    let value = serde_json::to_value(answer);
    let (Ok(text), Ok(value)) = (text, value) else {
        return refused(Failure::new("INTERNAL", Next::Operator, "the answer cannot be written as JSON", ""));
    };
    if text.len() > RESULT_BYTES {
        let message = format!("the answer has {} bytes, more than the {RESULT_BYTES} of a result", text.len());
        let fix = "ask for fewer entries with limit, or with include_payload: false";
        return refused(Failure::new("RESULT_TOO_LARGE", Next::Change, message, fix));
    }
    let blocks = sentence.map(str::to_owned).into_iter().chain([text]);
    complete(blocks.map(ContentBlock::text).collect(), value, false)
}

/// The result of a call that was refused.
pub(crate) fn refused(error: Failure) -> CallToolResult {
    let sentence = match error.fix.as_str() {
        "" => format!("{}: {}", error.code, error.message),
        fix => format!("{}: {}. {fix}", error.code, error.message),
    };
    let refusal = Refusal { ok: false, error };
    let text = serde_json::to_string(&refusal).unwrap_or_default();
    let value = serde_json::to_value(&refusal).unwrap_or_default();
    complete([sentence, text].map(ContentBlock::text).into(), value, true)
}

fn complete(content: Vec<ContentBlock>, value: Value, is_error: bool) -> CallToolResult {
    let mut result = CallToolResult::default();
    result.content = content;
    result.structured_content = Some(value);
    result.is_error = Some(is_error);
    result
}
