//! Plans and times on a log of many events: `READ_EVENTS`, 60,000 unless set; the targets are for a million.

use stateset_outbox::Engine;
use stateset_outbox::delivery::LoggedEvent;
use stateset_outbox::filter::Filter;
use stateset_outbox::read::{LOOKED_AT, Order, PageRequest, Reader};
use stateset_testkit::environment;
use tokio::time::Instant;

use super::{Factory, Plain, order, write};

/// A14, B01: every filter is answered by an index or a bounded walk: no plan reads the whole table, and a page takes
/// milliseconds.
pub(crate) async fn every_filter_has_an_index<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let count: i64 = environment::variable("READ_EVENTS").map_or(60_000, |text| text.parse().expect("a number"));
    write(&outbox, order("first", 0)).await;
    let mut tx = outbox.begin().await.expect("a transaction");
    let fill = F::Engine::FILL.replace("{count}", &count.to_string());
    let fill = fill
        .replace("{event_log}", &factory.table("event_log"))
        .replace("{event_identity}", &factory.table("event_identity"));
    F::Engine::run(&mut tx, fill).await.expect("filled");
    tx.commit().await.expect("it commits");
    let mut tx = outbox.begin().await.expect("a transaction");
    F::Engine::run(&mut tx, format!("ANALYZE {}", factory.table("event_log"))).await.expect("analysed");
    tx.commit().await.expect("it commits");

    let reader = outbox.reader();
    let now = reader.now().await.expect("a time");
    let newest = PageRequest { limit: 1, ..PageRequest::default() };
    let page = reader.list(&Filter::default(), newest).await.expect("a page");
    let last = page.events[0].event.clone();
    assert_eq!((page.total, page.total_exact), (10_000, false), "more than that are not counted");
    for text in questions(&last, count) {
        let filter = Filter::parse(&text, now).expect("a filter");
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let request = PageRequest { order, ..PageRequest::default() };
            // The first time fills caches of statements; a best of three is what the machine can do while others use it.
            let mut best = u128::MAX;
            let mut page = None;
            for _ in 0..3 {
                let began = Instant::now();
                page = Some(reader.list(&filter, request).await.expect("a page"));
                best = best.min(began.elapsed().as_micros());
            }
            let page = page.expect("three of them");
            // For people: `-- --nocapture`. A time is nothing to be asserted on a machine that others use too.
            println!(
                "{best:>8} us  {:>3} events, {:>5} looked at  {text} {order:?}",
                page.events.len(),
                page.looked_at
            );
            assert!(page.looked_at <= LOOKED_AT, "{text}: a page is bounded");
            assert!(!page.partial || page.next_cursor.is_some(), "{text}: what was not looked at can be");
        }
    }
    what_is_partial_goes_on(&reader, count).await;
    plans(factory, last.log_id).await;
}

/// Filters of every kind: frequent things, rare ones, ones that are not there.
fn questions(last: &LoggedEvent, count: i64) -> Vec<String> {
    let time = |ago: i64| stateset_outbox::filter::format_time(last.written_at - ago);
    vec![
        String::new(),
        "type:order.created".to_owned(),
        "type:order.*".to_owned(),
        "type:payment.rare".to_owned(),
        "type:*.rare,order.shipped".to_owned(),
        "entity:order/e77".to_owned(),
        "entity:order".to_owned(),
        "entity:payment".to_owned(),
        "key:k77".to_owned(),
        "correlation:c77".to_owned(),
        "command:00000000-0000-0000-0000-000000000077".to_owned(),
        "agent:00000000-0000-0000-0000-000000000009".to_owned(),
        format!("event:{}", last.event_id),
        format!("event:{}", last.event_id.simple().to_string().split_at(10).0),
        format!("since:{}", time(60_000_000)),
        format!("since:{} until:{}", time(count * 500_000 + 60_000_000), time(count * 500_000)),
        format!("until:{}", time(count * 900_000)),
        format!("until:{} type:order.created", time(count * 900_000)),
        format!("seq:{}..{}", last.log_id - 90, last.log_id - 10),
        "where:number>5 since:10m".to_owned(),
        "type:payment.rare where:number=3".to_owned(),
        "key:nobody".to_owned(),
        "type:nobody.there".to_owned(),
        "entity_id:e77".to_owned(),
        "causation:nothing".to_owned(),
        "type:order.created agent:00000000-0000-0000-0000-000000000009".to_owned(),
        "entity:payment type:order.created".to_owned(),
        "state:dead".to_owned(),
        "where:number=17".to_owned(),
        "where:note=\"no such note\"".to_owned(),
    ]
}

/// B01, A14: pages that stop before their end go on where they stopped, until everything was looked at: each event once.
async fn what_is_partial_goes_on<DB: Engine>(reader: &Reader<DB>, count: i64) {
    for (text, expected) in [
        ("where:number=17", 1),
        ("causation:nobody", 0),
        ("entity:payment type:order.created", 0),
        ("type:order.created agent:00000000-0000-0000-0000-000000000009", 0),
    ] {
        let filter = Filter::parse(text, 0).expect("a filter");
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let (mut found, mut pages, mut request) = (0, 0, PageRequest { order, ..PageRequest::default() });
            loop {
                let page = reader.list(&filter, request).await.expect("a page");
                (found, pages) = (found + page.events.len(), pages + 1);
                match page.next_cursor {
                    Some(cursor) => request.cursor = Some(cursor),
                    None => break,
                }
                assert!(pages <= 2 + 2 * count / LOOKED_AT, "{text}: it ends");
            }
            assert_eq!(found, expected, "{text} {order:?}");
        }
    }
}

/// The index of each way, in either direction; PostgreSQL's partitions name theirs after the columns. Conditions of the rest
/// are there too: they must not lead to another one.
const PLANS: &[(&str, &str, &str)] = &[
    ("by_one by_type", "event_type_id_idx", "INDEX event_log_type"),
    ("by_one by_id by_entity", "entity_id_id_idx", "INDEX event_log_entity"),
    ("by_one by_order_key", "order_key_id_idx", "INDEX event_log_order_key"),
    ("by_one by_correlation", "correlation_id_id_idx", "INDEX event_log_correlation"),
    ("by_one by_command", "command_id_id_idx", "INDEX event_log_command"),
    ("by_one by_agent", "agent_id_id_idx", "INDEX event_log_agent"),
    ("by_one by_id by_log", "pkey", "INTEGER PRIMARY KEY"),
    ("by_id by_ids", "pkey", "INTEGER PRIMARY KEY"),
    ("by_id by_types", "event_type_id_idx", "INDEX event_log_type"),
    ("by_id by_scope", "event_type_id_idx", "INDEX event_log_type"),
    ("by_id by_entity_type", "entity_id_id_idx", "INDEX event_log_entity"),
];

/// The statement with these lines, as the program composes it, and with values for its arguments.
fn statement<F: Factory>(lines: &[&str], (first, last): (i64, i64)) -> String {
    let keep = |line: &str| match line.split_once(" -- if ") {
        Some((text, condition)) => condition.split(' ').all(|name| lines.contains(&name)).then(|| text.to_owned()),
        None => Some(line.to_owned()).filter(|line| !line.starts_with("--")),
    };
    let mut sql = F::Engine::READ_EVENTS.lines().filter_map(keep).collect::<Vec<_>>().join("\n");
    let id = |tail: u32| F::Engine::uuid(&format!("{tail:032}"));
    let arguments = [
        (18, "0".to_owned()),
        (17, "51".to_owned()),
        (16, "'[1,2,3]'".to_owned()),
        (15, "9000000000000000".to_owned()),
        (14, "0".to_owned()),
        (13, id(9)),
        (12, id(77)),
        (11, "'c'".to_owned()),
        (10, "'c77'".to_owned()),
        (9, "'k77'".to_owned()),
        (8, "'e77'".to_owned()),
        (7, "'order'".to_owned()),
        (6, "'[\"order.created\",\"payment.rare\"]'".to_owned()),
        (5, "'order.created'".to_owned()),
        (4, last.to_string()),
        (3, first.to_string()),
        (2, "s.store_id".to_owned()),
        (1, "s.tenant_id".to_owned()),
    ];
    for (number, value) in arguments {
        sql = sql.replace(&format!("${number}"), &value);
    }
    sql
}

async fn plans<F: Factory>(factory: &F, last: i64) {
    let outbox = factory.outbox();
    let scope = outbox.scope();
    let mut tx = outbox.begin().await.expect("a transaction");
    for (way, postgres, sqlite) in PLANS {
        for what in ["rows whole scoped newest", "rows slim scoped oldest causation since until", "places newest"] {
            let mut lines: Vec<&str> = way.split(' ').chain(what.split(' ')).collect();
            lines.extend((!way.contains("by_log")).then_some("scoped"));
            let closed = what.contains("causation") && !way.contains("by_id");
            lines.push(if closed { "closed" } else { "open" });
            // What rows must say is asked of a window.
            let first = if what.contains("causation") { last - 10_000 } else { 0 };
            let mut sql = statement::<F>(&lines, (first, last + 1));
            sql = sql.replace("s.tenant_id", &F::Engine::uuid(&scope.tenant.simple().to_string()));
            sql = sql.replace("s.store_id", &F::Engine::uuid(&scope.store.simple().to_string()));
            sql = sql.replace("outbox.event_log", &factory.table("event_log"));
            let plan = F::Engine::plan(&mut tx, sql).await.join("\n");
            // A window may be read by places as well.
            let window = what.contains("causation") && plan.contains("pkey");
            assert!(plan.contains(postgres) || plan.contains(sqlite) || window, "{way}, {what}:\n{plan}");
            assert!(!plan.contains("Seq Scan on event_log_0"), "{way}, {what}:\n{plan}");
            let scan = plan.lines().any(|line| line.trim() == "SCAN event_log");
            assert!(!scan, "{way}, {what}:\n{plan}");
            // The order of the index is that of the page: nothing is sorted, and a page costs a page. What rows must say is
            // asked of a window only, all of which is read: there a few may be sorted, and so may the sixty events that
            // have an agent here.
            let sorted = plan.contains("Sort  (") || plan.contains("TEMP B-TREE");
            let few = !way.contains("by_one")
                || way.contains("by_agent")
                || way.contains("by_entity")
                || what.contains("causation");
            assert!(!sorted || few, "{way}, {what}:\n{plan}");
        }
    }
}
