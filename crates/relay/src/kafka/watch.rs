//! What a client's connections complained of last. A message that was not acknowledged says only that time ran out; the
//! reason is told elsewhere, and people need it.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Why a broker cannot be talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// A stable word.
    pub(crate) class: &'static str,
    /// What is wrong and where to look.
    pub(crate) message: String,
}

/// Remembers the last complaint until something works.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch(Arc<Mutex<Option<Complaint>>>);

impl Watch {
    pub(crate) fn complaint(&self) -> Option<Complaint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It works.
    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn note(&self, code: Option<Code>, reason: &str) {
        let Some(complaint) = complaint(code, reason) else { return };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|last| last.class != complaint.class) {
            tracing::warn!(class = complaint.class, "{}", complaint.message);
        }
        *last = Some(complaint);
    }
}

/// Pure: what an error means for whoever runs the worker; `None`: nothing beyond what the send itself says.
fn complaint(code: Option<Code>, reason: &str) -> Option<Complaint> {
    let (class, advice) = match code? {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            ("kafka_authentication", "the broker refused our credentials; check user, password and mechanism")
        },
        Code::SSL => ("kafka_tls", "no TLS connection; check the certificate authority, the host name and the port"),
        Code::Resolve => ("kafka_resolve", "the broker's name is unknown; check the addresses"),
        Code::TopicAuthorizationFailed => ("kafka_authorization", "we may not use the topic; check its permissions"),
        Code::GroupAuthorizationFailed => ("kafka_authorization", "we may not use the group; check its permissions"),
        _ => return None,
    };
    Some(Complaint { class, message: format!("{advice} ({reason})") })
}

impl ClientContext for Watch {
    fn error(&self, error: KafkaError, reason: &str) {
        self.note(error.rdkafka_error_code(), reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_complaint_is_kept_until_it_works() {
        let watch = Watch::default();
        watch.note(Some(Code::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(watch.complaint(), None);
        watch.note(Some(Code::Authentication), "invalid credentials");
        watch.note(Some(Code::AllBrokersDown), "1/1 brokers are down");
        let complaint = watch.complaint().expect("kept");
        assert_eq!(complaint.class, "kafka_authentication");
        assert!(complaint.message.ends_with("(invalid credentials)"), "{}", complaint.message);
        watch.clear();
        assert_eq!(watch.complaint(), None);
    }
}
