// The dashboard lives: real numbers arrive over a real Redis and move, at three sizes, and nothing is refused or fails on the way.

import { waitFor } from '../../lib/wait.mjs';

const SIZES = [[1440, 900], [1024, 700], [420, 900]];

export default async function dashboard(bench) {
  const redis = await bench.redis();
  const server = await bench.server({ redis: redis.url });
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);

  const stream = `positions:${console.user}`;
  const first = await waitFor(async () => (await console.painted()).streams?.[stream], { what: `a painted ${stream}` });
  await bench.eventually('numbers arrive and are painted', async () => {
    const now = (await console.painted()).streams[stream];
    return now.epoch === first.epoch && Number(now.seq) > Number(first.seq);
  });

  for (const name of ['Positions', 'Open orders', 'Activity']) {
    const found = (await console.tree()).some((node) => node.label === name || node.value === name);
    bench.check(`the panel "${name}" is on the screen`, found);
  }
  for (const [width, height] of SIZES) {
    await console.screenshot(`dashboard-${width}x${height}`, { width, height });
    bench.check(`it draws at ${width}×${height} without a panic`, !(await console.hasPanicked()));
  }

  for (const [mark, at] of Object.entries(await console.timings())) bench.figure(mark, `${at} ms`);
  bench.figure('frames', JSON.stringify(await console.frameStats()));
  bench.check('the content security policy refused nothing', console.complaints.violations.length === 0, console.complaints.violations.join('\n'));
  bench.check('no error on the browser’s console', console.complaints.errors.length === 0, console.complaints.errors.join('\n'));
  bench.check('no exception in the page', console.complaints.exceptions.length === 0, console.complaints.exceptions.join('\n'));
}
