use stateset_relay::secret::Secret;
use stateset_relay::sink::mail::{Mail, MailError};
use stateset_relay::sink::{Batch, Outcome, Sink as _};

use crate::peers::mail::{compose, id_of};
use crate::peers::{MailPeer, Peer as _, event};

/// P03: what arrives is one whole mail, whose id follows from the event.
#[tokio::test]
async fn a_mail_arrives_as_composed() {
    let peer = MailPeer::start().await;
    let mut settings = peer.settings();
    settings.credentials = Some(("shop".to_owned(), Secret::new("pass word")));
    let mail = Mail::new(&settings, compose).unwrap();
    let record = event(1, "ORD-7");
    assert_eq!(mail.publish(Batch::new(0, std::slice::from_ref(&record))).await, [Outcome::Accepted(None)]);
    let received = peer.server.as_ref().unwrap().received().remove(0);
    assert_eq!(
        (received.from.as_str(), received.to.as_slice()),
        ("shop@example.com", &["cust@example.com".to_owned()][..])
    );
    assert_eq!(id_of(&received.data), record.event.event_id);
    assert!(received.data.contains("\r\nSubject: Your order ORD-7\r\n"), "{}", received.data);
    assert!(received.data.ends_with("\r\n\r\n.a line that begins with a dot\r\n"), "{:?}", received.data);
    // PLAIN: nothing, the user, the password.
    assert_eq!(received.credentials, "AHNob3AAcGFzcyB3b3Jk");
}

/// Codes about the moment, about the mail, about the server.
#[tokio::test]
async fn replies_mean_what_they_should() {
    let peer = MailPeer::start().await;
    let server = peer.server.as_ref().unwrap();
    for (command, reply, expected) in [
        ("RCPT TO:<CUST@", "451 4.7.1 greylisted", "retry"),
        ("RCPT TO:<CUST@", "552 5.2.2 mailbox full", "refused"),
        ("MAIL", "421 4.3.2 shutting down", "unavailable"),
        ("MAIL", "530 5.7.0 authenticate first", "unavailable"),
        ("DATA", "554 5.7.1 no", "refused"),
    ] {
        server.script(command, Some(reply));
        let mail = Mail::new(&peer.settings(), compose).unwrap();
        let outcome = mail.publish(Batch::new(0, &[event(1, "7")])).await.remove(0);
        let found = match &outcome {
            Outcome::Retry { .. } => "retry",
            Outcome::Refused(_) => "refused",
            Outcome::Unavailable(_) => "unavailable",
            _ => "something else",
        };
        assert_eq!(found, expected, "{reply}: {outcome:?}");
        server.script(command, None);
    }
    assert!(server.received().is_empty());
}

/// An address that could smuggle a header is refused before the server hears of it, and is not repeated in the reason.
#[tokio::test]
async fn addresses_cannot_smuggle() {
    let peer = MailPeer::start().await;
    let mut record = event(1, "7");
    record.event.metadata = Some(r#"{"user_email":"a@b.example>\r\nBcc: <x@y.example"}"#.to_owned());
    let outcome = peer.sink().publish(Batch::new(0, &[record])).await.remove(0);
    let Outcome::Refused(why) = outcome else { panic!("{outcome:?}") };
    assert!(!why.message.contains("y.example"), "{}", why.message);
    assert!(peer.received().await.is_empty());
}

#[tokio::test]
async fn a_password_is_never_sent_in_the_clear() {
    let peer = MailPeer::start().await;
    let mut settings = peer.settings();
    settings.host = "mail.example.com".to_owned();
    settings.credentials = Some(("shop".to_owned(), Secret::new("pass word")));
    assert!(matches!(Mail::new(&settings, compose), Err(MailError::PasswordInTheClear)));
    assert!(!format!("{settings:?}").contains("pass word"));
}
