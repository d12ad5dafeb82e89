// What an update of a hundred rows costs the page: script per update, without and with a reader of the page, each in the
// same page and minute. The rows come by hand, as a producer without numbers would send them; the market is closed, so
// that nothing else moves.

import { position, positions } from '../../lib/foreign.mjs';

const NUM_ROWS = 100;
const NUM_UPDATES = Number(process.env.QD_E2E_UPDATES ?? 200);
const EVERY_MILLIS = 200;

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
    const started = performance.now();
    for (let i = 0; i < NUM_UPDATES; i += 1) {
      await update();
      // The schedule waits for nobody.
      await page.waitForTimeout(Math.max(0, started + (i + 1) * EVERY_MILLIS - performance.now()));
    }
    const after = await script();
    return { script: (after.script - before.script) / NUM_UPDATES, task: (after.task - before.task) / NUM_UPDATES };
  };

  const plain = await perUpdate();
  await page.keyboard.press('Tab');
  await bench.eventually('the first Tab starts the mirror', async () => (await page.locator('#mirror [role="listitem"]').count()) > 10);
  const read = await perUpdate();
  const words = ({ script: ofScript, task }) => `script ${ofScript.toFixed(2)} ms, main thread ${task.toFixed(2)} ms`;
  bench.figure(`an update of ${NUM_ROWS} rows, over ${NUM_UPDATES}`, words(plain));
  bench.figure('the same while the page is read out', words(read));
  bench.check('something was measured', plain.script > 0 && read.script > 0);
  producer.close();
  console.checkQuiet();
}
