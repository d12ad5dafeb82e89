// A recorded day as the market: the header says REPLAY and shows the tape's time, and the desk trades the tape's symbols.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const data = process.env.QD_REPLAY_DATA ?? path.join(here, '../../../../../shared/data/lean');

export default async function replay(bench) {
  if (!existsSync(data)) {
    bench.skip(`no tapes at ${data}; QD_REPLAY_DATA may name a folder in the LEAN format`);
    return;
  }
  const server = await bench.server({ args: ['--replay', data, '--replay-date', '20131007', '--speed', '60'] });
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);

  await bench.eventually('the header says REPLAY', () => console.shows(/REPLAY/));
  await bench.eventually('the clock is the tape’s', () => console.shows(/2013-10-07/), { limit: 20_000 });
  await bench.eventually('the desk trades the tape', async () => (await console.all('Button', /^Close (SPY|IBM|BAC|AIG)$/)).length > 0, { limit: 60_000 });
  await bench.eventually('fills are in the activity list', () => console.shows(/(SPY|IBM|BAC|AIG).*filled/), { limit: 20_000 });
  await console.screenshot('replay');

  // The header's clock tells the tape's time to the second.
  const tapeTime = async () => (await console.tree()).map((node) => node.label?.match(/Tape: \S+ (\S+) New York/)?.[1]).find(Boolean);
  const tell = async (name) => console.click(await console.byRole('Button', name));
  await tell(/^REPLAY: pause/);
  await console.screenshot('tape-menu');
  await tell(/^Pause the tape$/);
  await bench.eventually('the header says PAUSED', () => console.shows(/New York · PAUSED/));
  const stood = await tapeTime();
  await tell(/^Play the tape's next instant$/);
  await bench.eventually('a step moves the tape', async () => (await tapeTime()) !== stood);
  bench.check('and leaves it paused', await console.shows(/New York · PAUSED/));
  await tell(/^Play the tape$/);
  await tell(/^Speed ×300$/);
  await bench.eventually('it goes on, faster', () => console.shows(/New York · ×300/));
  await console.press('Escape');
  bench.check('no panic', !(await console.hasPanicked()));
  console.checkQuiet();
}
