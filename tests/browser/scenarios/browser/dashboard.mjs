// The dashboard lives: real numbers arrive over a real Redis and move, at three sizes, and nothing is refused or fails on the way.

import { waitFor } from '../../lib/wait.mjs';

const SIZES = [[1440, 900], [1024, 700], [420, 900]];

export default async function dashboard(bench) {
  const redis = await bench.redis();
  const server = await bench.server({ redis: redis.url });
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);

  const stream = `positions:${console.user}`;
  const first = await waitFor(async () => (await console.painted()).streams[stream], { what: `a painted ${stream}` });
  await bench.eventually('numbers arrive and are painted', async () => {
    const now = (await console.painted()).streams[stream];
    return now.epoch === first.epoch && now.seq > first.seq;
  });
  for (const words of ['Halt state: TRADING ACTIVE', /^Connection: Live/, /verified to #/]) {
    await bench.eventually(`the screen says ${words}`, () => console.shows(words));
  }
  for (const title of ['Unrealized P&L', 'Realized today', 'Buying power', 'Exposure', 'Positions', 'Open orders', 'Activity']) {
    bench.check(`"${title}" is on the screen`, await console.shows(title));
  }
  bench.check('positions have a button each', (await console.all('Button', /^Close [A-Z.]+$/)).length > 3);

  for (const [width, height] of SIZES) {
    await console.screenshot(`dashboard-${width}x${height}`, { width, height });
    bench.check(`it draws at ${width}×${height}`, !(await console.hasPanicked()));
  }
  for (const [mark, at] of Object.entries(await console.timings())) bench.figure(mark, `${at} ms`);
  bench.figure('frames', JSON.stringify(await console.frameStats()));
  console.checkQuiet();
}
