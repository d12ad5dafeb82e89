// The native window: it opens, draws and moves, signed in to a gateway whose bus is a real Redis.

import { waitFor } from '../../lib/wait.mjs';

/** A drawn dashboard has hundreds of colors from smoothed text alone; an empty window has a handful. */
const MIN_COLORS = 100;

export default async function window(bench) {
  const redis = await bench.redis();
  const server = await bench.server({ redis: redis.url });
  const desktop = await bench.desktop();
  let firstFrame;
  const opened = await desktop.console(['--gateway', server.url], {
    onLine: (line) => {
      firstFrame ??= line.match(/first frame.*millis=(\d+)/)?.[1];
    },
  });

  await desktop.resize(opened.window, 1440, 900);
  const first = await bench.eventually('the window draws', async () => {
    const picture = await desktop.screenshot(opened.window, 'window-1440x900');
    return picture.colors >= MIN_COLORS && picture;
  }, { limit: 20_000, every: 500 });
  if (!first) return;
  bench.check('it says when it drew its first frame', firstFrame !== undefined, opened.child.tail.join('\n'));
  bench.figure('program start to first frame', `${firstFrame} ms`);

  // The middle of the page: neither the clock of the header nor the footer, which move by themselves.
  let changed = 0;
  const moved = await waitFor(async () => {
    const next = await desktop.screenshot(opened.window, 'window-1440x900-later');
    changed = await desktop.difference(first.file, next.file, '800x400+200+220');
    return changed > 200;
  }, { limit: 15_000, every: 500, what: 'a changed picture' }).catch(() => false);
  bench.check('its numbers move', moved, `${changed} pixels changed`);

  for (const [width, height] of [[1024, 700], [420, 900]]) {
    await desktop.resize(opened.window, width, height);
    // The first word of the footer is where the window ends once it is laid out anew.
    const word = (bottom) => `28x12+13+${bottom - 16}`;
    await bench.eventually(`it is laid out anew at ${width}×${height}`, async () => {
      const picture = await desktop.screenshot(opened.window, `window-${width}x${height}`);
      const isRightSize = picture.width === width && picture.height === height && picture.colors >= MIN_COLORS;
      return isRightSize && desktop.isSame(first.file, word(900), picture.file, word(height));
    }, { every: 500 });
  }
  bench.check('the console is still running', opened.child.exit === null, opened.child.tail.join('\n'));
}
