// The window looked into: `--profile` serves its scopes on loopback, a taken port is told, and without the flag nothing listens.
// covers: OB-3

import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';

import { Child, freePort, required } from '../../lib/servers.mjs';

/** What the viewer of the same release understands. */
const PROTOCOL_VERSION = 2;

/** From the frame, its logic, a part of the page, the ingest task, and egui's own: scopes of every thread and crate. */
const SCOPES = ['desk_ui', 'run_logic', 'positions_ui', 'publish_snapshot', 'tessellate'];

/** The names of a process's threads. */
async function threads(child) {
  const tasks = await readdir(`/proc/${child.pid}/task`);
  return Promise.all(tasks.map(async (task) => (await readFile(`/proc/${child.pid}/task/${task}/comm`, 'utf8')).trim()));
}

export default async function profile(bench) {
  const server = await bench.server();
  const desktop = await bench.desktop();
  const port = await freePort();
  const { child, window } = await desktop.console(['--gateway', server.url, `--profile=${port}`]);
  bench.check('it says how to look', child.tail.some((line) => line.includes(`puffin_viewer --url 127.0.0.1:${port}`)), child.tail.join('\n'));

  // Frames come packed, but the names of their scopes in plain text.
  let seen = Buffer.alloc(0);
  const viewer = net.connect(port, '127.0.0.1').on('error', (error) => bench.fail('the port is open', error.message));
  viewer.on('data', (data) => {
    seen = Buffer.concat([seen, data]);
  });
  await bench.eventually('frames come with the scopes of the page, the feed and the drawing', () => SCOPES.every((name) => seen.includes(name)), { limit: 20_000 });
  bench.check('in the protocol of the viewer', seen.length > 2 && seen.readUInt16LE(0) === PROTOCOL_VERSION, `${seen.length} bytes, ${seen.subarray(0, 8).toString('hex')}`);
  const before = seen.length;
  await bench.eventually('and go on coming', () => seen.length > before, { limit: 10_000 });
  await desktop.screenshot(window, 'profiled');

  const second = Child.start(required('QD_E2E_CONSOLE'), ['--gateway', server.url, `--profile=${port}`], { log: bench.file('second.log'), env: desktop.env });
  const exit = await bench.within(20_000, second.ended).catch((error) => error.message);
  bench.check('a port that is taken ends a second window before it opens', exit === 1, `exit ${exit}`);
  bench.check('with what to do', second.tail.some((line) => line.includes(`127.0.0.1:${port}`) && line.includes('--profile=PORT')), second.tail.join('\n'));
  await second.stop();

  bench.check('a profiled window has the threads of the profiler', (await threads(child)).includes('puffin-server'), String(await threads(child)));
  viewer.destroy();
  bench.check('and closes in good order', (await child.stop()) === 0, child.tail.join('\n'));

  const plain = await desktop.console(['--gateway', server.url]);
  const names = await threads(plain.child);
  bench.check('without the flag there is no profiler', names.length > 0 && !names.some((name) => name.startsWith('puffin')), names.join(' '));
}
