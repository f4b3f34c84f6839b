-- API keys: who may call, and what that permits. A key is shown once, when it is made; here is only its hash.
CREATE TABLE api_keys (
    prefix      TEXT    PRIMARY KEY NOT NULL, -- public part of the key
    secret_hash BLOB    NOT NULL CHECK (length(secret_hash) = 32), -- SHA-256 of the whole key
    tenant_id   BLOB    NOT NULL,
    stores      BLOB    NOT NULL,     -- ids of 16 bytes, one behind the other; empty: all stores of the tenant
    can_read    INTEGER NOT NULL,
    can_write   INTEGER NOT NULL,
    can_admin   INTEGER NOT NULL,
    agent_id    BLOB,                 -- the one agent it may act for; NULL: any of the tenant's
    rate_limit  INTEGER,              -- requests per minute; NULL: the server's own limit
    name        TEXT    NOT NULL,     -- what people call it
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,              -- from when on it is refused; NULL: it does not end by itself
    revoked_at  INTEGER               -- never goes back to NULL
) STRICT;
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, prefix);
-- SQLite has no row security; whoever can open the file can read all of it.
