// Bytes: hexadecimal, base64, fixed-width numbers, and the pieces that preimages are made of.

const encoder = new TextEncoder();
const HEX = /^(?:0x)?((?:[0-9a-fA-F]{2})*)$/;
const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;

/** Something that was checked and does not hold. `code` is stable, the message is for people. */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.name = 'Refused';
    this.code = code;
  }
}

/** The bytes of hexadecimal text, with or without `0x`; exactly `length` of them if it is given. */
export function fromHex(text, length) {
  const match = typeof text === 'string' ? HEX.exec(text) : null;
  if (!match) throw new Refused('MALFORMED', 'expected hexadecimal digits');
  const digits = match[1];
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  return expectLength(bytes, length);
}

/** Lower-case hexadecimal without prefix. */
export function toHex(bytes) {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** The bytes of padded standard base64, in its one canonical spelling. */
export function fromBase64(text, length) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Refused('MALFORMED', 'expected base64');
  }
  // `atob` forgives white space, missing padding and stray bits; a verifier does not.
  if (toBase64(bytes) !== text) throw new Refused('MALFORMED', 'expected canonical base64');
  return expectLength(bytes, length);
}

/** The bytes of unpadded base64url. */
export function fromBase64Url(text, length) {
  if (typeof text !== 'string' || /[^A-Za-z0-9_-]/.test(text)) throw new Refused('MALFORMED', 'expected base64url');
  const standard = text.replaceAll('-', '+').replaceAll('_', '/');
  return fromBase64(standard + '='.repeat((4 - (standard.length % 4)) % 4), length);
}

/** Padded standard base64. */
export function toBase64(bytes) {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The 16 bytes of a hyphenated UUID. */
export function uuid(text) {
  if (typeof text !== 'string' || !UUID.test(text)) throw new Refused('MALFORMED', 'expected a UUID');
  return fromHex(text.replaceAll('-', ''), 16);
}

/** The bytes of a text in UTF-8. Half of a surrogate pair has none. */
export function utf8(text) {
  if (typeof text !== 'string' || !text.isWellFormed()) throw new Refused('MALFORMED', 'expected well-formed text');
  return encoder.encode(text);
}

/** An unsigned big-endian number of 8, 32 or 64 bits. */
export const u8 = (value) => unsigned(value, 1);
export const u32 = (value) => unsigned(value, 4);
export const u64 = (value) => unsigned(value, 8);

/** A signed big-endian number of 64 bits, two's complement. */
export function i64(value) {
  const number = integer(value);
  if (number < -(2n ** 63n) || number >= 2n ** 63n) throw new Refused('MALFORMED', `${number} has more than 64 bits`);
  return unsigned(BigInt.asUintN(64, number), 8);
}

/** `u32` length in bytes, then the text. */
export function str(text) {
  const bytes = utf8(text);
  return concat(u32(bytes.length), bytes);
}

/** `0x00`, or `0x01` and the bytes. */
export const option = (bytes) => (bytes === null ? Uint8Array.of(0) : concat(Uint8Array.of(1), bytes));

/** All parts, one after the other. */
export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether both are the same bytes. Nothing here is secret, so the time may tell where they differ. */
export function equal(left, right) {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

/** An integer as BigInt, from a BigInt, a safe number or decimal text. */
export function integer(value) {
  if (typeof value === 'bigint') return value;
  if (Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^(?:0|-?[1-9][0-9]{0,19})$/.test(value)) return BigInt(value);
  throw new Refused('MALFORMED', 'expected an integer');
}

function unsigned(value, width) {
  let rest = integer(value);
  if (rest < 0n || rest >= 1n << BigInt(8 * width)) {
    throw new Refused('MALFORMED', `${rest} is not an unsigned number of ${8 * width} bits`);
  }
  const bytes = new Uint8Array(width);
  for (let at = width - 1; at >= 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function expectLength(bytes, length) {
  if (length !== undefined && bytes.length !== length) {
    throw new Refused('MALFORMED', `expected ${length} bytes, found ${bytes.length}`);
  }
  return bytes;
}
