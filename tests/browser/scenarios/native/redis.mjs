// The native window on a bare Redis: what is published by hand, with no server of ours in between, is painted.

import { position, positions } from '../../lib/foreign.mjs';

/** Where the rows of the positions are, away from clock and footer. */
const ROWS = '800x360+200+240';

export default async function redis(bench) {
  const server = await bench.redis();
  const desktop = await bench.desktop();
  const opened = await desktop.console(['--redis', server.url, '--user', 'zoe', '--environment', 'PAPER']);
  await desktop.resize(opened.window, 1440, 900);
  const producer = await server.client();

  await bench.eventually('the console listens', async () => (await producer.send('PUBSUB', 'NUMSUB', 'positions:zoe'))[1] > 0, { limit: 20_000 });
  const empty = await bench.eventually('the empty window draws', async () => {
    const picture = await desktop.screenshot(opened.window, 'before');
    return picture.colors >= 50 && picture;
  }, { limit: 20_000, every: 500 });
  if (!empty) return;

  const symbols = ['HANDMADE', 'AAPL', 'MSFT', 'BRK.B', 'XOM', 'KO'];
  await producer.publish('positions:zoe', positions(symbols.map((symbol, index) => position(symbol, { qty: String(100 + index) }))));
  await bench.eventually('the rows that were published by hand are painted', async () => {
    await desktop.screenshot(opened.window, 'after');
    return (await desktop.difference(empty.file, bench.file('after.png'), ROWS)) > 2000;
  }, { limit: 10_000, every: 300 });

  await producer.publish('positions:zoe', positions([position('HANDMADE')]));
  await bench.eventually('and so is the next message', async () => {
    await desktop.screenshot(opened.window, 'later');
    return (await desktop.difference(bench.file('after.png'), bench.file('later.png'), ROWS)) > 1000;
  }, { limit: 10_000, every: 300 });
  producer.close();
  bench.check('the console is still running', opened.child.exit === null, opened.child.tail.join('\n'));
}
