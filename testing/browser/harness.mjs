// What every test in the browser uses: Chromium, pages that note every complaint, axe-core, checks that are counted.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.env.BROWSER_MODULES ?? import.meta.dirname, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Breaks out of text, attributes and scripts, if anything lets it. */
export const HOSTILE = `<img src=x onerror="alert(1)">"'><script>alert(2)</script>`;

export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

let done = 0;
export const held = () => done;

const only = process.env.ONLY ? new RegExp(process.env.ONLY) : null;

/** Runs a check; the first that fails ends the run. */
export async function check(name, work) {
  if (only && !only.test(name)) return;
  try {
    await work();
    done += 1;
    console.log(`  ok  ${name}`);
  } catch (fault) {
    console.error(`  NOT OK  ${name}`);
    await browser.close();
    throw fault;
  }
}

/** A page of a browser that nobody has used; `noise` is what it complained about. */
export async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const noise = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && noise.push(message.text()));
  page.on('pageerror', (error) => noise.push(String(error)));
  page.on('dialog', (dialog) => {
    noise.push(`a dialog said ${dialog.message()}`);
    dialog.dismiss();
  });
  return { context, page, noise };
}

/** What axe-core calls serious in the page as it is; with `rules`, by these only. */
export async function accessible(page, about, rules) {
  // Run as the debugger runs code, past the policy that keeps inline scripts out.
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axe);
  const { violations } = await page.evaluate((rules) => globalThis.axe.run({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) }), rules);
  const serious = violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  assert.deepEqual(serious.map((one) => [one.id, one.nodes.map((node) => node.html).slice(0, 3)]), [], about);
}

/** That the page is no wider than a telephone. */
export async function narrow(page) {
  await page.setViewportSize({ width: 375, height: 800 });
  const wide = await page.evaluate(() => {
    if (document.documentElement.scrollWidth <= 375) return null;
    const right = (element) => element.getBoundingClientRect().right;
    const widest = [...document.querySelectorAll('body *')].sort((one, other) => right(other) - right(one))[0];
    return `${document.documentElement.scrollWidth} px, because of ${widest.outerHTML.slice(0, 200)}`;
  });
  assert.equal(wide, null);
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** That nothing was complained about but answers with these statuses, which Chromium always does. */
export function quiet({ noise }, ...statuses) {
  const told = (one) => statuses.some((status) => one.startsWith(`Failed to load resource: the server responded with a status of ${status} `));
  assert.deepEqual(noise.splice(0).filter((one) => !told(one)), []);
}

/** Quiet, accessible in light and dark, and no wider than a telephone. */
export async function soundPage(desk, url, { status = 200, ready = async () => {} } = {}) {
  const { page } = desk;
  await page.emulateMedia({ colorScheme: 'light' });
  const reply = await page.goto(url);
  assert.equal(reply.status(), status, url);
  await ready(page);
  await accessible(page, `${url}, light`);
  // Nothing but colours differs in the dark.
  await page.emulateMedia({ colorScheme: 'dark' });
  await accessible(page, `${url}, dark`, ['color-contrast']);
  await page.emulateMedia({ colorScheme: 'light' });
  await narrow(page);
  quiet(desk, ...(status >= 400 ? [status] : []));
}

/** Pictures of a page for whoever looks at them: desk in light and dark, telephone. */
export async function look(page, url, folder, name, fullPage = true) {
  const kinds = [['light', 1280, 'light'], ['dark', 1280, 'dark'], ['phone', 375, 'light']];
  for (const [kind, width, colorScheme] of kinds) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await page.goto(url);
    await page.screenshot({ path: join(folder, `${name}-${kind}.png`), fullPage });
  }
}
