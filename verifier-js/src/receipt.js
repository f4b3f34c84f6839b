// What the sequencer signs: the place of an event, and the head of a stream.

import { i64, u32, u64 } from './bytes.js';
import { sha256 } from './crypto.js';

/** Identity of a stream in hashes. */
export const streamId = (tenant, store) => sha256('VES_STREAM_V1', tenant, store);

/** The hash a receipt signs: this event, with this content, has this place. */
export function receiptHash(tenant, store, eventId, sequence, content) {
  return sha256('VES_RECEIPT_V1', tenant, store, eventId, u64(sequence), content);
}

/** The hash a flush signature is over: this stream has this many events and this root. */
export function flushHash(stream, size, root, signedAtUs, keyVersion) {
  return sha256('VES_FLUSH_V1', stream, u64(size), root, i64(signedAtUs), u32(keyVersion));
}

/** What a registrant signs to show that it holds the secret of a key. */
export const possessionChallenge = (publicKey) => sha256('VES_POP_V1', publicKey);
