//! One order: where it should be, and where it is. Pure.

use super::super::chaos::plan::End;
use super::super::expect::{Difference, same_members};

/// Everything that is known of an order.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) order: String,
    pub(super) status: String,
    pub(super) shipments: Vec<String>,
    /// Type and id of every event about it.
    pub(super) events: Vec<(String, String)>,
    pub(super) mails: Vec<Mail>,
    /// Consumer and type.
    pub(super) quarantined: Vec<(String, String)>,
}

/// A mail that the shop says it sent.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) event_type: String,
    pub(super) event: String,
    /// Whether the shop says that the mail server took it.
    pub(super) sent: bool,
    /// How often it arrived.
    pub(super) copies: u32,
}

/// What is compared, in the order of the table.
pub(super) const KINDS: [&str; 5] = [STATE, SHIPMENT, EVENTS, MAILS, QUARANTINE];
const STATE: &str = "orders are in their final state";
const SHIPMENT: &str = "orders have their one shipment, where it should be";
const EVENTS: &str = "orders have every event, once";
const MAILS: &str = "orders have a mail for each event that calls for one";
const QUARANTINE: &str = "orders have in quarantine what belongs there";

/// What is not as it should be, by kind.
pub(super) fn compare(end: &End, facts: &Facts) -> Vec<(&'static str, Difference)> {
    let mut all = Vec::new();
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    if facts.status != end.order {
        all.push((STATE, Difference::new("status", end.order, shown(&facts.status))));
    }
    let shipments = same_members("shipments", &owned(&[end.shipment]), &facts.shipments);
    all.extend(shipments.into_iter().map(|one| (SHIPMENT, one)));
    let events: Vec<String> = facts.events.iter().map(|(event_type, _)| event_type.clone()).collect();
    let events = same_members("events", &owned(&end.events), &events);
    all.extend(events.into_iter().map(|one| (EVENTS, one)));
    let mails: Vec<String> = facts.mails.iter().map(|mail| mail.event_type.clone()).collect();
    let mails = same_members("mails", &owned(&end.mails()), &mails);
    all.extend(mails.into_iter().map(|one| (MAILS, one)));
    for mail in &facts.mails {
        let what = format!("the mail about {}", mail.event_type);
        if !facts.events.iter().any(|(_, id)| *id == mail.event) {
            all.push((MAILS, Difference::new(what.clone(), "an event of the order", mail.event.clone())));
        }
        if mail.copies == 0 {
            let found = if mail.sent { "noted as sent, and never arrived" } else { "never sent" };
            all.push((MAILS, Difference::new(what, "in the mailbox", found)));
        }
    }
    let put_away: Vec<String> =
        facts.quarantined.iter().map(|(service, event)| format!("{service}: {event}")).collect();
    let expected: Vec<String> = end.quarantined.iter().map(|(service, event)| format!("{service}: {event}")).collect();
    let quarantine = same_members("in quarantine", &expected, &put_away);
    all.extend(quarantine.into_iter().map(|one| (QUARANTINE, one)));
    all
}

fn shown(status: &str) -> String {
    if status.is_empty() { "no such order".to_owned() } else { status.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::super::chaos::Journey;
    use super::*;

    /// As a shop without fault would answer.
    fn right(journey: Journey) -> Facts {
        let end = journey.end();
        let id = |event: &str| format!("id-{event}");
        Facts {
            order: "7".to_owned(),
            status: end.order.to_owned(),
            shipments: vec![end.shipment.to_owned()],
            events: end.events.iter().map(|event| ((*event).to_owned(), id(event))).collect(),
            mails: end
                .mails()
                .into_iter()
                .map(|event| Mail { event_type: event.to_owned(), event: id(event), sent: true, copies: 1 })
                .collect(),
            quarantined: end.quarantined.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        }
    }

    /// The audit passes what is right, and finds every single thing that is not.
    #[test]
    fn whatever_is_wrong_is_found() {
        type Damage = (&'static str, &'static str, fn(&mut Facts));
        let damages: [Damage; 10] = [
            ("another state", STATE, |facts| facts.status = "CONFUSED".to_owned()),
            ("an order that is gone", STATE, |facts| facts.status.clear()),
            ("a shipment elsewhere", SHIPMENT, |facts| facts.shipments[0] = "LOST".to_owned()),
            ("two shipments", SHIPMENT, |facts| facts.shipments.push("DELIVERED".to_owned())),
            ("no shipment", SHIPMENT, |facts| facts.shipments.clear()),
            ("a lost event", EVENTS, |facts| drop(facts.events.remove(0))),
            ("an event twice", EVENTS, |facts| facts.events.push(facts.events[0].clone())),
            ("an event of another type", EVENTS, |facts| facts.events[0].0 = "order.exploded".to_owned()),
            ("a lost mail", MAILS, |facts| facts.mails = Vec::new()),
            ("something put away", QUARANTINE, |facts| facts.quarantined.push(("order".to_owned(), "x".to_owned()))),
        ];
        for (journey, _) in Journey::SHARES {
            let facts = right(journey);
            assert_eq!(compare(&journey.end(), &facts), [], "{journey:?}");
            for (name, kind, damage) in &damages {
                let mut damaged = facts.clone();
                damage(&mut damaged);
                let nothing_to_lose = *name == "a lost mail" && facts.mails.is_empty();
                let found = compare(&journey.end(), &damaged);
                assert_eq!(
                    found.iter().any(|(found, _)| found == kind),
                    !nothing_to_lose,
                    "{journey:?}: {name}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn a_mail_arrives_and_tells_of_an_event() {
        let mut facts = right(Journey::Paid);
        facts.mails[0].copies = 0;
        assert_eq!(compare(&Journey::Paid.end(), &facts).len(), 1);
        facts.mails[0].copies = 1;
        facts.mails[0].event = "another".to_owned();
        assert_eq!(compare(&Journey::Paid.end(), &facts).len(), 1);
    }
}
