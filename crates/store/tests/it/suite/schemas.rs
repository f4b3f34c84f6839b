//! Registered schemas: what is stored of them, for whom.

use stateset_ledger::id::Micros;
use stateset_store::schema::{SchemaBook, SchemaPolicy, SchemaStatus, SchemaVersion};
use stateset_store::{Store, StoreError};

use super::Factory;
use super::random::Random;
use super::writer::NOW;

/// A schema of a subject.
pub(crate) fn schema(number: u32, subject: &str, version: u32) -> SchemaVersion {
    SchemaVersion {
        number,
        subject: subject.to_owned(),
        version,
        status: SchemaStatus::Active,
        text: format!(r#"{{"type":"object","title":"{subject} {version}"}}"#),
        description: String::new(),
        created_at: NOW,
    }
}

/// C21: a schema reads back as it was registered, to its own tenant only; its status changes and nothing else.
pub(crate) async fn schemas_read_back_exactly(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(90);
    let (ours, theirs) = (random.scope().tenant, random.scope().tenant);
    assert_eq!(store.schemas(ours).await.expect("answer"), SchemaBook::default());
    let first = schema(1, "order.created", 1);
    let rich = SchemaVersion {
        status: SchemaStatus::Deprecated,
        text: "{ \"title\": \"Grüße; DROP TABLE schemas --'\" }".to_owned(),
        description: "two\nlines".to_owned(),
        created_at: Micros(i64::MAX),
        ..schema(2, "Order.Created", u32::from(u16::MAX))
    };
    store.add_schema(ours, &rich).await.expect("new");
    store.add_schema(ours, &first).await.expect("new");
    store.add_schema(theirs, &schema(1, "order.created", 1)).await.expect("numbers are a tenant's own");
    assert_eq!(store.schemas(ours).await.expect("answer").versions, [first.clone(), rich.clone()]);

    for status in [SchemaStatus::Disabled, SchemaStatus::Deleted, SchemaStatus::Active] {
        assert!(store.set_schema_status(ours, 1, status).await.expect("answer"));
        let found = store.schemas(ours).await.expect("answer").versions;
        assert_eq!(found, [SchemaVersion { status, ..first.clone() }, rich.clone()]);
    }
    assert!(!store.set_schema_status(ours, 3, SchemaStatus::Active).await.expect("answer"));
    assert!(!store.set_schema_status(ours, u32::MAX, SchemaStatus::Active).await.expect("answer"));
    assert_eq!(store.schemas(theirs).await.expect("answer").versions, [schema(1, "order.created", 1)]);
}

/// C21: of two that register at once, one comes too late.
pub(crate) async fn a_schemas_number_and_version_are_taken_once(factory: &impl Factory) {
    let store = factory.open().await;
    let tenant = Random::new(91).scope().tenant;
    store.add_schema(tenant, &schema(1, "a.b", 1)).await.expect("new");
    for taken in [schema(1, "a.c", 1), schema(2, "a.b", 1)] {
        let refused = store.add_schema(tenant, &taken).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    store.add_schema(tenant, &schema(2, "a.b", 2)).await.expect("new");
    assert_eq!(store.schemas(tenant).await.expect("answer").versions.len(), 2);
}

/// C21: one decision per subject; the newest holds.
pub(crate) async fn a_policy_takes_the_place_of_the_one_before(factory: &impl Factory) {
    let store = factory.open().await;
    let mut random = Random::new(92);
    let (ours, theirs) = (random.scope().tenant, random.scope().tenant);
    let policy = |subject: &str, mode: Option<&str>, compatibility: Option<&str>| SchemaPolicy {
        subject: subject.to_owned(),
        mode: mode.map(str::to_owned),
        compatibility: compatibility.map(str::to_owned),
    };
    store.set_schema_policy(ours, &policy("z.z", Some("warn"), None)).await.expect("answer");
    store.set_schema_policy(ours, &policy("", None, Some("BACKWARD"))).await.expect("answer");
    store.set_schema_policy(ours, &policy("z.z", None, Some("NONE"))).await.expect("answer");
    store.set_schema_policy(theirs, &policy("z.z", Some("disabled"), None)).await.expect("answer");
    let found = store.schemas(ours).await.expect("answer");
    assert_eq!(found.policies, [policy("", None, Some("BACKWARD")), policy("z.z", None, Some("NONE"))]);
    assert!(found.versions.is_empty());
}
