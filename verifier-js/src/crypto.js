// SHA-256 and strict Ed25519 over WebCrypto.

import { Refused, concat, toHex, utf8 } from './bytes.js';

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const SIGN = 1n << 255n;
// Ordinates of the points of small order. Under such a key, or with such an R, anybody can sign something.
const SMALL_ORDER = new Set([
  0n,
  1n,
  P - 1n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]);

/** The browser's or Node's WebCrypto. A page that was not loaded over HTTPS or from localhost has none. */
export function subtle() {
  const found = globalThis.crypto?.subtle;
  if (!found) {
    throw new Refused(
      'NO_WEBCRYPTO',
      'this page has no WebCrypto: browsers offer it on https:// and on localhost only. Nothing was verified',
    );
  }
  return found;
}

/** SHA-256 of all parts, one after the other. Text stands for its UTF-8 bytes. */
export async function sha256(...parts) {
  const bytes = concat(...parts.map((part) => (typeof part === 'string' ? utf8(part) : part)));
  return new Uint8Array(await subtle().digest('SHA-256', bytes));
}

/**
 * Whether `signature` is an Ed25519 signature over `message` by `publicKey`, strictly: canonical encodings, S below the
 * group order, no point of small order. A strict-valid signature is valid under every rule in use.
 */
export async function verifyEd25519(publicKey, message, signature) {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (!isStrictPoint(publicKey) || !isStrictPoint(signature.subarray(0, 32))) return false;
  if (littleEndian(signature.subarray(32)) >= L) return false;
  const crypto = subtle();
  let key;
  try {
    key = await crypto.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify']);
  } catch (cause) {
    if (cause?.name === 'NotSupportedError') {
      throw new Refused('NO_ED25519', 'this browser has no Ed25519 in WebCrypto. Nothing was verified');
    }
    return false;
  }
  return crypto.verify({ name: 'Ed25519' }, key, signature, message);
}

// Whether the encoding is canonical and not of small order. That it is on the curve is checked by WebCrypto.
function isStrictPoint(bytes) {
  const y = littleEndian(bytes) & (SIGN - 1n);
  return y < P && !SMALL_ORDER.has(y);
}

function littleEndian(bytes) {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}
