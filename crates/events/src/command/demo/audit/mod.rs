//! The look at everything, once nothing is under way any more: is every order where its customer's doings lead, did every
//! event happen once, was every mail sent once, is every outbox sound, is all of it sequenced and provable?
//!
//! What the services say over HTTP is compared with what was done to them; what their outboxes hold is compared with both.
//! Comparing is pure ([`orders`]); asking is here and in [`sequenced`].

mod orders;
mod sequenced;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use stateset_inspect::Fault;
use stateset_outbox::filter::Filter;

use super::chaos::{STOCK, Visit};
use super::expect::Difference;
use super::http::{Call, Client};
use super::inside::{Inside, SERVICES};
use super::mailbox::{Letter, letters};
use super::report::AuditReport;
use super::runner::plain;
use super::shop::Shop;
use crate::exit::Stop;
use orders::{Facts, Mail};

/// Orders asked about at a time.
const CONCURRENCY: usize = 8;
const PATIENCE: Duration = Duration::from_secs(20);
/// Mails that one kill of the notification service may cause to be sent again: those that were on their way to the mail
/// server, one for each of its connections. SMTP has no way to ask whether a mail was taken.
const REPEATED_MAILS_PER_KILL: u32 = 2;

/// An event as the outbox of its service holds it.
#[derive(Clone, Debug)]
struct Written {
    id: String,
    event_type: String,
    order: String,
}

/// Audits orders that a chaos run placed.
pub(super) async fn of_visits(shop: &Shop, visits: &[Visit]) -> Result<AuditReport, Stop> {
    let inside = shop.inside()?;
    let mut report = AuditReport { ok: true, ..AuditReport::default() };
    complaints(visits, &mut report);
    let logs = logs(inside).await?;
    let written: Vec<Written> = logs.values().flatten().cloned().collect();
    let arrived = letters(shop.http(), shop.mailbox()).await?;
    let facts = facts(shop, visits, &written, &arrived).await?;
    let mut found = BTreeMap::new();
    for (visit, facts) in visits.iter().zip(&facts) {
        for (what, difference) in orders::compare(&visit.journey.end(), facts) {
            let about = format!("order {} ({:?}): {}", facts.order, visit.journey, difference.what);
            found.entry(what).or_insert_with(Vec::new).push(Difference { what: about, ..difference });
        }
    }
    for what in orders::KINDS {
        report.add(what, facts.len(), found.remove(what).unwrap_or_default());
    }
    strangers(visits, &written, &mut report);
    mails(&facts, &arrived, (shop.run(), shop.state.kills), &mut report);
    stock(shop, visits, &mut report).await?;
    outboxes(inside, &mut report).await?;
    finish(shop, &logs, &mut report).await?;
    Ok(report)
}

/// Audits whatever a shop's outboxes hold, without knowing what was done to it: soundness and proofs.
pub(super) async fn of_outboxes(shop: &Shop) -> Result<AuditReport, Stop> {
    let inside = shop.inside()?;
    let mut report = AuditReport { ok: true, ..AuditReport::default() };
    let logs = logs(inside).await?;
    outboxes(inside, &mut report).await?;
    finish(shop, &logs, &mut report).await?;
    Ok(report)
}

async fn finish(shop: &Shop, logs: &BTreeMap<&str, Vec<Written>>, report: &mut AuditReport) -> Result<(), Stop> {
    let Some(log) = &shop.log else { return Ok(()) };
    let written: Vec<String> = logs.values().flatten().map(|event| event.id.clone()).collect();
    sequenced::check(log, shop.scope(), &written, report).await?;
    Ok(())
}

fn complaints(visits: &[Visit], report: &mut AuditReport) {
    let angry = visits.iter().enumerate().filter_map(|(number, visit)| {
        let complaint = visit.complaint.as_ref()?;
        Some(Difference::new(format!("customer {number} ({:?})", visit.journey), "every answer in time", complaint))
    });
    report.add("customers served", visits.len(), angry.collect());
}

/// The logs of the services that make events; the notification service's own log repeats theirs.
async fn logs(inside: &Inside) -> Result<BTreeMap<&'static str, Vec<Written>>, Fault> {
    let mut logs = BTreeMap::new();
    for service in SERVICES.into_iter().filter(|service| *service != "notification") {
        let events = inside.events(service).await?.into_iter().map(|event| Written {
            id: event.event_uuid,
            event_type: event.event_type,
            order: event.order_key.unwrap_or_default(),
        });
        logs.insert(service, events.collect());
    }
    Ok(logs)
}

/// What is known of each order, from everybody who knows something.
async fn facts(shop: &Shop, visits: &[Visit], written: &[Written], arrived: &[Letter]) -> Result<Vec<Facts>, Stop> {
    let mut events: HashMap<&str, Vec<&Written>> = HashMap::new();
    for event in written {
        events.entry(event.order.as_str()).or_default().push(event);
    }
    let mut copies: HashMap<&str, u32> = HashMap::new();
    for letter in arrived {
        *copies.entry(letter.event()).or_default() += 1;
    }
    let mut put_away: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for entry in shop.inside()?.quarantined(None).await? {
        let line = (entry.service, entry.event_type);
        put_away.entry(entry.order.unwrap_or_default()).or_default().push(line);
    }
    let asked = visits.iter().map(|visit| {
        let order = plain(&visit.order);
        let client = shop.client();
        async move { ask(client, order).await }
    });
    // In the order of the visits.
    let answers: Vec<Result<Asked, Fault>> = stream::iter(asked).buffered(CONCURRENCY).collect().await;
    let mut all = Vec::new();
    for asked in answers {
        let Asked { order, status, shipments, mails } = asked?;
        let mut types: Vec<(String, String)> = events
            .get(order.as_str())
            .map(|events| events.iter().map(|event| (event.event_type.clone(), event.id.clone())).collect())
            .unwrap_or_default();
        types.sort();
        let mails = mails
            .into_iter()
            .map(|(event_type, id, sent)| Mail {
                copies: copies.get(id.as_str()).copied().unwrap_or(0),
                event_type,
                event: id,
                sent,
            })
            .collect();
        let mut quarantined = put_away.remove(&order).unwrap_or_default();
        quarantined.sort();
        all.push(Facts { order, status, shipments, events: types, mails, quarantined });
    }
    Ok(all)
}

/// What the services say of an order.
struct Asked {
    order: String,
    status: String,
    shipments: Vec<String>,
    /// Type, event, whether the mail server took it.
    mails: Vec<(String, String, bool)>,
}

async fn ask(client: &Client, order: String) -> Result<Asked, Fault> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let one = get(client, format!("/orders/{order}")).await?;
    let shipments = get(client, format!("/shipments?order_id={order}")).await?;
    let mails = get(client, format!("/mails?order_id={order}")).await?;
    let list = |value: Value| value.as_array().cloned().unwrap_or_default();
    Ok(Asked {
        status: text(&one, "status"),
        shipments: list(shipments).iter().map(|one| text(one, "status")).collect(),
        mails: list(mails)
            .iter()
            .map(|one| (text(one, "type"), text(one, "event_id"), one["sent_at"].is_string()))
            .collect(),
        order,
    })
}

async fn get(client: &Client, path: String) -> Result<Value, Fault> {
    let call = Call::get(path);
    let answer = client.call_until_answered(&call, PATIENCE).await.ok_or_else(|| {
        Fault::unavailable("the shop", std::io::Error::other(format!("GET {} was not answered", call.path)))
    })?;
    Ok(answer.value)
}

/// Events of orders that no customer placed.
fn strangers(visits: &[Visit], written: &[Written], report: &mut AuditReport) {
    let known: std::collections::HashSet<String> = visits.iter().map(|visit| plain(&visit.order)).collect();
    let strange = written.iter().filter(|event| !known.contains(&event.order));
    let differences = strange
        .map(|event| Difference::new(format!("event {}", event.id), "an order that a customer placed", &event.order));
    report.add("events belong to an order that somebody placed", written.len(), differences.collect());
}

/// Every mail tells of an event, and was handed over once; after a kill, again at most for what was on its way.
fn mails(facts: &[Facts], arrived: &[Letter], (run, kills): (&str, u32), report: &mut AuditReport) {
    let known: std::collections::HashSet<&str> =
        facts.iter().flat_map(|facts| &facts.mails).map(|mail| mail.event.as_str()).collect();
    let mut differences: Vec<Difference> = arrived
        .iter()
        .filter(|letter| !known.contains(letter.event()) && is_this_runs(letter, run))
        .map(|letter| Difference::new(format!("mail {}", letter.message_id), "an event of an order", "none"))
        .collect();
    let copies: u32 = facts.iter().flat_map(|facts| &facts.mails).map(|mail| mail.copies.saturating_sub(1)).sum();
    let most = kills * REPEATED_MAILS_PER_KILL;
    if copies > most {
        let expected = format!("at most {most}: {REPEATED_MAILS_PER_KILL} for each of {kills} kills");
        differences.push(Difference::new("mails handed over again", expected, copies.to_string()));
    }
    let what =
        format!("mails tell of an event once ({copies} handed over again after a kill, under the same Message-ID)");
    report.add(what, arrived.len(), differences);
}

/// A mail receiver that runs for long holds the mails of others too.
fn is_this_runs(letter: &Letter, run: &str) -> bool {
    letter.to.contains(run)
}

/// Goods are where the orders say: reserved, gone, or for sale.
async fn stock(shop: &Shop, visits: &[Visit], report: &mut AuditReport) -> Result<(), Stop> {
    let placed = visits.iter().filter(|visit| !visit.order.is_null()).map(|visit| visit.journey.end().goods());
    let (mut reserved, mut left) = (0_i64, 0_i64);
    for (is_reserved, has_left) in placed {
        reserved += if is_reserved { super::chaos::PIECES } else { 0 };
        left += if has_left { super::chaos::PIECES } else { 0 };
    }
    let expected = json!({ "on_hand": STOCK - left, "reserved": reserved });
    let found = get(shop.client(), "/stock/1".to_owned()).await?;
    let differences = super::expect::differences(&expected, &found).into_iter();
    let differences = differences.map(|one| Difference { what: format!("stock of product 1: {}", one.what), ..one });
    let pieces = usize::try_from(reserved + left).unwrap_or(usize::MAX);
    report.add("ordered pieces are reserved, have left, or are for sale again", pieces, differences.collect());
    Ok(())
}

/// Each outbox is sound, and has delivered everything.
async fn outboxes(inside: &Inside, report: &mut AuditReport) -> Result<(), Stop> {
    for (service, database) in inside.all() {
        let findings = database.inspect().check(&Filter::default()).await?;
        let errors = findings.findings.iter().filter(|one| one.level == "error");
        let differences = errors.map(|one| {
            let what = format!("outbox of {service}: {}", one.check);
            Difference::new(what, "nothing to find", one.message.clone())
        });
        report.add(format!("checks of the outbox of {service}"), findings.findings.len(), differences.collect());
    }
    let (unfinished, why) = inside.unfinished().await?;
    let held = inside.held().await?;
    let mut differences = Vec::new();
    if unfinished > 0 {
        let found = format!("{unfinished}; such as {}", why.unwrap_or_default());
        differences.push(Difference::new("deliveries that are not finished", "0", found));
    }
    if held > 0 {
        differences.push(Difference::new("events that wait for a predecessor", "0", held.to_string()));
    }
    report.add("outboxes have nothing under way", SERVICES.len(), differences);
    Ok(())
}
