import assert from 'node:assert/strict';
import test from 'node:test';
import { Refused, event, json, toHex } from '../src/index.js';
import { load } from './vectors.js';

const vectors = load('jcs');

test('RFC 8785 forms and payload hashes are those of the vectors', async () => {
  for (const vector of vectors.accept) {
    if (vector.json === '{"a":1,"a":2}') {
      // Published servers let the last one win; a verifier must not.
      assert.throws(() => json.parse(vector.json), Refused);
      continue;
    }
    const value = json.parse(vector.json);
    assert.equal(json.canonical(value), vector.canonical);
    assert.equal(toHex(json.canonicalBytes(value)), vector.canonical_utf8_hex);
    assert.equal(toHex(await event.payloadHash(value, 0)), vector.payload_plain_hash);
  }
  assert.ok(vectors.accept.length > 20);
});

test('texts without a canonical form are refused', () => {
  const more = ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '01', '1.', '[1,]', '{"a":1,}', '"\t"', '1e400', '"\\ud800"', '', ' ',
    '{"a"}', '[1 2]', 'nul', '"\\x"', '1 2', '\ufeff1', `${'['.repeat(65)}${']'.repeat(65)}`];
  for (const text of [...vectors.reject, ...more]) {
    assert.throws(() => json.parse(text), Refused, text.slice(0, 40));
  }
  assert.throws(() => json.parse(Uint8Array.of(0x22, 0xff, 0x22)), Refused);
  assert.doesNotThrow(() => json.parse(`${'['.repeat(64)}${']'.repeat(64)}`));
});

test('the legacy form keeps numbers as written and sorts by bytes', async () => {
  const text = '{ "\u{10000}" : 1.0, "\ue000":1.10, "b":[-0, 1E+2,12345678901234567890], "a\\u0062":"\\/\\u00e9\\u001F" }';
  const expected = '{"ab":"/é\\u001f","b":[-0,1E+2,12345678901234567890],"\ue000":1.10,"\u{10000}":1.0}';
  assert.equal(json.sortedCompact(json.parse(text)), expected);
  const legacy = load('legacy');
  assert.equal(toHex(await event.payloadHash(json.parse(legacy.payload), 2)), legacy.payload_hash);
});

test('a member called __proto__ is a member like any other', () => {
  const text = '{"__proto__":{"a":1},"constructor":2}';
  assert.equal(json.canonical(json.parse(text)), text);
});
