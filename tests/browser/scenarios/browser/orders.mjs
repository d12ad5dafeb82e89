// A position is closed and an order is cancelled with the pointer, each after its question; each reaches the venue and comes back.

import { waitFor } from '../../lib/wait.mjs';

export default async function orders(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);

  const close = await waitFor(async () => (await console.all('Button', /^Close [A-Z.]+$/)).find((node) => !node.is_disabled), { what: 'a position that can be closed' });
  const symbol = close.label.slice('Close '.length);
  await console.click(close);
  await bench.eventually('the question says what it will do', () => console.shows(new RegExp(`(Sells|Buys back) [\\d,]+ ${symbol} at market`)));
  await console.screenshot('close-question');
  await console.press('Escape');
  await bench.eventually('Escape takes it away', async () => !(await console.shows(`Close ${symbol}?`)));

  await console.click(await console.byRole('Button', `Close ${symbol}`));
  const confirm = await console.byRole('Button', new RegExp(`^(Sell|Buy back) [\\d,]+ ${symbol}$`));
  const quantity = confirm.label.match(/[\d,]+/)[0];
  const held = `${confirm.label.startsWith('Sell') ? '' : '−'}${quantity}`;
  const side = confirm.label.startsWith('Sell') ? 'SELL' : 'BUY';
  const fills = async () => (await console.tree()).map((node) => node.label ?? '').filter((label) => label.includes(` ${symbol} ${side} `) && / (partly )?filled$/.test(label));
  const before = new Set(await fills());
  await console.click(confirm);
  await bench.eventually(`the ${side} of ${quantity} ${symbol} fills and is in the activity`, async () => (await fills()).find((label) => !before.has(label)), { limit: 20_000 });
  await bench.eventually('the position is not what it was', async () => !(await console.shows(`${symbol}, quantity ${held},`)), { limit: 20_000 });
  await console.screenshot('closed');

  // The desk's own strategies end their orders all the time, so one that ends by itself in between is tried again with the next.
  await bench.eventually('an order is cancelled after its question', async () => {
    const cancel = (await console.all('Button', /^Cancel (BUY|SELL) [A-Z.]+$/)).find((node) => !node.is_disabled);
    if (!cancel) return false;
    await console.click(cancel);
    await waitFor(() => console.shows(`${cancel.label}?`), { limit: 3000, what: 'the question' });
    await console.click(await console.byRole('Button', 'Cancel order', { limit: 3000 }));
    const of = cancel.label.slice('Cancel '.length).split(' ');
    return waitFor(() => console.shows(new RegExp(`${of[1]} ${of[0]} .*cancel`)), { limit: 5000, what: 'its end' });
  }, { limit: 60_000 });
  await console.screenshot('cancelled');
  console.checkQuiet();
}
