// The vectors of the Rust crates, read where they lie: one set of data for every implementation.

import { readFileSync } from 'node:fs';
import { json } from '../src/index.js';

const folder = new URL('../../crates/ledger/tests/vectors/', import.meta.url);

/** As the strict parser reads it. */
export const loadExact = (name) => json.parse(readFileSync(new URL(`${name}.json`, folder)));
/** As ordinary objects, in which integers that a double cannot hold are BigInts. */
export const load = (name) => ordinary(loadExact(name));

function ordinary(value) {
  if (value instanceof json.JsonNumber) {
    const number = Number(value.text);
    return Number.isInteger(number) && !Number.isSafeInteger(number) ? BigInt(value.text) : number;
  }
  if (Array.isArray(value)) return value.map(ordinary);
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, member]) => [name, ordinary(member)]));
  return value;
}
