//! R03, R12: tenants are kept apart by PostgreSQL itself. The statements here forget their WHERE clauses on purpose.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqlSafeStr as _};
use stateset_ledger::id::{AgentId, Scope, Sequence, StoreId, TenantId};
use stateset_store::Store as _;
use stateset_store::append::Appended;
use stateset_store::postgres::{Isolation, PostgresStore};
use stateset_store::read::EventQuery;
use stateset_store::tenancy::as_tenant;
use uuid::Uuid;

use crate::postgres::PostgresFactory;
use crate::postgres_owner::OwnerFactory;
use crate::suite::Factory as _;
use crate::suite::api_keys::api_key;
use crate::suite::batches::add;
use crate::suite::head_log::round;
use crate::suite::random::Random;
use crate::suite::writer::{NOW, Writer, sequence};

const OURS: Scope = Scope::new(TenantId(Uuid::from_u128(1)), StoreId(Uuid::from_u128(2)));
const THEIRS: Scope = Scope::new(TenantId(Uuid::from_u128(3)), StoreId(Uuid::from_u128(4)));

/// Rows in every table, of two tenants.
async fn populate(store: &PostgresStore) {
    let mut random = Random::new(90);
    for scope in [OURS, THEIRS] {
        let mut writer = Writer::open(store, scope).await;
        writer.append(store, &random.events(scope, 300)).await;
        add(store, &mut random, writer.stream(), &[200, 300]).await;
        let agent = AgentId(random.uuid());
        store.advance_cursor(writer.stream(), agent, 5, NOW).await.expect("a cursor");
        let key = api_key(&mut random, scope.tenant);
        store.add_api_key(&key).await.expect("an API key");
        store.add_schema(scope.tenant, &crate::suite::schemas::schema(1, "order.created", 1)).await.expect("a schema");
        let policy = stateset_store::schema::SchemaPolicy::default();
        store.set_schema_policy(scope.tenant, &policy).await.expect("a policy");
        let mut keys = Writer::open(store, Scope::key_stream(scope.tenant)).await;
        let public_key = random.public_key();
        let change = crate::suite::keys::register(agent, 1, public_key);
        crate::suite::keys::change(store, &mut keys, &mut random, &[change]).await;
    }
    let log = store.log_state([7; 32]).await.expect("a log");
    let until = stateset_ledger::id::Micros(NOW.0 + 1);
    let lease = store.lease_publisher("test", NOW, until).await.expect("answer").expect("the lease");
    let unpublished = store.unpublished(100).await.expect("answer");
    store.publish(lease, &round(&log.frontier, &unpublished)).await.expect("published");
    let key = random.public_key();
    store.register_sequencer_key(key, NOW).await.expect("a key");
}

async fn run(connection: &mut PgConnection, sql: impl Into<String>) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(sql.into()).into_sql_str()).await.map(drop)
}

/// Tables and views of the database, with whether they hold a tenant or a stream.
async fn relations(admin: &mut PgConnection) -> Vec<(String, bool, bool)> {
    let rows = sqlx::query(
        "SELECT c.oid::regclass::text,
                EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'),
                EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'stream_no')
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
         ORDER BY 1",
    )
    .fetch_all(admin)
    .await
    .expect("the catalogue");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// Counts the rows of both tenants that the connection sees in a relation; `None` if it may not look at all.
async fn seen(
    connection: &mut PgConnection,
    relation: &(String, bool, bool),
    streams: &[Vec<i64>; 2],
) -> Option<[i64; 2]> {
    let (name, of_tenant, _) = relation;
    let mut counts = [0; 2];
    for (place, scope) in [OURS, THEIRS].into_iter().enumerate() {
        let condition = if *of_tenant {
            format!("tenant_id = '{}'", scope.tenant)
        } else {
            format!(
                "stream_no = ANY ('{{{}}}')",
                streams[place].iter().map(i64::to_string).collect::<Vec<_>>().join(",")
            )
        };
        // The condition counts what came; nothing keeps the rest from coming.
        let sql = format!("SELECT count(*) FILTER (WHERE {condition}) FROM {name}");
        let mut savepoint = connection.begin().await.expect("a savepoint");
        let count = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *savepoint).await;
        savepoint.rollback().await.expect("rolled back");
        match count {
            Ok(count) => counts[place] = count,
            Err(error) => {
                let code = error.as_database_error().and_then(|fault| fault.code().map(String::from));
                assert_eq!(code.as_deref(), Some("42501"), "{name}: {error}");
                return None;
            },
        }
    }
    Some(counts)
}

async fn streams(admin: &mut PgConnection) -> [Vec<i64>; 2] {
    let mut found = [const { Vec::new() }; 2];
    for (place, scope) in [OURS, THEIRS].into_iter().enumerate() {
        found[place] = sqlx::query_scalar("SELECT stream_no FROM streams WHERE tenant_id = $1")
            .bind(scope.tenant.0)
            .fetch_all(&mut *admin)
            .await
            .expect("streams");
        assert_eq!(found[place].len(), 2, "a stream and a key stream");
    }
    found
}

/// R03: a login that is no superuser acts as the API role, forgets every WHERE clause, and sees one tenant, or nothing.
#[tokio::test]
async fn a_forgotten_where_clause_leaks_nothing() {
    let factory = PostgresFactory::create().await;
    let store = factory.open().await;
    populate(&store).await;
    let mut admin = factory.database().connect().await.expect("a superuser");
    let (relations, streams) = (relations(&mut admin).await, streams(&mut admin).await);
    let login = format!("reader_{}", factory.database().name());
    run(&mut admin, format!("CREATE ROLE {login} IN ROLE stateset_api")).await.expect("a login");
    let mut reader = factory.database().connect().await.expect("a connection");
    run(&mut reader, format!("SET SESSION AUTHORIZATION {login}")).await.expect("no superuser any more");
    let mut looked_at = 0;
    for (tenant, expected) in [(Some(OURS.tenant), 0), (Some(THEIRS.tenant), 1), (None, 2)] {
        let mut transaction = reader.begin().await.expect("a transaction");
        if let Some(tenant) = tenant {
            run(&mut transaction, format!("SET LOCAL stateset.tenant = '{tenant}'")).await.expect("set");
        }
        for relation in &relations {
            let (name, of_tenant, of_stream) = relation;
            if !of_tenant && !of_stream {
                let sql = format!("SELECT count(*) FROM {name}");
                let mut savepoint = transaction.begin().await.expect("a savepoint");
                let refused = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(&mut *savepoint).await;
                savepoint.rollback().await.expect("rolled back");
                assert!(refused.is_err(), "{name} is of no tenant and may not be read: {refused:?}");
                continue;
            }
            let counts = seen(&mut transaction, relation, &streams).await.expect("the API role may read it");
            for (place, count) in counts.into_iter().enumerate() {
                assert_eq!(count > 0, place == expected, "{name} for {tenant:?}: {counts:?}");
            }
            looked_at += 1;
        }
        for forbidden in
            ["INSERT INTO cursors SELECT * FROM cursors", "UPDATE streams SET size = 0", "DELETE FROM batches"]
        {
            let mut savepoint = transaction.begin().await.expect("a savepoint");
            run(&mut savepoint, forbidden).await.expect_err("the API role only reads");
            savepoint.rollback().await.expect("rolled back");
        }
    }
    assert_eq!(looked_at, 3 * 12, "every table of tenants: {relations:?}");
    drop(reader);
    run(&mut admin, format!("DROP ROLE {login}")).await.expect("dropped");
}

/// R03: what the catalogue says: nothing that holds a tenant's rows is without forced row security, views ask as their
/// reader, and no role goes around it. A table that is added without a policy fails here.
#[tokio::test]
async fn every_table_of_tenants_forces_row_security() {
    let factory = PostgresFactory::create().await;
    let mut admin = factory.database().connect().await.expect("a superuser");
    for (name, of_tenant, of_stream) in relations(&mut admin).await {
        let row = sqlx::query(
            "SELECT relkind = 'v', relrowsecurity AND relforcerowsecurity, coalesce('security_invoker=true' = ANY (reloptions), false)
             FROM pg_class WHERE oid = $1::regclass",
        )
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .expect("the catalogue");
        let (view, forced, invoker): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(if view { invoker } else { forced }, of_tenant || of_stream, "{name}");
    }
    let bypassing: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'stateset\\_%' AND (rolbypassrls OR rolsuper OR rolcanlogin)",
    )
    .fetch_one(&mut admin)
    .await
    .expect("the roles");
    assert_eq!(bypassing, 0);
}

/// The owner of the tables, where there are no roles: while a tenant is named, it too sees that tenant alone.
#[tokio::test]
async fn an_owner_is_held_by_its_own_policies() {
    let factory = OwnerFactory::create().await;
    let store = factory.open().await;
    assert_eq!(store.isolation().await.expect("answer"), Isolation::Setting);
    populate(&store).await;
    let mut admin = factory.database().connect().await.expect("a superuser");
    let (relations, streams) = (relations(&mut admin).await, streams(&mut admin).await);
    let mut owner = factory.database().connect().await.expect("a connection");
    run(&mut owner, format!("SET SESSION AUTHORIZATION login_{}", factory.database().name())).await.expect("the owner");
    let mut transaction = owner.begin().await.expect("a transaction");
    run(&mut transaction, format!("SET LOCAL stateset.tenant = '{}'", OURS.tenant)).await.expect("set");
    for relation in relations.iter().filter(|(_, of_tenant, of_stream)| *of_tenant || *of_stream) {
        let counts = seen(&mut transaction, relation, &streams).await.expect("it is the owner's");
        assert!(counts[0] > 0 && counts[1] == 0, "{}: {counts:?}", relation.0);
    }
    let forged = format!(
        "INSERT INTO cursors VALUES ({}, gen_random_uuid(), 1, 1), ({}, gen_random_uuid(), 1, 1)",
        streams[0][0], streams[1][0]
    );
    let refused = run(&mut transaction, forged).await.expect_err("rows of two tenants under one");
    assert!(refused.to_string().contains("row-level security"), "{refused}");
    assert_reads_are_isolated(&store).await;
}

/// The store's own verbs, given what belongs to another tenant, find nothing. Here the mistake is the caller's.
async fn assert_reads_are_isolated(store: &PostgresStore) {
    let theirs = store.stream(THEIRS).await.expect("answer").expect("their stream");
    let page = EventQuery { count: true, ..EventQuery::new(theirs.stream, Sequence::FIRST, 10) };
    let id = store.events(&page).await.expect("answer").events[0].header.event_id;
    let batch = store.batches(theirs.stream, sequence(1), 1).await.expect("answer")[0].batch;
    as_tenant(OURS.tenant, async {
        assert!(store.stream(OURS).await.expect("answer").is_some());
        assert!(store.stream(THEIRS).await.expect("answer").is_none());
        let found = store.events(&page).await.expect("answer");
        assert_eq!((found.head_size, found.events.len(), found.total), (0, 0, Some(0)));
        assert!(store.event(THEIRS.tenant, None, id).await.expect("answer").is_empty());
        assert!(store.batch(batch).await.expect("answer").is_none());
        assert!(store.batches(theirs.stream, sequence(1), 9).await.expect("answer").is_empty());
        assert!(store.batch_covering(theirs.stream, sequence(1)).await.expect("answer").is_none());
        assert!(store.head_record(theirs.stream).await.expect("answer").is_none());
        assert!(store.agent_keys(THEIRS.tenant, None).await.expect("answer").1.is_empty());
        assert!(store.leaves(theirs.stream, 280, 1).await.is_err(), "leaves that must exist do not");
        assert!(store.tile_roots(theirs.stream, 0, 0, 1).await.is_err());
        let keys =
            stateset_store::api_key::ApiKeyQuery { tenant: THEIRS.tenant, agent: None, after: String::new(), limit: 9 };
        assert!(store.api_keys(&keys).await.expect("answer").is_empty());
        let schemas = store.schemas(THEIRS.tenant).await.expect("answer");
        assert!(schemas.versions.is_empty() && schemas.policies.is_empty());
    })
    .await;
    // The connections go back to the pool and serve the next tenant, and the tasks that serve all.
    for _ in 0..20 {
        as_tenant(THEIRS.tenant, async {
            assert!(store.stream(THEIRS).await.expect("answer").is_some());
            assert!(store.stream(OURS).await.expect("answer").is_none());
        })
        .await;
        assert!(store.stream(OURS).await.expect("answer").is_some());
    }
}

/// Where the roles are, reads of a tenant run under one of them, even for a superuser, for whom no policy holds.
#[tokio::test]
async fn reads_of_a_tenant_run_under_its_role() {
    let factory = PostgresFactory::create().await;
    let store = factory.open().await;
    assert_eq!(store.isolation().await.expect("answer"), Isolation::Role);
    populate(&store).await;
    assert_reads_are_isolated(&store).await;
}

/// A server whose login is neither owner nor superuser, but a member of both roles, does all its work.
#[tokio::test]
async fn a_member_of_both_roles_is_enough_to_serve() {
    let factory = PostgresFactory::create().await;
    let mut admin = factory.database().connect().await.expect("a superuser");
    let login = format!("server_{}", factory.database().name());
    run(&mut admin, format!("CREATE ROLE {login} LOGIN PASSWORD 'secret' IN ROLE stateset_api, stateset_service"))
        .await
        .expect("a login");
    {
        let url = crate::postgres_owner::url_for(factory.database().url(), &login);
        let store = PostgresStore::new(&url, 4).expect("a URL");
        store.ping().await.expect("the schema is there");
        assert_eq!(store.isolation().await.expect("answer"), Isolation::Role);
        populate(&store).await;
        assert_reads_are_isolated(&store).await;
    }
    let left = format!("DROP OWNED BY {login}");
    run(&mut admin, left).await.expect("dropped");
}

/// One append for two tenants is the service's, and each part is for its own stream only.
#[tokio::test]
async fn a_batch_for_two_tenants_is_the_services() {
    let factory = OwnerFactory::create().await;
    let store = factory.open().await;
    let mut random = Random::new(91);
    let writers = [Writer::open(&store, OURS).await, Writer::open(&store, THEIRS).await];
    let candidates = [random.events(OURS, 2), random.events(THEIRS, 2)];
    let plans = [writers[0].plan(&candidates[0]), writers[1].plan(&candidates[1])];
    let appends = [writers[0].append_of(&plans[0]), writers[1].append_of(&plans[1])];
    let refused = as_tenant(OURS.tenant, store.append(&appends)).await.expect("appends are not the request's");
    assert_eq!(refused, [Appended::Committed, Appended::Committed]);
    as_tenant(OURS.tenant, async {
        let row = store.stream(OURS).await.expect("answer").expect("ours");
        assert_eq!(row.size, 2);
    })
    .await;
}
