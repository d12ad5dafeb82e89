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
  bench.check('no panic', !(await console.hasPanicked()));
  console.checkQuiet();
}
