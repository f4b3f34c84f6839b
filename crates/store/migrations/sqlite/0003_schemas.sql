-- Schemas of payloads, as a tenant has registered them. A version's text never changes.
CREATE TABLE schemas (
    tenant_id   BLOB    NOT NULL,
    schema_no   INTEGER NOT NULL CHECK (schema_no >= 1), -- names it among the tenant's, without gaps
    subject     TEXT    NOT NULL,     -- a type of event, or any name a client gives
    version     INTEGER NOT NULL CHECK (version >= 1),   -- place in the subject's history
    status      TEXT    NOT NULL CHECK (status IN ('active', 'deprecated', 'disabled', 'deleted')),
    schema_text TEXT    NOT NULL,     -- JSON Schema as it was received
    description TEXT    NOT NULL,     -- a sentence for people
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, schema_no),
    UNIQUE (tenant_id, subject, version)
) STRICT;

-- How events are held to schemas, and what a new version must agree with.
CREATE TABLE schema_policies (
    tenant_id     BLOB NOT NULL,
    subject       TEXT NOT NULL,      -- empty: every subject without a row of its own
    mode          TEXT,               -- NULL: as the server says
    compatibility TEXT,               -- NULL: as the server says
    PRIMARY KEY (tenant_id, subject)
) STRICT;
