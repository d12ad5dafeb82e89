// A desk on which nothing happens costs nothing: with the market closed the console draws the clock's one frame a second.

import { setTimeout as span } from 'node:timers/promises';

const SECONDS = 20;

export default async function idle(bench) {
  const server = await bench.server({ args: ['--session', 'closed'] });
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);
  const frames = async () => (await console.frameStats()).frames;

  // What arrives while the page opens slides and flashes for a moment.
  let last = Number.NaN;
  await bench.eventually('motion ends', async () => {
    const now = await frames();
    const drawn = now - last;
    last = now;
    return drawn <= 1;
  }, { every: 1_000, limit: 20_000 });
  // The span is what is measured, not a wait for something.
  const before = await frames();
  const started = performance.now();
  await span(SECONDS * 1_000);
  const count = (await frames()) - before;
  const seconds = (performance.now() - started) / 1_000;
  bench.figure('idle frames', `${count} in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(2)} a second`);
  bench.check('the clock still ticks', count >= SECONDS / 2, `${count} frames in ${SECONDS} s`);
  // A second begins at either end of the span.
  bench.check('at most one frame a second', count <= Math.ceil(seconds) + 1, `${count} frames in ${seconds} s`);
  await console.screenshot('closed-market');
}
