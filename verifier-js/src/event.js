// Events: payload hash, cipher hash, content hash, signature, leaf. Layouts: docs/spec/events.md and commitments.md.
//
// An event is what `json.parse` made of an envelope as `/api/v1/ves/events` and the member `event` of one event show it:
// a Map, in which the payload's numbers are still as written.

import { Refused, concat, equal, fromBase64Url, fromHex, integer, option, str, u32, u64, u8, uuid } from './bytes.js';
import { sha256, verifyEd25519 } from './crypto.js';
import { JsonNumber, canonicalBytes, sortedCompactBytes } from './json.js';

const ZERO = new Uint8Array(32);
/** The number under which a payload form is hashed, by its name in replies. */
export const PAYLOAD_FORMS = { ves: 0, ves_encrypted: 1, legacy_sorted: 2, legacy_canonical: 3 };

/** Reads the fields that are hashed from an envelope. */
export function readEvent(envelope) {
  if (!(envelope instanceof Map)) throw new Refused('MALFORMED', 'an event is a JSON object');
  const version = Number(number(envelope, 'ves_version'));
  if (![0, 1, 2].includes(version)) throw new Refused('UNSUPPORTED_VERSION', `there is no VES version ${version}`);
  const kind = Number(number(envelope, 'payload_kind'));
  if (kind !== 0 && kind !== 1) throw new Refused('MALFORMED', 'payload_kind is 0 or 1');
  const formName = optional(envelope, 'payload_hash_form');
  const form = formName === null ? kind : PAYLOAD_FORMS[formName];
  if (form === undefined) throw new Refused('MALFORMED', `there is no payload form ${formName}`);
  const sequence = optional(envelope, 'sequence_number');
  return {
    version,
    tenant: uuid(text(envelope, 'tenant_id')),
    store: uuid(text(envelope, 'store_id')),
    id: uuid(text(envelope, 'event_id')),
    agent: uuid(text(envelope, 'source_agent_id')),
    keyId: version === 0 ? null : number(envelope, 'agent_key_id'),
    entityType: text(envelope, 'entity_type'),
    entityId: text(envelope, 'entity_id'),
    eventType: text(envelope, 'event_type'),
    createdAt: text(envelope, 'created_at'),
    kind,
    form,
    payload: envelope.get('payload') ?? null,
    encrypted: envelope.get('payload_encrypted') ?? null,
    plainHash: fromHex(text(envelope, 'payload_plain_hash'), 32),
    cipherHash: fromHex(text(envelope, 'payload_cipher_hash'), 32),
    signature: version === 0 ? null : fromHex(text(envelope, 'agent_signature'), 64),
    salt: version === 0 && envelope.has('leaf_salt') ? fromHex(text(envelope, 'leaf_salt'), 16) : null,
    commandId: optional(envelope, 'command_id') === null ? null : uuid(text(envelope, 'command_id')),
    baseVersion: optional(envelope, 'base_version') === null ? null : number(envelope, 'base_version'),
    sequence: sequence === null ? null : number(envelope, 'sequence_number'),
  };
}

/** SHA-256 of a payload in the form with this number (`PAYLOAD_FORMS`); a salt only for an encrypted one. */
export async function payloadHash(payload, form, salt = new Uint8Array()) {
  switch (form) {
    case 0:
    case 1:
      return sha256('VES_PAYLOAD_PLAIN_V1', salt, canonicalBytes(payload));
    case 2:
      return sha256(sortedCompactBytes(payload));
    case 3:
      return sha256(canonicalBytes(payload));
    default:
      throw new Refused('MALFORMED', `there is no payload form ${form}`);
  }
}

/** Hash of an encrypted payload, which binds the ciphertext to its event and its recipients. */
export async function cipherHash(event) {
  const sealed = event.encrypted;
  if (!(sealed instanceof Map)) throw new Refused('MALFORMED', 'payload_encrypted is missing');
  const recipients = [];
  for (const recipient of sealed.get('recipients') ?? []) {
    const [enc, ct] = [fromBase64Url(text(recipient, 'enc_b64u')), fromBase64Url(text(recipient, 'ct_b64u'))];
    recipients.push(u32(number(recipient, 'recipient_kid')), u32(enc.length), enc, u32(ct.length), ct);
  }
  const additional = await sha256(
    'VES_PAYLOAD_AAD_V1', event.tenant, event.store, event.id, event.agent, u32(event.keyId),
    str(event.entityType), str(event.entityId), str(event.eventType), str(event.createdAt), event.plainHash,
  );
  const ciphertext = fromBase64Url(text(sealed, 'ciphertext_b64u'));
  return sha256(
    'VES_PAYLOAD_CIPHER_V1', u32(1), fromBase64Url(text(sealed, 'nonce_b64u'), 12), additional,
    u32(ciphertext.length), ciphertext, fromBase64Url(text(sealed, 'tag_b64u'), 16),
    await sha256('VES_RECIPIENTS_V1', ...recipients),
  );
}

/** The preimage of a version 1 signing hash, and of the inner hash of version 2. */
export function signingPreimage(event) {
  return concat(
    new TextEncoder().encode('VES_EVENTSIG_V1'), u32(event.version),
    event.tenant, event.store, event.id, event.agent, u32(event.keyId),
    str(event.entityType), str(event.entityId), str(event.eventType), str(event.createdAt),
    u32(event.kind), event.plainHash, event.cipherHash,
  );
}

/** What identifies the event's content: what its agent signed, or the field hash of an unsigned event. */
export async function contentHash(event) {
  if (event.version === 0) return fieldHash(event);
  const inner = await sha256(signingPreimage(event));
  if (event.version === 1) return inner;
  return sha256('VES_EVENTSIG_V2', inner, ...controls(event));
}

/** The event's leaf at `sequence` in the stream tree and in its batch. */
export async function leaf(event, sequence = event.sequence, content = null) {
  if (sequence === null) throw new Refused('MALFORMED', 'the event has no place yet');
  const hash = content ?? (await contentHash(event));
  if (event.version !== 0) {
    return sha256('VES_LEAF_V1', event.tenant, event.store, u64(sequence), hash, event.signature);
  }
  if (event.salt === null) throw new Refused('MALFORMED', 'the leaf of an unsigned event needs leaf_salt');
  return sha256('VES_UNSIGNED_LEAF_V1', event.tenant, event.store, u64(sequence), event.salt, hash);
}

/** Throws unless the stated payload and cipher hashes are those of what is there. Says what could be checked. */
export async function checkPayload(event) {
  if (event.kind === 1) {
    if (event.payload !== null) throw new Refused('MALFORMED', 'an encrypted event carries a plain payload');
    if (!equal(await cipherHash(event), event.cipherHash)) {
      throw new Refused('CIPHER_HASH', 'the encrypted payload is not the one that was hashed');
    }
    return 'the cipher hash; the plain one only recipients can check';
  }
  if (event.payload === null) throw new Refused('MALFORMED', 'the payload is missing');
  if (!equal(event.cipherHash, ZERO)) throw new Refused('CIPHER_HASH', 'a plain payload has no cipher hash');
  if (!equal(await payloadHash(event.payload, event.form), event.plainHash)) {
    throw new Refused('PAYLOAD_HASH', 'the payload is not the one that was hashed');
  }
  return 'the payload hash';
}

/** Whether the agent with this public key signed the event. */
export async function isSignedBy(event, publicKey, content = null) {
  if (event.signature === null) return false;
  return verifyEd25519(publicKey, content ?? (await contentHash(event)), event.signature);
}

async function fieldHash(event) {
  return sha256(
    'VES_UNSIGNED_EVENT_V1', event.tenant, event.store, event.id, event.agent,
    str(event.entityType), str(event.entityId), str(event.eventType), str(event.createdAt),
    u8(event.form), event.plainHash, event.cipherHash, ...controls(event),
  );
}

function controls(event) {
  return [option(event.commandId), option(event.baseVersion === null ? null : u64(event.baseVersion))];
}

function text(map, name) {
  const value = map instanceof Map ? map.get(name) : undefined;
  if (typeof value !== 'string') throw new Refused('MALFORMED', `${name} is missing or no text`);
  return value;
}

function number(map, name) {
  const value = map instanceof Map ? map.get(name) : undefined;
  if (!(value instanceof JsonNumber)) throw new Refused('MALFORMED', `${name} is missing or no number`);
  return integer(value.text);
}

const optional = (map, name) => map.get(name) ?? null;
