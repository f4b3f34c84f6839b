// JSON as a verifier must read it: strictly, with every number as it was written.
//
// `JSON.parse` keeps the last of two members of one name and rounds large integers, so two readers could see two events
// in one text. Here a text is refused if it could be read in two ways, and numbers stay text until a canonical form says
// what becomes of them. Objects are Maps, so a member called `__proto__` is a member like any other.

import { Refused, utf8 } from './bytes.js';

/** Deepest nesting that is read. */
export const MAX_DEPTH = 64;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SPACE = /[ \t\n\r]*/y;
const ESCAPES = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** A number as its sender wrote it. */
export class JsonNumber {
  constructor(text) {
    this.text = text;
    if (!Number.isFinite(Number(text))) throw new Refused('BAD_JSON', `the number ${text.slice(0, 32)} is beyond a double`);
  }
}

/** Parses text, or bytes of UTF-8. Objects become Maps, arrays Arrays, numbers `JsonNumber`s. */
export function parse(input) {
  const text = typeof input === 'string' ? input : decode(input);
  if (!text.isWellFormed()) throw new Refused('BAD_JSON', 'half of a surrogate pair');
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.skip();
  if (reader.at !== text.length) reader.fail('something follows the value');
  return value;
}

/** RFC 8785: members by UTF-16 code units, numbers as ECMAScript prints them. */
export function canonical(value) {
  return write(value, (left, right) => (left < right ? -1 : 1), (number) => String(Number(number.text)));
}

/** The legacy form: members by the bytes of their names, numbers as written. */
export function sortedCompact(value) {
  return write(value, byCodePoint, (number) => number.text);
}

/** Ordinary objects and numbers, for showing. Loses what `parse` keeps. */
export function plain(value) {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
  return value;
}

/** The UTF-8 bytes of `canonical`. */
export const canonicalBytes = (value) => utf8(canonical(value));
/** The UTF-8 bytes of `sortedCompact`. */
export const sortedCompactBytes = (value) => utf8(sortedCompact(value));

function decode(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused('BAD_JSON', 'not UTF-8');
  }
}

// The order of UTF-8 bytes is that of code points; of UTF-16 units it is not, beyond U+FFFF.
function byCodePoint(left, right) {
  const [ours, theirs] = [[...left], [...right]];
  for (let at = 0; at < Math.min(ours.length, theirs.length); at += 1) {
    const difference = ours[at].codePointAt(0) - theirs[at].codePointAt(0);
    if (difference !== 0) return difference;
  }
  return ours.length - theirs.length;
}

function write(value, order, number) {
  if (value instanceof JsonNumber) return number(value);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, order, number)).join(',')}]`;
  if (value instanceof Map) {
    const names = [...value.keys()].sort(order);
    return `{${names.map((name) => `${JSON.stringify(name)}:${write(value.get(name), order, number)}`).join(',')}}`;
  }
  // Strings, booleans and null: `JSON.stringify` escapes exactly what RFC 8785 wants escaped.
  return JSON.stringify(value);
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  fail(what) {
    throw new Refused('BAD_JSON', `${what} at character ${this.at}`);
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match) this.at += match[0].length;
    return match ? match[0] : null;
  }

  skip() {
    this.take(SPACE);
  }

  literal(word, value) {
    if (!this.text.startsWith(word, this.at)) this.fail('not JSON');
    this.at += word.length;
    return value;
  }

  value(depth) {
    this.skip();
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth + 1);
      case '[':
        return this.array(depth + 1);
      case '"':
        return this.string();
      case 't':
        return this.literal('true', true);
      case 'f':
        return this.literal('false', false);
      case 'n':
        return this.literal('null', null);
      default: {
        const number = this.take(NUMBER);
        if (!number) this.fail('not JSON');
        return new JsonNumber(number);
      }
    }
  }

  // Reads items up to the closing bracket, with commas between.
  items(depth, close, item) {
    if (depth > MAX_DEPTH) this.fail(`nests deeper than ${MAX_DEPTH} levels`);
    this.at += 1;
    this.skip();
    if (this.text[this.at] === close) {
      this.at += 1;
      return;
    }
    for (;;) {
      item();
      this.skip();
      const next = this.text[this.at];
      if (next !== ',' && next !== close) this.fail('not JSON');
      this.at += 1;
      if (next === close) return;
    }
  }

  array(depth) {
    const items = [];
    this.items(depth, ']', () => items.push(this.value(depth)));
    return items;
  }

  object(depth) {
    const members = new Map();
    this.items(depth, '}', () => {
      this.skip();
      if (this.text[this.at] !== '"') this.fail('a member without name');
      const name = this.string();
      if (members.has(name)) this.fail(`the member ${JSON.stringify(name.slice(0, 32))} for the second time`);
      this.skip();
      if (this.text[this.at] !== ':') this.fail('not JSON');
      this.at += 1;
      members.set(name, this.value(depth));
    });
    return members;
  }

  string() {
    this.at += 1;
    let text = '';
    for (;;) {
      text += this.take(PLAIN);
      const next = this.text[this.at];
      if (next === '"') break;
      if (next !== '\\') this.fail('a string that does not end, or a control character');
      text += this.escape();
    }
    this.at += 1;
    if (!text.isWellFormed()) this.fail('half of a surrogate pair');
    return text;
  }

  escape() {
    const letter = this.text[this.at + 1];
    if (letter === 'u') {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail('a bad escape');
      this.at += 6;
      return String.fromCharCode(parseInt(digits, 16));
    }
    if (letter === undefined || !Object.hasOwn(ESCAPES, letter)) this.fail('a bad escape');
    this.at += 2;
    return ESCAPES[letter];
  }
}
