//! Mail of the file: a letter per event, with what the event says filled in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use stateset_inspect::Fault;
use stateset_relay::record::Record;
use stateset_relay::sink::Sink;
use stateset_relay::sink::mail::{Letter, Mail, MailSecurity, MailSettings};

use super::Of;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailDestination {
    pub(super) host: String,
    pub(super) port: u16,
    #[serde(default)]
    security: Security,
    user: Option<String>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    from: String,
    /// Address, or a path of the payload such as {data.email}.
    to: String,
    subject: String,
    text: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Security {
    #[default]
    Tls,
    StartTls,
    None,
}

impl MailDestination {
    pub(super) fn sink(&self, of: Of<'_>) -> Result<Arc<dyn Sink>, Fault> {
        let password = of.secret("password", self.password_env.as_ref(), self.password_file.as_deref())?;
        let credentials = match (&self.user, password) {
            (Some(user), Some(password)) => Some((user.clone(), password)),
            (None, None) => None,
            (Some(_), None) => return Err(of.fault("user has no password", "add password_env or password_file")),
            (None, Some(_)) => return Err(of.fault("a password is given without its user", "add user")),
        };
        let settings = MailSettings {
            host: self.host.clone(),
            port: self.port,
            security: match self.security {
                Security::Tls => MailSecurity::Tls,
                Security::StartTls => MailSecurity::StartTls,
                Security::None => MailSecurity::None,
            },
            credentials,
            from: self.from.clone(),
            timeout: Duration::from_secs(30),
            connections: 4,
        };
        let (to, subject, text) = (self.to.clone(), self.subject.clone(), self.text.clone());
        let compose = move |record: &Record| {
            Ok(Some(Letter {
                to: filled(&to, record)?,
                subject: filled(&subject, record)?.replace(['\r', '\n'], " "),
                text: filled(&text, record)?,
            }))
        };
        Ok(Arc::new(Mail::new(&settings, compose).map_err(|error| of.wrong(error))?))
    }
}

/// Text in which `{event_type}`, `{entity_id}` and paths of the payload such as `{data.email}` are filled in.
fn filled(template: &str, record: &Record) -> Result<String, String> {
    let event = &record.event;
    let payload: serde_json::Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) =
            behind.split_once('}').ok_or_else(|| format!("{template:?} has a brace without its pair"))?;
        match name {
            "event_id" => text.push_str(&stateset_outbox::EventId(event.event_id).display()),
            "event_type" => text.push_str(&event.event_type),
            "entity_type" => text.push_str(&event.entity_type),
            "entity_id" => text.push_str(&event.entity_id),
            "order_key" => text.push_str(event.order_key.as_deref().unwrap_or_default()),
            "created_at" => text.push_str(&event.created_at),
            path => {
                let path = path.strip_prefix("data.").unwrap_or(path);
                let found = path.split('.').try_fold(&payload, |at, step| at.get(step));
                match found.ok_or_else(|| format!("the payload has no {path}"))? {
                    serde_json::Value::String(word) => text.push_str(word),
                    other => text.push_str(&other.to_string()),
                }
            },
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}
