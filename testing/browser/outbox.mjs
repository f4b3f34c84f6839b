// The pages over an outbox in headless Chromium, as `stateset-events dashboard` serves them.
//
// Usage: node outbox.mjs <stateset-events> <outbox_shop> <database url> <folder for screenshots, or ->
//
// The database is empty; the example `outbox_shop` fills it. Two dashboards are started over it: one that may change
// something, and one that may not.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HOSTILE, browser, check, held, look, open, soundPage } from './harness.mjs';

const [events, shop, database, shots] = process.argv.slice(2);
const seeded = JSON.parse(execFileSync(shop, [database], { encoding: 'utf8' }));
const env = { PATH: process.env.PATH, HOME: '/nonexistent' };

/** The program, until the test ends; `link` is the one that lets one browser in. */
async function serve(...flags) {
  const child = spawn(events, ['--database', database, '--as', 'mira', 'dashboard', '--port', '0', ...flags], { env, stdio: ['ignore', 'pipe', 'pipe'] });
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
}

for (const [name, url] of Object.entries(paths)) {
  await check(`outbox page ${name}: quiet, accessible in light and dark, and 375 px wide`, () => soundPage(desk, url, { status: answers[name] ?? 200 }));
}

await browser.close();
for (const { child } of [writer, reader]) child.kill('SIGTERM');
console.log(`${held()} checks of the outbox's pages hold`);
