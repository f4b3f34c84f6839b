// Records of the head log, in which the growth of every stream is pinned, and their blinded entries.

import { Refused } from './bytes.js';
import { sha256 } from './crypto.js';

const KINDS = {
  VES_OPEN_V1: { length: 59, kind: 'OPEN' },
  VES_HEAD_V1: { length: 91, kind: 'HEAD' },
  VES_VCMT_V1: { length: 155, kind: 'VCMT' },
};

/** What is public of a record. */
export const blind = (salt, record) => sha256('VES_HEADB_V1', salt, record);

/** Reads a record. Every field has a fixed width, so any other length is refused. */
export function parseRecord(bytes) {
  const domain = new TextDecoder('latin1').decode(bytes.subarray(0, 11));
  const known = Object.hasOwn(KINDS, domain) ? KINDS[domain] : null;
  if (!known || bytes.length !== known.length) throw new Refused('NOT_A_RECORD', 'not a record of the head log');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hash = (at) => bytes.subarray(at, at + 32);
  const record = { kind: known.kind, streamId: hash(11) };
  switch (known.kind) {
    case 'OPEN':
      return { ...record, firstSequence: view.getBigUint64(43), openedAtUs: view.getBigInt64(51) };
    case 'HEAD':
      return { ...record, size: view.getBigUint64(43), root: hash(51), previousPlusOne: view.getBigUint64(83) };
    default:
      return {
        ...record, start: view.getBigUint64(43), end: view.getBigUint64(51),
        root: hash(59), stateRootBefore: hash(91), stateRootAfter: hash(123),
      };
  }
}
