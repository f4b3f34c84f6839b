use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stateset_relay::record::Record;
use stateset_relay::sink::Sink;
use stateset_relay::sink::mail::{Letter, Mail, MailSecurity, MailSettings};
use stateset_testkit::smtp::SmtpServer;
use uuid::Uuid;

use super::{Peer, event};

pub(crate) struct MailPeer {
    pub(crate) server: Option<SmtpServer>,
    address: SocketAddr,
    /// Of servers before the present one.
    earlier: Vec<Uuid>,
}

fn ids(server: &SmtpServer) -> Vec<Uuid> {
    server.received().iter().map(|mail| id_of(&mail.data)).collect()
}

pub(crate) fn id_of(data: &str) -> Uuid {
    let line = data.lines().find_map(|line| line.strip_prefix("Message-ID: <")).unwrap();
    line.split_once('@').unwrap().0.parse().unwrap()
}

pub(crate) fn compose(record: &Record) -> Result<Option<Letter>, String> {
    let to = record.user_email().ok_or("the event has no recipient")?;
    let subject = format!("Your order {}", record.event.entity_id);
    Ok(Some(Letter { to, subject, text: ".a line that begins with a dot".to_owned() }))
}

impl MailPeer {
    pub(crate) fn settings(&self) -> MailSettings {
        MailSettings {
            host: "127.0.0.1".to_owned(),
            port: self.address.port(),
            security: MailSecurity::None,
            credentials: None,
            from: "Shop <shop@example.com>".to_owned(),
            timeout: Duration::from_secs(5),
            connections: 3,
        }
    }
}

impl Peer for MailPeer {
    async fn start() -> Self {
        let server = SmtpServer::start().await.unwrap();
        server.script("RCPT TO:<POISON@", Some("550 5.1.1 no such user"));
        Self { address: server.address(), server: Some(server), earlier: Vec::new() }
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(Mail::new(&self.settings(), compose).unwrap())
    }

    async fn received(&self) -> Vec<Uuid> {
        let now = self.server.as_ref().map(ids).unwrap_or_default();
        self.earlier.iter().copied().chain(now).collect()
    }

    async fn vanish(&mut self) {
        let server = self.server.take().unwrap();
        self.earlier.extend(ids(&server));
    }

    async fn come_back(&mut self) {
        let server = SmtpServer::start_at(self.address).await.unwrap();
        server.script("RCPT TO:<POISON@", Some("550 5.1.1 no such user"));
        self.server = Some(server);
    }

    fn poison(&self, number: i64, key: &str) -> Record {
        let mut record = event(number, key);
        record.event.metadata = Some(r#"{"user_email":"poison@example.com"}"#.to_owned());
        record
    }
}
