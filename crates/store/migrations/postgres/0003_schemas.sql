-- Schemas of payloads, as a tenant has registered them. A version's text never changes.
CREATE TABLE schemas (
    tenant_id   uuid    NOT NULL,
    schema_no   integer NOT NULL CHECK (schema_no >= 1), -- names it among the tenant's, without gaps
    subject     text    COLLATE "C" NOT NULL, -- a type of event, or any name a client gives
    version     integer NOT NULL CHECK (version >= 1),   -- place in the subject's history
    status      text    NOT NULL CHECK (status IN ('active', 'deprecated', 'disabled', 'deleted')),
    schema_text text    NOT NULL,     -- JSON Schema as it was received
    description text    NOT NULL,     -- a sentence for people
    created_at  bigint  NOT NULL,
    PRIMARY KEY (tenant_id, schema_no),
    UNIQUE (tenant_id, subject, version)
);

-- How events are held to schemas, and what a new version must agree with.
CREATE TABLE schema_policies (
    tenant_id     uuid NOT NULL,
    subject       text COLLATE "C" NOT NULL, -- empty: every subject without a row of its own
    mode          text,               -- NULL: as the server says
    compatibility text,               -- NULL: as the server says
    PRIMARY KEY (tenant_id, subject)
);

SELECT stateset_isolate();
