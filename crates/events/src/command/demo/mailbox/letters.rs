//! Reading messages back, from `MailHog` or from our own receiver: both answer alike.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use serde_json::Value;
use stateset_inspect::Fault;
use url::Url;

/// Messages of one question.
const PAGE: usize = 250;

/// A message, as far as the demo compares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::command::demo) struct Letter {
    /// The mailbox's own name of it.
    #[serde(skip)]
    id: String,
    /// Without the angle brackets.
    pub(in crate::command::demo) message_id: String,
    pub(in crate::command::demo) to: String,
    pub(in crate::command::demo) subject: String,
    pub(in crate::command::demo) at: String,
}

impl Letter {
    /// The event that it tells of: message ids are made of event ids.
    pub(in crate::command::demo) fn event(&self) -> &str {
        self.message_id.split('@').next().unwrap_or_default()
    }
}

/// Every message there is, oldest first.
pub(in crate::command::demo) async fn letters(http: &reqwest::Client, show: &Url) -> Result<Vec<Letter>, Fault> {
    let (mut all, mut seen, mut start) = (Vec::new(), HashSet::new(), 0);
    loop {
        let path = format!("api/v2/messages?start={start}&limit={PAGE}");
        let url = show.join(&path).map_err(|error| Fault::corrupt("the mailbox's address", error))?;
        let unavailable = |error| Fault::unavailable("the mailbox", error);
        let answer = http.get(url).send().await.map_err(unavailable)?;
        let body = answer.error_for_status().map_err(unavailable)?.bytes().await.map_err(unavailable)?;
        let page: Value =
            serde_json::from_slice(&body).map_err(|error| Fault::corrupt("the mailbox's answer", error))?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let last = items.len() < PAGE;
        start += items.len();
        // What arrives meanwhile moves the others to a later page.
        all.extend(items.iter().map(letter).filter(|letter| seen.insert(letter.id.clone())));
        if last {
            break;
        }
    }
    all.reverse();
    Ok(all)
}

fn letter(item: &Value) -> Letter {
    let header = |name: &str| {
        let headers = item["Content"]["Headers"].as_object();
        let found = headers.and_then(|all| all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        found.and_then(|(_, values)| values[0].as_str()).unwrap_or_default().to_owned()
    };
    let to = &item["To"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Letter {
        id: text(&item["ID"]),
        message_id: header("Message-ID").trim_matches(['<', '>']).to_owned(),
        to: format!("{}@{}", text(&to["Mailbox"]), text(&to["Domain"])),
        subject: header("Subject"),
        at: text(&item["Created"]),
    }
}

/// Headers, unfolded, and the body of a message.
pub(super) fn parts(data: &str) -> (BTreeMap<String, Vec<String>>, String) {
    let (head, body) = data.split_once("\r\n\r\n").unwrap_or((data, ""));
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last: Option<String> = None;
    for line in head.split("\r\n") {
        if let Some(more) = line.strip_prefix([' ', '\t']) {
            let value = last.as_ref().and_then(|name| headers.get_mut(name)).and_then(|all| all.last_mut());
            if let Some(value) = value {
                value.push(' ');
                value.push_str(more.trim_start());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.entry(name.to_owned()).or_default().push(value.trim().to_owned());
            last = Some(name.to_owned());
        }
    }
    (headers, body.strip_suffix("\r\n").unwrap_or(body).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_are_unfolded() {
        let (headers, body) = parts("Subject: Paid:\r\n  thank you\r\nTo: a@b.example\r\n\r\nHello\r\n\r\nBye\r\n");
        assert_eq!(headers["Subject"], ["Paid: thank you"]);
        assert_eq!(headers["To"], ["a@b.example"]);
        assert_eq!(body, "Hello\r\n\r\nBye");
        assert_eq!(parts("").0.len(), 0);
    }

    #[test]
    fn a_message_names_its_event() {
        let item = json!({
            "To": [{ "Mailbox": "cust", "Domain": "example.com" }],
            "Content": { "Headers": { "Message-Id": ["<0194-abc@shop.example>"], "Subject": ["Paid"] } },
            "Created": "2025-08-25T20:12:34Z",
        });
        let letter = letter(&item);
        assert_eq!((letter.event(), letter.to.as_str()), ("0194-abc", "cust@example.com"));
    }
}
