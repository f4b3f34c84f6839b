-- The columns of the event log and nothing else: no partition, no index but the primary key, no trigger, no check.
CREATE TABLE plain (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, log_epoch smallint NOT NULL DEFAULT 1,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(), shard smallint NOT NULL, tenant_id uuid NOT NULL,
    store_id uuid NOT NULL, event_id uuid NOT NULL, event_key text COLLATE "C", event_type text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL DEFAULT 1, entity_type text COLLATE "C" NOT NULL, entity_id text COLLATE "C" NOT NULL,
    order_key text COLLATE "C", payload text COLLATE "C" NOT NULL, metadata text COLLATE "C",
    correlation_id text COLLATE "C", causation_id text COLLATE "C", command_id uuid, traceparent text COLLATE "C",
    agent_id uuid, agent_key_id bigint, created_at text COLLATE "C" NOT NULL, deliverable boolean NOT NULL DEFAULT true,
    written_at bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
)
