// The batch tree of a VES commitment, and the chain of state roots.
//
// The published verifier knows neither the number of leaves nor the depth, and so accepts an index beyond the tree, an inner
// node with a shorter path, and padding. This one takes the leaf count of the commitment and refuses all three.

import { Refused, equal, integer, u32, u64 } from './bytes.js';
import { sha256 } from './crypto.js';

/** Hash of the node above two others. */
export const nodeHash = (left, right) => sha256('VES_NODE_V1', left, right);
/** The leaf that fills a batch up to a power of two. */
export const padLeaf = () => sha256('VES_PAD_LEAF_V1');

/** Levels between the leaves of a batch and its root. */
export function depth(leafCount) {
  const count = integer(leafCount);
  return count <= 1n ? 0 : (count - 1n).toString(2).length;
}

/** Root of a batch; 32 zero bytes without leaves. */
export async function root(leaves) {
  if (leaves.length === 0) return new Uint8Array(32);
  let level = leaves;
  let padding = await padLeaf();
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at < level.length; at += 2) above.push(await nodeHash(level[at], level[at + 1] ?? padding));
    level = above;
    padding = await nodeHash(padding, padding);
  }
  return level[0];
}

/** Throws unless the leaf is number `index` of the batch of `leafCount` leaves with this root. Answers the steps. */
export async function verifyBatch(leaf, index, leafCount, path, batchRoot) {
  const [place, count] = [integer(index), integer(leafCount)];
  if (place < 0n || place >= count || count >= 2n ** 32n) {
    throw new Refused('OUTSIDE', `leaf ${place} is not in a batch of ${count} leaves`);
  }
  if (path.length !== depth(count)) {
    throw new Refused('WRONG_LENGTH', `the path holds ${path.length} hashes, it takes exactly ${depth(count)}`);
  }
  let padding = await padLeaf();
  if (equal(leaf, padding)) throw new Refused('PADDING_LEAF', 'the leaf is padding');
  const steps = [];
  let node = leaf;
  for (const [level, sibling] of path.entries()) {
    const at = place >> BigInt(level);
    // The sibling covers the leaves from here on; beyond the count there is padding and nothing else.
    if (((at ^ 1n) << BigInt(level)) >= count && !equal(sibling, padding)) {
      throw new Refused('NOT_PADDING', `sibling ${level} of the path must be padding`);
    }
    const [left, right] = at & 1n ? [sibling, node] : [node, sibling];
    node = await nodeHash(left, right);
    steps.push({ left, right, parent: node });
    padding = await nodeHash(padding, padding);
  }
  if (!equal(node, batchRoot)) throw new Refused('ROOT_MISMATCH', 'the path leads to another root');
  return steps;
}

/** The state root after a batch; before the first it is 32 zero bytes. */
export function stateRoot(streamId, previous, batchRoot, start, end, leafCount) {
  return sha256('VES_STATE_ROOT_V1', streamId, previous, batchRoot, u64(start), u64(end), u32(leafCount));
}
