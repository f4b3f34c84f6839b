//! One conversation of SMTP (RFC 5321), without input or output: a line in, an answer out.

/// Longest line of a command, in bytes; the standard asks for 512.
pub(super) const LINE_BYTES: usize = 2_048;
/// Largest message, in bytes.
pub(super) const MESSAGE_BYTES: usize = 1024 * 1024;
/// Most recipients of one message; the standard asks for 100.
const RECIPIENTS: usize = 100;

/// Sender and recipients of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Letterhead {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    /// How the sender's program named itself.
    pub(super) helo: String,
}

/// What to do after a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Say this.
    Say(&'static str),
    /// Say that the message may come, then read it.
    Message(Letterhead),
    /// Say good-bye and hang up.
    Bye,
}

/// Where a conversation stands.
#[derive(Debug, Default)]
pub(super) struct Session {
    helo: String,
    mail: Option<Letterhead>,
}

impl Session {
    /// Takes one command, without its line end.
    pub(super) fn command(&mut self, line: &str) -> Answer {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                self.greet(rest);
                Answer::Say("250-stateset-demo\r\n250-SIZE 1048576\r\n250-SMTPUTF8\r\n250 8BITMIME")
            },
            "HELO" => {
                self.greet(rest);
                Answer::Say("250 stateset-demo")
            },
            "MAIL" if self.mail.is_some() => Answer::Say("503 5.5.1 a message was begun already"),
            "MAIL" => match path(rest, "FROM:") {
                // An empty path is a notice of failed delivery, which nobody may answer.
                Some(from) => {
                    self.mail = Some(Letterhead { from, to: Vec::new(), helo: self.helo.clone() });
                    Answer::Say("250 2.1.0 go on")
                },
                None => Answer::Say("501 5.5.4 such as MAIL FROM:<shop@example.com>"),
            },
            "RCPT" => self.recipient(rest),
            "DATA" => match self.mail.take() {
                Some(mail) if !mail.to.is_empty() => Answer::Message(mail),
                other => {
                    self.mail = other;
                    Answer::Say("503 5.5.1 first MAIL and RCPT")
                },
            },
            "RSET" => {
                self.mail = None;
                Answer::Say("250 2.0.0 forgotten")
            },
            "NOOP" => Answer::Say("250 2.0.0 here"),
            "VRFY" => Answer::Say("252 2.5.0 every address is taken"),
            "QUIT" => Answer::Bye,
            _ => Answer::Say("502 5.5.1 no such command"),
        }
    }

    fn greet(&mut self, name: &str) {
        name.trim().clone_into(&mut self.helo);
        self.mail = None;
    }

    fn recipient(&mut self, rest: &str) -> Answer {
        let Some(mail) = &mut self.mail else { return Answer::Say("503 5.5.1 first MAIL") };
        match path(rest, "TO:").filter(|address| !address.is_empty()) {
            None => Answer::Say("501 5.5.4 such as RCPT TO:<cust@example.com>"),
            Some(_) if mail.to.len() >= RECIPIENTS => Answer::Say("452 4.5.3 too many recipients"),
            Some(address) => {
                mail.to.push(address);
                Answer::Say("250 2.1.5 go on")
            },
        }
    }
}

/// The address behind `FROM:` or `TO:`, whatever parameters follow it.
fn path(rest: &str, before: &str) -> Option<String> {
    let head = rest.get(..before.len())?;
    if !head.eq_ignore_ascii_case(before) {
        return None;
    }
    let (_, inner) = rest.get(before.len()..)?.split_once('<')?;
    inner.split_once('>').map(|(address, _)| address.to_owned())
}

/// A line of a message, with the dot that hides a line of one dot taken away; `None` ends the message.
pub(super) fn line_of_message(line: &str) -> Option<&str> {
    if line == "." { None } else { Some(line.strip_prefix('.').unwrap_or(line)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Session {
        let mut session = Session::default();
        assert!(matches!(session.command("EHLO shop"), Answer::Say(text) if text.starts_with("250-")));
        session
    }

    #[test]
    fn a_message_has_a_sender_and_recipients() {
        let mut session = begun();
        assert_eq!(session.command("DATA"), Answer::Say("503 5.5.1 first MAIL and RCPT"));
        assert_eq!(session.command("RCPT TO:<a@b.example>"), Answer::Say("503 5.5.1 first MAIL"));
        session.command("mail from:<shop@example.com> BODY=8BITMIME SIZE=12");
        assert_eq!(session.command("MAIL FROM:<x@y.example>"), Answer::Say("503 5.5.1 a message was begun already"));
        assert_eq!(session.command("DATA"), Answer::Say("503 5.5.1 first MAIL and RCPT"));
        session.command("RCPT TO:<cust@example.com>");
        let expected = Letterhead {
            from: "shop@example.com".to_owned(),
            to: vec!["cust@example.com".to_owned()],
            helo: "shop".to_owned(),
        };
        assert_eq!(session.command("DATA"), Answer::Message(expected));
        assert_eq!(session.command("DATA"), Answer::Say("503 5.5.1 first MAIL and RCPT"), "each message begins anew");
        assert_eq!(session.command("quit"), Answer::Bye);
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        let mut session = begun();
        for line in ["MAIL", "MAIL FROM:", "MAIL FROM:a@b", "MAIL TÖ:<a@b>", "MAIL FROM:<a"] {
            assert_eq!(session.command(line), Answer::Say("501 5.5.4 such as MAIL FROM:<shop@example.com>"), "{line}");
        }
        for line in ["", " ", "BDAT 5", "É"] {
            assert_eq!(session.command(line), Answer::Say("502 5.5.1 no such command"), "{line}");
        }
        session.command("MAIL FROM:<>");
        assert_eq!(session.command("RCPT TO:<>"), Answer::Say("501 5.5.4 such as RCPT TO:<cust@example.com>"));
        for number in 0..RECIPIENTS {
            session.command(&format!("RCPT TO:<{number}@b.example>"));
        }
        assert_eq!(session.command("RCPT TO:<more@b.example>"), Answer::Say("452 4.5.3 too many recipients"));
    }

    #[test]
    fn dots_are_unstuffed() {
        assert_eq!(line_of_message("."), None);
        assert_eq!(line_of_message("..hidden"), Some(".hidden"));
        assert_eq!(line_of_message(""), Some(""));
    }
}
