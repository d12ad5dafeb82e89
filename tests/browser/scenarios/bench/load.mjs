// How long from the navigation to the first live number on screen: cold with a fresh profile and nothing but the session's
// cookie, warm when the same profile opens the page again. docs/performance.md says how to read it.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { launchProfile, signedInCookies } from '../../lib/browser.mjs';
import { percentile, waitFor } from '../../lib/wait.mjs';

const NUM_LOADS = Number(process.env.QD_E2E_LOADS ?? 10);
/** What the browser compiled well it keeps a while after it was loaded; only then is the next load warm. */
const WARM_AFTER_MILLIS = Number(process.env.QD_E2E_WARM_AFTER_MILLIS ?? 5_000);

const BROWSER_UP_MILLIS = 3_000;

export default async function load(bench) {
  const server = await bench.server();
  const cookies = await signedInCookies(server.url, 'alice');
  const cold = [];
  const warm = [];
  const marks = {};
  const wire = { cold: [], warm: [] };
  for (let i = 0; i < NUM_LOADS; i += 1) {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'qd-profile-'));
    try {
      const context = await launchProfile(folder);
      try {
        await context.addCookies(cookies);
        cold.push(await once(context, server.url, 'cold'));
      } finally {
        await context.close();
      }
      // Another process with the same folder: nothing is left in memory.
      const again = await launchProfile(folder);
      try {
        await again.addCookies(cookies);
        warm.push(await once(again, server.url, 'warm'));
      } finally {
        await again.close();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const ofProgram = (kind) => wire[kind].every((size) => (kind === 'cold' ? size > 500_000 : size < 10_000));
  bench.check('a cold load brings the program over the wire', ofProgram('cold'), wire.cold);
  bench.check('a warm one has it', ofProgram('warm'), wire.warm);
  for (const [name, values] of [['cold', cold], ['warm', warm]]) {
    bench.figure(`${name} load to the first number`, `${[Math.min(...values), percentile(values, 0.5), Math.max(...values)].map((value) => value.toFixed(0)).join(', ')} ms (least, median, most) of ${values.length}`);
  }
  for (const [name, values] of Object.entries(marks)) bench.figure(name, `${percentile(values, 0.5).toFixed(0)} ms, median`);

  async function once(context, url, kind) {
    const page = context.pages()[0] ?? (await context.newPage());
    // A browser that is up, with another tab open: its own start is not the page's. The span is part of what is measured.
    await page.waitForTimeout(BROWSER_UP_MILLIS);
    await page.goto(`${url}/`);
    const timings = () =>
      page.evaluate(() => Object.fromEntries(performance.getEntriesByType('mark').filter((mark) => mark.name.startsWith('qd:')).map((mark) => [mark.name, mark.startTime])));
    const found = await waitFor(async () => {
      const all = await timings();
      return all['qd:first-number'] !== undefined && all;
    }, { limit: 30_000, what: 'the first number' });
    for (const [name, at] of Object.entries(found)) (marks[`${kind} ${name}`] ??= []).push(at);
    wire[kind].push(await page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.wasm')).reduce((sum, entry) => sum + entry.transferSize, 0)));
    // The span is part of what is measured: see WARM_AFTER_MILLIS.
    if (kind === 'cold') await page.waitForTimeout(WARM_AFTER_MILLIS);
    return found['qd:first-number'];
  }
}
