// The dashboard in headless Chromium, against the real server: what only a browser can say.
//
// Usage: node dashboard.mjs <base url> <api key> <one-time link> <folder for screenshots, or ->
//
// Found here: errors in the console, pages that scroll sideways at 375 px, what axe-core calls serious, a proof that the
// browser verifies, and that every kind of tampering shows.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Agent, Api } from './agent.mjs';
import { HOSTILE, browser, check, held, open, soundPage } from './harness.mjs';

const [base, key, link, shots] = process.argv.slice(2);
const [tenant, store] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
const api = new Api(base, key);
const stream = `${base}/dashboard/stream/${tenant}/${store}`;

// Forty orders, each as far as its number says.
async function orders(agent) {
  const story = (order) => [
    ['order.created', { order_id: order, currency: 'EUR', amount_cents: 12900, lines: [{ sku: 'TEA-01', quantity: 2 }] }],
    ['payment.succeeded', { order_id: order, amount_cents: 12900, method: 'card' }],
    ['shipping.ready', { order_id: order, warehouse: 'HAM-2' }],
    ['shipping.dispatched', { order_id: order, carrier: 'DHL', tracking: 'JJD0190000' }],
  ];
  let last;
  for (let order = 1001; order < 1041; order += 1) {
    const id = `ORD-${order}`;
    const events = await Promise.all(story(id).slice(0, 1 + (order % 4)).map(([type, payload], at) =>
      agent.envelope({ entityType: 'order', entityId: id, type, payload, order_key: id, correlation_id: `checkout-${order}`, base_version: at })));
    await agent.push(api, events);
    last = events[0].event_id;
  }
  await agent.pushUnsigned(api, [{ entityType: 'cart', entityId: 'C-77', type: 'cart.item_added', payload: { sku: 'MUG-3', price: 1.5 } }]);
  return last;
}

async function seed() {
  const agent = await Agent.make('33333333-3333-4333-8333-333333333333', tenant, store);
  await agent.register(api);
  const last = await orders(agent);
  const hostile = await agent.envelope({ entityType: HOSTILE, entityId: HOSTILE, type: HOSTILE, payload: { [HOSTILE]: HOSTILE }, order_key: HOSTILE, correlation_id: HOSTILE });
  await agent.push(api, [hostile]);
  return { agent, signed: last, hostile: hostile.event_id };
}

async function login({ page }) {
  await page.goto(`${base}/dashboard`);
  await page.fill('#key', key);
  await page.click('button[type=submit]');
  await page.waitForURL(`${base}/dashboard`);
}

async function screenshot(page, name, options = {}) {
  if (shots !== '-') await page.screenshot({ path: join(shots, `dashboard-${name}.png`), ...options });
}

const settled = (page) => page.waitForFunction(() => document.querySelector('#verdict')?.matches('.holds, .fails'));

const seeded = await seed();
// The batches of all events, so that their proofs are whole.
for (;;) {
  const head = await api.call('GET', `/api/v1/head?tenant_id=${tenant}&store_id=${store}`);
  const covering = await api.call('GET', `/api/v1/ves/commitments?tenant_id=${tenant}&store_id=${store}&from=${head.size}`);
  if (covering.commitments.length) break;
}

await check('the one-time link lets one browser in, once', async () => {
  const first = await open();
  await first.page.goto(link);
  await first.page.click('button[type=submit]');
  await first.page.waitForURL(`${base}/dashboard`);
  assert.match(await first.page.textContent('.who'), /operator/);
  const cookies = await first.context.cookies();
  assert.equal(cookies.length, 1);
  assert.ok(cookies[0].httpOnly && cookies[0].sameSite === 'Strict' && !cookies[0].value.includes(key));
  assert.deepEqual(first.noise, []);
  await first.context.close();
  const second = await open();
  const reply = await second.page.goto(link);
  assert.equal(reply.status(), 410);
  await second.context.close();
});

const paths = {
  streams: `${base}/dashboard`, overview: stream, events: `${stream}/events`, filtered: `${stream}/events?event_type=order.*&since=1h`,
  nothing: `${stream}/events?event_type=order.creatd`, event: `${stream}/events/${seeded.signed}`, hostile: `${stream}/events/${seeded.hostile}`,
  entity: `${stream}/entities?entity_type=order&entity_id=ORD-1003`, entities: `${stream}/entities`, log: `${stream}/log`, agents: `${stream}/agents`,
  server: `${base}/dashboard/server`, style: `${base}/dashboard/style`,
};

const desk = await open();
await check('logging in', () => login(desk));

for (const [name, url] of Object.entries(paths)) {
  await check(`page ${name}: quiet, accessible in light and dark, and 375 px wide`, () =>
    soundPage(desk, url, { ready: async (page) => { if (await page.$('#proof')) await settled(page); } }));
}

await check('the browser verifies a signed event, an unsigned one and a hostile one by itself', async () => {
  const { page } = desk;
  for (const url of [paths.event, paths.hostile]) {
    await page.goto(url);
    await settled(page);
    assert.match(await page.textContent('#verdict'), /^✓/, await page.textContent('#steps'));
    assert.ok((await page.locator('#steps .holds').count()) >= 7);
  }
  await page.goto(`${stream}/events?entity_type=cart`);
  await page.click('tbody td.number a');
  await settled(page);
  assert.match(await page.textContent('#verdict'), /^✓/);
  assert.equal(await page.locator('#steps .open[data-step=agent]').count(), 1);
});

await check('every kind of tampering shows, and names the step', async () => {
  const { page, noise } = desk;
  await page.goto(paths.event);
  await settled(page);
  const expected = {
    payload: 'payload', field: 'agent', signature: 'agent', place: 'receipt', path: 'stream', root: 'stream', record: 'record',
    checkpoint: 'checkpoint', batch: 'batch',
  };
  for (const [what, step] of Object.entries(expected)) {
    await page.selectOption('#what', what);
    await page.click('#tamper [type=submit]');
    await settled(page);
    assert.match(await page.textContent('#verdict'), /^✗/, what);
    assert.equal(await page.locator(`#steps .fails[data-step=${step}]`).count(), 1, what);
    if (what === 'payload' && shots !== '-') await screenshot(page, 'tampered', { clip: await clip(page, '#proof') });
  }
  await page.click('#tamper [type=reset]');
  await settled(page);
  assert.match(await page.textContent('#verdict'), /^✓/);
  assert.deepEqual(noise, []);
});

await check('a history that was rewritten since the last visit shows', async () => {
  const { page } = desk;
  await page.goto(paths.event);
  await settled(page);
  assert.equal(await page.locator('#steps .holds[data-step=growth]').count(), 1);
  const name = `stateset.head.${tenant}/${store}`;
  await page.evaluate((name) => {
    const kept = JSON.parse(localStorage.getItem(name));
    localStorage.setItem(name, JSON.stringify({ ...kept, root: kept.root.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }));
  }, name);
  await page.reload();
  await settled(page);
  assert.equal(await page.locator('#steps .fails[data-step=growth]').count(), 1);
  await page.evaluate(() => localStorage.clear());
});

await check('new events come by themselves, as text', async () => {
  const { page, noise } = desk;
  await page.goto(paths.events);
  await page.click('.live button');
  await page.waitForFunction(() => document.querySelector('.live .note').textContent.startsWith('Live'));
  const event = await seeded.agent.envelope({ entityType: 'order', entityId: `LIVE-${HOSTILE}`, type: 'order.cancelled', payload: { reason: HOSTILE } });
  await seeded.agent.push(api, [event]);
  await page.waitForFunction(() => document.querySelector('#events tr.fresh')?.textContent.includes('order.cancelled'));
  assert.ok((await page.textContent('#events tr.fresh')).includes(HOSTILE));
  assert.equal(await page.locator('#events img, #events script').count(), 0);
  assert.deepEqual(noise, []);
});

await check('reading works without scripts', async () => {
  const plain = await open({ javaScriptEnabled: false });
  await login(plain);
  for (const url of Object.values(paths)) assert.equal((await plain.page.goto(url)).status(), 200, url);
  await plain.page.goto(paths.event);
  assert.ok(await plain.page.isVisible('noscript p'));
  assert.equal(await plain.page.locator('.ladder').count(), 2);
  await plain.page.click('.visitor button');
  await plain.page.waitForURL(/login/);
  await plain.context.close();
});

await check('another tenant sees nothing of this one', async () => {
  const other = '99999999-9999-4999-8999-999999999999';
  const minted = await api.call('POST', '/api/v1/api-keys', { tenantId: other, name: 'other', permissions: ['read'] });
  const guest = await open();
  await guest.page.goto(`${base}/dashboard`);
  await guest.page.fill('#key', minted.apiKey);
  await guest.page.click('button[type=submit]');
  await guest.page.waitForURL(`${base}/dashboard`);
  assert.ok(!(await guest.page.content()).includes(tenant));
  for (const url of [stream, paths.events, paths.event, paths.entity, paths.log, paths.agents, paths.server, `${paths.event}/evidence`, `${stream}/live?from=1`, `${stream}/growth?from_size=1`]) {
    const reply = await guest.context.request.get(url, { headers: { accept: 'text/html' } });
    assert.equal(reply.status(), 403, url);
    assert.ok(!(await reply.text()).includes('ORD-'), url);
  }
  await guest.context.close();
});

await check('the keyboard alone reaches the content and the filters', async () => {
  const { page } = desk;
  await page.goto(paths.events);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'event_type');
  await page.keyboard.type('payment.*');
  await page.keyboard.press('Enter');
  await page.waitForURL(/event_type=payment/);
  assert.ok((await page.locator('#events tr').count()) > 5);
});

async function clip(page, selector) {
  // Its top at the top of the window, of which a clip is a part.
  await page.locator(selector).evaluate((element) => scrollTo(0, element.getBoundingClientRect().top + scrollY - 16));
  const box = await page.locator(selector).boundingBox();
  return { x: box.x - 16, y: Math.max(box.y - 16, 0), width: box.width + 32, height: Math.min(box.height + 32, 560) };
}

if (shots !== '-') {
  const { page } = desk;
  // A store of its own, in which nobody has tried anything.
  const shop = '44444444-4444-4444-8444-444444444444';
  const shown = await orders(Object.assign(seeded.agent, { store: shop }));
  const place = `${base}/dashboard/stream/${tenant}/${shop}`;
  for (;;) {
    const single = await api.call('GET', `/api/v1/events/${shown}?tenant_id=${tenant}&store_id=${shop}`);
    if (single.proof.batch_id && single.proof.logged) break;
  }
  Object.assign(paths, { overview: place, events: `${place}/events`, entity: `${place}/entities?entity_type=order&entity_id=ORD-1003`, event: `${place}/events/${shown}` });
  await page.setViewportSize({ width: 1120, height: 760 });
  await page.emulateMedia({ colorScheme: 'light' });
  for (const name of ['overview', 'events', 'entity']) {
    await page.goto(paths[name]);
    await screenshot(page, name);
  }
  await page.goto(paths.event);
  await settled(page);
  await screenshot(page, 'proof', { clip: await clip(page, '#proof') });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(paths.overview);
  await screenshot(page, 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 375, height: 812 });
  await page.goto(paths.event);
  await settled(page);
  await screenshot(page, 'narrow');
}

await browser.close();
console.log(`${held()} checks hold`);
