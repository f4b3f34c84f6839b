import assert from 'node:assert/strict';
import test from 'node:test';
import { batch, fromHex, receipt, toHex, tree, uuid } from '../src/index.js';
import { load } from './vectors.js';

const own = load('own').stream_tree;
const entries = own.entries.map((entry) => fromHex(entry));
const roots = own.roots.map((root) => fromHex(root));
const all = (list) => list.map((text) => fromHex(text));
const leaves = await Promise.all(entries.map(tree.leafHash));

// Every way to spoil a list of hashes that a prover could try.
function spoilt(path) {
  const flipped = path.map((_, at) => path.map((hash, place) => (place === at ? hash.map((byte) => byte ^ 1) : hash)));
  return [...flipped, [...path, new Uint8Array(32)], ...(path.length ? [path.slice(1), path.slice(0, -1), [...path].reverse()] : [])]
    .filter((list) => list.length !== path.length || list.some((hash, at) => toHex(hash) !== toHex(path[at])));
}

test('inclusion proofs hold, and spoilt ones do not', async () => {
  assert.equal(toHex(await tree.emptyRoot()), own.roots[0]);
  for (const { index, size, path } of own.inclusion) {
    const proof = all(path);
    const steps = await tree.verifyInclusion(leaves[index], index, size, proof, roots[size]);
    assert.equal(steps.length, proof.length);
    for (const bad of spoilt(proof)) {
      await assert.rejects(tree.verifyInclusion(leaves[index], index, size, bad, roots[size]));
    }
    const other = roots[size].map((byte) => byte ^ 1);
    await assert.rejects(tree.verifyInclusion(leaves[index], index, size, proof, other), { code: 'ROOT_MISMATCH' });
    await assert.rejects(tree.verifyInclusion(leaves[index], size, size, proof, roots[size]), { code: 'OUTSIDE' });
    for (let wrong = 0; wrong < size; wrong += 1) {
      if (wrong !== index) await assert.rejects(tree.verifyInclusion(leaves[index], wrong, size, proof, roots[size]));
    }
  }
});

test('consistency proofs hold, and spoilt ones do not', async () => {
  for (const { old, new: newer, path } of own.consistency) {
    const proof = all(path);
    await tree.verifyConsistency(old, newer, roots[old], roots[newer], proof);
    for (const bad of spoilt(proof)) {
      await assert.rejects(tree.verifyConsistency(old, newer, roots[old], roots[newer], bad), `${old} ${newer}`);
    }
    if (old > 0) {
      const forged = roots[old].map((byte) => byte ^ 1);
      await assert.rejects(tree.verifyConsistency(old, newer, forged, roots[newer], proof));
      await assert.rejects(tree.verifyConsistency(newer, old, roots[newer], roots[old], proof).then(() => {
        if (old === newer) throw new Error('the same tree');
      }));
    }
  }
  for (let size = 1; size < roots.length; size += 1) {
    await tree.verifyConsistency(0, size, roots[0], roots[size], []);
    await tree.verifyConsistency(size, size, roots[size], roots[size], []);
    await assert.rejects(tree.verifyConsistency(size, size, roots[size], roots[size - 1], []));
  }
});

test('range proofs hold, and spoilt ones do not', async () => {
  for (const { first, end, size, left, right } of own.ranges) {
    const proof = { left: all(left), right: all(right) };
    const range = leaves.slice(first, end);
    await tree.verifyRange(first, range, size, proof, roots[size]);
    for (const bad of spoilt(proof.left)) await assert.rejects(tree.verifyRange(first, range, size, { ...proof, left: bad }, roots[size]));
    for (const bad of spoilt(proof.right)) await assert.rejects(tree.verifyRange(first, range, size, { ...proof, right: bad }, roots[size]));
    await assert.rejects(tree.verifyRange(first, [...range].reverse().concat(range), size, proof, roots[size]));
    await assert.rejects(tree.verifyRange(first, [], size, proof, roots[size]), { code: 'OUTSIDE' });
  }
});

test('batch trees: roots and all proofs of the vectors', async () => {
  for (const { leaves: texts, root, proofs, depth } of load('merkle').trees) {
    const batchLeaves = all(texts);
    assert.equal(toHex(await batch.root(batchLeaves)), root);
    assert.equal(batch.depth(batchLeaves.length), depth);
    for (const proof of proofs) {
      const path = all(proof.proof_path);
      const check = (siblings, index = proof.leaf_index) =>
        batch.verifyBatch(fromHex(proof.leaf_hash), index, batchLeaves.length, siblings, fromHex(root));
      await check(path);
      for (const bad of spoilt(path)) await assert.rejects(check(bad));
      await assert.rejects(check(path, batchLeaves.length), { code: 'OUTSIDE' });
    }
  }
});

test('what a verifier without count and depth takes, and this one does not', async () => {
  const vectors = load('merkle');
  const [refused, single] = [vectors.adversarial.slice(0, -1), vectors.adversarial.at(-1)];
  for (const vector of refused) {
    const size = vectors.trees.find((one) => one.root === vector.root).size;
    const check = batch.verifyBatch(
      fromHex(vector.leaf_hash), vector.leaf_index, size, all(vector.proof_path), fromHex(vector.root),
    );
    await assert.rejects(check, vector.name);
  }
  assert.equal(refused.length, 3);
  await batch.verifyBatch(fromHex(single.leaf_hash), 0, 1, [], fromHex(single.root));
  // A batch of 5 offered as one of 6: where there is padding, the larger batch has a leaf.
  const five = vectors.trees.find((one) => one.size === 5);
  const last = five.proofs[4];
  await assert.rejects(
    batch.verifyBatch(fromHex(last.leaf_hash), 4, 8, all(last.proof_path).with(0, leaves[0]), fromHex(five.root)),
  );
});

test('the chain of state roots', async () => {
  const chain = load('commitment_chain');
  const stream = await receipt.streamId(uuid(chain.tenant_id), uuid(chain.store_id));
  assert.equal(toHex(stream), chain.stream_id);
  let previous = new Uint8Array(32);
  for (const one of chain.batches) {
    assert.equal(toHex(previous), one.prev_state_root);
    previous = await batch.stateRoot(stream, previous, fromHex(one.merkle_root), one.sequence_start, one.sequence_end, one.leaf_count);
    assert.equal(toHex(previous), one.new_state_root);
  }
});
