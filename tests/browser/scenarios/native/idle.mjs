// A window on which nothing happens costs nothing: with the market closed it draws the clock's one frame a second.

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as span } from 'node:timers/promises';

const SECONDS = 20;

export default async function idle(bench) {
  const server = await bench.server({ args: ['--session', 'closed'] });
  const desktop = await bench.desktop();
  let frames = 0;
  const { child, window } = await desktop.console(['--gateway', server.url], {
    env: { QD_CONSOLE_LOG: 'warn,qd_console=info,qd_console::frame=trace' },
    onLine: (line) => {
      if (line.includes('qd_console::frame')) frames += 1;
    },
  });

  // What arrives while the window opens slides and flashes for a moment.
  let last = Number.NaN;
  await bench.eventually('motion ends', () => {
    const drawn = frames - last;
    last = frames;
    return drawn <= 1;
  }, { every: 1_000, limit: 20_000 });
  // The span is what is measured, not a wait for something.
  const before = frames;
  const busyBefore = await busySeconds(child.pid);
  const started = performance.now();
  await span(SECONDS * 1_000);
  const count = frames - before;
  const seconds = (performance.now() - started) / 1_000;
  bench.figure('idle frames', `${count} in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(2)} a second`);
  const busy = await busySeconds(child.pid);
  const share = (of) => `${(((busy[of] - busyBefore[of]) / seconds) * 100).toFixed(2)} % of a core`;
  bench.figure('idle, the console’s own threads', share('own'));
  bench.figure('idle, the threads of the software renderer', share('renderer'));
  bench.check('the clock still ticks', count >= SECONDS / 2, `${count} frames in ${SECONDS} s`);
  // A second begins at either end of the span.
  bench.check('at most one frame a second', count <= Math.ceil(seconds) + 1, `${count} frames in ${seconds} s`);
  await desktop.screenshot(window, 'closed-market');
}

/** Processor time of a process by what its threads are for: ours, or those of Mesa that stand in for a graphics card. */
async function busySeconds(pid) {
  const busy = { own: 0, renderer: 0 };
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const file = (name) => readFile(`/proc/${pid}/task/${thread}/${name}`, 'utf8');
    const [name, times] = await Promise.all([file('comm'), file('schedstat')]);
    busy[name.startsWith('llvmpipe') ? 'renderer' : 'own'] += Number(times.split(' ')[0]) / 1e9;
  }
  return busy;
}
