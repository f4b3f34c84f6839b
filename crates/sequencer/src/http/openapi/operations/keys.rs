//! Keys of agents and of callers.

use super::{Operation, get, post, public, with};
use crate::identity::Permission;

pub(super) const OPERATIONS: &[Operation] = &[
    with(
        Permission::Admin,
        post(
            "registerAgentKey",
            "keys",
            "/api/v1/agents/keys",
            "Register an agent key with proof of possession",
            &[],
            "RegisterKey",
            "KeyChanged",
        ),
    ),
    get(
        "listAgentKeys",
        "keys",
        "/api/v1/agents/keys",
        "Keys of a tenant or agent, revoked ones too",
        &["tenant_id", "agent_id[query]"],
        "KeyList",
    ),
    Operation {
        method: "delete",
        permission: Some(Permission::Admin),
        ..get(
            "revokeAgentKey",
            "keys",
            "/api/v1/agents/{agent_id}/keys/{key_id}",
            "Revoke a key from now on",
            &["agent_id", "key_id", "tenant_id"],
            "KeyChanged",
        )
    },
    with(
        Permission::Admin,
        post(
            "rotateAgentKey",
            "keys",
            "/api/v1/agents/{agent_id}/keys/{key_id}/rotate",
            "Register a new key and revoke this one, in one step",
            &["agent_id", "key_id"],
            "RegisterKey",
            "KeyChanged",
        ),
    ),
    get(
        "getSigningKeys",
        "keys",
        "/api/v1/agents/{agent_id}/signing-keys",
        "Signed key directory of an agent",
        &["agent_id", "tenant_id"],
        "KeyDirectory",
    ),
    public(get(
        "getSequencerKeys",
        "keys",
        "/.well-known/ves-keys",
        "Keys of this sequencer, and the head log's verifier key",
        &[],
        "SequencerKeys",
    )),
    with(
        Permission::Admin,
        post(
            "registerAgent",
            "access",
            "/api/v1/agents/register",
            "Register an agent with its first API key, which is shown once",
            &["Idempotency-Key"],
            "MintApiKey",
            "ApiKeyMinted",
        ),
    ),
    with(
        Permission::Admin,
        post(
            "mintEnrolmentToken",
            "access",
            "/api/v1/agents/{agent_id}/enrolment-tokens",
            "Make a one-time token with which one agent sets up its machine",
            &["agent_id"],
            "MintEnrolmentToken",
            "EnrolmentToken",
        ),
    ),
    // Its credential is the token, which permits nothing else.
    Operation {
        permission: None,
        ..post(
            "enrolAgent",
            "access",
            "/api/v1/agents/enrol",
            "Spend an enrolment token: register a signing key and an API key",
            &[],
            "Enrol",
            "Enrolled",
        )
    },
    with(
        Permission::Admin,
        post(
            "mintAgentApiKey",
            "access",
            "/api/v1/agents/{agent_id}/api-keys",
            "Make an API key that acts for one agent",
            &["agent_id", "Idempotency-Key"],
            "MintApiKey",
            "ApiKeyMinted",
        ),
    ),
    with(
        Permission::Admin,
        get(
            "listAgentApiKeys",
            "access",
            "/api/v1/agents/{agent_id}/api-keys",
            "API keys of an agent",
            &["agent_id", "tenant_id[optional]", "after"],
            "ApiKeyList",
        ),
    ),
    Operation {
        method: "delete",
        permission: Some(Permission::Admin),
        ..get(
            "revokeAgentApiKey",
            "access",
            "/api/v1/agents/{agent_id}/api-keys/{prefix}",
            "Revoke an API key of an agent",
            &["agent_id", "prefix", "tenant_id[optional]"],
            "ApiKeyRevoked",
        )
    },
    with(
        Permission::Admin,
        post(
            "mintApiKey",
            "access",
            "/api/v1/api-keys",
            "Make an API key",
            &["Idempotency-Key"],
            "MintApiKey",
            "ApiKeyMinted",
        ),
    ),
    with(
        Permission::Admin,
        get(
            "listApiKeys",
            "access",
            "/api/v1/api-keys",
            "API keys of a tenant, revoked ones too",
            &["tenant_id[optional]", "agent_id[query]", "after"],
            "ApiKeyList",
        ),
    ),
    Operation {
        method: "delete",
        permission: Some(Permission::Admin),
        ..get(
            "revokeApiKey",
            "access",
            "/api/v1/api-keys/{prefix}",
            "Revoke an API key",
            &["prefix", "tenant_id[optional]"],
            "ApiKeyRevoked",
        )
    },
    with(
        Permission::Admin,
        post(
            "rotateApiKey",
            "access",
            "/api/v1/api-keys/{prefix}/rotate",
            "Replace an API key by one that permits the same",
            &["prefix", "Idempotency-Key"],
            "RotateApiKey",
            "ApiKeyMinted",
        ),
    ),
];
