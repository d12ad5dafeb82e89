// A number published by hand, with plain PUBLISH and from outside, is painted; what cannot be read harms nothing.

import { position, positions } from '../../lib/foreign.mjs';

export default async function publish(bench) {
  const redis = await bench.redis();
  const server = await bench.server({ redis: redis.url });
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);
  const producer = await redis.client();
  const channel = `positions:${console.user}`;

  await bench.eventually('the positions are verified first', () => console.shows(/verified to #/));
  // The page looks at each animation frame, so that the time below is the console's and not the test's.
  const seen = console.page.evaluate(async () => {
    const until = performance.now() + 15_000;
    while (performance.now() < until) {
      if (window.__qd.a11y_tree().includes('HANDMADE')) return Date.now();
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    return null;
  });
  const sent = Date.now();
  const listeners = await producer.publish(channel, positions([position('HANDMADE')]));
  bench.check('the gateway listens to the channel', listeners > 0, `${listeners} listeners`);
  const at = await seen;
  bench.check('the row that was published by hand is painted', at !== null);
  if (at !== null) bench.figure('publish by hand to painted', `${at - sent} ms`);
  await console.screenshot('published-by-hand');
  await bench.eventually('its quantity is on the screen', () => console.shows(/HANDMADE, quantity 4,?242\b/), { limit: 3000 });
  await bench.eventually('its total is on the screen', () => console.shows('123,456.78'), { limit: 3000 });
  await bench.eventually('the seal says that nobody vouches for it', () => console.shows('unverified'), { limit: 3000 });
  await bench.eventually('the next numbered snapshot puts it right', async () => {
    return (await console.shows(/verified to #/)) && !(await console.shows('HANDMADE'));
  }, { limit: 30_000 });

  for (const junk of ['', 'no json', '{', '[]', '{"positions":7}', '{"v":1,"stream":"positions:bob","epoch":"x","seq":1,"kind":"delta"}', `{"pad":"${'x'.repeat(2_000_000)}"}`]) {
    await producer.publish(channel, junk);
  }
  const before = (await console.painted()).streams[channel];
  await bench.eventually('after seven unreadable messages the stream goes on', async () => {
    const now = (await console.painted()).streams[channel];
    return now.epoch === before.epoch && now.seq > before.seq + 3;
  });
  await bench.eventually('and is verified', () => console.shows(/verified to #/), { limit: 30_000 });
  producer.close();
  console.checkQuiet();
}
