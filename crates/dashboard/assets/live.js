// New events as they come, at the top of the list. Everything an event says is put in as text, never as markup.

import { ago, plain } from './page.js';

const MOST_ROWS = 200;
const place = document.querySelector('[data-live]');
const body = place.querySelector('tbody');
const url = new URL(place.dataset.live, location.href);
const base = place.dataset.base;

const bar = document.createElement('div');
bar.className = 'live';
const button = document.createElement('button');
button.type = 'button';
const state = document.createElement('span');
state.className = 'note';
state.setAttribute('role', 'status');
bar.append(button, state);
place.before(bar);

let wanted = false;
let source = null;
// Where to go on: a place of the stream, or what the outbox said of its last event.
let next = url.searchParams.get('from') ?? '';
let seen = 0;

const link = (href, ...content) => {
  const element = document.createElement('a');
  element.href = href;
  element.append(...content);
  return element;
};
const cell = (label, className, ...content) => {
  const element = document.createElement('td');
  element.dataset.label = label;
  element.className = className;
  element.append(...content);
  return element;
};
const make = (name, className, text) => {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
};
const query = (pairs) => new URLSearchParams(pairs).toString();

// The payload as it was written: a number that a double cannot hold stays what it was.
function rawPayload(data) {
  const start = data.indexOf('"payload":');
  if (start < 0) return 'encrypted';
  return data.slice(start + 10, start + 10 + 120).replace(/,"payload_plain_hash.*$/s, '');
}

const name = (text) => make('bdi', '', plain(text));
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, '\u202f');

function moment(rfc3339) {
  const at = Math.floor(Date.parse(rfc3339) / 1000);
  const time = make('time', '', new Date(at * 1000).toISOString().slice(0, 19).replace('T', ' '));
  time.dateTime = rfc3339;
  const age = make('span', 'ago', ago(at));
  age.dataset.since = at;
  return [time, ' ', age];
}

// An event of a stream: the cells of `parts/event_list.rs`.
function streamCells(event, data) {
  const entity = query({ entity_type: event.entity_type, entity_id: event.entity_id });
  const type = link(`${base}/events?${query({ event_type: event.event_type })}`, name(event.event_type));
  type.className = 'type';
  const unsigned = event.signature === 'absent' || event.signature === 'unverifiable';
  return [
    cell('Place', 'number', link(`${base}/events/${encodeURIComponent(event.event_id)}`, grouped(event.sequence_number))),
    cell('Type', '', type),
    cell('Entity', '', link(`${base}/entities?${entity}`, name(event.entity_type), ' ', bold(event.entity_id))),
    cell('Sequenced', '', ...moment(event.sequenced_at)),
    cell('Signed', '', make('span', unsigned ? 'badge' : 'badge good', unsigned ? 'unsigned' : 'signed')),
    cell('Payload', 'preview', make('code', '', plain(rawPayload(data)))),
  ];
}

// An event of an outbox: the cells of `outbox/events.rs`.
function outboxCells(event) {
  const entity = query({ entity_type: event.entity_type, entity_id: event.entity_id });
  const type = link(`${base}/events?${query({ q: `type:${event.event_type}` })}`, name(event.event_type));
  type.className = 'type';
  const id = link(`${base}/events/${encodeURIComponent(event.event_id)}`, make('code', 'id', event.event_id));
  const more = event.replay_job ? [' ', make('span', 'badge', 'replay')] : [];
  return [
    cell('Type', '', type, ...more),
    cell('Entity', '', link(`${base}/timeline?${entity}`, name(event.entity_type), ' ', bold(event.entity_id))),
    cell('Order key', 'short', ...(event.order_key ? [name(event.order_key)] : [])),
    cell('Made', '', ...moment(event.created_at)),
    cell('Place', 'number'),
    cell('Event', '', id),
  ];
}

function bold(text) {
  const element = document.createElement('b');
  element.append(name(text));
  return element;
}

const outbox = place.dataset.kind === 'outbox';

function row(event, data) {
  const line = document.createElement('tr');
  line.className = 'fresh';
  line.append(...(outbox ? outboxCells(event) : streamCells(event, data)));
  return line;
}

function show(message) {
  const event = JSON.parse(message.data);
  next = outbox ? message.lastEventId || next : event.sequence_number + 1;
  seen += 1;
  body.prepend(row(event, message.data));
  while (body.rows.length > MOST_ROWS) body.lastElementChild.remove();
  tell();
}

function tell() {
  button.textContent = wanted ? 'Pause' : 'Follow new events';
  button.setAttribute('aria-pressed', String(wanted));
  if (!wanted) state.textContent = 'Paused.';
  else if (!source) state.textContent = 'Waits while this page is hidden.';
  else if (source.readyState === EventSource.OPEN) state.textContent = seen ? `Live, ${seen} new.` : 'Live.';
  else state.textContent = 'Connecting…';
}

// Follows while somebody wants to and looks.
function follow() {
  const now = wanted && !document.hidden;
  if (now && !source) {
    if (next !== '') url.searchParams.set('from', String(next));
    source = new EventSource(url);
    source.addEventListener('event', show);
    source.addEventListener('open', tell);
    source.addEventListener('error', () => {
      // The browser tries again by itself, unless the answer was a refusal.
      if (source?.readyState === EventSource.CLOSED) {
        wanted = false;
        source = null;
      }
      tell();
    });
  } else if (!now && source) {
    source.close();
    source = null;
  }
  tell();
}

button.addEventListener('click', () => {
  wanted = !wanted;
  follow();
});
document.addEventListener('visibilitychange', follow);
addEventListener('pagehide', () => source?.close());
tell();
