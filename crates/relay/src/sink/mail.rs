//! Mail over SMTP, one message per event. The message id follows from the event id, so a mail server or a reader that
//! sees the event twice can tell.

use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::by_lane::publish_by_lane;
use super::{Batch, Outcome, Publishing, Sink, Why};
use crate::record::Record;
use crate::secret::Secret;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte, usually port 465.
    Tls,
    /// `STARTTLS`, required, usually port 587.
    StartTls,
    /// None: for a server on the same machine. Passwords would be readable, so there are none except to the machine itself.
    None,
}

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Name of the SMTP server, as in its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// User and password, if the server asks for them.
    pub credentials: Option<(String, Secret)>,
    /// The sender; its domain also completes the message ids.
    pub from: String,
    /// For one step of the conversation.
    pub timeout: Duration,
    /// Connections at a time.
    pub connections: u32,
}

/// What one event becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Address of the recipient.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Settings that no mail can be sent with.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender.
    #[error("the sender is no mail address")]
    From(#[source] lettre::address::AddressError),
    /// TLS could not be set up.
    #[error("TLS to the mail server could not be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// A password in the clear.
    #[error("credentials need TLS or STARTTLS: without it the password could be read on the way")]
    PasswordInTheClear,
}

/// Turns an event into a letter, or into nothing if it calls for none.
type Compose = dyn Fn(&Record) -> Result<Option<Letter>, String> + Send + Sync;

/// An SMTP server as a destination.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    lanes: usize,
    timeout: Duration,
    compose: Arc<Compose>,
}

impl Mail {
    /// Sends what `compose` makes of each event; an `Err` of it is a dead letter.
    pub fn new<F>(settings: &MailSettings, compose: F) -> Result<Self, MailError>
    where
        F: Fn(&Record) -> Result<Option<Letter>, String> + Send + Sync + 'static,
    {
        let from: Mailbox = settings.from.parse().map_err(MailError::From)?;
        if settings.credentials.is_some() && settings.security == MailSecurity::None && !is_loopback(&settings.host) {
            return Err(MailError::PasswordInTheClear);
        }
        let tls = match settings.security {
            MailSecurity::None => Tls::None,
            MailSecurity::StartTls => Tls::Required(parameters(&settings.host)?),
            MailSecurity::Tls => Tls::Wrapper(parameters(&settings.host)?),
        };
        let pool = lettre::transport::smtp::PoolConfig::new().max_size(settings.connections.max(1));
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.host.clone())
            .port(settings.port)
            .timeout(Some(settings.timeout))
            .tls(tls)
            .pool_config(pool);
        if let Some((user, password)) = &settings.credentials {
            transport = transport.credentials(Credentials::new(user.clone(), password.reveal_text().to_owned()));
        }
        Ok(Self {
            transport: transport.build(),
            from,
            lanes: usize::try_from(settings.connections.max(1)).unwrap_or(1),
            timeout: settings.timeout,
            compose: Arc::new(compose),
        })
    }

    async fn send(&self, record: &Record) -> Outcome {
        let letter = match (self.compose)(record) {
            Ok(Some(letter)) => letter,
            Ok(None) => return Outcome::Accepted(None),
            Err(fault) => return Outcome::Refused(Why::new("compose", fault)),
        };
        let message = match self.message(record, &letter) {
            Ok(message) => message,
            Err(why) => return Outcome::Refused(why),
        };
        match self.transport.send(message).await {
            Ok(_) => Outcome::Accepted(None),
            Err(error) => failure(&error),
        }
    }

    fn message(&self, record: &Record, letter: &Letter) -> Result<Message, Why> {
        // The address itself stays out of the explanation: it is a person's.
        let to: Mailbox =
            letter.to.parse().map_err(|fault| Why::new("recipient", format!("not a mail address: {fault}")))?;
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&letter.subject)
            .message_id(Some(format!("<{}@{}>", record.event.event_id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|fault| Why::new("compose", fault.to_string()))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn parameters(host: &str) -> Result<TlsParameters, MailError> {
    TlsParameters::new(host.to_owned()).map_err(MailError::Tls)
}

/// 4xx is about this time, 5xx about this mail, except where the code speaks of the server or of our credentials.
fn failure(error: &lettre::transport::smtp::Error) -> Outcome {
    let Some(code) = error.status().map(u16::from) else {
        let class = if error.is_timeout() { "timeout" } else { "connect" };
        return Outcome::Unavailable(Why::new(class, chain(error)));
    };
    let why = Why::new(format!("smtp_{code}"), chain(error));
    match code {
        // Service not available; authentication required, refused or too weak.
        421 | 454 | 530 | 534 | 535 | 538 => Outcome::Unavailable(why),
        500..600 => Outcome::Refused(why),
        _ => Outcome::Retry { after: None, why },
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl Sink for Mail {
    fn publish<'a>(&'a self, batch: Batch<'a>) -> Publishing<'a> {
        Box::pin(publish_by_lane(batch, self.lanes, |record| self.send(record)))
    }

    fn batch_limit(&self) -> usize {
        100
    }

    fn call_limit(&self) -> Duration {
        self.timeout * 6
    }
}
