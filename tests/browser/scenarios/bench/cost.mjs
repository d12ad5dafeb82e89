// What an update of a hundred rows costs the page: script per update, without and with a reader of the page, each in the
// same page and minute. The rows come by hand, as a producer without numbers would send them; the market is closed, so
// that nothing else moves.

import { position, positions } from '../../lib/foreign.mjs';
import { percentile } from '../../lib/wait.mjs';

const NUM_ROWS = 100;
const NUM_UPDATES = Number(process.env.QD_E2E_UPDATES ?? 200);
const EVERY_MILLIS = 200;
const NUM_KEYS = 200;

export default async function cost(bench) {
  const redis = await bench.redis();
  const server = await bench.server({ redis: redis.url, args: ['--session', 'closed'] });
  const browser = await bench.browser();
  // No `?e2e`: that keeps the accessibility tree, which is one of the things to be measured.
  const console = await bench.console(browser, server.url, { query: '', isSettled: false });
  const { page } = console;
  await page.locator('.running').waitFor({ timeout: 30_000 });
  const producer = await redis.client();
  const cdp = await console.context.newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const script = async () => {
    const { metrics } = await cdp.send('Performance.getMetrics');
    const of = (name) => metrics.find((metric) => metric.name === name).value * 1_000;
    return { script: of('ScriptDuration'), task: of('TaskDuration') };
  };
  // A change is shown by its own frame and by those in which the cells fade; every one clears the picture once.
  await page.evaluate(() => {
    window.__frames = 0;
    const gl = document.querySelector('canvas').getContext('webgl2');
    const clear = gl.clear;
    window.__shown = [];
    gl.clear = (...args) => {
      window.__frames += 1;
      const drawn = performance.timeOrigin + performance.now();
      // On screen with the animation frame after: see docs/performance.md.
      window.qdFrames.next(() => window.__shown.push([drawn, performance.timeOrigin + performance.now()]));
      clear.apply(gl, args);
    };
  });
  let step = 0;
  const update = () => {
    step += 1;
    const rows = Array.from({ length: NUM_ROWS }, (_, i) => position(`ROW${i}`, { qty: String(1_000 + i), price: `${77 + ((step * 7 + i) % 900) / 100}` }));
    return producer.publish(`positions:${console.user}`, positions(rows));
  };
  const perUpdate = async () => {
    for (let i = 0; i < 25; i += 1) {
      await update();
      await page.waitForTimeout(EVERY_MILLIS);
    }
    const before = await script();
    const framesBefore = await page.evaluate(() => window.__frames);
    const published = [];
    const started = performance.now();
    for (let i = 0; i < NUM_UPDATES; i += 1) {
      published.push(performance.timeOrigin + performance.now());
      await update();
      // The schedule waits for nobody.
      await page.waitForTimeout(Math.max(0, started + (i + 1) * EVERY_MILLIS - performance.now()));
    }
    const after = await script();
    const frames = (await page.evaluate(() => window.__frames)) - framesBefore;
    const shown = await page.evaluate(() => window.__shown);
    // No message is drawn sooner after it was published than this; a frame that is was drawn for something else.
    const LEAST_MILLIS = 3;
    const painted = published.slice(0, -1).map((at) => shown.find(([drawn]) => drawn >= at + LEAST_MILLIS)[1] - at);
    return { painted, script: (after.script - before.script) / NUM_UPDATES, task: (after.task - before.task) / NUM_UPDATES, frames: frames / NUM_UPDATES };
  };

  const plain = await perUpdate();
  const framesBefore = await page.evaluate(() => window.__frames);
  const keys = await inputs(page);
  bench.check('every key was drawn', (await page.evaluate(() => window.__frames)) - framesBefore >= NUM_KEYS);
  bench.figure('input to painted', keys);
  await page.keyboard.press('Tab');
  await bench.eventually('the first Tab starts the mirror', async () => (await page.locator('#mirror [role="listitem"]').count()) > 10);
  const read = await perUpdate();
  const of = (values, p) => percentile(values, p).toFixed(1);
  bench.figure(`publish to painted with ${NUM_ROWS} rows`, `p50 ${of(plain.painted, 0.5)}, p95 ${of(plain.painted, 0.95)}, p99 ${of(plain.painted, 0.99)}, most ${of(plain.painted, 1)} ms of ${plain.painted.length}`);
  const words = ({ script: ofScript, task, frames }) => `script ${ofScript.toFixed(2)} ms in ${frames.toFixed(1)} frames, main thread ${task.toFixed(2)} ms`;
  bench.figure(`an update of ${NUM_ROWS} rows, over ${NUM_UPDATES}`, words(plain));
  bench.figure('the same while the page is read out', words(read));
  bench.check('something was measured', plain.script > 0 && read.script > 0);
  producer.close();
  console.checkQuiet();
}

/** From a key to the next paint, as the browser times events: in steps of eight milliseconds, nothing under sixteen told. */
async function inputs(page) {
  /** Slower than frames are drawn: keys do not wait for one another. */
  const EVERY = 200;
  await page.mouse.click(500, 300);
  await page.evaluate(() => {
    window.__keys = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry.name === 'keydown') window.__keys.push(entry.duration);
    }).observe({ type: 'event', durationThreshold: 16 });
  });
  for (let i = 0; i < NUM_KEYS; i += 1) {
    await page.keyboard.press(i % 20 < 10 ? 'ArrowDown' : 'ArrowUp');
    await page.waitForTimeout(EVERY);
  }
  const told = await page.evaluate(() => window.__keys);
  const all = [...told, ...Array.from({ length: Math.max(0, NUM_KEYS - told.length) }, () => 16)];
  return `p50 ${percentile(all, 0.5)} ms, p95 ${percentile(all, 0.95)} ms, p99 ${percentile(all, 0.99)} ms of ${all.length} keys, ${told.length} of them over 16 ms`;
}
