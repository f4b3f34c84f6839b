//! Old payloads read as new ones. What is stored, or signed, stays as it was.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

type Step = Arc<dyn Fn(Value) -> Result<Value, String> + Send + Sync>;

/// One function per type and version, each from its version to the next one.
///
/// ```
/// use serde_json::json;
/// use stateset_outbox::consumer::Upcasts;
///
/// let upcasts = Upcasts::new().add("order.created", 1, |mut data| {
///     data["currency"] = json!("USD");
///     Ok(data)
/// });
/// let (version, payload) = upcasts.read("order.created", 1, r#"{"amount_cents":5}"#).unwrap();
/// assert_eq!((version, &*payload), (2, r#"{"amount_cents":5,"currency":"USD"}"#));
/// // A version that nobody knows yet comes through as it is, and so does every other type.
/// assert_eq!(upcasts.read("order.created", 7, "{}").unwrap().0, 7);
/// ```
#[derive(Clone, Default)]
pub struct Upcasts(BTreeMap<(String, i32), Step>);

/// A payload that a step could not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event_type} of version {version} could not be read as version {}: {why}", version + 1)]
pub struct UpcastError {
    /// Type of the event.
    pub event_type: String,
    /// The version at which it failed.
    pub version: i32,
    /// What is wrong, in the step's words.
    pub why: String,
}

impl Upcasts {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads payloads of `from` as ones of the next version. Must be pure: it runs at every reading.
    #[must_use]
    pub fn add(
        mut self,
        event_type: impl Into<String>,
        from: i32,
        step: impl Fn(Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert((event_type.into(), from), Arc::new(step));
        self
    }

    /// The newest version that steps lead to, and the payload in it.
    pub fn read<'a>(
        &self,
        event_type: &str,
        version: i32,
        payload: &'a str,
    ) -> Result<(i32, Cow<'a, str>), UpcastError> {
        let mut at = version;
        let mut value: Option<Value> = None;
        // Each turn goes to the next version, so there are at most as many as steps.
        while let Some(step) = self.0.get(&(event_type.to_owned(), at)) {
            let failed = |why: String| UpcastError { event_type: event_type.to_owned(), version: at, why };
            let before = match value.take() {
                Some(value) => value,
                None => serde_json::from_str(payload).map_err(|fault| failed(format!("it is no JSON: {fault}")))?,
            };
            value = Some(step(before).map_err(failed)?);
            at += 1;
        }
        Ok((at, value.map_or(Cow::Borrowed(payload), |value| Cow::Owned(value.to_string()))))
    }
}

impl std::fmt::Debug for Upcasts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
