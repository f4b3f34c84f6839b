// The pages over an outbox in headless Chromium, as `stateset-events dashboard` serves them.
//
// Usage: node outbox.mjs <stateset-events> <outbox_shop> <database url> <folder for screenshots, or ->
//
// The database is empty; the example `outbox_shop` fills it. Two dashboards are started over it: one that may change
// something, and one that may not.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { HOSTILE, accessible, browser, check, held, look, open, quiet, soundPage } from './harness.mjs';

const [events, shop, url, shots] = process.argv.slice(2);
// A file is named as somebody in its folder would.
const file = url.startsWith('sqlite:') ? resolve(url.slice(7)) : null;
const [folder, database] = file ? [dirname(file), `sqlite:${basename(file)}`] : [process.cwd(), url];
const seeded = JSON.parse(execFileSync(shop, [database], { cwd: folder, encoding: 'utf8' }));
const env = { PATH: process.env.PATH, HOME: '/nonexistent' };

/** The program, until the test ends; `link` is the one that lets one browser in. */
async function serve(...flags) {
  const child = spawn(events, ['--database', database, '--as', 'mira', 'dashboard', '--port', '0', ...flags], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => { said += text; });
  const link = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (more) => {
      text += more;
      const found = text.match(/http:\S+\/enter\/[0-9a-f]+/);
      if (found) resolve(found[0]);
    });
    child.on('exit', (status) => reject(new Error(`the dashboard ended with ${status}: ${said}`)));
  });
  child.removeAllListeners('exit');
  process.on('exit', () => child.kill('SIGKILL'));
  return { link, base: link.replace(/\/enter\/.*/, ''), child };
}

async function enter({ page }, { link, base }) {
  await page.goto(link);
  await page.click('button[type=submit]');
  await page.waitForURL(base);
}

const [writer, reader] = await Promise.all([serve('--allow-changes'), serve()]);
const { base } = writer;
const desk = await open();

const q = (text) => encodeURIComponent(text);
const paths = {
  overview: base,
  events: `${base}/events`,
  filtered: `${base}/events?q=${q('type:order.* since:1h')}`,
  nothing: `${base}/events?q=${q('type:order.creatd')}`,
  wrong: `${base}/events?q=${q('tpye:order.created')}`,
  refused: `${base}/events/${seeded.refused}`,
  retried: `${base}/events/${seeded.retried}`,
  delivered: `${base}/events/${seeded.delivered}`,
  hostile: `${base}/events/${seeded.hostile}`,
  large: `${base}/events/${seeded.large}`,
  entity: `${base}/timeline?entity_type=order&entity_id=ORD-1003`,
  correlation: `${base}/timeline?correlation=checkout-7`,
  timeline: `${base}/timeline`,
  deliveries: `${base}/deliveries`,
  waiting: `${base}/deliveries?q=${q('state:retry_wait')}`,
  lane: `${base}/deliveries?q=${q('key:ORD-1003')}`,
  destination: `${base}/destinations/erp-webhook`,
  stopped: `${base}/destinations/mail`,
  letters: `${base}/dead-letters`,
  chosen: `${base}/dead-letters?q=${q('class:refused')}&group=class`,
  none: `${base}/dead-letters?q=${q('destination:mail')}`,
  keys: `${base}/keys`,
  completed: `${base}/keys?key=create_order_ORD-2001`,
  uncertain: `${base}/keys?key=create_order_ORD-2003`,
  unused: `${base}/keys?key=nobody`,
  jobs: `${base}/jobs`,
  running: `${base}/jobs/${seeded.jobs.running}`,
  done: `${base}/jobs/${seeded.jobs.done}`,
  audit: `${base}/audit`,
  catalogue: `${base}/catalogue`,
  type: `${base}/catalogue?type=order.created`,
};
const answers = { wrong: 400 };

await check('outbox: the one-time link lets one browser in, once', async () => {
  await enter(desk, writer);
  const [cookie, ...more] = await desk.context.cookies();
  assert.deepEqual(more, []);
  assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict');
  const second = await open();
  assert.equal((await second.page.goto(writer.link)).status(), 410);
  assert.doesNotMatch(await second.page.textContent('main'), /API key/, 'there is none to type');
  await second.context.close();
});

if (process.env.LOOK) {
  mkdirSync(process.env.LOOK, { recursive: true });
  const wanted = new RegExp(process.env.PAGES ?? '.');
  for (const [name, url] of Object.entries(paths)) if (wanted.test(name)) await look(desk.page, url, process.env.LOOK, name);
  desk.noise.length = 0;
}

if (shots !== '-') {
  const { page } = desk;
  await page.setViewportSize({ width: 1120, height: 700 });
  for (const [name, url] of [['overview', paths.overview], ['event', paths.retried], ['dead-letters', paths.chosen]]) {
    await page.goto(url);
    await page.screenshot({ path: join(shots, `outbox-${name}.png`) });
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

// Over the second database the pages are the same; that each is answered is seen below.
const alike = ['delivered', 'correlation', 'lane', 'done'];
for (const [name, url] of Object.entries(process.env.QUICK ? {} : paths)) {
  if (alike.includes(name)) continue;
  await check(`outbox page ${name}: quiet, accessible in light and dark, and 375 px wide`, () => soundPage(desk, url, { status: answers[name] ?? 200 }));
}

await check('outbox: what others wrote is text, stays in its place, and hides nothing', async () => {
  const { page } = desk;
  await page.goto(paths.hostile);
  assert.equal(await page.locator('main img, main script').count(), 0);
  const facts = await page.textContent('main');
  assert.ok(facts.includes('<img src=x onerror="alert(1)">'), facts);
  // A character that turns the order around is spelt, so nothing that stands beside it is turned.
  assert.ok(facts.includes('\\u202eredro\\u200b') && !/[\u200b\u202e\u2066]/.test(facts));
  await page.goto(paths.large);
  assert.match(await page.textContent('main'), /The first 65.536 of 9\d\d.\d{3} bytes/);
  quiet(desk);
});

await check('outbox: another tenant\'s event is not there, like one that never was', async () => {
  const { page } = desk;
  const said = [];
  for (const id of [seeded.foreign, 'evt_00000000000000000000000001']) {
    const reply = await page.goto(`${base}/events/${id}`);
    assert.equal(reply.status(), 404);
    said.push((await page.textContent('main')).replaceAll(id, 'ID').replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID'));
  }
  assert.equal(said[0], said[1]);
  await page.goto(`${base}/timeline?entity_type=order&entity_id=ORD-1001`);
  assert.ok(!(await page.content()).includes('theirs'));
  quiet(desk, 404);
});

await check('outbox: dead letters are redriven: filter, preview, apply, job, audit', async () => {
  const { page } = desk;
  await page.goto(paths.letters);
  assert.match(await page.textContent('main'), /Set a filter first/);
  await page.fill('main input[name=q]', 'class:exhausted');
  await page.keyboard.press('Enter');
  await page.waitForURL(/dead-letters\?q=class/);
  const all = Number((await page.textContent('.summary b')).replace(/\D/g, ''));
  assert.ok(all >= 3, String(all));
  await page.click('button:has-text("Preview")');
  await page.waitForSelector('button:has-text("Do it")');
  assert.match(await page.textContent('.lead'), /^NOT EXECUTED/);
  await accessible(page, 'preview');
  await page.goBack();
  assert.equal(Number((await page.textContent('.summary b')).replace(/\D/g, '')), all, 'a preview changes nothing');
  await page.selectOption('select[name=action]', 'discard');
  await page.click('button:has-text("Preview")');
  await page.waitForSelector('.fault');
  assert.match(await page.textContent('.fault'), /reason/);
  await page.goBack();
  await page.selectOption('select[name=action]', 'redrive');
  await page.click('button:has-text("Preview")');
  await page.click('button:has-text("Do it")');
  await page.waitForURL(/\/jobs\//);
  await page.waitForFunction(() => document.querySelector('.facts .badge')?.textContent === 'done');
  assert.match(await page.textContent('main'), /redrive/);
  await page.goto(`${base}/dead-letters?q=${q('class:exhausted')}`);
  assert.match(await page.textContent('.summary'), /^\s*0/);
  await page.goto(paths.audit);
  assert.match(await page.textContent('tbody'), /mira/);
  quiet(desk, 400);
});

await check('outbox: a breaker is opened and closed, with a reason', async () => {
  const { page } = desk;
  await page.goto(paths.destination);
  for (const [button, word] of [['Open:', 'open'], ['Close:', 'closed']]) {
    await page.fill('input[name=reason]', 'the ERP is moved');
    await page.click(`button:has-text("${button}")`);
    await page.waitForFunction((word) => document.querySelector('.facts .badge')?.textContent === word, word);
  }
  await page.goto(paths.audit);
  assert.match(await page.textContent('tbody'), /the ERP is moved/);
});

await check('outbox: forms of others, and without the session\'s token, do nothing', async () => {
  const { context, page } = desk;
  await page.goto(paths.chosen);
  const token = await page.getAttribute('form[method=post] input[name=token]', 'value');
  const origin = new URL(base).origin;
  const form = { token, q: 'class:refused', action: 'redrive' };
  const post = (path, form, headers) => context.request.post(base + path, { form, headers, maxRedirects: 0 });
  for (const path of ['/dead-letters', '/apply', '/destinations/mail', `/jobs/${seeded.jobs.running}`, '/logout']) {
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin, 'sec-fetch-site': 'cross-site' }, {}]) {
      assert.equal((await post(path, form, headers)).status(), 403, `${path} ${JSON.stringify(headers)}`);
    }
    assert.equal((await post(path, { ...form, token: '0'.repeat(64) }, { origin })).status(), 403, path);
  }
  assert.equal((await post('/dead-letters', form, { origin })).status(), 200, 'the same from our own page');
});

await check('outbox: a dashboard for reading offers and does nothing, beside one that may', async () => {
  const watcher = { page: await desk.context.newPage() };
  // In the same browser: the other dashboard is on the same address, and must not log this one out.
  await enter(watcher, reader);
  for (const path of ['', '/dead-letters?q=type%3A*', '/destinations/erp-webhook', `/jobs/${seeded.jobs.running}`]) {
    assert.equal((await watcher.page.goto(reader.base + path)).status(), 200);
    const forms = await watcher.page.locator('main form[method=post]').count();
    assert.equal(forms, 0, path);
  }
  const token = await watcher.page.getAttribute('.visitor input[name=token]', 'value');
  const origin = new URL(reader.base).origin;
  for (const [path, form] of [['/dead-letters', { q: 'type:*', action: 'redrive' }], ['/destinations/mail', { open: 'no', reason: 'x' }], [`/jobs/${seeded.jobs.running}`, { action: 'abort' }]]) {
    const reply = await desk.context.request.post(reader.base + path, { form: { ...form, token }, headers: { origin } });
    assert.equal(reply.status(), 403, path);
    assert.match(await reply.text(), /--allow-changes/);
  }
  await desk.page.goto(paths.overview);
  assert.equal(desk.page.url(), paths.overview, 'still logged in');
  await watcher.page.close();
});

await check('outbox: a name that points here is not believed', async () => {
  const port = new URL(base).port;
  for (const host of [`evil.example:${port}`, 'evil.example']) {
    const reply = await desk.context.request.get(base, { headers: { host } });
    assert.equal(reply.status(), 421, host);
  }
});

await check('outbox: nothing inline, nothing cached, whatever the answer', async () => {
  for (const [name, url] of Object.entries(paths)) {
    const reply = await desk.context.request.get(url);
    const headers = reply.headers();
    assert.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self'/, name);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe/, name);
    assert.equal(headers['cache-control'], 'no-store', name);
    assert.doesNotMatch(await reply.text(), / style=| on[a-z]+="|<style|<iframe|<base|javascript:/, name);
  }
});

await check('outbox: reading works without scripts', async () => {
  const plain = await open({ javaScriptEnabled: false });
  await plain.context.addCookies(await desk.context.cookies());
  for (const [name, url] of Object.entries(paths)) {
    assert.equal((await plain.page.goto(url)).status(), answers[name] ?? 200, url);
    assert.ok(await plain.page.isVisible('main h1'), url);
  }
  await plain.page.goto(paths.retried);
  await plain.page.click('main a:has-text("erp-webhook")');
  await plain.page.waitForURL(/destinations\/erp-webhook/);
  await plain.context.close();
});

await check('outbox: the keyboard alone filters the list and opens an event', async () => {
  const { page } = desk;
  await page.goto(paths.events);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'q');
  await page.keyboard.type('type:payment.* key:ORD-1002');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=type%3Apayment/);
  assert.equal(await page.locator('tbody tr').count(), 1);
  for (let tries = 0; tries < 30 && !(await page.evaluate(() => document.activeElement.href?.includes('/events/evt_'))); tries += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL(/events\/evt_/);
});

await check('outbox: new events come by themselves, as text, under the filter of the address', async () => {
  const { page } = desk;
  await page.goto(`${base}/events?q=${q('type:order.*')}`);
  await page.click('.live button');
  await page.waitForFunction(() => document.querySelector('.live .note').textContent.startsWith('Live'));
  const trigger = (type, entity) => execFileSync(events, ['--database', database, '--as', 'mira', 'trigger', type, '--entity', `order/${entity}`, '--apply', '--quiet'], { cwd: folder, env });
  trigger('payment.succeeded', 'LIVE-0');
  trigger('order.cancelled', `LIVE-${HOSTILE}`);
  await page.waitForFunction(() => document.querySelector('tr.fresh')?.textContent.includes('order.cancelled'));
  assert.equal(await page.locator('tr.fresh').count(), 1);
  assert.ok((await page.textContent('tr.fresh')).includes(HOSTILE));
  assert.equal(await page.locator('tbody img, tbody script').count(), 0);
  await accessible(page, 'with a new event');
  quiet(desk);
});

await check('outbox: strange addresses are answered as mistakes of whoever wrote them', async () => {
  for (const bad of ['%00', '%1b%5B31m', '%E2%80%AE', '%22%27%3C%3E', '-1', 'x'.repeat(9_000)]) {
    for (const path of [`/events?q=${bad}`, `/events?cursor=${bad}`, `/events/${bad}`, `/timeline?entity_type=${bad}&entity_id=${bad}`, `/timeline?correlation=${bad}`,
      `/deliveries?q=destination%3A${bad}`, `/destinations/${bad}`, `/dead-letters?q=${bad}&cursor=${bad}`, `/keys?key=${bad}`, `/keys?key=a&operation=${bad}`, `/jobs/${bad}`,
      `/audit?actor=${bad}`, `/audit?cursor=${bad}`]) {
      const reply = await desk.context.request.get(base + path);
      assert.ok(reply.status() < 500, `${path.slice(0, 80)}: ${reply.status()} ${(await reply.text()).match(/class="title">([^<]*)/)?.[1]}`);
    }
  }
});

await check('outbox: logging out ends the session', async () => {
  const { page, context } = desk;
  await page.goto(paths.overview);
  await page.click('.visitor button');
  await page.waitForURL(/login/);
  assert.match(await page.textContent('main'), /printed/);
  assert.equal((await context.request.get(paths.events, { maxRedirects: 0 })).status(), 303);
});

await browser.close();
for (const { child } of [writer, reader]) child.kill('SIGTERM');
console.log(`${held()} checks of the outbox's pages hold`);
