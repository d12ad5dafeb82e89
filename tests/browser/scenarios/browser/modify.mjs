// A resting order is changed in its dialog: what cannot be is refused under its field, and the row has the new price with the venue's word.

import { waitFor } from '../../lib/wait.mjs';

const SHARES = 5;
/** Far below the market: it rests. Then farther still. */
const FIRST = 0.96;
const THEN = 0.94;

/** Places a limit order with the page's own session, as another window of the same person would. */
async function place(page, symbol) {
  return page.evaluate(async ({ symbol, shares, first, then }) => {
    const get = async (path) => (await fetch(path)).json();
    const bootstrap = await get('/api/v1/bootstrap');
    const quote = (await get(`/api/v1/market/prices?symbols=${symbol}`)).prices[0];
    const cents = (share) => (Math.floor(Number(quote.price) * share * 100) / 100).toFixed(2);
    const plain = (text) => text.replace(/\.?0+$/, '');
    const body = {
      account: bootstrap.session.accounts[0],
      client_order_id: `scenario-${Date.now()}`,
      symbol,
      side: 'buy',
      qty: String(shares),
      type: 'limit',
      limit_price: plain(cents(first)),
      time_in_force: 'gtc',
      reason: 'a scenario of the browser tests',
      halt_epoch_seen: bootstrap.halt.halt_epoch,
      price_seen: { value: quote.price, at: quote.at },
    };
    const answer = await fetch('/api/v1/orders', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-csrf-token': bootstrap.session.csrf },
      body: JSON.stringify(body),
    });
    return { status: answer.status, text: await answer.text(), limit: cents(first), next: cents(then) };
  }, { symbol, shares: SHARES, first: FIRST, then: THEN });
}

/** A price as the table writes it. */
const shown = (price) => price.replace(/\B(?=(\d{3})+(?!\d))/g, ',').replace('.', '\\.');

export default async function modify(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);

  const held = await waitFor(async () => {
    const all = (await console.all('Button', /^Close [A-Z.]+$/)).map((node) => node.label.slice('Close '.length));
    const open = (await console.all('Button', /^Cancel (BUY|SELL) [A-Z.]+$/)).map((node) => node.label.split(' ')[2]);
    return all.find((symbol) => !open.includes(symbol));
  }, { what: 'a symbol without an open order' });
  const placed = await place(console.page, held);
  bench.check('the order is taken', placed.status === 201, placed.text);

  // Others come and go above it: the filter keeps the row where it is.
  await console.click(await console.byLabel('Filter orders'));
  await console.type(held);
  const row = (price) => new RegExp(`^${held} BUY 0/${SHARES} limit at ${shown(price)}, working`);
  await bench.eventually('it rests', () => console.shows(row(placed.limit)), { limit: 20_000 });

  await console.click(await console.byRole('Button', `Change BUY ${held}`));
  await bench.eventually('the question is put', () => console.shows(`Change BUY ${held}?`));
  const confirm = async () => console.byRole('Button', 'Change order');
  bench.check('nothing is changed yet', (await confirm()).is_disabled === true);
  const fill = async (field, text) => {
    await console.click(await console.byRole('TextInput', field));
    await bench.eventually(`${field} has the keyboard`, async () => (await console.all('TextInput', field)).some((node) => node.is_focused));
    await console.press('Control+a');
    await console.type(text);
  };
  await fill('New limit price', `${placed.next}5`);
  await bench.eventually('half a cent is refused under its field', () => console.shows('whole cents only.'));
  bench.check('and cannot be confirmed', (await confirm()).is_disabled === true);
  await console.screenshot('refused');
  await fill('New limit price', placed.next);
  await bench.eventually('a right price can be confirmed', async () => !(await confirm()).is_disabled);
  await bench.eventually('it says what it will mean', () => console.shows(/^Open value .* → .*; 5 of 5 shares would be open\.$/));
  await console.screenshot('question');
  await console.press('Enter');
  await bench.eventually('the question is answered', async () => !(await console.shows(`Change BUY ${held}?`)));
  await bench.eventually('the row has the new price with the venue’s word', () => console.shows(row(placed.next)), { limit: 20_000 });
  await console.screenshot('changed');

  // Its life says who asked for what, and what the venue made of it.
  await console.click(await console.byRole(undefined, new RegExp(`^Details of BUY ${held} `)));
  await bench.eventually('its history shows the change', () => console.shows(/venue has changed it: limit/));
  await console.screenshot('history');
  console.checkQuiet();
}
