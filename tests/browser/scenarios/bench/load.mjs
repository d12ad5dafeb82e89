// How long from the navigation to the first live number on screen. Cold: a fresh profile with nothing but the session's
// cookie. Warm: the page once more in its tab. And what lies between: another tab of the browser, which is another process,
// and another browser with the same profile. docs/performance.md says how to read it.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { launchProfile, signedInCookies } from '../../lib/browser.mjs';
import { percentile, waitFor } from '../../lib/wait.mjs';

const NUM_LOADS = Number(process.env.QD_E2E_LOADS ?? 10);
/** Reloads in each browser. */
const NUM_WARM = 3;
/** What the browser compiled well it keeps a while after it was loaded. */
const WARM_AFTER_MILLIS = Number(process.env.QD_E2E_WARM_AFTER_MILLIS ?? 3_000);
/** A browser that is up, a page that is at rest: their own starts are not the page's. */
const AT_REST_MILLIS = 1_500;

const KINDS = {
  cold: 'cold load',
  warm: 'warm load, the same tab',
  tab: 'the same browser, another tab',
  process: 'the same profile, another browser',
};

export default async function load(bench) {
  const server = await bench.server();
  const cookies = await signedInCookies(server.url, 'alice');
  const runs = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, []]));
  for (let i = 0; i < NUM_LOADS; i += 1) {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'qd-profile-'));
    try {
      await inBrowser(folder, async (context) => {
        const page = context.pages()[0];
        runs.cold.push(await once(page, () => page.goto(`${server.url}/`)));
        // The spans are part of what is measured.
        await page.waitForTimeout(WARM_AFTER_MILLIS);
        for (let again = 0; again < NUM_WARM; again += 1) runs.warm.push(await once(page, () => page.reload()));
        // The browser ends its session, and the cookie with it, with its last tab.
        const tab = await context.newPage();
        await page.close();
        runs.tab.push(await once(tab, () => tab.goto(`${server.url}/`)));
      });
      await inBrowser(folder, async (context) => {
        const page = context.pages()[0];
        runs.process.push(await once(page, () => page.goto(`${server.url}/`)));
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const wire = (kind) => runs[kind].map(({ bytes }) => bytes);
  bench.check('a cold load brings the program over the wire', wire('cold').every((bytes) => bytes > 500_000), wire('cold'));
  for (const kind of ['warm', 'tab', 'process']) bench.check(`${KINDS[kind]}: has it`, wire(kind).every((bytes) => bytes < 10_000), wire(kind));
  for (const [kind, what] of Object.entries(KINDS)) {
    const values = runs[kind].map(({ marks }) => marks['qd:first-number']);
    const [least, median, most] = [Math.min(...values), percentile(values, 0.5), Math.max(...values)].map((value) => value.toFixed(0));
    bench.figure(`${what}, to the first number`, `${least}, ${median}, ${most} ms (least, median, most) of ${values.length}`);
    // A bootstrap that the page did not wait for leaves no mark.
    const middle = (name) => `${name.slice(3)} ${percentile(runs[kind].map(({ marks }) => marks[name]).filter(Number.isFinite), 0.5).toFixed(0)}`;
    bench.figure(`${what}, medians on the way`, Object.keys(runs[kind][0].marks).map(middle).join(', '));
  }

  async function inBrowser(folder, act) {
    const context = await launchProfile(folder);
    try {
      await context.addCookies(cookies);
      await act(context);
    } finally {
      await context.close();
    }
  }

  /** Loads once, and tells the marks and the bytes of the program that came over the wire. */
  async function once(page, navigate) {
    await page.waitForTimeout(AT_REST_MILLIS);
    await navigate();
    const marks = await waitFor(async () => {
      const all = await page.evaluate(() => Object.fromEntries(performance.getEntriesByType('mark').filter((mark) => mark.name.startsWith('qd:')).map((mark) => [mark.name, mark.startTime])));
      return all['qd:first-number'] !== undefined && all;
    }, { limit: 30_000, what: 'the first number' });
    const bytes = await page.evaluate(() => performance.getEntriesByType('resource').find(({ name }) => name.endsWith('.wasm'))?.transferSize);
    return { marks, bytes };
  }
}
