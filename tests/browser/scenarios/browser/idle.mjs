// A desk on which nothing happens costs nothing: with the market closed the console draws the clock's one frame a second,
// asks the browser for no other, and is awake at once when a person does something.

import { setTimeout as span } from 'node:timers/promises';

import { waitFor } from '../../lib/wait.mjs';

const SECONDS = 20;
/** Well before the clock's next frame: what is drawn by then was drawn for the input. */
const ANSWERED_WITHIN = 600;

export default async function idle(bench) {
  const server = await bench.server({ args: ['--session', 'closed'] });
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);
  const { page } = console;
  const frames = async () => (await console.frameStats()).frames;
  const asked = () => page.evaluate(() => window.__framesAsked);
  const cdp = await console.context.newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => (await cdp.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;

  // What arrives while the page opens slides and flashes for a moment.
  let last = Number.NaN;
  await bench.eventually('motion ends', async () => {
    const now = await frames();
    const drawn = now - last;
    last = now;
    return drawn <= 1;
  }, { every: 1_000, limit: 20_000 });
  // The span is what is measured, not a wait for something.
  const before = { frames: await frames(), asked: await asked(), busy: await busy() };
  const started = performance.now();
  await span(SECONDS * 1_000);
  const count = (await frames()) - before.frames;
  const seconds = (performance.now() - started) / 1_000;
  const numAsked = (await asked()) - before.asked;
  bench.figure('idle frames', `${count} in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(2)} a second`);
  bench.figure('idle, the page’s thread', `${((((await busy()) - before.busy) / seconds) * 100).toFixed(2)} % of a core, with the tree kept for this test`);
  bench.check('the clock still ticks', count >= SECONDS / 2, `${count} frames in ${SECONDS} s`);
  // A second begins at either end of the span.
  bench.check('at most one frame a second', count <= Math.ceil(seconds) + 1, `${count} frames in ${seconds} s`);
  // Each frame asks for the callback that says it was shown; news may find nothing to draw.
  bench.check('the browser is asked for few more', numAsked <= 6 * (Math.ceil(seconds) + 1), `${numAsked} animation frames asked for in ${seconds} s`);
  await console.screenshot('closed-market');

  // Every picture clears the canvas once; the counter above also counts what is worked out and not drawn.
  await page.evaluate(() => {
    window.__pictures = 0;
    const gl = document.querySelector('canvas').getContext('webgl2');
    const clear = gl.clear;
    gl.clear = (...args) => {
      window.__pictures += 1;
      clear.apply(gl, args);
    };
  });
  const pictures = () => page.evaluate(() => window.__pictures);
  await page.mouse.move(640, 20);
  const inputs = {
    'a key': () => page.keyboard.press('Escape'),
    'the pointer': () => page.mouse.move(400 + 40 * Math.random(), 300),
    'a press of the pointer': () => page.mouse.down(),
    'the wheel': () => page.mouse.wheel(0, 10),
    // What a script of the page asks for is answered, and takes no frame of the console's away.
    'after a stranger’s frame, a key': async () => {
      await page.evaluate(() => new Promise(requestAnimationFrame));
      await page.keyboard.press('Escape');
    },
  };
  for (const [what, act] of Object.entries(inputs)) {
    await waitFor(async () => {
      const drawn = await pictures();
      await span(250);
      return (await pictures()) === drawn;
    }, { limit: 10_000, what: 'a quarter of a second without a picture' });
    // Right after one of the clock, so that the next one is most of a second away.
    const tick = await pictures();
    await waitFor(async () => (await pictures()) > tick, { every: 5, limit: 5_000, what: 'the clock’s picture' });
    const drawn = await pictures();
    const until = performance.now() + ANSWERED_WITHIN;
    await act();
    await bench.eventually(`${what} is drawn before the clock’s next picture`, async () => (await pictures()) > drawn, { every: 5, limit: Math.max(0, until - performance.now()) });
  }
}
