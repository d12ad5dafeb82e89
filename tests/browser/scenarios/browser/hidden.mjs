// A tab that nobody looks at: nothing is painted, little is sent, memory stays; on return the truth is back at once.
// QD_E2E_HIDDEN_SECONDS makes it longer: 180 is the three minutes of the specification.

import { setTimeout as span } from 'node:timers/promises';

const SECONDS = Number(process.env.QD_E2E_HIDDEN_SECONDS ?? 20);
const MIB = 1024 * 1024;

export default async function hidden(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);
  const { page } = console;
  const cdp = await console.context.newCDPSession(page);
  // Headless Chromium hides no tab: the page is told so, by the same property and event.
  await page.evaluate(() => Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.__isHidden === true }));
  const hide = (isHidden) =>
    page.evaluate((value) => {
      window.__isHidden = value;
      document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);
  // Pictures of the positions, the stream that a hidden tab gets once a second; beats and events are none of them.
  let numPictures = 0;
  cdp.on('Network.webSocketFrameReceived', ({ response }) => {
    const text = response.opcode === 1 ? response.payloadData : Buffer.from(response.payloadData, 'base64').toString('latin1');
    if (/"stream":"positions:/.test(text) && /"kind":"(snapshot|delta)"/.test(text)) numPictures += 1;
  });
  await cdp.send('Network.enable');
  const received = async () => numPictures;
  const painted = async () => (await console.painted()).frame;
  const memory = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize = 0 } = await cdp.send('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  };
  const over = async (seconds, count) => {
    const before = await count();
    const started = performance.now();
    await span(seconds * 1_000);
    return ((await count()) - before) / ((performance.now() - started) / 1_000);
  };

  await bench.eventually('the desk is busy', async () => (await over(2, received)) > 2, { limit: 30_000 });
  const looking = await over(5, received);
  await hide(true);
  // What was on its way when the tab was left still arrives.
  await span(1_000);
  const framesBefore = await painted();
  const memoryBefore = await memory();
  const away = await over(SECONDS, received);
  const grown = (await memory()) - memoryBefore;
  bench.figure('pictures a second', `looking ${looking.toFixed(1)}, away ${away.toFixed(1)}`);
  bench.figure(`memory over ${SECONDS} s hidden`, `${(grown / MIB).toFixed(2)} MiB`);
  bench.check('nothing is painted', (await painted()) === framesBefore);
  // One more may stand at either end of the span.
  bench.check('the server sends one picture a second', away <= 1 + 2 / SECONDS && away > 0.2, `${away} against ${looking}`);
  bench.check('memory grows under 20 MB', grown < 20 * MIB, `${grown} bytes`);

  const { streams: before } = await console.painted();
  await hide(false);
  const stream = Object.keys(before).find((name) => name.startsWith('positions:'));
  await bench.eventually('on return it paints what is newer', async () => (await console.painted()).streams[stream].seq > before[stream].seq);
  await bench.eventually('and is verified', () => console.shows(/verified to #/));
  bench.check('no panic', !(await console.hasPanicked()));
  console.checkQuiet();
}
