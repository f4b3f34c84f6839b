//! A webhook of the file.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use stateset_inspect::Fault;
use stateset_relay::clock::SystemClock;
use stateset_relay::sink::Sink;
use stateset_relay::sink::webhook::{Secrets, Webhook, WebhookSettings};
use url::Url;

use super::{Of, address};
use crate::settings::secret_variable;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookDestination {
    #[serde(deserialize_with = "address")]
    pub(super) url: Url,
    secret_env: String,
    previous_secret_env: Option<String>,
    #[serde(default)]
    allow_private: bool,
    timeout_s: Option<u64>,
}

impl WebhookDestination {
    pub(super) fn sink(&self, of: Of<'_>) -> Result<Arc<dyn Sink>, Fault> {
        let mut secrets = Secrets::new(&secret_variable(&self.secret_env)?).map_err(|error| of.wrong(error))?;
        if let Some(name) = &self.previous_secret_env {
            secrets = secrets.and_previous(&secret_variable(name)?).map_err(|error| of.wrong(error))?;
        }
        let mut settings = WebhookSettings::new(self.url.clone(), secrets);
        settings.allow_private = self.allow_private;
        settings.timeout = self.timeout_s.map_or(settings.timeout, Duration::from_secs);
        Ok(Arc::new(Webhook::new(settings, Arc::new(SystemClock)).map_err(|error| of.wrong(error))?))
    }
}
