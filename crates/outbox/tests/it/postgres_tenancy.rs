//! What one tenant sees of another on PostgreSQL: nothing.

use sqlx::{AssertSqlSafe, Executor as _, PgPool, SqlSafeStr as _, Transaction};
use stateset_outbox::consumer::{Consumer, Failure, Handler, Incoming, Verdict};
use stateset_outbox::delivery::{
    AttemptRecord, Change, DeadLetter, DeliveryRow, DeliveryState, Evidence, LaneChange, LoggedEvent, Settlement, Start,
};
use stateset_outbox::filter::Filter;
use stateset_outbox::job::{JobKind, Request};
use stateset_outbox::read::PageRequest;
use stateset_outbox::{Claim, Command, OperationPolicy, Outbox, Scope};
use stateset_testkit::postgres::TestDatabase;
use uuid::Uuid;

use crate::postgres_only::outbox;
use crate::suite::consumer::incoming;
use crate::suite::{LEASE, Reader, order, write};

/// Holds or refuses everything.
struct Refuses;

impl Handler<sqlx::Postgres> for Refuses {
    type State = ();

    async fn read(&self, _: &mut Transaction<'static, sqlx::Postgres>, _: &Incoming) -> Result<(), Failure> {
        Ok(())
    }

    fn judge(&self, (): &(), event: &Incoming) -> Verdict<()> {
        let why = "told to".to_owned();
        if event.event_type == "wait" { Verdict::Hold(why) } else { Verdict::Quarantine(why) }
    }

    async fn apply(&self, _: &mut Transaction<'static, sqlx::Postgres>, (): (), _: &Incoming) -> Result<(), Failure> {
        Ok(())
    }
}

/// Rows of tables that nothing else here writes to.
async fn fill_by_hand(pool: &PgPool, scopes: &[Scope]) {
    for sql in [
        "INSERT INTO outbox.retention VALUES ($1::text, $1, NULL, '*', 0, true, 'a test', 0)",
        "INSERT INTO outbox.subject_key VALUES ($1, $1, 'a', 1, 'm', '\\x00', 0)",
        "INSERT INTO outbox.subject_data VALUES ($1, $1, $1, 'payload:/a', 'a', 1, '\\x00')",
    ] {
        for scope in scopes {
            sqlx::query(sql).bind(scope.tenant).execute(pool).await.expect("a row");
        }
    }
}

/// R03, rulings 32: a role of the application, without rights of its own, over every table and view that the catalogue
/// knows. The worker's role sees all, and needs nothing more to run.
#[tokio::test]
async fn no_tenant_sees_another() {
    let (database, outbox, pool) = outbox().await;
    let reader = Reader::new(&outbox, 1, Start::Now).await;
    let (app, service) = create_roles(&database, &pool).await;
    let connect =
        async |role: &str| PgPool::connect(&database.url().replace("//postgres@", &format!("//{role}@"))).await;
    let shop = Outbox::new(connect(&app).await.expect("the role logs in")).with_row_security();
    let tenants = [1, 2].map(|tenant| Scope { tenant: Uuid::from_u128(tenant), store: Uuid::nil() });
    for scope in tenants {
        let shop = shop.for_scope(scope);
        let mut tx = shop.begin().await.expect("a transaction");
        let command =
            Command { operation: "checkout", key: "k", fingerprint: [0; 32], policy: OperationPolicy::default() };
        let claim = shop.claim(&mut tx, command).await.expect("it answers");
        assert!(matches!(claim, Claim::Fresh(_)), "the other tenant's key is another key: {claim:?}");
        shop.receive(&mut tx, "mailer", Uuid::nil()).await.expect("it answers");
        shop.write_event_with_outbox(&mut tx, order("1", 1)).await.expect("written");
        shop.commit(tx).await.expect("it commits");
        let consumer = Consumer::new(shop, "mailer", Refuses);
        for (number, kind) in [(1, "wait"), (2, "refuse")] {
            let event = Incoming { scope, ..incoming(number, kind, None) };
            consumer.take_alone(&event).await.expect("held, or in quarantine");
        }
    }
    park_everything(&reader).await;
    fill_by_hand(&pool, &tenants).await;
    for scope in tenants {
        write(&shop.for_scope(scope), order("2", 3)).await;
    }
    for scope in tenants {
        redrive_own(&shop.for_scope(scope)).await;
    }
    assert_eq!(
        Outbox::new(connect(&service).await.expect("the role logs in")).deliveries().check_log().await.expect("it may"),
        None
    );

    let (forged, other) = (shop.for_scope(tenants[0]), shop.for_scope(tenants[1]));
    let mut tx = forged.begin().await.expect("a transaction");
    other.write_event_with_outbox(&mut tx, order("1", 2)).await.expect_err("one tenant's transaction, another's event");
    drop(tx);

    let names = "SELECT c.table_name::text FROM information_schema.columns c WHERE c.table_schema = 'outbox' \
                 AND c.column_name = 'tenant_id' AND c.table_name !~ '^event_log_' ORDER BY 1";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&pool).await.expect("tables and views");
    assert_eq!(names.len(), 19, "{names:?}");
    for name in names {
        for (scope, expected) in [(Some(tenants[0]), 1), (Some(tenants[1]), 1), (None, 0)] {
            let mut tx = shop.for_scope(scope.unwrap_or(tenants[0])).begin().await.expect("a transaction");
            if scope.is_none() {
                sqlx::query("SELECT set_config('outbox.tenant_id', '', true)").execute(&mut *tx).await.expect("nobody");
            }
            let sql = format!("SELECT DISTINCT tenant_id FROM outbox.{name}");
            let seen: Vec<Uuid> =
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *tx).await.expect("it may read");
            let empty = name == "idempotency_key_history";
            assert_eq!(seen.len(), if empty { 0 } else { expected }, "{name}: {seen:?}");
            assert!(seen.iter().all(|tenant| scope.is_some_and(|scope| scope.tenant == *tenant)), "{name}: {seen:?}");
        }
    }
    for name in ["attempt", "receipt"] {
        let mut tx = shop.for_scope(tenants[0]).begin().await.expect("a transaction");
        let sql = format!("SELECT count(*) FROM outbox.{name}");
        let seen: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *tx).await.expect("it may read");
        assert_eq!(seen, 1, "{name}");
    }
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox.event_log")
        .fetch_one(&connect(&service).await.expect("the role logs in"))
        .await
        .expect("it may read");
    assert_eq!(all, 4);
    let roles = format!("DROP OWNED BY {app}, {service}; DROP ROLE {app}, {service}");
    pool.execute(AssertSqlSafe(roles).into_sql_str()).await.expect("the roles are the cluster's, not the database's");
}

/// A tenant looks at what is its own, and changes that.
async fn redrive_own(shop: &Outbox<sqlx::Postgres>) {
    let operator = shop.operator("ada").expect("an operator");
    let filter = Filter::parse("type:*", 0).expect("a filter");
    let page = shop.reader().list(&filter, PageRequest::default()).await.expect("a page");
    assert_eq!(page.total, 2, "the tenant's own");
    let plan = operator.plan(&Request::new(JobKind::Redrive, filter)).await.expect("a tenant may plan");
    assert_eq!(plan.changes, 1, "its own dead letter");
    let job = operator.apply(plan.job.id, None).await.expect("and apply");
    assert_eq!(operator.run(&job, &mut |_| {}).await.expect("and run").done, 1);
}

/// An application's role and a worker's, and the policies on.
async fn create_roles(database: &TestDatabase, pool: &PgPool) -> (String, String) {
    let (app, service) = (format!("{}_app", database.name()), format!("{}_service", database.name()));
    for sql in [
        format!("CREATE ROLE {app} LOGIN; CREATE ROLE {service} LOGIN"),
        format!("SELECT outbox.enable_row_security('{service}')"),
        format!("GRANT USAGE ON SCHEMA outbox TO {app}, {service}"),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA outbox TO {app}, {service}"),
        format!("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA outbox TO {app}, {service}"),
        format!("REVOKE ALL ON outbox.event_log_0, outbox.event_log_1, outbox.event_log_default FROM {app}"),
    ] {
        pool.execute(AssertSqlSafe(sql).into_sql_str()).await.expect("a superuser may");
    }
    (app, service)
}

/// A row of each tenant in every table: dead, with an attempt and a receipt, in a parked lane.
async fn park_everything(reader: &Reader) {
    let chunk = reader.store.poll(&reader.leases[0], 10).await.expect("a chunk");
    let attempt = AttemptRecord {
        started_ago: LEASE,
        took: LEASE,
        outcome: "refused",
        class: Some("refused".to_owned()),
        error: Some("secret of a tenant".to_owned()),
    };
    let dead = |event: &LoggedEvent| Change {
        delivery: DeliveryRow::of(event, &reader.destination.routes[0]),
        from: None,
        to: DeliveryState::Dead,
        reason: None,
        attempts: 1,
        next_attempt_in: None,
        attempt: Some(attempt.clone()),
        dead_letter: Some(DeadLetter { class: "refused".to_owned(), error: "no".to_owned() }),
    };
    let park = |event: &LoggedEvent| LaneChange::Park { lane: event.lane(), due_in: None, reason: "dead".to_owned() };
    let receipt = |event: &LoggedEvent| Evidence {
        log_id: event.log_id,
        kind: "manual".to_owned(),
        remote_sequence: None,
        evidence: "{}".to_owned(),
    };
    let plan = Settlement {
        advance: Some(chunk.advance()),
        changes: chunk.events.iter().map(dead).collect(),
        lanes: chunk.events.iter().map(park).collect(),
        receipts: chunk.events.iter().map(receipt).collect(),
        ..Settlement::default()
    };
    reader.store.settle(&reader.leases[0], &plan).await.expect("settled");
}
