// An independent verifier of the log: what a server says is checked, never believed.

export { Refused, fromBase64, fromHex, toBase64, toHex, uuid } from './bytes.js';
export { sha256, verifyEd25519 } from './crypto.js';
export * as json from './json.js';
export * as event from './event.js';
export * as tree from './tree.js';
export * as batch from './batch.js';
export * as receipt from './receipt.js';
export * as note from './note.js';
export * as headLog from './head_log.js';
export { readTrust, verifyEvidence, verifyGrowth } from './evidence.js';
