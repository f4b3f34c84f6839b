//! What is asked, and how long it may take.

use std::time::Duration;

use stateset_outbox::explain::Subject;
use stateset_outbox::filter::{EventRef, Filter};
use stateset_outbox::job::{JobKind, Request};
use stateset_outbox::read::{LetterFilter, Order, PageRequest};
use stateset_outbox::{Engine, Entity, Outbox};

use super::Options;
use super::ask::{Answered, Table};
use super::ground::Raw;

const LIST: Duration = Duration::from_millis(50);
const INSPECT: Duration = Duration::from_millis(5);
const PAGE: Duration = Duration::from_millis(100);
/// Of counting everything, which is as long as the log.
const COUNT: Duration = Duration::from_secs(1);
/// Of a preview, which looks at up to 20,000 events.
const PREVIEW: Duration = Duration::from_secs(2);

/// Filters: of frequent things, rare ones, ones that were long ago, ones that are not there, and of two things at once.
/// `{…}` are places and times of the log.
const LISTS: &[&str] = &[
    "",
    "type:order.created",
    "type:import.row",
    "type:payment.rare",
    "type:nobody.there",
    "type:order.*",
    "type:*.rare,order.shipped",
    "type:*",
    "entity:order/e77",
    "entity:order",
    "entity:payment",
    "entity:refund",
    "entity:row",
    "entity_id:e77",
    "entity_id:nobody",
    "key:k77",
    "key:hot",
    "key:nobody",
    "since:{minute ago}",
    "since:{half} until:{half and a minute}",
    "until:{tenth}",
    "until:{tenth} type:order.created",
    "since:{half} entity:payment",
    "since:{minute ago} type:order.created",
    "since:{half} until:{half and a minute} type:order.created",
    "since:{half} until:{half and a minute} key:hot",
    "seq:{mid}",
    "state:pending",
    "state:delivered",
    "state:dead",
    "state:dead type:payment.created",
    "state:retry_wait",
    "state:acknowledged",
    "state:pending,dead destination:kafka",
    "class:http_503",
    "destination:kafka",
    "destination:nobody",
    "correlation:c77",
    "correlation:nobody",
    "command:00000000-0000-0000-0000-000000000077",
    "causation:nobody",
    "agent:00000000-0000-0000-0000-000000000008",
    "agent:00000000-0000-0000-0000-000000000009",
    "agent:00000000-0000-0000-0000-000000000007",
    "event:{last}",
    "event:{begin}",
    "where:number>5",
    "where:number=17",
    "where:customer=\"c-17\"",
    "where:no_such_member",
    "where:items.0.sku~size type:payment.*",
    "type:order.created key:hot",
    "type:import.row key:hot",
    "type:payment.created entity:order",
    "key:hot agent:00000000-0000-0000-0000-000000000009",
];

pub(super) async fn lists<DB: Engine>(
    outbox: &Outbox<DB>,
    ground: &impl Raw,
    options: &Options,
    table: &mut Table,
) -> anyhow::Result<()> {
    let reader = outbox.reader();
    let now = reader.now().await?;
    let last = reader.list(&Filter::default(), PageRequest { limit: 1, ..PageRequest::default() }).await?;
    let last = last.events.first().map(|item| item.event.clone()).ok_or_else(|| anyhow::anyhow!("an empty log"))?;
    let count = i64::from(options.thousands) * 1_000;
    let time = |ago: i64| stateset_outbox::filter::format_time(now - ago * 1_000_000);
    for written in LISTS.iter().filter(|text| options.asks(text)) {
        let text = written
            .replace("{minute ago}", &time(60))
            .replace("{half and a minute}", &time(count / 2 - 60))
            .replace("{half}", &time(count / 2))
            .replace("{tenth}", &time(count * 9 / 10))
            .replace("{mid}", &format!("{}..{}", count / 2, count / 2 + 90))
            .replace("{last}", &last.event_id.to_string())
            .replace("{begin}", last.event_id.simple().to_string().split_at(10).0);
        let filter = Filter::parse(&text, now)?;
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let request = PageRequest { order, deliveries: true, ..PageRequest::default() };
            let direction = if order == Order::NewestFirst { "newest" } else { "oldest" };
            let shown = if written.is_empty() { "(everything)" } else { written };
            let (reader, filter) = (&reader, &filter);
            let question = || async move {
                let page = reader.list(filter, request).await?;
                let note = match (page.partial, page.next_cursor) {
                    (true, _) => format!(" of {} looked at", page.looked_at),
                    (false, Some(_)) => " and more".to_owned(),
                    (false, None) => String::new(),
                };
                Ok(Answered { rows: page.events.len(), note })
            };
            table.ask(ground, &format!("{shown}, {direction}"), LIST, question).await?;
        }
    }
    Ok(())
}

/// What pages of programs ask beside lists.
pub(super) async fn pages<DB: Engine>(
    outbox: &Outbox<DB>,
    ground: &impl Raw,
    options: &Options,
    table: &mut Table,
) -> anyhow::Result<()> {
    let reader = outbox.reader();
    let dead = reader.dead_letters(&LetterFilter::default(), None, 1).await?;
    let dead = dead.letters.first().map(|letter| letter.event_id).ok_or_else(|| anyhow::anyhow!("no dead letter"))?;
    let event = EventRef::Id(dead);
    let (reader, event) = (&reader, &event);
    let of = |rows: usize| Answered { rows, note: String::new() };
    macro_rules! ask {
        ($name:literal, $target:expr, $question:expr) => {
            if options.asks($name) {
                table.ask(ground, $name, $target, || async move { Ok(of($question)) }).await?;
            }
        };
    }
    ask!("inspect", INSPECT, reader.inspect(event).await?.deliveries.len());
    ask!("explain an event", PAGE, reader.explain(&Subject::Event(event.clone())).await?.lines.len());
    ask!("explain a frequent order key", PAGE, {
        reader.explain(&Subject::OrderKey("hot".to_owned())).await?.lines.len()
    });
    ask!("explain a destination", PAGE, {
        reader.explain(&Subject::Destination("kafka".to_owned())).await?.lines.len()
    });
    let page = PageRequest { order: Order::OldestFirst, deliveries: true, ..PageRequest::default() };
    ask!("timeline of an entity", PAGE, reader.timeline(&Entity::new("order", "e77"), page).await?.0.len());
    ask!("trace of a correlation", PAGE, reader.trace("c77", page).await?.events.len());
    ask!("state of an entity", PAGE, reader.state_at(&Entity::new("order", "e77"), None).await?.members.len());
    ask!("stats of everything", COUNT, reader.stats(&Filter::default()).await?.types.len());
    let types = Filter::parse("type:payment.*", 0)?;
    let types = &types;
    ask!("stats of some types", PAGE, reader.stats(types).await?.types.len());
    ask!("types", PAGE, reader.types().await?.len());
    ask!("destinations", PAGE, reader.destinations().await?.len());
    let letters = LetterFilter::default();
    let letters = &letters;
    ask!("dead letters", PAGE, reader.dead_letters(letters, None, 50).await?.letters.len());
    ask!("dead letters by error", PAGE, reader.dead_letter_groups(letters).await?.len());
    for text in ["type:payment.created", "key:hot", "where:number>900000", "class:exhausted since:1h"] {
        let letters = LetterFilter { filter: Filter::parse(text, reader.now().await?)?, ..LetterFilter::default() };
        let name = format!("dead letters {text}");
        if options.asks(&name) {
            let letters = &letters;
            let question = || async move { Ok(of(reader.dead_letters(letters, None, 50).await?.letters.len())) };
            table.ask(ground, &name, PAGE, question).await?;
        }
    }
    Ok(())
}

/// What bulk actions say before they are done.
pub(super) async fn jobs<DB: Engine>(
    outbox: &Outbox<DB>,
    ground: &impl Raw,
    options: &Options,
    table: &mut Table,
) -> anyhow::Result<()> {
    let operator = outbox.operator("bench")?;
    for (kind, text) in [
        (JobKind::Replay, "type:payment.rare"),
        (JobKind::Replay, "key:k77"),
        (JobKind::Replay, "type:order.created"),
        (JobKind::Replay, "type:*"),
        (JobKind::Redrive, "type:payment.created"),
        (JobKind::Redrive, "type:*"),
    ] {
        let name = format!("preview of {} {text}", if kind == JobKind::Replay { "replay" } else { "redrive" });
        if !options.asks(&name) {
            continue;
        }
        let mut request = Request::new(kind, Filter::parse(text, 0)?);
        if kind == JobKind::Replay {
            request.options.to = Some("kafka".to_owned());
        }
        let (operator, request) = (&operator, &request);
        let question = || async move {
            let outlook = operator.preview(request).await?;
            let rows = usize::try_from(outlook.changes).unwrap_or_default();
            Ok(Answered { rows, note: if outlook.exact { String::new() } else { " and more".to_owned() } })
        };
        table.ask(ground, &name, PREVIEW, question).await?;
    }
    Ok(())
}
