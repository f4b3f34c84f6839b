// The generated page of the event catalogue in headless Chromium, from its file.
//
// Usage: node catalogue.mjs <index.html> <folder for screenshots, or ->

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { accessible, browser, check, held, look, narrow, open } from './harness.mjs';

const [file, shots] = process.argv.slice(2);
const url = pathToFileURL(resolve(file)).href;
const desk = await open();
const { page, noise } = desk;

if (process.env.LOOK) {
  mkdirSync(process.env.LOOK, { recursive: true });
  for (const [name, at] of [['catalogue-file', ''], ['catalogue-type', '#order.created'], ['catalogue-machine', '#machine-order-lifecycle'], ['catalogue-search', '?q=payment amount']]) {
    await page.goto('about:blank');
    await look(page, url + at, process.env.LOOK, name, false);
  }
}

await check('catalogue: quiet, accessible in light and dark, and 375 px wide', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.goto(url);
    await page.evaluate(() => document.querySelectorAll('details').forEach((one) => { one.open = true; }));
    await accessible(page, colorScheme);
  }
  await narrow(page);
  assert.deepEqual(noise, []);
});

await check('catalogue: a search narrows types and machines, and links lead to what it hides', async () => {
  await page.goto(url);
  await page.keyboard.press('/');
  await page.keyboard.type('inventory reservation');
  const shown = page.locator('article:not([hidden])');
  assert.ok((await shown.count()) >= 1);
  for (const text of await shown.allTextContents()) assert.match(text.toLowerCase(), /reservation/);
  assert.match(await page.textContent('#count'), /^\d+ of \d+ entries$/);
  await page.evaluate(() => { location.hash = '#order.created'; });
  await page.waitForFunction(() => !document.getElementById('order.created').hidden);
  await page.fill('#search', 'nothing is called so');
  assert.ok(await page.isVisible('#nothing'));
  await page.keyboard.press('Escape');
  assert.ok(await page.isHidden('#nothing'));
});

await check('catalogue: every link leads somewhere, every type has an example and its schemas', async () => {
  await page.goto(url);
  const broken = await page.evaluate(() => [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href').slice(1)).filter((id) => !document.getElementById(id)));
  assert.deepEqual(broken, []);
  const files = await page.evaluate(() => [...document.querySelectorAll('a:not([href^="#"])')].map((link) => link.href));
  assert.ok(files.length > 50);
  const { existsSync } = await import('node:fs');
  const { fileURLToPath } = await import('node:url');
  assert.deepEqual(files.filter((href) => !existsSync(fileURLToPath(href))), []);
  const bare = await page.evaluate(() => [...document.querySelectorAll('article:not(.machine)')].filter((card) => !card.querySelector('pre')?.textContent.trim().startsWith('{') || !card.querySelector('.schemas a')).map((card) => card.id));
  assert.deepEqual(bare, []);
});

await check('catalogue: without scripts everything is there, and no box that does nothing', async () => {
  const plain = await open({ javaScriptEnabled: false });
  await plain.page.goto(url);
  assert.ok(await plain.page.isHidden('#search'));
  assert.ok(await plain.page.isVisible('article >> nth=0'));
  await plain.context.close();
});

if (shots !== '-') {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1120, height: 760 });
  await page.goto('about:blank');
  await page.goto(`${url}#order.created`);
  await page.screenshot({ path: join(shots, 'catalogue.png') });
}

await browser.close();
console.log(`${held()} checks of the catalogue's page hold`);
