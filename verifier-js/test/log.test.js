import assert from 'node:assert/strict';
import test from 'node:test';
import { fromHex, headLog, note, toHex, tree } from '../src/index.js';
import { load } from './vectors.js';

const own = load('own');
const key = fromHex(own.public_key);

test('records of the head log and their blinded entries', async () => {
  for (const vector of own.records) {
    const bytes = fromHex(vector.record);
    const record = headLog.parseRecord(bytes);
    assert.equal(record.kind, vector.kind);
    assert.equal(toHex(record.streamId), own.stream_id);
    if (record.kind === 'HEAD') {
      assert.equal(record.size, BigInt(vector.size));
      assert.equal(toHex(record.root), vector.root);
      assert.equal(record.previousPlusOne, BigInt(vector.previous_plus_one));
    }
    if (record.kind === 'VCMT') assert.equal(toHex(record.stateRootAfter), vector.new_state_root);
    const entry = await headLog.blind(fromHex(vector.salt), bytes);
    assert.equal(toHex(entry), vector.entry);
    assert.equal(toHex(await tree.leafHash(entry)), vector.leaf_hash);
    for (const wrong of [bytes.slice(1), bytes.slice(0, -1), Uint8Array.of(...bytes, 0)]) {
      assert.throws(() => headLog.parseRecord(wrong), { code: 'NOT_A_RECORD' });
    }
  }
});

test('checkpoints open under their key and name, and under no other', async () => {
  const { origin, verifier_key: verifier, checkpoints } = own.log;
  assert.deepEqual(await note.parseVerifierKey(verifier), { name: origin, publicKey: key });
  assert.equal(await note.formatVerifierKey(origin, key), verifier);
  for (const vector of checkpoints) {
    const checkpoint = await note.openCheckpoint(vector.note, origin, key);
    assert.equal(checkpoint.size, BigInt(vector.size));
    await assert.rejects(note.openCheckpoint(vector.note, 'log.example/other', key), { code: 'UNSIGNED' });
    await assert.rejects(note.openCheckpoint(vector.note, origin, fromHex(load('events').keys.agent_public_key)));
  }
});

test('no change of one character of a checkpoint is taken', async () => {
  const { origin, checkpoints } = own.log;
  const text = checkpoints[0].note;
  for (let at = 0; at < text.length; at += 1) {
    const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
    await assert.rejects(note.openCheckpoint(changed, origin, key), `character ${at}`);
    await assert.rejects(note.openCheckpoint(text.slice(0, at), origin, key), `cut at ${at}`);
  }
});

test("Go's own note is read, and parts of a verifier key are not", async () => {
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
  const signed = `${text}\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
  const verifier = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const { name, publicKey } = await note.parseVerifierKey(verifier);
  assert.equal(await note.verifyNote(signed, name, publicKey), text);
  for (let end = 0; end < verifier.length; end += 1) {
    await assert.rejects(note.parseVerifierKey(verifier.slice(0, end)), verifier.slice(0, end));
  }
});

test('checkpoint texts with two readings are refused', () => {
  const root = 'zrjEoKzz+g6PcRxWJBHmghinAC6b1iDmOkz7lr5ek+U=';
  assert.equal(note.parseCheckpoint(`a\n1\n${root}\n`).size, 1n);
  for (const bad of [`a\n01\n${root}\n`, `a\n+1\n${root}\n`, `a\n1\n${root}`, `a\n1\n${root}\n\n`, `\n1\n${root}\n`, 'a\n1\nAAAA\n',
    `a\n1\n${root.replace('=', '')}\n`]) {
    assert.throws(() => note.parseCheckpoint(bad), bad);
  }
});
