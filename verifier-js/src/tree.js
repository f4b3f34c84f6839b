// RFC 6962 trees: inclusion, consistency, and ranges of leaves.
//
// The number of hashes of every proof follows from indices and sizes and is checked first, so a proof has one form, and
// neither an inner node nor a leaf at another place can be passed off. Indices and sizes are BigInts.

import { Refused, equal, integer } from './bytes.js';
import { sha256 } from './crypto.js';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Hash of a leaf with this entry. */
export const leafHash = (entry) => sha256(LEAF, entry);
/** Hash of the node above two others. */
export const nodeHash = (left, right) => sha256(NODE, left, right);
/** Root of the tree without leaves. */
export const emptyRoot = () => sha256();

/**
 * Throws unless the leaf is number `index` (from zero) of the tree of `size` leaves with this root (RFC 9162 section
 * 2.1.3.2). Answers every step of the way: `{left, right, parent}`, leaf to root.
 */
export async function verifyInclusion(leaf, index, size, path, root) {
  const place = integer(index);
  const { inner, border } = shape(place, integer(size));
  expectLength(inner + border, path.length);
  const steps = [];
  const computed = await climb(leaf, path, (at) => at < inner && !((place >> BigInt(at)) & 1n), steps);
  if (!equal(computed, root)) throw new Refused('ROOT_MISMATCH', 'the path leads to another root');
  return steps;
}

/** Throws unless the tree of `newSize` leaves begins with the leaves of the one of `oldSize` (RFC 9162 section 2.1.4.2). */
export async function verifyConsistency(oldSize, newSize, oldRoot, newRoot, path) {
  const [from, to] = [integer(oldSize), integer(newSize)];
  if (from < 0n || from > to) throw new Refused('SHRUNK', `a tree of ${to} leaves cannot continue one of ${from}`);
  if (from === 0n || from === to) {
    expectLength(0, path.length);
    if (from === 0n && !equal(oldRoot, await emptyRoot())) throw mismatch('older');
    if (to === 0n && !equal(newRoot, oldRoot)) throw mismatch('newer');
    if (from !== 0n && !equal(oldRoot, newRoot)) throw mismatch('newer');
    return;
  }
  const last = from - 1n;
  const whole = shape(last, to);
  // The proof starts at the largest perfect subtree that ends the old tree; where that is the whole old tree, it is left out.
  const level = trailingZeros(from);
  const seeded = (from & last) === 0n ? 0 : 1;
  const inner = whole.inner - level;
  expectLength(seeded + inner + whole.border, path.length);
  const [seed, rest, place] = [seeded ? path[0] : oldRoot, path.slice(seeded), last >> BigInt(level)];
  const isLeft = (at) => at < inner && !((place >> BigInt(at)) & 1n);
  const before = rest.filter((_, at) => !isLeft(at));
  if (!equal(await climb(seed, before, () => false), oldRoot)) throw mismatch('older');
  if (!equal(await climb(seed, rest, isLeft), newRoot)) throw mismatch('newer');
}

/** Throws unless these leaf hashes are the leaves from number `first` on of the tree of `size` leaves with this root. */
export async function verifyRange(first, leaves, size, { left, right }, root) {
  const [start, total] = [integer(first), integer(size)];
  const end = start + BigInt(leaves.length);
  if (leaves.length === 0 || start < 0n || end > total) throw outside(start, total);
  const after = covering(end, total);
  const before = covering(0n, start);
  expectLength(before.length, left.length);
  expectLength(after.length, right.length);
  const stack = left.map((hash, at) => ({ level: before[at], hash }));
  for (const hash of leaves) await push(stack, { level: 0, hash });
  for (const [at, hash] of right.entries()) await push(stack, { level: after[at], hash });
  let computed = stack.pop().hash;
  while (stack.length) computed = await nodeHash(stack.pop().hash, computed);
  if (!equal(computed, root)) throw new Refused('ROOT_MISMATCH', 'the range leads to another root');
}

// A stack of perfect subtrees, largest first; two of one height become one.
async function push(stack, subtree) {
  let top = subtree;
  while (stack.length && stack.at(-1).level === top.level) {
    top = { level: top.level + 1, hash: await nodeHash(stack.pop().hash, top.hash) };
  }
  stack.push(top);
}

// Heights of the largest aligned subtrees that cover the leaves from `start` to `end`, left to right.
function covering(start, end) {
  const levels = [];
  let at = start;
  while (at < end) {
    let level = at === 0n ? 63 : trailingZeros(at);
    while (at + (1n << BigInt(level)) > end) level -= 1;
    levels.push(level);
    at += 1n << BigInt(level);
  }
  return levels;
}

// Lengths of an inclusion path's two parts: up to where it meets the tree's right border, and along it, where siblings are
// always to the left.
function shape(index, size) {
  if (index < 0n || index >= size || size >= 2n ** 64n) throw outside(index, size);
  const inner = bits(index ^ (size - 1n));
  let border = 0;
  for (let rest = index >> BigInt(inner); rest > 0n; rest >>= 1n) border += Number(rest & 1n);
  return { inner, border };
}

async function climb(from, path, isLeft, steps = null) {
  let node = from;
  for (const [at, sibling] of path.entries()) {
    const [left, right] = isLeft(at) ? [node, sibling] : [sibling, node];
    const parent = await nodeHash(left, right);
    steps?.push({ left, right, parent });
    node = parent;
  }
  return node;
}

const bits = (number) => (number === 0n ? 0 : number.toString(2).length);

function trailingZeros(number) {
  let zeros = 0;
  for (let rest = number; (rest & 1n) === 0n; rest >>= 1n) zeros += 1;
  return zeros;
}

function expectLength(expected, found) {
  if (expected !== found) throw new Refused('WRONG_LENGTH', `the proof holds ${found} hashes, it takes exactly ${expected}`);
}

const outside = (index, size) => new Refused('OUTSIDE', `leaf ${index} is not in a tree of ${size} leaves`);
const mismatch = (which) => new Refused('ROOT_MISMATCH', `the proof leads to another root of the ${which} tree`);
