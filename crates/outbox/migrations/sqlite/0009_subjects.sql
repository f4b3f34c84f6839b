-- Personal data beside the log, so that it can be erased: the log has salted commitments in its place, for ever.

-- A key per person, wrapped by a master key that is not in the database. Erasing a person destroys it.
CREATE TABLE subject_key (
    tenant_id     blob    NOT NULL,
    store_id      blob    NOT NULL,
    subject       text    NOT NULL, -- whom it is about: an id of the application's, not an address
    generation    integer NOT NULL CHECK (generation >= 1), -- grows when the person comes again after an erasure
    master_key_id text    NOT NULL,
    wrapped_key   blob, -- nonce, AES-256-GCM of the key; NULL: destroyed
    created_at    integer NOT NULL,
    erased_at     integer,
    erased_by     text,
    erased_why    text,
    PRIMARY KEY (tenant_id, store_id, subject, generation),
    CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL))
) STRICT;
CREATE INDEX subject_key_master ON subject_key (master_key_id) WHERE wrapped_key IS NOT NULL;

-- A marked field of an event: what the commitment in the log commits to.
CREATE TABLE subject_data (
    tenant_id  blob    NOT NULL,
    store_id   blob    NOT NULL,
    event_id   blob    NOT NULL,
    field      text    NOT NULL, -- payload:/customer/email, metadata:/user_email (JSON pointers)
    subject    text    NOT NULL,
    generation integer NOT NULL,
    sealed     blob    NOT NULL, -- nonce, AES-256-GCM of salt (16 bytes) and JSON value, under the subject's key
    PRIMARY KEY (tenant_id, store_id, event_id, field)
) STRICT;
CREATE INDEX subject_data_subject ON subject_data (tenant_id, store_id, subject);
