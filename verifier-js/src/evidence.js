// The whole way from an event's content to a signed checkpoint, step by step.
//
// Nothing in the evidence is believed: hashes are derived from the event as it is held, and every later step uses what the
// earlier ones derived, never what the reply repeats.

import { Refused, equal, fromHex, integer, toHex } from './bytes.js';
import { JsonNumber, parse } from './json.js';
import { verifyEd25519 } from './crypto.js';
import { checkPayload, contentHash, isSignedBy, leaf as leafOf, readEvent } from './event.js';
import { flushHash, receiptHash, streamId } from './receipt.js';
import { leafHash, verifyConsistency, verifyInclusion } from './tree.js';
import { stateRoot, verifyBatch } from './batch.js';
import { openCheckpoint } from './note.js';
import { blind, parseRecord } from './head_log.js';

/**
 * Checks one event. All arguments but `trust` are the texts of replies; `null` where there is none.
 *
 * - `single`: `GET /api/v1/events/{event_id}`
 * - `inclusion`: `GET /api/v1/proofs/inclusion`
 * - `batch`: `GET /api/v1/ves/proofs/{sequence}`, and `commitment`: `GET /api/v1/ves/commitments/{batch_id}`
 * - `agentKeys`: `GET /api/v1/agents/{agent_id}/signing-keys`
 * - `trust`: `{origin, keys}`; `keys` are the sequencer's public keys by number, from `/.well-known/ves-keys` or, better,
 *   from where you have kept them
 *
 * `onStep` is called with `{id, state, title, detail, steps}` as each check ends; `state` is `holds`, `fails`, or `open`
 * where there is nothing to check. Answers `{holds, steps, head, checkpoint}`; `head` and `checkpoint` are there if they were
 * derived, and are worth keeping only if `holds`. Never throws for a fault of the evidence.
 */
export async function verifyEvidence(evidence, trust, onStep = () => {}) {
  const run = new Run(onStep);
  const known = {};
  await run.check('read', 'The event can be read in one way only', async () => {
    const single = parse(evidence.single);
    known.single = single;
    known.event = readEvent(single.get('event'));
    return `event ${single.get('event').get('event_id')}, place ${known.event.sequence}`;
  });
  if (!known.event) return found(run, known);
  await run.check('payload', 'The payload is the one that was hashed', async () => {
    const what = await checkPayload(known.event);
    return `${what}: ${toHex(known.event.kind ? known.event.cipherHash : known.event.plainHash)}`;
  });
  await run.check('content', 'The content hash follows from every signed field', async () => {
    known.content = await contentHash(known.event);
    known.leaf = await leafOf(known.event, known.event.sequence, known.content);
    return `content ${toHex(known.content)}, leaf ${toHex(known.leaf)}`;
  });
  if (!known.leaf) return found(run, known);
  await checkAgent(run, known, evidence.agentKeys);
  await checkReceipt(run, known, trust);
  await checkStream(run, known, evidence.inclusion, trust);
  await checkBatch(run, known, evidence.batch, evidence.commitment);
  return found(run, known);
}

/**
 * Checks that a stream's tree only grew from a head you kept to one you have verified, `{size, root}` both.
 * `consistency` is the text of `GET /api/v1/proofs/consistency`, of which only the path is used.
 */
export async function verifyGrowth(consistency, kept, newer, onStep = () => {}) {
  const run = new Run(onStep);
  await run.check('consistency', 'Nothing before was changed or taken out', async () => {
    const path = hashes(parse(consistency), 'path');
    await verifyConsistency(kept.size, newer.size, kept.root, newer.root, path);
    return `the first ${kept.size} of ${newer.size} events are the ones you saw before`;
  });
  return found(run, {});
}

function found(run, { head, checkpoint }) {
  return { holds: run.all.every((step) => step.state !== 'fails'), steps: run.all, head, checkpoint };
}

class Run {
  constructor(onStep) {
    this.onStep = onStep;
    this.all = [];
  }

  tell(step) {
    this.all.push(step);
    this.onStep(step);
  }

  open(id, title, detail) {
    this.tell({ id, title, state: 'open', detail, steps: [] });
  }

  async check(id, title, work) {
    try {
      const found = await work();
      const { detail, steps } = typeof found === 'string' ? { detail: found, steps: [] } : found;
      this.tell({ id, title, state: 'holds', detail, steps });
      return true;
    } catch (fault) {
      const code = fault instanceof Refused ? fault.code : 'ERROR';
      this.tell({ id, title, state: 'fails', code, detail: fault.message, steps: [] });
      return false;
    }
  }
}

async function checkAgent(run, known, agentKeys) {
  const title = 'The agent signed exactly this';
  if (known.event.version === 0) {
    run.open('agent', title, 'nobody signed this event; whoever pushed it had a credential, and no more is known');
    return;
  }
  await run.check('agent', title, async () => {
    if (!agentKeys) throw new Refused('NO_KEY', "the agent's keys are not there");
    const key = (parse(agentKeys).get('keys') ?? []).find((entry) => number(entry, 'keyId') === known.event.keyId);
    if (!key) throw new Refused('NO_KEY', `the agent has no key ${known.event.keyId}`);
    const publicKey = hash(key, 'publicKey');
    if (!(await isSignedBy(known.event, publicKey, known.content))) {
      throw new Refused('BAD_SIGNATURE', `the signature does not verify under key ${known.event.keyId}`);
    }
    return `key ${known.event.keyId}, ${toHex(publicKey)}`;
  });
}

async function checkReceipt(run, known, trust) {
  const { event, content } = known;
  known.stream = await streamId(event.tenant, event.store);
  const title = 'The sequencer signed for this place';
  const receipt = known.single.get('receipt');
  if (!receipt?.get('sequencer_signature')) {
    run.open('receipt', title, 'no signature of its own: the head of its flush was signed instead');
    return;
  }
  await run.check('receipt', title, async () => {
    const derived = await receiptHash(event.tenant, event.store, event.id, event.sequence, content);
    const key = sequencerKey(trust, number(receipt, 'sequencer_key_version'));
    if (!(await verifyEd25519(key, derived, fromHex(receipt.get('sequencer_signature'), 64)))) {
      throw new Refused('BAD_SIGNATURE', "the sequencer's signature does not verify");
    }
    return `receipt ${toHex(derived)}`;
  });
}

async function checkStream(run, known, inclusion, trust) {
  const { event, leaf } = known;
  let proof;
  const included = await run.check('stream', 'It is one leaf of the tree of the whole stream', async () => {
    if (!inclusion) throw new Refused('NO_PROOF', 'there is no inclusion proof');
    proof = parse(inclusion);
    const [size, root] = [number(proof, 'tree_size'), hash(proof, 'root')];
    const path = hashes(proof, 'path');
    const index = event.sequence - 1n;
    const steps = await verifyInclusion(await leafHash(leaf), index, size, path, root);
    known.head = { size, root };
    return { detail: `leaf ${index} of exactly ${size}, ${path.length} hashes to the root ${toHex(root)}`, steps };
  });
  if (!included) return;
  const signed = proof.get('signed_head');
  if (signed) {
    await run.check('head', 'The sequencer signed this root', async () => {
      const version = number(signed, 'key_version');
      const derived = await flushHash(
        known.stream, known.head.size, known.head.root, number(signed, 'signed_at_us'), version,
      );
      if (!(await verifyEd25519(sequencerKey(trust, version), derived, fromHex(signed.get('signature'), 64)))) {
        throw new Refused('BAD_SIGNATURE', "the signature on the stream's head does not verify");
      }
      return `size ${known.head.size}, key ${version}`;
    });
  }
  await checkLogged(run, known, proof.get('logged_head'), trust);
}

async function checkLogged(run, known, logged, trust) {
  const record = 'The head log pins this root';
  if (!logged) {
    run.open('record', record, 'not logged yet; it takes about 100 ms');
    return;
  }
  let entry;
  const opened = await run.check('record', record, async () => {
    const bytes = fromHex(logged.get('record'));
    const head = parseRecord(bytes);
    if (head.kind !== 'HEAD' || !equal(head.streamId, known.stream)) {
      throw new Refused('OTHER_STREAM', 'the record is of another stream');
    }
    if (head.size !== known.head.size || !equal(head.root, known.head.root)) {
      throw new Refused('OTHER_HEAD', `the record pins size ${head.size}, the path leads to size ${known.head.size}`);
    }
    entry = await blind(fromHex(logged.get('salt'), 16), bytes);
    return `size ${head.size}, blinded entry ${toHex(entry)}`;
  });
  if (!opened) return;
  await run.check('checkpoint', 'The record is in the log that the sequencer signed', async () => {
    const [origin, key] = [trust.origin, currentKeys(trust)];
    const checkpoint = await openWithAny(logged.get('checkpoint'), origin, key);
    const index = number(logged, 'log_index');
    const path = hashes(logged, 'log_path');
    const steps = await verifyInclusion(await leafHash(entry), index, checkpoint.size, path, checkpoint.root);
    known.checkpoint = checkpoint;
    return { detail: `entry ${index} of ${checkpoint.size} in ${origin}, root ${toHex(checkpoint.root)}`, steps };
  });
}

async function checkBatch(run, known, batch, commitment) {
  const title = 'It is one leaf of its VES batch';
  if (!batch || !commitment) {
    run.open('batch', title, 'not committed yet; it takes about a second');
    return;
  }
  await run.check('batch', title, async () => {
    const [proof, committed] = [parse(batch), parse(commitment)];
    const [start, end] = [number(committed, 'sequence_start'), number(committed, 'sequence_end')];
    const count = number(committed, 'leaf_count');
    if (end - start + 1n !== count) throw new Refused('WRONG_COUNT', 'the leaf count is not that of the range');
    const root = hash(committed, 'merkle_root');
    const steps = await verifyBatch(known.leaf, known.event.sequence - start, count, hashes(proof, 'proof_path'), root);
    const derived = await stateRoot(known.stream, hash(committed, 'prev_state_root'), root, start, end, count);
    if (!equal(derived, hash(committed, 'new_state_root'))) {
      throw new Refused('STATE_ROOT', 'the state root does not follow from this batch');
    }
    return { detail: `leaf ${known.event.sequence - start} of ${count}, state root ${toHex(derived)}`, steps };
  });
}

// A checkpoint may have been signed by an earlier key of the log.
async function openWithAny(note, origin, keys) {
  let fault = new Refused('NO_KEY', "none of the log's keys is known");
  for (const key of keys) {
    try {
      return await openCheckpoint(note, origin, key);
    } catch (refused) {
      fault = refused;
    }
  }
  throw fault;
}

const currentKeys = (trust) => [...trust.keys.values()].reverse();

function sequencerKey(trust, version) {
  const key = trust.keys.get(Number(version));
  if (!key) throw new Refused('NO_KEY', `the sequencer's key ${version} is not known`);
  return key;
}

/** What `/.well-known/ves-keys` says, as `trust`. Whoever takes it from the same server trusts that server once. */
export function readTrust(text) {
  const reply = parse(text);
  const keys = new Map(reply.get('keys').map((key) => [Number(number(key, 'keyVersion')), hash(key, 'publicKey')]));
  return { origin: reply.get('logOrigin'), keys };
}

function hash(map, name) {
  const text = map instanceof Map ? map.get(name) : undefined;
  if (typeof text !== 'string') throw new Refused('MALFORMED', `${name} is missing`);
  return fromHex(text, 32);
}

function hashes(map, name) {
  const list = map instanceof Map ? map.get(name) : undefined;
  if (!Array.isArray(list) || list.length > 128) throw new Refused('MALFORMED', `${name} is no list of at most 128 hashes`);
  return list.map((text) => fromHex(text, 32));
}

function number(map, name) {
  const value = map instanceof Map ? map.get(name) : undefined;
  if (!(value instanceof JsonNumber)) throw new Refused('MALFORMED', `${name} is missing or no number`);
  return integer(value.text);
}
