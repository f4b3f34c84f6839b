// Checks an event's proof in this browser, with the verifier that shares no code with the server, and shows each step.
//
// Two things are kept from visit to visit: the keys this browser has seen the log sign with, and the largest head of the
// stream that it has verified. A key that changes under its number, or a head that the new one does not continue, is shown.

import { fromHex, json, readTrust, toHex, verifyEvidence, verifyGrowth } from './verifier/index.js';

const place = document.querySelector('[data-evidence]');
const list = place.querySelector('#steps');
const verdict = place.querySelector('#verdict');
const form = place.querySelector('#tamper');
const trustLine = place.querySelector('#trust');
let evidence = null;

function step({ state, title, detail, id }) {
  const line = document.createElement('li');
  line.className = state;
  line.dataset.step = id;
  const name = document.createElement('span');
  name.className = 'title';
  name.textContent = title;
  const more = document.createElement('span');
  more.className = 'detail';
  more.textContent = detail;
  line.append(name, more);
  list.append(line);
  place.querySelector(`.ladder[data-step="${CSS.escape(id)}"]`)?.classList.add(state);
}

function begin() {
  list.replaceChildren();
  verdict.className = 'verdict';
  verdict.textContent = 'Checking…';
  for (const picture of place.querySelectorAll('.ladder')) picture.classList.remove('holds', 'fails', 'open');
}

function conclude(steps) {
  const failed = steps.filter((one) => one.state === 'fails');
  const held = steps.filter((one) => one.state === 'holds').length;
  verdict.classList.add(failed.length ? 'fails' : 'holds');
  verdict.textContent = failed.length
    ? `✗ Does not hold: ${failed.length} of ${held + failed.length} checks failed.`
    : `✓ Holds. This browser made all ${held} checks itself.`;
}

const read = (name) => {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
};
const keep = (name, value) => {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Without storage there is nothing to compare the next visit with, and this one is as good.
  }
};

// The keys, on first use as the server gives them, later as this browser has kept them.
function trusted(text) {
  const offered = readTrust(text);
  const known = read('stateset.keys') ?? {};
  const first = known.origin === undefined;
  if (!first && known.origin !== offered.origin) {
    trustLine.textContent = `The log was called ${known.origin} when you were here before, and is called ${offered.origin} now.`;
  } else {
    trustLine.textContent = first
      ? 'The sequencer’s keys were taken from this server just now, for the first time. Compare them with what you got another way.'
      : 'Checked with the sequencer’s keys that this browser has kept.';
  }
  const kept = first ? {} : known.keys;
  for (const [number, key] of offered.keys) {
    // A kept key stays: under its number no other is believed.
    kept[number] ??= toHex(key);
  }
  keep('stateset.keys', { origin: known.origin ?? offered.origin, keys: kept });
  return {
    origin: known.origin ?? offered.origin,
    keys: new Map(Object.entries(kept).map(([number, key]) => [Number(number), fromHex(key)])),
  };
}

async function checkGrowth(head) {
  const name = `stateset.head.${place.dataset.scope}`;
  const kept = read(name);
  if (!kept) {
    keep(name, { size: String(head.size), root: toHex(head.root) });
    return [];
  }
  const before = { size: BigInt(kept.size), root: fromHex(kept.root) };
  if (before.size > head.size) {
    const lost = { id: 'growth', state: 'fails', title: 'Nothing before was changed or taken out', detail: `you have seen ${before.size} events here, now there are ${head.size}` };
    step(lost);
    return [lost];
  }
  const reply = await fetch(`${place.dataset.growth}?from_size=${before.size}&to_size=${head.size}`, { headers: { 'x-from-script': '1' } });
  const { steps, holds } = await verifyGrowth(await reply.text(), before, head, (one) => step({ ...one, id: 'growth' }));
  if (holds) keep(name, { size: String(head.size), root: toHex(head.root) });
  return steps;
}

async function check(what, tampered) {
  begin();
  try {
    const trust = trusted(evidence.sequencerKeys);
    const { steps, head, holds } = await verifyEvidence(what, trust, step);
    const growth = holds && !tampered && head ? await checkGrowth(head) : [];
    conclude([...steps, ...growth]);
  } catch (fault) {
    verdict.classList.add('fails');
    verdict.textContent = `✗ Could not be checked: ${fault.message}`;
  }
  form.hidden = false;
}

// Changes one thing in the evidence that this browser holds, as somebody on the way or in the database might.
const flip = (hex) => hex.slice(0, -1) + (hex.endsWith('0') ? '1' : '0');
function edit(text, change) {
  const value = json.parse(text);
  change(value);
  // Numbers stay as they were written, so that nothing else changes.
  return json.sortedCompact(value);
}
const tamper = {
  payload: (all) => ({ ...all, single: edit(all.single, (one) => {
    const event = one.get('event');
    const sealed = event.get('payload_encrypted');
    if (sealed) sealed.set('tag_b64u', 'AAAAAAAAAAAAAAAAAAAAAA');
    else event.set('payload', new Map([['changed', true]]));
  }) }),
  field: (all) => ({ ...all, single: edit(all.single, (one) => one.get('event').set('entity_id', `${one.get('event').get('entity_id')}-2`)) }),
  signature: (all) => ({ ...all, single: edit(all.single, (one) => {
    const event = one.get('event');
    if (event.has('agent_signature')) event.set('agent_signature', flip(event.get('agent_signature')));
    else one.get('receipt').set('sequencer_signature', flip(one.get('receipt').get('sequencer_signature')));
  }) }),
  place: (all) => ({ ...all, single: edit(all.single, (one) => {
    const event = one.get('event');
    event.set('sequence_number', new json.JsonNumber(String(BigInt(event.get('sequence_number').text) + 1n)));
  }) }),
  path: (all) => ({ ...all, inclusion: edit(all.inclusion, (proof) => {
    const path = proof.get('path');
    if (path.length) path[0] = flip(path[0]);
    else path.push('00'.repeat(32));
  }) }),
  root: (all) => ({ ...all, inclusion: edit(all.inclusion, (proof) => proof.set('root', flip(proof.get('root')))) }),
  record: (all) => ({ ...all, inclusion: edit(all.inclusion, (proof) => {
    const head = proof.get('logged_head');
    // In the root that the record names, which begins at byte 51.
    head?.set('record', flip(head.get('record').slice(0, 103)) + head.get('record').slice(103));
  }) }),
  checkpoint: (all) => ({ ...all, inclusion: edit(all.inclusion, (proof) => {
    const head = proof.get('logged_head');
    head?.set('checkpoint', head.get('checkpoint').replace(/\n(\d+)\n/, (_, size) => `\n${BigInt(size) + 1n}\n`));
  }) }),
  batch: (all) => (all.commitment ? { ...all, commitment: edit(all.commitment, (batch) => batch.set('merkle_root', flip(batch.get('merkle_root')))) } : all),
};

form.addEventListener('submit', (event) => {
  event.preventDefault();
  check(tamper[form.elements.what.value](evidence), true);
});
form.addEventListener('reset', () => check(evidence, false));

const reply = await fetch(place.dataset.evidence, { headers: { 'x-from-script': '1' } });
if (reply.ok) {
  evidence = await reply.json();
  evidence.agentKeys ??= null;
  await check(evidence, false);
} else {
  verdict.textContent = reply.status === 401 ? 'The session is over. Log in again.' : 'The evidence could not be fetched.';
}
