use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stateset_contracts::catalogue::{
    CustomerAddressAdded, OrderCancelled, OrderKey, Payload, PaymentSucceeded, ShipmentCreated, Topic, UserEmail, all,
    canonical, find,
};
use stateset_contracts::commerce::{Commerce, Incomplete};
use stateset_contracts::json_schema::schema;

/// The types that the sources name, aliases included.
const NAMED: &str = "
    order: created confirmed processing shipped delivered cancelled refunded
    inventory: initialized adjusted reserved reservation_confirmed reservation_released fulfilled item_created released
    payment: created succeeded completed failed refunded
    return: created requested approved rejected received refunded completed
    customer: created updated address_added
    product: created updated activated deactivated
    shipment: created shipped delivered
    shipping: ready dispatched delivered cancelled
    subscription: created paused resumed cancelled
    billing_cycle: created
    cart: created item_added checked_out
    shopify.sync: started product order completed failed
    pricechange: applied
    audit_event: recorded
";

/// C16, C17, C18, C19, C23: every named type is there, and nothing else.
#[test]
fn every_named_type_is_in_the_catalogue() {
    let mut named = BTreeSet::from(["audit_event".to_owned()]);
    for line in NAMED.trim().lines() {
        let (entity, actions) = line.trim().split_once(':').unwrap();
        named.extend(actions.split_whitespace().map(|action| format!("{entity}.{action}")));
    }
    let known = all().flat_map(|contract| contract.aliases.iter().copied().chain([contract.name]));
    let known: Vec<String> = known.map(str::to_owned).collect();
    assert_eq!(known.iter().cloned().collect::<BTreeSet<_>>(), named);
    assert_eq!(known.len(), named.len(), "no name stands for two types");
    assert_eq!(all().count(), 51);
}

/// C20
#[test]
fn synonyms_lead_to_one_type() {
    for (alias, name) in [
        ("payment.completed", "payment.succeeded"),
        ("shipment.shipped", "shipping.dispatched"),
        ("shipment.delivered", "shipping.delivered"),
        ("return.created", "return.requested"),
        ("inventory.released", "inventory.reservation_released"),
        ("audit_event", "audit_event.recorded"),
    ] {
        assert_eq!(find(alias).unwrap().name, name);
        assert_eq!((canonical(alias), canonical(name)), (name, name));
    }
    assert!(find("order.exploded").is_none());
    assert_eq!(canonical("order.exploded"), "order.exploded");
}

/// C01, C02, C03, C07, O01: topics and addresses as the event contracts say.
#[test]
fn topics_and_addresses_are_those_of_the_event_contracts() {
    let topics: BTreeMap<&str, Option<Topic>> = all().map(|contract| (contract.name, contract.family.topic)).collect();
    assert_eq!(topics["order.created"].map(Topic::name), Some("order.events"));
    assert_eq!(topics["payment.succeeded"].map(Topic::name), Some("payment.events"));
    assert_eq!(topics["shipping.ready"].map(Topic::name), Some("shipping.events"));
    for contract in all() {
        let needs = matches!(contract.family.order_key, OrderKey::Entity | OrderKey::Required);
        assert_eq!(contract.family.topic.is_some(), needs, "{}: a topic needs an order", contract.name);
    }
    for name in ["order.created", "payment.succeeded", "shipping.ready", "shipping.dispatched"] {
        assert_eq!(find(name).unwrap().user_email, UserEmail::Included);
    }
    assert_eq!(find("order.processing").unwrap().user_email, UserEmail::Absent);
}

/// C19: each example keeps its schema and is read by its type; the schema itself is a schema.
#[test]
fn examples_keep_their_schemas() {
    for contract in all() {
        let schema = schema(contract, contract.schema_version);
        jsonschema::meta::validate(&schema).unwrap_or_else(|fault| panic!("{}: {fault}", contract.name));
        let options = jsonschema::options()
            .should_validate_formats(true)
            .with_pattern_options(jsonschema::PatternOptions::regex());
        let validator = options.build(&schema).unwrap();
        let example: Value = serde_json::from_str(contract.example).unwrap();
        let faults: Vec<String> = validator.iter_errors(&example).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", contract.name);
        contract.reads(contract.example).unwrap();
        assert!(!validator.is_valid(&Value::from(1)), "{}", contract.name);
        for field in contract.payload().fields {
            assert!(!field.summary.is_empty(), "{}.{}", contract.name, field.name);
            assert!(field.since <= contract.schema_version && (field.since == 1 || !field.required));
        }
    }
}

/// Personal members are marked, wherever they lie.
#[test]
fn personal_members_are_marked() {
    let paths = CustomerAddressAdded::CONTRACT.payload().personal_paths();
    assert!(
        paths.contains(&"/address/line1".to_owned()) && !paths.contains(&"/address/country".to_owned()),
        "{paths:?}"
    );
    assert_eq!(OrderCancelled::CONTRACT.payload().personal_paths(), ["/note"]);
    assert_eq!(schema(CustomerAddressAdded::CONTRACT, 1)["properties"]["address"]["properties"]["city"]["x-pii"], true);
    // What every order, payment and shipment tells the world has none.
    for name in ["order.created", "payment.succeeded", "shipping.ready", "shipping.dispatched"] {
        assert!(find(name).unwrap().payload().personal_paths().is_empty());
    }
}

/// C05: entity and order key follow from the contract.
#[test]
fn a_payload_knows_what_it_is_about() {
    let cancelled = Commerce::new(OrderCancelled { reason: "fraud".into(), ..OrderCancelled::default() });
    assert_eq!(cancelled.check(), Err(Incomplete::Order("order.cancelled")));
    let cancelled = cancelled.order(123).user_email("a@b.example");
    assert_eq!(cancelled.entity().unwrap(), ("order", "123".to_owned()));
    assert_eq!((cancelled.order_key().as_deref(), cancelled.address()), (Some("123"), Some("a@b.example")));

    let paid = Commerce::new(PaymentSucceeded { payment_id: "pm_1".into(), ..PaymentSucceeded::default() });
    assert_eq!(paid.check(), Err(Incomplete::Order("payment.succeeded")));
    assert_eq!(paid.order("123").entity().unwrap(), ("payment", "pm_1".to_owned()));
    let created = Commerce::new(ShipmentCreated { shipment_id: 1.into() }).order("123").user_email("a@b.example");
    assert_eq!(created.address(), None, "the contract has no address");
}
