#!/usr/bin/env node
// Checks an evidence file offline: what the dashboard's "evidence as a file" gives.
//
// Usage: verify.js EVIDENCE.json [VERIFIER_KEY]
//
// VERIFIER_KEY is the log's key as you have kept it (name+id+base64). Without it the keys in the file are believed, which
// proves no more than that the file fits together. Exit status: 0 it holds, 3 it does not, 2 it could not be read.

import { readFileSync } from 'node:fs';
import { note, readTrust, verifyEvidence } from '../src/index.js';

const [file, verifierKey] = process.argv.slice(2);
if (!file || file.startsWith('-')) {
  console.error('usage: verify.js EVIDENCE.json [VERIFIER_KEY]');
  process.exit(2);
}

let evidence;
let trust;
try {
  evidence = JSON.parse(readFileSync(file, 'utf8'));
  trust = readTrust(evidence.sequencerKeys);
  if (verifierKey) {
    const { name, publicKey } = await note.parseVerifierKey(verifierKey);
    // One key is trusted, under whatever number.
    trust = { origin: name, keys: new Map([...trust.keys.keys()].map((number) => [number, publicKey])) };
  } else {
    console.log("! the sequencer's keys are those in the file: compare them with what you got another way");
  }
} catch (fault) {
  console.error(`${file}: ${fault.message}`);
  process.exit(2);
}

const signs = { holds: '✓', fails: '✗', open: '–' };
const { holds } = await verifyEvidence(evidence, trust, ({ state, title, detail }) => {
  console.log(`${signs[state]} ${title}\n    ${detail}`);
});
console.log(holds ? '\nHolds.' : '\nDoes not hold.');
process.exit(holds ? 0 : 3);
