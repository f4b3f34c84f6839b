//! Reading events: pages, filters, totals, payload segments, look-ups by id.

use std::collections::BTreeSet;

use stateset_ledger::event::Candidate;
use stateset_ledger::id::{AgentId, EventId, Micros, Scope, StoreId, TenantId};
use stateset_store::Store as _;
use stateset_store::read::{EXACT_TOTAL, EventFilter, EventPage, EventQuery, FoundEvent, StoredEvent};
use uuid::Uuid;

use super::Factory;
use super::random::{Random, with_content_hash};
use super::writer::{Writer, filtered, page, payload_at, sequence};

/// B06: `from` is the first place that may appear, `limit` the number of events that do, and nothing is left out.
pub(crate) async fn pages_follow_each_other(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(40);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let mut expected = Vec::new();
    for count in [1, 5, 4] {
        expected.extend(writer.append(&store, &random.events(scope, count)).await);
    }
    for from in 1..=12_u64 {
        for limit in 1..=12_u32 {
            let page = page(&store, writer.stream(), from, limit).await;
            let behind: Vec<_> = expected.iter().filter(|event| event.sequence.get() >= from).cloned().collect();
            let shown = behind.len().min(limit as usize);
            assert_eq!(page.events, behind[..shown], "{limit} from {from}");
            assert_eq!(page.has_more, behind.len() > shown, "{limit} from {from}");
            assert_eq!(page.total, Some(behind.len() as u64), "{limit} from {from}");
            assert_eq!(page.head_size, 10);
            for (upto, newest_first) in [(1, false), (from, true), (9, false), (9, true), (12, true)] {
                let query = EventQuery {
                    stream: writer.stream(),
                    from: sequence(from),
                    upto: Some(sequence(upto)),
                    newest_first,
                    limit,
                    filter: EventFilter::default(),
                    count: true,
                };
                let page = store.events(&query).await.expect("a page");
                let between: Vec<_> = behind.iter().filter(|event| event.sequence.get() <= upto).cloned().collect();
                let shown = between.len().min(limit as usize);
                let range = if newest_first { between.len() - shown..between.len() } else { 0..shown };
                assert_eq!(page.events, between[range], "{limit} from {from} up to {upto}, {newest_first}");
                assert_eq!(page.has_more, between.len() > shown, "{limit} from {from} up to {upto}");
                assert_eq!((page.total, page.head_size), (Some(between.len() as u64), 10), "{from} up to {upto}");
                let needed: BTreeSet<_> = page.events.iter().map(|event| event.segment).collect();
                assert!(page.segments.iter().map(|segment| segment.first).eq(needed), "{from} up to {upto}");
            }
        }
    }
    let uncounted = EventQuery::new(writer.stream(), sequence(1), 1);
    assert_eq!(store.events(&uncounted).await.expect("a page").total, None);
}

/// B07: nothing is there, and the page says of how many.
pub(crate) async fn a_page_behind_the_head_is_empty(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(41);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let is_empty = |page: &EventPage| page.events.is_empty() && page.segments.is_empty() && !page.has_more;
    let of_nothing = page(&store, writer.stream(), 1, 10).await;
    assert!(is_empty(&of_nothing));
    assert_eq!((of_nothing.head_size, of_nothing.total), (0, Some(0)));
    writer.append(&store, &random.events(scope, 3)).await;
    for from in [4, 5, 1 << 40, i64::MAX.unsigned_abs()] {
        let behind = page(&store, writer.stream(), from, 1_000).await;
        assert!(is_empty(&behind), "{behind:?}");
        assert_eq!((behind.head_size, behind.total), (3, Some(0)));
    }
}

/// B01, B08, B10, B11: what a filter selects is what [`EventFilter::admits`] says, whichever members are set, page by page.
pub(crate) async fn each_filter_selects_alone_and_with_others(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(42);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let mut expected = Vec::new();
    for _ in 0..8 {
        expected.extend(writer.append(&store, &random.events(scope, 25)).await);
    }
    let other = Scope::new(scope.tenant, StoreId(random.uuid()));
    Writer::open(&store, other).await.append(&store, &random.events(other, 50)).await;

    let mut matched = BTreeSet::new();
    for members in 1..256_u32 {
        // Values of one event, so that the filters meet.
        let like = random.pick(&expected).clone();
        let filter = filter_of(members, &like, &mut random);
        let wanted: Vec<_> = expected.iter().filter(|event| filter.admits(event)).cloned().collect();
        matched.insert(wanted.len());
        let limit = 1 + u32::try_from(random.below(20)).expect("small");
        let mut found: Vec<StoredEvent> = Vec::new();
        loop {
            let from = found.last().map_or(1, |last| last.sequence.get() + 1);
            let page = filtered(&store, writer.stream(), from, limit, filter.clone()).await;
            assert_eq!(page.total, Some((wanted.len() - found.len()) as u64), "{filter:?}");
            assert_eq!(page.head_size, 200);
            found.extend(page.events);
            assert_eq!(page.has_more, found.len() < wanted.len(), "{filter:?}");
            if !page.has_more {
                break;
            }
        }
        assert_eq!(found, wanted, "{filter:?}");
    }
    assert!(matched.len() > 10, "the filters select different amounts: {matched:?}");

    let nobody = EventFilter { agent: Some(AgentId(Uuid::max())), ..EventFilter::default() };
    let nothing = filtered(&store, writer.stream(), 1, 10, nobody).await;
    assert_eq!((nothing.events.len(), nothing.total, nothing.head_size), (0, Some(0), 200));
}

/// A filter with the members that are set in `members`, taken from `like`.
fn filter_of(members: u32, like: &StoredEvent, random: &mut Random) -> EventFilter {
    let has = |bit: u32| members & (1 << bit) != 0;
    let header = &like.header;
    let globs = [header.event_type.clone(), "order.*".to_owned(), "*.created".to_owned(), "*".to_owned()];
    EventFilter {
        entity_type: has(0).then(|| header.entity_type.clone()),
        entity_id: has(1).then(|| header.entity_id.clone()),
        event_type: has(2).then(|| random.pick(&globs).clone()),
        agent: has(3).then_some(header.agent),
        correlation_id: has(4).then(|| header.correlation_id.clone()).flatten(),
        order_key: has(5).then(|| header.order_key.clone()).flatten(),
        since: has(6).then(|| Micros(like.sequenced_at.0 - 1_000_000)),
        until: has(7).then(|| Micros(like.sequenced_at.0 + 1_000_000)),
    }
}

/// B01: `*` stands for any run of characters, everything else for itself, letters in their case.
pub(crate) async fn globs_know_only_the_star(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(43);
    let scope = random.scope();
    let types = [
        "order.created",
        "order.paid",
        "order.",
        "order",
        "Order.created",
        "payment.created",
        "orderXcreated",
        "100%",
        "100x",
        "a_b",
        "aXb",
        "[ab]",
        "a?",
        "ab",
        "a\\b",
        "a\\%b",
        "a'b\"c",
        "*",
        "bestellung.ä",
        "bestellung.Ä",
        "line\nbreak",
        "",
    ];
    let of_type = |(number, name): (usize, &&str)| {
        let mut event = Random::new(4_300 + number as u64).event(scope);
        (*name).clone_into(&mut event.header.event_type);
        with_content_hash(event, scope)
    };
    let candidates: Vec<Candidate> = types.iter().enumerate().map(of_type).collect();
    let mut writer = Writer::open(&store, scope).await;
    writer.append(&store, &candidates).await;
    let globs: [(&str, &[&str]); 24] = [
        ("order.*", &["order.created", "order.paid", "order."]),
        ("*.created", &["order.created", "Order.created", "payment.created"]),
        ("*", &types),
        ("**", &types),
        ("o*d", &["order.created", "order.paid", "orderXcreated"]),
        ("o*r*d", &["order.created", "order.paid", "orderXcreated"]),
        ("*e*e*d", &["order.created", "Order.created", "payment.created", "orderXcreated"]),
        ("*r*r*r*r*", &[]),
        ("order.created", &["order.created"]),
        ("ORDER.CREATED", &[]),
        ("order", &["order"]),
        ("", &[""]),
        ("100%", &["100%"]),
        ("a_b", &["a_b"]),
        ("_rder", &[]),
        ("[ab]", &["[ab]"]),
        ("a?", &["a?"]),
        ("a\\b", &["a\\b"]),
        ("a\\*", &["a\\b", "a\\%b"]),
        ("*\\%*", &["a\\%b"]),
        ("a'b\"c", &["a'b\"c"]),
        ("bestellung.ä", &["bestellung.ä"]),
        ("line*break", &["line\nbreak"]),
        ("aba*", &[]),
    ];
    for (glob, wanted) in globs {
        let filter = EventFilter { event_type: Some(glob.to_owned()), ..EventFilter::default() };
        let page = filtered(&store, writer.stream(), 1, 1_000, filter).await;
        let found: Vec<_> = page.events.iter().map(|event| event.header.event_type.as_str()).collect();
        assert_eq!(found, wanted, "{glob:?}");
        assert_eq!(page.total, Some(wanted.len() as u64), "{glob:?}");
    }
}

/// B10: `since` takes part, `until` does not; both are honoured together.
pub(crate) async fn time_bounds_are_half_open(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(44);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    for at in [-5, 0, 10, 20, 30] {
        writer.now = Micros(at);
        writer.append(&store, &random.events(scope, 2)).await;
    }
    let cases: [(Option<i64>, Option<i64>, &[i64]); 10] = [
        (Some(10), None, &[10, 20, 30]),
        (Some(11), None, &[20, 30]),
        (None, Some(10), &[-5, 0]),
        (None, Some(11), &[-5, 0, 10]),
        (Some(10), Some(20), &[10]),
        (Some(-5), Some(0), &[-5]),
        (Some(20), Some(20), &[]),
        (Some(30), Some(10), &[]),
        (Some(i64::MIN), Some(i64::MAX), &[-5, 0, 10, 20, 30]),
        (Some(31), None, &[]),
    ];
    for (since, until, wanted) in cases {
        let filter = EventFilter { since: since.map(Micros), until: until.map(Micros), ..EventFilter::default() };
        let page = filtered(&store, writer.stream(), 1, 1_000, filter).await;
        let found: Vec<i64> = page.events.iter().map(|event| event.sequenced_at.0).collect();
        let wanted: Vec<i64> = wanted.iter().flat_map(|&at| [at, at]).collect();
        assert_eq!(found, wanted, "since {since:?} until {until:?}");
    }
}

/// B03: a total counts all matches from `from` on; a filtered one is exact up to [`EXACT_TOTAL`] and one more above.
pub(crate) async fn totals_are_exact_up_to_the_cap(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(45);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let many = EXACT_TOTAL + 3;
    let event = |kind: &str, number: u64| {
        let mut event = Random::new(number).event(scope);
        kind.clone_into(&mut event.header.entity_type);
        event.payload = Box::default();
        with_content_hash(event, scope)
    };
    let mut candidates: Vec<Candidate> = (0..many).map(|number| event("many", number)).collect();
    candidates.extend([event("few", many), event("few", many + 1)]);
    writer.append(&store, &candidates).await;
    let cases = [
        (Some("many"), 1, EXACT_TOTAL + 1),
        (Some("many"), 2, EXACT_TOTAL + 1),
        (Some("many"), 3, EXACT_TOTAL + 1),
        (Some("many"), 4, EXACT_TOTAL),
        (Some("many"), many, 1),
        (Some("many"), many + 1, 0),
        (Some("few"), 1, 2),
        (Some("none"), 1, 0),
        (None, 1, many + 2),
        (None, 6, many - 3),
    ];
    for (kind, from, total) in cases {
        let filter = EventFilter { entity_type: kind.map(str::to_owned), ..EventFilter::default() };
        let page = filtered(&store, writer.stream(), from, 1, filter).await;
        assert_eq!((page.total, page.has_more), (Some(total), total > 1), "{kind:?} from {from}");
        assert_eq!(page.head_size, many + 2);
    }
}

/// B02: a page brings the segments its events need, each once and no others, and every payload reads back from them.
pub(crate) async fn segments_cover_the_events_of_a_page(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(46);
    let scope = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    let mut candidates = Vec::new();
    for count in [7, 1, 3, 5] {
        let new = random.events(scope, count);
        writer.append(&store, &new).await;
        candidates.extend(new);
    }
    let selective = EventFilter { agent: Some(candidates[0].header.agent), ..EventFilter::default() };
    for filter in [EventFilter::default(), selective] {
        for from in 1..=16 {
            for limit in [1, 2, 4, 100] {
                let page = filtered(&store, writer.stream(), from, limit, filter.clone()).await;
                assert_payloads(&page, &candidates);
            }
        }
    }
}

fn assert_payloads(page: &EventPage, candidates: &[Candidate]) {
    let mut needed = BTreeSet::new();
    for event in &page.events {
        let segment = page.segments.iter().find(|segment| segment.first == event.segment).expect("its segment");
        assert!(segment.first <= event.sequence && event.sequence <= segment.last);
        let place = usize::try_from(event.sequence.index()).expect("small");
        assert_eq!(payload_at(segment, event.sequence), &*candidates[place].payload);
        let sealed_by = segment.first.get().is_multiple_of(2).then(|| segment.first.get().to_be_bytes());
        assert_eq!(segment.key_id, sealed_by);
        needed.insert(segment.first);
    }
    let brought: Vec<_> = page.segments.iter().map(|segment| segment.first).collect();
    assert_eq!(brought, needed.into_iter().collect::<Vec<_>>());
}

/// B09: an id is looked up within the tenant and the stores a caller may see.
pub(crate) async fn an_event_is_found_by_id_within_its_tenant(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(47);
    let scope = random.scope();
    let other = random.scope();
    let mut writer = Writer::open(&store, scope).await;
    Writer::open(&store, other).await.append(&store, &random.events(other, 2)).await;
    let candidates = random.events(scope, 5);
    let expected = writer.append(&store, &candidates).await;
    for (candidate, event) in candidates.iter().zip(&expected) {
        let id = event.header.event_id;
        for stores in [None, Some(&[scope.store][..]), Some(&[other.store, scope.store][..])] {
            let found = store.event(scope.tenant, stores, id).await.expect("answer");
            let [found] = found.as_slice() else { panic!("{id} is there once: {found:?}") };
            assert_eq!((found.stream, found.scope, found.head_size), (writer.stream(), scope, 5));
            assert_eq!(found.event, *event);
            assert_eq!(found.segment.first, event.segment);
            assert_eq!(payload_at(&found.segment, event.sequence), &*candidate.payload);
        }
        let hidden = [
            store.event(scope.tenant, Some(&[]), id).await,
            store.event(scope.tenant, Some(&[other.store]), id).await,
            store.event(other.tenant, None, id).await,
            store.event(other.tenant, Some(&[scope.store]), id).await,
        ];
        for found in hidden {
            assert!(found.expect("answer").is_empty());
        }
    }
    assert!(store.event(scope.tenant, None, EventId(random.uuid())).await.expect("answer").is_empty());
}

/// An id that several stores of a tenant hold finds them all, so that the caller can say it is ambiguous.
pub(crate) async fn an_ambiguous_id_finds_every_event(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(48);
    let tenant = TenantId(random.uuid());
    let scopes: Vec<Scope> = (0..3).map(|_| Scope::new(tenant, StoreId(random.uuid()))).collect();
    let event = random.event(scopes[0]);
    let mut expected = Vec::new();
    for &scope in &scopes {
        let mut writer = Writer::open(&store, scope).await;
        writer.append(&store, &random.events(scope, 2)).await;
        let stored = writer.append(&store, &[with_content_hash(event.clone(), scope)]).await;
        expected.push((scope, stored[0].clone()));
    }
    expected.sort_by_key(|(scope, _)| *scope);
    let id = event.header.event_id;
    let sorted = |found: Vec<FoundEvent>| {
        let mut found: Vec<_> = found.into_iter().map(|found| (found.scope, found.event)).collect();
        found.sort_by_key(|(scope, _)| *scope);
        found
    };
    assert_eq!(sorted(store.event(tenant, None, id).await.expect("answer")), expected);
    let two = [expected[2].0.store, expected[0].0.store];
    let found = sorted(store.event(tenant, Some(&two), id).await.expect("answer"));
    assert_eq!(found, [expected[0].clone(), expected[2].clone()]);
}
