// A window comes back where it was left, as large as it was left.

export default async function reopen(bench) {
  const server = await bench.server();
  const desktop = await bench.desktop();
  const first = await desktop.console(['--gateway', server.url]);
  await desktop.resize(first.window, 1100, 720, { x: 120, y: 60 });
  const left = await desktop.geometry(first.window);
  const exit = await first.child.stop();
  bench.check('a session that ends closes the window in good order', exit === 0, `exit ${exit}\n${first.child.tail.join('\n')}`);

  const second = await desktop.console(['--gateway', server.url]);
  await bench.eventually('it opens where it was, as large as it was', async () => {
    const is = await desktop.geometry(second.window);
    return JSON.stringify(is) === JSON.stringify(left);
  });
  await desktop.screenshot(second.window, 'reopened');
}
