// Another console is deployed while a page is open: the page offers it, loads it when told, and nobody signs in again.

import { randomBytes } from 'node:crypto';
import { appendFile, cp, writeFile } from 'node:fs/promises';

import { freePort, required } from '../../lib/servers.mjs';

export default async function update(bench) {
  const [redis, port] = [await bench.redis(), await freePort()];
  const [appDir, keyFile] = [bench.file('app'), bench.file('cookie.key')];
  await cp(required('QD_E2E_APP_DIR'), appDir, { recursive: true });
  await writeFile(keyFile, randomBytes(32), { mode: 0o600 });
  const start = (...args) => bench.server({ redis: redis.url, port, appDir, args: ['--cookie-key-file', keyFile, ...args] });

  const first = await start();
  const browser = await bench.browser();
  const console = await bench.console(browser, first.url);
  const offers = () => console.shows(/A newer console is served/);
  const loads = async () => console.page.evaluate(() => performance.timeOrigin);

  await first.close();
  await bench.eventually('the page knows that the server is gone', () => console.shows(/Connection lost/));
  const same = await start();
  await bench.eventually('it is back with the same session', async () => !(await console.shows(/Connection lost/)), { limit: 30_000 });
  bench.check('the same console is no news', !(await offers()));
  await same.close();

  await appendFile(`${appDir}/index.html`, '<!-- another build -->\n');
  const other = await start();
  await bench.eventually('another console is offered', offers, { limit: 30_000 });
  await console.screenshot('offered');
  const loadedAt = await loads();
  await console.click(await console.byRole('Button', /^Load it/));
  await bench.eventually('it is loaded', async () => (await loads()) !== loadedAt, { limit: 20_000 });
  await console.settled();
  bench.check('and is no news any more', !(await offers()));
  await other.close();

  // As `cargo xtask dev` does it: nobody is asked.
  await appendFile(`${appDir}/index.html`, '<!-- and another -->\n');
  const reloadedAt = await loads();
  await start('--app-reload', 'auto');
  await bench.eventually('a developer’s page loads it by itself', async () => (await loads().catch(() => reloadedAt)) !== reloadedAt, { limit: 30_000 });
  await console.settled();
  bench.check('nobody had to sign in', await console.shows(/alice/));
}
