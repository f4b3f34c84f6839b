-- API keys: who may call, and what that permits. A key is shown once, when it is made; here is only its hash.
CREATE TABLE api_keys (
    prefix      text    COLLATE "C" PRIMARY KEY, -- public part of the key
    secret_hash bytea   NOT NULL CHECK (octet_length(secret_hash) = 32), -- SHA-256 of the whole key
    tenant_id   uuid    NOT NULL,
    stores      uuid[]  NOT NULL,     -- empty: all stores of the tenant
    can_read    boolean NOT NULL,
    can_write   boolean NOT NULL,
    can_admin   boolean NOT NULL,
    agent_id    uuid,                 -- the one agent it may act for; NULL: any of the tenant's
    rate_limit  bigint,               -- requests per minute; NULL: the server's own limit
    name        text    NOT NULL,     -- what people call it
    created_at  bigint  NOT NULL,
    expires_at  bigint,               -- from when on it is refused; NULL: it does not end by itself
    revoked_at  bigint                -- never goes back to NULL
);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, prefix);
