import assert from 'node:assert/strict';
import test from 'node:test';
import { Refused, event, fromHex, json, receipt, toHex, uuid, verifyEd25519 } from '../src/index.js';
import { load, loadExact } from './vectors.js';

const { readEvent } = event;

test('preimage, hash, signature and leaf of every envelope, versions 1 and 2', async () => {
  const versions = new Set();
  for (const vector of loadExact('events').get('valid')) {
    const name = vector.get('name');
    const read = readEvent(vector.get('envelope'));
    versions.add(read.version);
    assert.equal(toHex(event.signingPreimage(read)), vector.get('eventsig_preimage_hex'), name);
    assert.equal(toHex(await event.contentHash(read)), vector.get('event_signing_hash'), name);
    await event.checkPayload(read);
    assert.ok(await event.isSignedBy(read, fromHex(vector.get('public_key'))), name);
    for (const [sequence, leaf] of vector.get('leaf_hash_at_seq')) {
      assert.equal(toHex(await event.leaf(read, BigInt(sequence))), leaf, name);
    }
  }
  assert.deepEqual(versions, new Set([1, 2]));
});

test('envelopes that were changed are refused for the right reason', async () => {
  for (const vector of loadExact('events').get('invalid')) {
    const name = vector.get('name');
    const read = readEvent(vector.get('envelope'));
    const intact = await event.checkPayload(read).then(() => true, (fault) => {
      assert.equal(fault.code, 'PAYLOAD_HASH', name);
      return false;
    });
    assert.equal(intact, vector.get('payload_hash_valid'), name);
    assert.equal(await event.isSignedBy(read, fromHex(vector.get('public_key'))), vector.get('signature_valid'), name);
  }
});

test('every signed field, changed by itself, breaks the signature', async () => {
  const vector = loadExact('events').get('valid').find((one) => readEvent(one.get('envelope')).version === 2);
  const envelope = vector.get('envelope');
  const key = fromHex(vector.get('public_key'));
  const other = {
    ves_version: new json.JsonNumber('1'), agent_key_id: new json.JsonNumber('77'), payload_kind: new json.JsonNumber('1'),
    entity_type: 'orders', entity_id: 'ORD-X', event_type: 'order.creates', created_at: '2026-01-02T03:04:01.0010Z',
    payload_plain_hash: `0x${'11'.repeat(32)}`, payload_cipher_hash: `0x${'11'.repeat(32)}`,
    base_version: new json.JsonNumber('123456'),
  };
  for (const id of ['tenant_id', 'store_id', 'event_id', 'source_agent_id', 'command_id']) {
    other[id] = '00000000-0000-4000-8000-000000000001';
  }
  for (const [name, value] of Object.entries(other)) {
    const changed = readEvent(new Map(envelope).set(name, value));
    assert.equal(await event.isSignedBy(changed, key), false, name);
  }
  assert.equal(await event.isSignedBy(readEvent(new Map(envelope)), key), true);
});

test('the cipher hash of encrypted payloads', async () => {
  for (const vector of loadExact('encryption').get('vectors')) {
    if (vector.get('dialect') !== 'sequencer') continue;
    const read = readEvent(vector.get('envelope'));
    assert.equal(toHex(await event.cipherHash(read)), vector.get('payload_cipher_hash'));
    await event.checkPayload(read);
    assert.equal(toHex(await event.contentHash(read)), vector.get('event_signing_hash'));
    const salted = await event.payloadHash(vector.get('payload'), 1, fromHex(vector.get('salt')));
    assert.equal(toHex(salted), vector.get('payload_plain_hash'));
    const sealed = new Map(read.encrypted).set('tag_b64u', 'AAAAAAAAAAAAAAAAAAAAAA');
    await assert.rejects(event.checkPayload({ ...read, encrypted: sealed }), { code: 'CIPHER_HASH' });
  }
});

test('unsigned events have a leaf of their own', async () => {
  const own = load('own');
  for (const vector of own.unsigned_events) {
    const read = {
      version: 0, tenant: uuid(own.tenant_id), store: uuid(own.store_id), id: uuid(vector.event_id),
      agent: uuid(vector.agent_id), entityType: vector.entity_type, entityId: vector.entity_id,
      eventType: vector.event_type, createdAt: vector.created_at, form: vector.payload_form,
      plainHash: fromHex(vector.payload_hash), cipherHash: fromHex(vector.cipher_hash), signature: null,
      salt: fromHex(vector.salt), commandId: vector.command_id === null ? null : uuid(vector.command_id),
      baseVersion: vector.base_version === null ? null : BigInt(vector.base_version), sequence: BigInt(vector.sequence),
    };
    assert.equal(toHex(await event.contentHash(read)), vector.content_hash);
    assert.equal(toHex(await event.leaf(read)), vector.leaf);
    await assert.rejects(event.leaf({ ...read, salt: null }), Refused);
  }
});

test('receipts and flush heads', async () => {
  for (const vector of load('receipts')) {
    const ids = ['tenant_id', 'store_id', 'event_id'].map((name) => uuid(vector[name]));
    const content = fromHex(vector.event_signing_hash);
    const hash = await receipt.receiptHash(...ids, vector.sequence_number, content);
    assert.equal(toHex(hash), vector.receipt_hash);
    const [key, signature] = [fromHex(vector.sequencer_public_key), fromHex(vector.sequencer_signature)];
    assert.ok(await verifyEd25519(key, hash, signature));
    const moved = await receipt.receiptHash(...ids, vector.sequence_number + 1, content);
    assert.equal(await verifyEd25519(key, moved, signature), false);
  }
  const own = load('own');
  assert.equal(toHex(await receipt.streamId(uuid(own.tenant_id), uuid(own.store_id))), own.stream_id);
  for (const vector of own.flush_heads) {
    const [stream, root] = [fromHex(own.stream_id), fromHex(vector.root)];
    const hash = await receipt.flushHash(stream, vector.size, root, vector.signed_at_us, vector.key);
    assert.equal(toHex(hash), vector.hash);
    assert.ok(await verifyEd25519(fromHex(own.public_key), hash, fromHex(vector.signature)));
  }
});

test('proof of possession', async () => {
  const { public_key: key, challenge, pop_signature: signature } = load('keys').proof_of_possession;
  assert.equal(toHex(await receipt.possessionChallenge(fromHex(key))), challenge);
  assert.ok(await verifyEd25519(fromHex(key), fromHex(challenge), fromHex(signature)));
});

test('signatures that only a lax verifier takes are refused', async () => {
  const { public_key: key, challenge, pop_signature: good } = load('keys').proof_of_possession;
  const message = fromHex(challenge);
  const signature = fromHex(good);
  // S + L is the same number modulo the group order.
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let s = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + order;
  const late = Uint8Array.from(signature);
  for (let at = 32; at < 64; at += 1, s >>= 8n) late[at] = Number(s & 0xffn);
  assert.equal(await verifyEd25519(fromHex(key), message, late), false);
  // Under the identity as key, R = the identity and S = 0 sign everything for lax verifiers; so do the others of small order.
  const identity = fromHex(`01${'00'.repeat(31)}`);
  const everything = fromHex(`01${'00'.repeat(63)}`);
  assert.equal(await verifyEd25519(identity, message, everything), false);
  for (const point of ['00'.repeat(32), `${'00'.repeat(31)}80`, `ec${'ff'.repeat(30)}7f`, `ed${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}ff`,
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85']) {
    assert.equal(await verifyEd25519(fromHex(point), message, everything), false, point);
  }
  assert.equal(await verifyEd25519(fromHex(key), message, signature.subarray(0, 63)), false);
});
