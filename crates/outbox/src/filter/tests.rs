use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_767_225_600_000_000; // 2026-01-01

fn parse(text: &str) -> Filter {
    Filter::parse(text, NOW).expect("a filter")
}

/// B01, B05: every key, and the canonical text of it.
#[test]
fn every_key_is_read_and_written() {
    let agent = Uuid::from_u128(7);
    for (text, canonical) in [
        ("", ""),
        ("type:order.*,payment.succeeded", "type:order.*,payment.succeeded"),
        ("type:b.c type:a.b", "type:a.b,b.c"),
        ("entity:order/ORD-1", "entity:order/ORD-1"),
        ("entity:order", "entity_type:order"),
        ("entity:*/ORD-1", "entity_id:ORD-1"),
        ("entity_type:order entity_id:1/2", "entity:order/1/2"),
        ("entity:\"order/a b\"", "entity:\"order/a b\""),
        ("key:123 since:10m", "key:123 since:2025-12-31T23:50:00Z"),
        ("until:2026-03-01T00:00:00Z", "until:2026-03-01T00:00:00Z"),
        ("seq:100..200", "seq:100..200"),
        ("seq:7", "seq:7"),
        ("seq:..9", "seq:..9"),
        ("state:dead destination:kafka class:refused", "state:dead destination:kafka class:refused"),
        ("correlation:c-1 causation:\"a \\\"b\"", "correlation:c-1 causation:\"a \\\"b\""),
        ("event:00000000-0000-0000-0000-000000000007", "event:00000000-0000-0000-0000-000000000007"),
        ("event:0123456789", "event:0123456789"),
        ("event_key:cmd#1", "event_key:cmd#1"),
        (
            "where:data.amount_cents>10000 where:data.name=\"a b\"",
            "where:data.amount_cents>10000 where:data.name=\"a b\"",
        ),
        ("where:items.0.sku", "where:items.0.sku"),
    ] {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
        assert_eq!(parse(canonical), parse(text), "{text}");
    }
    assert_eq!(parse(&format!("agent:{agent} command:{agent}")).command, Some(agent));
    assert!(parse("").is_empty() && !parse("type:*").is_empty(), "everything has to be said");
}

/// E05, E06, E07: states in the words of others. Case tells the vocabularies apart where they differ.
#[test]
fn states_are_read_in_every_vocabulary() {
    for (word, canonical) in [
        ("state:dead,pending", "state:pending,dead"),
        ("state:failed", "state:retry_wait,dead,rejected,discarded"),
        ("state:Failed", "state:retry_wait,dead,rejected,discarded"),
        ("state:FAILED", "state:dead,rejected,discarded"),
        ("state:Pending", "state:pending,held,in_flight"),
        ("status:pending", "state:pending,held,in_flight"),
        ("state:PENDING", "state:pending,held,retry_wait"),
        ("state:PROCESSING", "state:in_flight"),
        ("state:COMPLETED", "state:delivered,acknowledged"),
        ("state:Sent", "state:delivered,acknowledged"),
        ("state:synced", "state:delivered"),
        ("state:acknowledged", "state:acknowledged"),
        ("status:dead", "state:dead"),
        ("state:parked", "state:held"),
    ] {
        assert_eq!(parse(word).to_string(), canonical, "{word}");
    }
}

/// B05: the fault names the token and what would do.
#[test]
fn faults_name_the_token_and_the_fix() {
    for (text, token, words) in [
        ("tpye:order.*", "tpye:order.*", "did you mean \"type\"?"),
        ("key:1 order.created", "order.created", "did you mean type:order.created?"),
        ("evt_0123", "evt_0123", "event:evt_0123"),
        ("data.x>1", "data.x>1", "where:data.x>1"),
        ("state:deda", "state:deda", "did you mean \"dead\"?"),
        ("type:Order", "type:Order", "a-z"),
        ("since:yesterday", "since:yesterday", "10m"),
        ("seq:9..1", "seq:9..1", "ends before it begins"),
        ("seq:a", "seq:a", "100..200"),
        ("key:1 key:2", "key:2", "said before"),
        ("agent:me", "agent:me", "UUID"),
        ("event:12", "event:12", "8 hexadecimal digits"),
        ("where:data.x>", "where:data.x>", "nothing behind the sign"),
        ("where:.x=1", "where:.x=1", "path"),
        ("key:", "key:", "nothing behind the colon"),
        ("key:\"a b", "key:\"a b", "double quotes"),
        ("key:a\u{1}", "key:a\u{1}", "control characters"),
    ] {
        let fault = Filter::parse(text, NOW).expect_err(text);
        assert_eq!(fault.token, token);
        assert!(fault.why.contains(words), "{fault}");
    }
    assert!(Filter::parse(&"x".repeat(9_000), NOW).is_err());
}

/// B01: values of flags need no quotes, and mean what the text means.
#[test]
fn flags_and_text_are_one_grammar() {
    let mut filter = Filter::default();
    for (key, value) in [("type", "order.*"), ("key", "a \"b\" c"), ("since", "1h"), ("where", "data.n>=1")] {
        filter.set(key, value, NOW).expect("it is set");
    }
    assert_eq!(filter, parse("type:order.* key:\"a \\\"b\\\" c\" since:1h where:data.n>=1"));
    let fault = filter.set("entitty", "x", NOW).expect_err("no key");
    assert!(fault.to_string().contains("did you mean \"entity\"?"), "{fault}");
}

/// B01: payload paths.
#[test]
fn payloads_are_compared() {
    let payload = serde_json::json!({"amount_cents": 12_000, "name": "Ada L", "paid": true, "n": 1.5, "none": null,
        "items": [{"sku": "A-1"}], "id": "123", "big": 9_007_199_254_740_993_i64});
    let metadata = serde_json::json!({"source": "shop"});
    for (text, expected) in [
        ("where:data.amount_cents>10000", true),
        ("where:amount_cents>=12000", true),
        ("where:payload.amount_cents<12000", false),
        ("where:amount_cents!=12000", false),
        ("where:name=\"Ada L\"", true),
        ("where:name~da", true),
        ("where:paid=true", true),
        ("where:n>1", true),
        ("where:n<=1.5", true),
        ("where:items.0.sku=A-1", true),
        ("where:items.1.sku", false),
        ("where:id=123", true),
        ("where:id=\"123\"", true),
        ("where:amount_cents=\"12000\"", false),
        ("where:none", false),
        ("where:missing!=1", false),
        ("where:big=9007199254740993", true),
        ("where:big=9007199254740992", false),
        ("where:metadata.source=shop", true),
        ("where:name>10", true),
    ] {
        let found = parse(text).payload.iter().all(|comparison| comparison.holds(&payload, &metadata));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn each_thing_can_be_left_out() {
    let all = "type:a.b entity:order/1 key:k since:1h until:1m seq:1.. state:dead destination:d class:c \
               agent:00000000-0000-0000-0000-000000000001 correlation:c causation:c \
               command:00000000-0000-0000-0000-000000000001 event:0123456789 event_key:k where:a=1";
    let filter = parse(all);
    for key in KEYS.into_iter().filter(|key| *key != "status") {
        let less = filter.without(key).expect("it is said");
        assert_ne!(less, filter, "{key}");
        assert_eq!(less.without(key), None, "{key}");
    }
    assert_eq!(filter.without("status"), None);
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9_#:-]{1,12}", "[ -~äß€]{1,12}"]
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![word().prop_map(Literal::Text), "[a-z0-9.-]{1,9}".prop_map(Literal::Bare)]
}

prop_compose! {
    fn comparison()(
        path in prop::collection::vec("[a-z_0-9]{1,6}", 1..4),
        sign in prop::sample::select(vec![Operator::Is, Operator::IsNot, Operator::Above, Operator::AtLeast,
            Operator::Below, Operator::AtMost, Operator::Contains]),
        value in prop::option::of(literal()),
    ) -> Comparison {
        Comparison { path, operator: if value.is_none() { Operator::Exists } else { sign }, value }
    }
}

prop_compose! {
    fn filter()(
        types in prop::collection::btree_set("[a-z*]{1,5}\\.[a-z_*]{1,5}", 0..3),
        texts in prop::collection::vec(prop::option::of(word()), 8),
        times in prop::collection::vec(prop::option::of(0..4_000_000_000_000_000_i64), 2),
        first in prop::option::of(0..i64::MAX / 2),
        length in prop::option::of(0..1_000_i64),
        states in prop::collection::btree_set(0..9_usize, 0..4),
        ids in prop::collection::vec(prop::option::of(any::<u128>()), 3),
        payload in prop::collection::vec(comparison(), 0..3),
    ) -> Filter {
        let mut payload = payload;
        payload.dedup();
        Filter {
            types: types.into_iter().map(|glob| glob.parse().expect("a glob")).collect(),
            entity_type: texts[0].clone().filter(|kind| kind != "*"),
            entity_id: texts[1].clone().filter(|id| id != "*"),
            order_key: texts[2].clone(),
            since: times[0],
            until: times[1],
            first,
            last: length.map(|length| first.unwrap_or(0) + length),
            states: states.into_iter().map(|at| DeliveryState::ALL[at]).collect(),
            destination: texts[3].clone(),
            class: texts[4].clone(),
            agent: ids[0].map(Uuid::from_u128),
            correlation: texts[5].clone(),
            causation: texts[6].clone(),
            command: ids[1].map(Uuid::from_u128),
            event: ids[2].map(|id| EventRef::Id(Uuid::from_u128(id))),
            event_key: texts[7].clone(),
            payload,
        }
    }
}

proptest! {
    /// What is written is read as it was.
    #[test]
    fn every_filter_comes_back(filter in filter()) {
        let mut expected = filter;
        let mut seen = Vec::new();
        expected.payload.retain(|one| if seen.contains(one) { false } else { seen.push(one.clone()); true });
        let text = expected.to_string();
        prop_assert_eq!(Filter::parse(&text, NOW), Ok(expected), "{}", text);
    }

    /// Nothing that is typed makes it panic.
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        if let Ok(filter) = Filter::parse(&text, NOW) {
            prop_assert_eq!(Filter::parse(&filter.to_string(), NOW), Ok(filter));
        }
    }
}
