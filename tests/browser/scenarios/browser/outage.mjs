// Redis is killed and comes back empty: the console says so, keeps its values with their age, and recovers by itself.

import { waitFor } from '../../lib/wait.mjs';

export default async function outage(bench) {
  const redis = await bench.redis();
  const server = await bench.server({ redis: redis.url });
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);
  const stream = `positions:${console.user}`;
  const place = async () => (await console.painted()).streams[stream];
  const before = await waitFor(place, { what: `a painted ${stream}` });

  await redis.kill();
  const killed = performance.now();
  await bench.eventually('the screen says that something is wrong', () => console.shows(/The server reports trouble|Connection lost|Data may be stale|resyncing/), { limit: 30_000 });
  bench.figure('outage to its banner', `${Math.round(performance.now() - killed)} ms`);
  bench.check('the last values are still there', (await console.all('Button', /^Close [A-Z.]+$/)).length > 0);
  await console.screenshot('outage');

  await redis.start();
  const back = performance.now();
  await bench.eventually('numbers are painted again', async () => {
    const now = await place();
    return now && (now.epoch !== before.epoch || now.seq > before.seq + 20) && (await console.shows(/verified to #/));
  }, { limit: 60_000 });
  bench.figure('return to verified', `${Math.round(performance.now() - back)} ms`);
  await bench.eventually('the banners are gone', async () => !(await console.shows(/The server reports trouble|Connection lost|Data may be stale/)), { limit: 60_000 });
  await console.screenshot('recovered');
  bench.check('nobody was signed out', new URL(console.page.url()).pathname === '/', console.page.url());
  bench.check('no panic', !(await console.hasPanicked()));
}
