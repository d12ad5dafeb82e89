// How long from publish to painted, one user, real Redis, headless Chromium drawing in software. Printed, not judged: docs/performance.md says how to read it.

import { percentile, waitFor } from '../../lib/wait.mjs';

/** `cargo xtask bench` wants a thousand; the gate looks whether it works at all. */
const NUM_MESSAGES = Number(process.env.QD_E2E_LATENCY_MESSAGES ?? 150);

/** Messages of the page's own opening: fonts, first layouts and the compiler's warm-up are the cold load's figure. */
const NUM_OPENING = 25;

export default async function latency(bench) {
  const redis = await bench.redis();
  const server = await bench.server({ redis: redis.url });
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);
  const stream = `positions:${console.user}`;

  // The console keeps the last points only, so they are collected while they come, each once by its number.
  const points = new Map();
  const first = await waitFor(async () => (await console.painted()).streams[stream], { what: `a painted ${stream}` });
  const lastOfOpening = first.seq + NUM_OPENING;
  await bench.eventually(`${NUM_MESSAGES} messages are painted`, async () => {
    for (const [seq, published, painted] of (await console.painted()).points[stream] ?? []) {
      if (seq > lastOfOpening) points.set(seq, (painted - published) / 1000);
    }
    return points.size >= NUM_MESSAGES;
  }, { limit: 60_000 + NUM_MESSAGES * 400, every: 2_000 });

  const millis = [...points.values()];
  bench.check('no message was painted before it was published', millis.every((value) => value > -1), `${Math.min(...millis)} ms`);
  for (const p of [0.5, 0.95, 0.99, 1]) bench.figure(`publish to painted, p${p * 100}`, `${percentile(millis, p).toFixed(1)} ms of ${millis.length}`);
  bench.figure('frames', JSON.stringify(await console.frameStats()));
}
