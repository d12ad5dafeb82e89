// The program finds itself in a state that must not be: the page says so in words, with the details and a way back.

export default async function panic(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);

  await console.page.evaluate(() => {
    try {
      window.__qd.provoke_panic();
    } catch {
      // The trap that ends the program; the page finds out by itself.
    }
  });
  const notice = console.page.locator('#notice:not([hidden])');
  await bench.eventually('the page says that the console has stopped', async () => (await notice.locator('h1').textContent()) === 'The console has stopped', { limit: 5_000 });
  bench.check('it says that orders are not touched', (await notice.locator('p').textContent()).includes('orders and positions are on the server'));
  const details = await notice.locator('pre').textContent();
  bench.check('the details name the panic', details.includes('provoked by a test'), details.slice(0, 400));
  await console.screenshot('stopped');

  await notice.locator('button').click();
  await bench.eventually('after a reload it is live again', () => console.shows(/^Connection: Live/), { limit: 30_000 });
}
