// A screen reader's way: the console as a document of elements with roles and names, and what is done to them is done.

export default async function reader(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url, { query: '', isSettled: false });
  const { page } = console;

  await page.locator('.running').waitFor({ timeout: 30_000 });
  bench.check('without a reader nothing is kept', (await page.locator('#mirror > *').count()) === 0);
  await page.keyboard.press('Tab');
  const close = page.locator('#mirror').getByRole('button', { name: /^Close [A-Z.]+$/ });
  await bench.eventually('the first Tab starts the mirror', async () => (await close.count()) > 0, { limit: 60_000 });
  bench.check('regions have names', (await page.locator('#mirror').getByRole('region', { name: 'Open orders' }).count()) === 1);
  const rows = page.locator('#mirror').getByRole('listitem', { name: /, quantity / });
  bench.check('rows say what they hold', (await rows.count()) > 0);
  await bench.eventually('the focus is told', async () => {
    const id = await page.locator('canvas').getAttribute('aria-activedescendant');
    return Boolean(id) && (await page.locator(`#${id}`).count()) === 1;
  });

  // Done to the document, done to the console.
  const symbol = (await close.first().getAttribute('aria-label')).replace('Close ', '');
  await close.first().evaluate((element) => element.click());
  const question = page.locator('#mirror').getByText(`Close ${symbol}?`).or(page.locator(`#mirror [aria-label^="Close ${symbol}?"]`));
  await bench.eventually('the question is read out', async () => (await question.count()) > 0);
  await page.locator('#mirror').getByRole('button', { name: 'Cancel', exact: true }).first().evaluate((element) => element.click());
  await bench.eventually('and left', async () => (await question.count()) === 0);

  const field = page.locator('#mirror').getByRole('textbox', { name: 'Filter positions' });
  await field.evaluate((element, text) => {
    element.value = text;
    element.dispatchEvent(new Event('change'));
  }, symbol);
  await bench.eventually('what is typed filters', async () => (await rows.count()) === 1);
  const nameless = await page.evaluate(() => [...document.querySelectorAll('#mirror button, #mirror input, #mirror [role="listitem"]')].filter((e) => !e.getAttribute('aria-label')).length);
  bench.check('nothing that can be used is without a name', nameless === 0);
  console.checkQuiet();

  await skip(bench, browser, server);
}

/** Who does not come by Tab comes by the link: a screen reader lists it, and follows it without a key of ours. */
async function skip(bench, browser, server) {
  const console = await bench.console(browser, server.url, { query: '', isSettled: false });
  const { page } = console;
  await page.locator('.running').waitFor({ timeout: 30_000 });
  const link = page.getByRole('link', { name: 'Read the console with a screen reader' });
  bench.check('the skip link is there', (await link.count()) === 1);
  bench.check('and nothing is kept yet', (await page.locator('#mirror > *').count()) === 0);
  await link.focus();
  await page.keyboard.press('Enter');
  const close = page.locator('#mirror').getByRole('button', { name: /^Close [A-Z.]+$/ });
  await bench.eventually('the skip link starts the mirror', async () => (await close.count()) > 0, { limit: 60_000 });
  const isInside = () => page.evaluate(() => document.getElementById('mirror').contains(document.activeElement));
  await bench.eventually('and the focus goes there', isInside);
  console.checkQuiet();
}
