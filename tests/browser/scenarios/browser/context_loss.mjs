// The browser takes the graphics context away: the page says so and the console starts again by itself, still signed in.

export default async function contextLoss(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);

  await console.page.evaluate(() => {
    window.__lost = window.__qd;
    document.querySelector('canvas').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext();
  });
  await bench.eventually('the page says it starts again', () => console.page.locator('#notice:not([hidden])').textContent().then((text) => text.includes('Starting again')), { limit: 3000 });
  await console.screenshot('lost');
  await bench.eventually('a new console settles', () => console.page.evaluate(() => window.__qd !== window.__lost && window.__qd.settled()), { limit: 30_000 });
  bench.check('the notice is gone', await console.page.locator('#notice').isHidden());
  await bench.eventually('it is live', () => console.shows(/^Connection: Live/));
  await console.screenshot('restored');
  console.checkQuiet();
}
