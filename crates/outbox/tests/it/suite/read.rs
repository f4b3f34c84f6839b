//! Looking at an outbox.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection as _;
use stateset_outbox::delivery::{
    AttemptRecord, Change, DeadLetter, DeliveryRow, DeliveryState, Evidence, Heartbeat, LaneChange, LoggedEvent,
    Settlement, Start,
};
use stateset_outbox::filter::{EventRef, Filter};
use stateset_outbox::read::{Item, KeySearch, LetterFilter, Order, PageRequest, ReadError, Reader as Questions};
use stateset_outbox::{
    Command, Engine, Entity, EventId, KeyStatus, OperationPolicy, Outbox, ReplayFilter, Scope, StoredResponse,
};
use uuid::Uuid;

use super::{Factory, Plain, Reader, event, order, registration, write};

/// Events of many kinds, in one transaction each.
async fn some_events<DB: Engine>(outbox: &Outbox<DB>) -> Vec<LoggedEvent> {
    let types = ["order.created", "order.shipped", "payment.succeeded", "shipping.dispatched", "cart.checked_out"];
    for number in 0..60_usize {
        let event_type = types[number * 7 % types.len()];
        let entity = Entity::new(event_type.split('.').next().unwrap_or_default(), format!("e{}", number % 9));
        let payload = json!({ "number": number, "amount_cents": number * 500, "name": format!("n {}", number % 3) });
        let token = (number % 4 == 0).then(|| format!("token {number}"));
        let mut draft = event(event_type, token.as_deref(), payload).about(entity);
        if number % 2 == 0 {
            draft = draft.order_key(format!("{}", number % 6));
        }
        if number % 5 == 0 {
            draft = draft.correlation_id(format!("c {}", number % 15)).causation_id("the request");
        }
        if number % 7 == 0 {
            draft = draft.agent(Uuid::from_u128(9), 1);
        }
        write(outbox, draft).await;
    }
    outbox.events_for_replay(&ReplayFilter::default(), 1_000).await.expect("all of them")
}

/// All pages of a list, with the total of the first one.
async fn pages<DB: Engine>(reader: &Questions<DB>, filter: &Filter, order: Order, limit: u16) -> (Vec<Item>, i64) {
    let mut all: Vec<Item> = Vec::new();
    let mut request = PageRequest { order, limit, ..PageRequest::default() };
    let mut total = None;
    loop {
        let page = reader.list(filter, request).await.expect("a page");
        assert!(page.events.len() <= usize::from(limit) && !page.partial);
        total.get_or_insert(page.total);
        all.extend(page.events);
        match page.next_cursor {
            Some(cursor) => request.cursor = Some(cursor),
            None => return (all, total.expect("one page at least")),
        }
    }
}

fn numbers(items: &[Item]) -> Vec<i64> {
    items.iter().map(|item| super::number(&item.event.payload)).collect()
}

/// B01, B03, B10, A14: whatever is asked, the answer is what the filter's own rule finds in all events: each once, in
/// order, in either direction, over pages of any size, with the right total.
pub(crate) async fn a_list_is_what_the_filter_says<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let all = some_events(&outbox).await;
    let reader = outbox.reader();
    let now = reader.now().await.expect("a time");
    let place = |at: usize| all[at].log_id;
    let time = |at: usize| stateset_outbox::filter::format_time(all[at].written_at);
    let one = all[17].event_id;
    for text in [
        String::new(),
        "type:order.created".to_owned(),
        "type:order.*".to_owned(),
        "type:order.*,*.succeeded".to_owned(),
        "type:*".to_owned(),
        "type:*.nothing".to_owned(),
        "entity:order/e1".to_owned(),
        "entity:payment".to_owned(),
        "entity_id:e1".to_owned(),
        "key:2".to_owned(),
        "key:2 type:order.*".to_owned(),
        format!("seq:{}..{}", place(10), place(20)),
        format!("since:{} until:{}", time(10), time(40)),
        format!("since:{}", time(50)),
        format!("until:{} type:order.*", time(30)),
        format!("since:{} type:payment.succeeded,order.shipped", time(5)),
        "since:10m".to_owned(),
        "until:10m".to_owned(),
        "agent:00000000-0000-0000-0000-000000000009".to_owned(),
        "correlation:\"c 10\"".to_owned(),
        "causation:\"the request\" type:cart.*".to_owned(),
        format!("event:{one}"),
        format!("event:{}", one.simple().to_string().split_at(12).0),
        "event_key:\"token 8\"".to_owned(),
        "event_key:\"token 8\" type:order.shipped".to_owned(),
        "where:data.amount_cents>10000".to_owned(),
        "where:amount_cents<=5000 where:name=\"n 1\" type:order.*".to_owned(),
        "where:missing".to_owned(),
    ] {
        let filter = Filter::parse(&text, now).expect("a filter");
        let expected: Vec<i64> =
            all.iter().filter(|event| filter.matches_event(event)).map(|event| super::number(&event.payload)).collect();
        for limit in [1, 7, 1_000] {
            let (found, total) = pages(&reader, &filter, Order::OldestFirst, limit).await;
            assert_eq!(numbers(&found), expected, "{text} by {limit}");
            assert_eq!(total, i64::try_from(expected.len()).expect("few"), "{text} by {limit}");
            let (mut found, _) = pages(&reader, &filter, Order::NewestFirst, limit).await;
            found.reverse();
            assert_eq!(numbers(&found), expected, "{text} by {limit}, newest first");
        }
    }
    let other = outbox.for_scope(Scope { tenant: Uuid::from_u128(1), store: Uuid::from_u128(2) }).reader();
    let page = other.list(&Filter::default(), PageRequest::default()).await.expect("a page");
    assert!(page.events.is_empty(), "B11: another scope's events are its own");
}

/// B05: an empty answer says how many there are without each part of the filter, and what may have been meant.
pub(crate) async fn nothing_found_is_explained<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    some_events(&outbox).await;
    outbox.deliveries().register(&registration("kafka", 1, "*", Start::Beginning)).await.expect("registered");
    let reader = outbox.reader();
    let filter = Filter::parse("type:order.craeted key:2 until:2020-01-01 destination:kafak", 0).expect("a filter");
    let page = reader.list(&filter, PageRequest::default()).await.expect("a page");
    let found = page.diagnostics.expect("a diagnosis");
    assert_eq!((page.total, found.in_scope), (0, 60));
    assert_eq!(found.unknown_types, [("order.craeted".to_owned(), Some("order.created".to_owned()))]);
    assert_eq!(found.unknown_destination, Some(("kafak".to_owned(), Some("kafka".to_owned()))));
    let keys: Vec<&str> = found.without.iter().map(|(key, ..)| *key).collect();
    assert_eq!(keys, ["type", "key", "until", "destination"]);
    let filter = Filter::parse("type:order.created key:nobody", 0).expect("a filter");
    let found = reader.list(&filter, PageRequest::default()).await.expect("a page").diagnostics.expect("a diagnosis");
    assert_eq!(found.without, [("type", 0, true), ("key", 12, true)]);
    assert!(found.unknown_types.is_empty() && found.written_at.is_some());
    let found = reader.list(&Filter::default(), PageRequest::default()).await.expect("a page");
    assert_eq!(found.diagnostics, None);
}

/// One event in each state at the destination `all`: 0 delivered, 1 retried, 2 dead, 3 acknowledged, 4 in flight, 5
/// pending; 9 is before the destination.
pub(crate) async fn every_state<F: Factory>(factory: &F) -> Reader {
    let outbox = factory.outbox();
    write(&outbox, order("before the registration", 9)).await;
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let lease = &reader.leases[0];
    for number in 0..4 {
        write(&outbox, order(&number.to_string(), number)).await;
    }
    let chunk = reader.store.poll(lease, 10).await.expect("a chunk");
    let change = |at: usize, to, class: &str, letter: Option<DeadLetter>| Change {
        delivery: DeliveryRow::of(&chunk.events[at], &reader.destination.routes[0]),
        from: None,
        to,
        reason: None,
        attempts: 1,
        next_attempt_in: (to == DeliveryState::RetryWait).then_some(Duration::from_hours(1)),
        attempt: Some(AttemptRecord {
            started_ago: Duration::from_millis(9),
            took: Duration::from_millis(5),
            outcome: if letter.is_some() { "refused" } else { "retry" },
            class: Some(class.to_owned()),
            error: Some("as the test wants it".to_owned()),
        }),
        dead_letter: letter,
    };
    let letter = DeadLetter { class: "refused".to_owned(), error: "no".to_owned() };
    let park = |at: usize, due_in, reason: &str| LaneChange::Park {
        lane: chunk.events[at].lane(),
        due_in,
        reason: reason.to_owned(),
    };
    let receipt = Evidence {
        log_id: chunk.events[3].log_id,
        kind: "sequencer".to_owned(),
        remote_sequence: Some(77),
        evidence: "{}".to_owned(),
    };
    let plan = Settlement {
        advance: Some(chunk.advance()),
        events: 4,
        changes: vec![
            change(1, DeliveryState::RetryWait, "timeout", None),
            change(2, DeliveryState::Dead, "http_422", Some(letter)),
        ],
        lanes: vec![park(1, Some(Duration::from_hours(1)), "retry"), park(2, None, "dead")],
        receipts: vec![receipt],
        ..Settlement::default()
    };
    reader.store.settle(lease, &plan).await.expect("settled");
    write(&outbox, order("4", 4)).await;
    let chunk = reader.store.poll(lease, 10).await.expect("a chunk");
    let beat = Heartbeat { lease: lease.clone(), in_flight: Some(chunk.advance_through(&chunk.events[0])) };
    reader.store.renew(&[beat], Duration::from_mins(1)).await.expect("renewed");
    write(&outbox, order("5", 5)).await;
    reader
}

/// B01, E07, E12, E14: the states that are derived here are those of the view, and each filters.
pub(crate) async fn states_are_those_of_the_view<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let delivering = every_state(factory).await;
    delivering.store.register(&registration("nothing", 2, "payment.*", Start::Beginning)).await.expect("registered");
    delivering.store.register(&registration("late", 4, "*", Start::Beginning)).await.expect("registered");
    let reader = outbox.reader();
    let request = PageRequest { deliveries: true, order: Order::OldestFirst, ..PageRequest::default() };
    let page = reader.list(&Filter::default(), request).await.expect("a page");
    let derived = page.events.iter().flat_map(|item| {
        let number = super::number(&item.event.payload);
        item.deliveries.iter().map(move |one| format!("{number} {} {} {}", one.destination, one.state, one.attempts))
    });
    let mut derived: Vec<String> = derived.collect();
    derived.sort();
    let mut tx = outbox.begin().await.expect("a transaction");
    let columns = "payload || ' ' || destination || ' ' || state || ' ' || CAST(attempts AS text)";
    let view = format!("SELECT {columns} FROM {}", factory.table("delivery_state"));
    let mut seen = F::Engine::texts(&mut tx, view).await;
    drop(tx);
    for row in &mut seen {
        let (payload, rest) = row.split_once(' ').expect("columns");
        *row = format!("{} {rest}", super::number(payload));
    }
    seen.sort();
    assert_eq!(derived, seen);

    for (text, expected) in [
        ("state:pending destination:all", vec![5]),
        ("state:in_flight", vec![4]),
        ("state:retry_wait", vec![1]),
        ("state:dead", vec![2]),
        ("state:acknowledged", vec![3]),
        ("state:delivered", vec![0]),
        ("state:failed", vec![1, 2]),
        ("state:FAILED", vec![2]),
        ("state:pending destination:late key:3", vec![3]),
        ("state:pending destination:nothing", vec![]),
        ("destination:all", vec![0, 1, 2, 3, 4, 5]),
        ("class:http_422", vec![2]),
        ("class:timeout state:retry_wait destination:all", vec![1]),
        ("state:rejected", vec![]),
    ] {
        let filter = Filter::parse(text, 0).expect("a filter");
        let (found, total) = pages(&reader, &filter, Order::OldestFirst, 100).await;
        assert_eq!(numbers(&found), expected, "{text}");
        assert_eq!(total, i64::try_from(expected.len()).expect("few"), "{text}");
    }
    let status = reader.destinations().await.expect("destinations");
    let all = status.iter().find(|one| one.name == "all").expect("it is there");
    let counts =
        [DeliveryState::Pending, DeliveryState::RetryWait, DeliveryState::Dead].map(|state| all.in_state(state));
    assert_eq!(counts, [2, 1, 1], "Q11: what is in flight has no row and counts as pending");
    assert_eq!((all.passed_last_day, all.counts.dead_letters, all.lanes.len()), (4, 1, 1));
    assert!(all.counts.oldest.is_some() && all.settled_at.is_some() && all.workers.len() == 1);
}

/// B02, E11, E12, G02: one event with all that is known of it, by any of its names.
pub(crate) async fn one_event_is_inspected<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    every_state(factory).await;
    let reader = outbox.reader();
    let all = outbox.events_for_replay(&ReplayFilter::default(), 100).await.expect("all");
    let by_number = |number: i64| all.iter().find(|event| super::number(&event.payload) == number).expect("written");
    let id = by_number(2).event_id;
    for name in [id.to_string(), EventId(id).display(), id.simple().to_string().split_at(14).0.to_owned()] {
        let found = reader.inspect(&name.parse().expect("a name")).await.expect("an event");
        assert_eq!(found.event.event_id, id, "{name}");
    }
    let dead = reader.inspect(&EventRef::Id(id)).await.expect("an event");
    assert!(dead.payload_hash.1 && dead.deliverable);
    assert_eq!(dead.deliveries.len(), 1);
    assert_eq!((dead.deliveries[0].state, dead.deliveries[0].will_retry), (DeliveryState::Dead, false));
    assert_eq!(dead.deliveries[0].dead_letter, Some(dead.dead_letters[0].id));
    assert_eq!((dead.attempts[0].outcome.as_str(), dead.attempts[0].number), ("refused", 1));
    let acknowledged = reader.inspect(&EventRef::Id(by_number(3).event_id)).await.expect("an event");
    assert_eq!(
        (acknowledged.receipts[0].remote_sequence, acknowledged.deliveries[0].remote_sequence),
        (Some(77), Some(77))
    );
    let delivered = reader.inspect(&EventRef::Id(by_number(0).event_id)).await.expect("an event");
    assert!(delivered.deliveries[0].delivered_at.expect("a mark says when") >= delivered.event.written_at);
    let retried = reader.inspect(&EventRef::Id(by_number(1).event_id)).await.expect("an event");
    assert!(retried.deliveries[0].will_retry && retried.deliveries[0].next_attempt_at.is_some());
    let pending = reader.inspect(&EventRef::Id(by_number(9).event_id)).await.expect("an event");
    assert!(pending.deliveries.is_empty(), "no route took it");

    let missing = reader.inspect(&EventRef::Id(Uuid::nil())).await.expect_err("no such event");
    assert!(matches!(missing, ReadError::NotFound(_)), "{missing}");
    let (one, two) = (Uuid::from_u128(0xabcd_ef01 << 96 | 1), Uuid::from_u128(0xabcd_ef01 << 96 | 2));
    for id in [one, two] {
        let mut draft = event("a.b", None, json!({ "number": 1 }));
        draft.id = EventId(id);
        write(&outbox, draft.about(Entity::new("a", "b"))).await;
    }
    let ambiguous = reader.inspect(&"abcdef01".parse().expect("a prefix")).await.expect_err("two events");
    assert!(matches!(&ambiguous, ReadError::Ambiguous { candidates, .. } if *candidates == [one, two]), "{ambiguous}");
}

/// B04, B11: an order's payments and shipments are in its timeline; an operation's events are found together.
pub(crate) async fn timelines_join_by_order_key<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let about = |event_type: &str, kind: &str, id: &str, number: i64| {
        event(event_type, None, json!({ "number": number })).about(Entity::new(kind, id))
    };
    write(&outbox, about("order.created", "order", "o1", 0).order_key("o1").correlation_id("c1")).await;
    write(&outbox, about("payment.succeeded", "payment", "p1", 1).order_key("o1").correlation_id("c1")).await;
    write(&outbox, about("order.created", "order", "o2", 2).order_key("o2").correlation_id("c2")).await;
    write(&outbox, about("shipment.shipped", "shipment", "s1", 3).order_key("o1")).await;
    write(&outbox, about("order.noted", "order", "o1", 4)).await;
    let reader = outbox.reader();
    let request = PageRequest { order: Order::OldestFirst, limit: 3, ..PageRequest::default() };
    let (first, cursor) = reader.timeline(&Entity::new("order", "o1"), request).await.expect("a timeline");
    let (second, end) =
        reader.timeline(&Entity::new("order", "o1"), PageRequest { cursor, ..request }).await.expect("the rest");
    let seen: Vec<(i64, bool)> =
        first.iter().chain(&second).map(|entry| (super::number(&entry.item.event.payload), entry.related)).collect();
    assert_eq!(seen, [(0, false), (1, true), (3, true), (4, false)]);
    assert_eq!(end, None);
    let (payment, _) = reader.timeline(&Entity::new("payment", "p1"), request).await.expect("a timeline");
    assert_eq!(payment.len(), 3, "the payment's order is its timeline too");
    let trace = reader.trace("c1", request).await.expect("a trace");
    assert_eq!((numbers(&trace.events), trace.total, trace.total_exact), (vec![0, 1], 2, true));

    let command =
        Command { operation: "checkout", key: "k1", fingerprint: [1; 32], policy: OperationPolicy::default() };
    let mut tx = outbox.begin().await.expect("a transaction");
    let claim = outbox.claim(&mut tx, command).await.expect("a claim");
    let stateset_outbox::Claim::Fresh(mut operation) = claim else { panic!("{claim:?}") };
    let id = operation.command_id();
    operation.write_event(&outbox, &mut tx, about("order.created", "order", "o3", 5)).await.expect("written");
    operation.write_event(&outbox, &mut tx, about("payment.created", "payment", "p3", 6)).await.expect("written");
    operation.complete(&outbox, &mut tx, &StoredResponse::default()).await.expect("completed");
    tx.commit().await.expect("it commits");
    assert_eq!(numbers(&reader.trace(&id.to_string(), request).await.expect("a trace").events), [5, 6]);

    // I05, I07, I08, I13: the key is found by prefix, by event, by entity.
    let event = reader.trace(&id.to_string(), request).await.expect("a trace").events[0].event.event_id;
    for search in [
        KeySearch { prefix: Some("k".to_owned()), ..KeySearch::default() },
        KeySearch { event: Some(EventRef::Id(event)), ..KeySearch::default() },
        KeySearch { entity: Some(Entity::new("order", "o3")), ..KeySearch::default() },
        KeySearch {
            status: Some(KeyStatus::Completed),
            operation: Some("checkout".to_owned()),
            ..KeySearch::default()
        },
    ] {
        let page = reader.idempotency_keys(&search, None, 10).await.expect("keys");
        let [key] = page.keys.as_slice() else { panic!("{search:?}: {page:?}") };
        assert_eq!((key.key.as_str(), key.command_id, key.status), ("k1", id, KeyStatus::Completed));
        assert!(key.expires_at.is_some());
    }
    let none = KeySearch { prefix: Some("x".to_owned()), ..KeySearch::default() };
    assert!(reader.idempotency_keys(&none, None, 10).await.expect("keys").keys.is_empty());
    for number in 0..5 {
        outbox.create_idempotency_key("reserve", &format!("r{number}"), Duration::from_hours(1)).await.expect("made");
    }
    let reserved = KeySearch { operation: Some("reserve".to_owned()), ..KeySearch::default() };
    let first = reader.idempotency_keys(&reserved, None, 3).await.expect("keys");
    let rest = reader.idempotency_keys(&reserved, first.next_cursor.as_ref(), 3).await.expect("keys");
    assert_eq!((first.keys.len(), rest.keys.len(), rest.next_cursor), (3, 2, None));
}

/// B12: sums per scope; the filter affects all of them.
pub(crate) async fn sums_are_per_scope<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    let all = some_events(&outbox).await;
    let reader = outbox.reader();
    let stats = reader.stats(&Filter::default()).await.expect("sums");
    assert_eq!((stats.total, stats.types.len()), (60, 5));
    assert_eq!(stats.places, Some((all[0].log_id, all[59].log_id)));
    let filter = Filter::parse("type:order.*", 0).expect("a filter");
    let stats = reader.stats(&filter).await.expect("sums");
    let orders: Vec<&LoggedEvent> = all.iter().filter(|event| event.event_type.starts_with("order.")).collect();
    assert_eq!(stats.total, i64::try_from(orders.len()).expect("few"));
    assert_eq!(stats.written_at, Some((orders[0].written_at, orders[orders.len() - 1].written_at)));
    let names: Vec<&str> = stats.types.iter().map(|one| one.event_type.as_str()).collect();
    assert_eq!(names, ["order.created", "order.shipped"]);
    assert_eq!(reader.types().await.expect("types").len(), 5);
}

/// G02, G04, G05: dead letters, by filter and by error.
pub(crate) async fn dead_letters_are_listed<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    every_state(factory).await;
    let reader = outbox.reader();
    for (text, expected) in [
        ("", 1),
        ("type:order.* destination:all class:refused since:1h", 1),
        ("key:2", 1),
        ("where:number=2", 1),
        ("key:1", 0),
        ("destination:other", 0),
        ("type:payment.*", 0),
        ("until:1h", 0),
        ("state:delivered", 0),
    ] {
        let now = reader.now().await.expect("a time");
        let filter = Filter::parse(text, now).expect("a filter");
        let wanted = LetterFilter { filter, ..LetterFilter::default() };
        let page = reader.dead_letters(&wanted, None, 10).await.expect("letters");
        assert_eq!(
            (page.letters.len(), page.total, page.total_exact),
            (expected, i64::try_from(expected).expect("few"), true),
            "{text}"
        );
        let groups = reader.dead_letter_groups(&wanted).await.expect("groups");
        assert_eq!(groups.len(), expected, "{text}");
    }
    let groups = reader.dead_letter_groups(&LetterFilter::default()).await.expect("groups");
    assert_eq!((groups[0].class.as_str(), groups[0].error.as_str(), groups[0].count), ("refused", "no", 1));
}

/// J04, M05: reading waits for no writer, and takes nothing that a writer waits for.
pub(crate) async fn reading_and_writing_do_not_meet<F: Factory>(factory: &F) {
    let outbox = factory.outbox();
    write(&outbox, order("1", 1)).await;
    let mut writing = outbox.begin().await.expect("a transaction");
    outbox.write_event_with_outbox(&mut writing, order("2", 2)).await.expect("written");
    let reader = outbox.reader();
    let page = reader.list(&Filter::default(), PageRequest::default()).await.expect("a page, at once");
    assert_eq!(page.events.len(), 1, "what is not committed is not there");
    reader.inspect(&EventRef::Id(page.events[0].event.event_id)).await.expect("an event, at once");
    reader.destinations().await.expect("destinations, at once");
    writing.ping().await.expect("the writer goes on");
    writing.commit().await.expect("it commits");
    let page = reader.list(&Filter::default(), PageRequest::default()).await.expect("a page");
    assert_eq!(page.events.len(), 2);
    let value: Value = serde_json::from_str(&page.events[0].event.payload).expect("JSON");
    assert_eq!(value, json!({ "number": 2 }));
}

/// Stories: an event, a key and a destination say where they are, why, and what would mend it.
pub(crate) async fn what_is_stuck_is_explained<F: Factory>(factory: &F) {
    use stateset_outbox::explain::{Subject, Urgency};
    let outbox = factory.outbox();
    every_state(factory).await;
    // Behind the dead event 2.
    write(&outbox, order("2", 12)).await;
    let all = outbox.events_for_replay(&ReplayFilter::default(), 100).await.expect("all");
    let id_of = |number: i64| {
        let event = all.iter().find(|event| super::number(&event.payload) == number).expect("written");
        Subject::Event(EventRef::Id(event.event_id))
    };
    let reader = outbox.reader();
    for (number, urgency, why, fix) in [
        (0, Urgency::Fine, "took it", ""),
        (1, Urgency::Waiting, "1 attempt failed, the last with timeout", ""),
        (2, Urgency::Stuck, "the last with http_422", "stateset-events dlq redrive "),
        (3, Urgency::Fine, "proved", ""),
        (4, Urgency::Waiting, "publishing", ""),
        (5, Urgency::Waiting, "no worker has come to it yet", ""),
        (
            12,
            Urgency::Stuck,
            "an earlier event of its key come first; the first is dead",
            "stateset-events dlq redrive ",
        ),
    ] {
        let found = reader.explain(&id_of(number)).await.expect("an explanation");
        let [line] = found.lines.as_slice() else { panic!("{number}: {found:?}") };
        assert_eq!(line.urgency, urgency, "{number}: {line:?}");
        assert!(
            line.why.contains(why) && line.fix.as_deref().unwrap_or_default().starts_with(fix),
            "{number}: {line:?}"
        );
    }
    let nowhere = reader.explain(&id_of(9)).await.expect("an explanation");
    assert!(nowhere.lines[0].why.contains("no destination had a route"), "{nowhere:?}");
    let found = reader.explain(&Subject::OrderKey("2".to_owned())).await.expect("an explanation");
    assert_eq!((found.events.len(), found.lines.len(), found.lines[0].urgency), (2, 1, Urgency::Stuck));
    let found = reader.explain(&Subject::Destination("all".to_owned())).await.expect("an explanation");
    assert_eq!((found.lines[0].state.as_str(), found.lines[0].urgency), ("dead letters", Urgency::Stuck));
    outbox.create_idempotency_key("checkout", "k1", Duration::from_hours(1)).await.expect("made");
    let key = Subject::IdempotencyKey { operation: None, key: "k1".to_owned() };
    assert_eq!(reader.explain(&key).await.expect("an explanation").lines[0].state, "active");
    for missing in [Subject::OrderKey("none".to_owned()), Subject::Destination("none".to_owned())] {
        assert!(matches!(reader.explain(&missing).await, Err(ReadError::NotFound(_))));
    }
}
