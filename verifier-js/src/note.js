// Signed notes and checkpoints (C2SP signed-note and tlog-checkpoint), read strictly: nobody else's tool may see another
// text, size or root in the same bytes.

import { Refused, concat, equal, fromBase64, fromHex, integer, toBase64, toHex, utf8 } from './bytes.js';
import { sha256, verifyEd25519 } from './crypto.js';

/** Largest note read, in bytes. */
export const NOTE_BYTES = 64 * 1024;
/** Most signature lines read. */
export const NOTE_SIGNATURES = 16;

const ED25519 = 1;
const DASH = '\u2014 ';

/** Which key signed, not proof that it did: the first four bytes of a hash over name and key. */
export async function keyId(name, publicKey) {
  return (await sha256(name, '\n', Uint8Array.of(ED25519), publicKey)).subarray(0, 4);
}

/** Reads `name+<id>+<base64 of 0x01 and the key>`. */
export async function parseVerifierKey(text) {
  const [name, id, encoded, ...rest] = text.split('+');
  // Base64 may hold plus signs.
  const bytes = fromBase64([encoded ?? '', ...rest].join('+'), 33);
  if (!isKeyName(name) || bytes[0] !== ED25519 || !/^[0-9a-f]{8}$/.test(id ?? '')) {
    throw new Refused('BAD_VERIFIER_KEY', 'a verifier key has the form name+id+base64, of an Ed25519 key');
  }
  const publicKey = bytes.subarray(1);
  if (!equal(fromHex(id), await keyId(name, publicKey))) {
    throw new Refused('BAD_VERIFIER_KEY', 'the key id does not belong to this name and key');
  }
  return { name, publicKey };
}

/** Writes what `parseVerifierKey` reads. */
export async function formatVerifierKey(name, publicKey) {
  const encoded = toBase64(concat(Uint8Array.of(ED25519), publicKey));
  return `${name}+${toHex(await keyId(name, publicKey))}+${encoded}`;
}

/** The text of a note that `name` signed with this key. Other keys' signatures count for nothing; all of this one must hold. */
export async function verifyNote(note, name, publicKey) {
  const bytes = utf8(note);
  if (bytes.length > NOTE_BYTES) throw new Refused('NOT_A_NOTE', `a note has at most ${NOTE_BYTES} bytes`);
  if (bytes.some((byte) => byte < 0x20 && byte !== 0x0a)) throw new Refused('NOT_A_NOTE', 'a note holds a control character');
  const at = note.lastIndexOf('\n\n');
  const [text, signatures] = [note.slice(0, at + 1), note.slice(at + 2)];
  if (at < 0 || !signatures.endsWith('\n')) throw new Refused('NOT_A_NOTE', 'a note is text, a blank line and signature lines');
  const id = await keyId(name, publicKey);
  const lines = signatures.slice(0, -1).split('\n');
  if (lines.length > NOTE_SIGNATURES) throw new Refused('NOT_A_NOTE', `a note has at most ${NOTE_SIGNATURES} signatures`);
  let signed = false;
  for (const [number, line] of lines.entries()) {
    const { signer, bytes: signature } = signatureLine(line, number + 1);
    if (signer !== name || !equal(signature.subarray(0, 4), id)) continue;
    if (!(await verifyEd25519(publicKey, utf8(text), signature.subarray(4)))) {
      throw new Refused('BAD_SIGNATURE', "the key's signature does not verify");
    }
    signed = true;
  }
  if (!signed) throw new Refused('UNSIGNED', `the note is not signed by ${name}`);
  return text;
}

/** Reads the text of a checkpoint: `{origin, size, root, extensions}`. */
export function parseCheckpoint(text) {
  const lines = text.split('\n');
  const fault = new Refused('NOT_A_CHECKPOINT', 'a checkpoint is origin, size, base64 root and non-empty extension lines');
  if (lines.pop() !== '' || lines.length < 3 || lines.some((line) => line === '')) throw fault;
  const [origin, size, root, ...extensions] = lines;
  // No sign, no leading zero: one text for one size.
  if (!/^(?:0|[1-9][0-9]{0,19})$/.test(size)) throw fault;
  return { origin, size: integer(size), root: fromBase64(root, 32), extensions };
}

/** The checkpoint in a note, if the log of this name signed it with this key. */
export async function openCheckpoint(note, origin, publicKey) {
  const checkpoint = parseCheckpoint(await verifyNote(note, origin, publicKey));
  if (checkpoint.origin !== origin) throw new Refused('OTHER_ORIGIN', 'the checkpoint is of another log');
  return checkpoint;
}

function signatureLine(line, number) {
  const fault = new Refused('NOT_A_NOTE', `signature line ${number} is not of the form: em dash, key name, base64`);
  const space = line.indexOf(' ', DASH.length);
  if (!line.startsWith(DASH) || space < 0) throw fault;
  const signer = line.slice(DASH.length, space);
  let bytes;
  try {
    bytes = fromBase64(line.slice(space + 1));
  } catch {
    throw fault;
  }
  if (!isKeyName(signer) || bytes.length <= 4) throw fault;
  return { signer, bytes };
}

const isKeyName = (name) => typeof name === 'string' && name !== '' && !/[\s+\p{Cc}]/u.test(name);
