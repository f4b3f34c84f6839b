// An agent that signs and pushes events: the verifier's own hashes, and keys from WebCrypto.

import { event, json, receipt, toHex } from '../../verifier-js/src/index.js';

/** Calls the API with a key; answers JSON. */
export class Api {
  constructor(base, key) {
    this.base = base;
    this.key = key;
  }

  async call(method, path, body) {
    const reply = await fetch(this.base + path, {
      method,
      headers: { authorization: `ApiKey ${this.key}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return JSON.parse(text);
  }
}

const subtle = globalThis.crypto.subtle;
const raw = async (key) => new Uint8Array(await subtle.exportKey('raw', key));

export class Agent {
  static async make(id, tenant, store) {
    const pair = await subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
    return Object.assign(new Agent(), { id, tenant, store, pair, publicKey: await raw(pair.publicKey) });
  }

  async sign(bytes) {
    return new Uint8Array(await subtle.sign({ name: 'Ed25519' }, this.pair.privateKey, bytes));
  }

  async register(api) {
    const proof = await this.sign(await receipt.possessionChallenge(this.publicKey));
    await api.call('POST', '/api/v1/agents/keys', {
      tenantId: this.tenant, agentId: this.id, keyId: 1, publicKey: toHex(this.publicKey), keyAlgorithm: 'ed25519',
      proofOfPossessionBundle: { ed25519Pop: toHex(proof) },
    });
  }

  /** A signed envelope, version 2. */
  async envelope({ id = crypto.randomUUID(), entityType, entityId, type, payload, ...more }) {
    const plain = await event.payloadHash(json.parse(JSON.stringify(payload)), 0);
    const envelope = {
      ves_version: 2, event_id: id, tenant_id: this.tenant, store_id: this.store, source_agent_id: this.id, agent_key_id: 1,
      entity_type: entityType, entity_id: entityId, event_type: type, created_at: new Date().toISOString(), payload_kind: 0,
      payload, payload_plain_hash: `0x${toHex(plain)}`, payload_cipher_hash: `0x${'00'.repeat(32)}`,
      agent_signature: `0x${'00'.repeat(64)}`, ...more,
    };
    const read = event.readEvent(json.parse(JSON.stringify(envelope)));
    envelope.agent_signature = `0x${toHex(await this.sign(await event.contentHash(read)))}`;
    return envelope;
  }

  async push(api, events) {
    const reply = await api.call('POST', '/api/v1/ves/events/ingest?wait=logged', { agentId: this.id, events });
    if (reply.eventsAccepted !== events.length) throw new Error(JSON.stringify(reply));
    return reply;
  }

  /** Events of the first API, which nobody signs. */
  async pushUnsigned(api, events) {
    const full = await Promise.all(events.map(async ({ entityType, entityId, type, payload }) => ({
      event_id: crypto.randomUUID(), tenant_id: this.tenant, store_id: this.store, source_agent: this.id,
      entity_type: entityType, entity_id: entityId, event_type: type, created_at: new Date().toISOString(), payload,
      payload_hash: toHex(await event.payloadHash(json.parse(JSON.stringify(payload)), 2)),
    })));
    return api.call('POST', '/api/v1/events/ingest?wait=logged', { agent_id: this.id, events: full });
  }
}
