// What is done before it is needed: while a person reads the sign-in page the browser fetches the program, so the console's
// page takes nothing of it over the wire; and there the socket opens while the program is still being compiled.

import { waitFor } from '../../lib/wait.mjs';

/** What the first load takes of the bundle; the rest waits until somebody asks for it. */
const PROGRAM = /\/app\/(?:qd_console|loader|style)-[0-9a-f]+\.(?:js|wasm|css)$/;

export default async function signIn(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  await fetchedAhead(bench, browser, server.url);
  await openedEarly(bench, browser, server.url);
  await brokenEarly(bench, browser, server.url);
}

/** Name and bytes over the wire of everything of the program that a page has loaded. */
async function programOf(page) {
  const all = await page.evaluate(() => performance.getEntriesByType('resource').filter(({ responseEnd }) => responseEnd > 0).map(({ name, transferSize, decodedBodySize }) => ({ name, transferSize, decodedBodySize })));
  return all.filter(({ name }) => PROGRAM.test(name));
}

/** As a person signs in: the page is read for a while, then a button is pressed. */
async function fetchedAhead(bench, browser, url) {
  const ahead = await bench.console(browser, url, {
    query: null,
    isSettled: false,
    onSignInPage: async (page) => {
      const fetched = await bench.eventually('the sign-in page has the program fetched', async () => {
        const files = await programOf(page);
        return files.length === 4 && files.some(({ name, transferSize }) => name.endsWith('.wasm') && transferSize > 500_000) && files;
      }, { limit: 20_000 });
      for (const { name, transferSize } of fetched ?? []) bench.figure(`fetched ahead: ${name.split('/').pop()}`, `${transferSize} bytes`);
      bench.check('the sign-in page runs no script', (await page.locator('script').count()) === 0);
    },
  });
  await waitFor(async () => (await ahead.timings())['qd:first-number'] !== undefined, { limit: 30_000, what: 'the first number' });
  const files = await programOf(ahead.page);
  bench.check('the console’s page loads the same four files', files.length === 4 && files.every(({ decodedBodySize }) => decodedBodySize > 0), files);
  bench.check('and nothing of them comes over the wire', files.every(({ transferSize }) => transferSize === 0), files);
  bench.figure('first number after signing in', `${(await ahead.timings())['qd:first-number']} ms`);
  ahead.checkQuiet();
}

/** The sockets of a page from now on, as the browser sees them: when each was asked for, and the first words on it. */
async function watchSockets(console) {
  const cdp = await console.context.newCDPSession(console.page);
  const sockets = [];
  const of = (id) => sockets.find(({ requestId }) => requestId === id);
  cdp.on('Network.webSocketCreated', ({ requestId }) => sockets.push({ requestId, sent: [], received: [] }));
  cdp.on('Network.webSocketWillSendHandshakeRequest', ({ requestId, wallTime }) => Object.assign(of(requestId) ?? {}, { askedAt: wallTime * 1000 }));
  cdp.on('Network.webSocketFrameSent', ({ requestId, response }) => of(requestId)?.sent.push(response.payloadData));
  cdp.on('Network.webSocketFrameReceived', ({ requestId, response }) => of(requestId)?.received.push(response.payloadData));
  await cdp.send('Network.enable');
  return sockets;
}

async function openedEarly(bench, browser, url) {
  const console = await bench.console(browser, url);
  const sockets = await watchSockets(console);
  await console.page.reload();
  await console.settled();
  await bench.eventually('it is live', () => console.shows(/^Connection: Live/));
  bench.check('one load opens one socket', sockets.length === 1, sockets.length);
  const [socket] = sockets;
  const origin = await console.page.evaluate(() => performance.timeOrigin);
  const marks = await console.timings();
  const askedAt = Math.round(socket.askedAt - origin);
  bench.check('it is asked for before the program is there', askedAt < marks['qd:program'], { askedAt, marks });
  bench.figure('the socket', `asked for at ${askedAt} ms, open at ${marks['qd:socket']} ms, the program there at ${marks['qd:program']} ms`);
  bench.check('the program says hello on it', JSON.parse(socket.sent[0] ?? '{}').t === 'hello', socket.sent[0]);
  bench.check('and the server speaks after that', socket.received.length > 0);
  console.checkQuiet();
}

/** A socket that breaks before the program has it, or before it is welcomed, is nobody's failed attempt. */
async function brokenEarly(bench, browser, url) {
  const ways = {
    'closed before the program is there': (socket) => socket.addEventListener('open', () => socket.close()),
    'closed as the program says hello': (socket) => {
      socket.send = () => socket.close();
      socket.addEventListener('close', () => {
        window.__closedAt = performance.now();
      });
    },
  };
  for (const [what, spoil] of Object.entries(ways)) {
    const console = await bench.console(browser, url);
    await console.page.addInitScript(`{
      const spoil = ${spoil};
      const Inner = window.WebSocket;
      window.__opened = [];
      window.WebSocket = class extends Inner {
        constructor(...args) {
          super(...args);
          window.__opened.push(performance.now());
          if (window.__opened.length === 1) spoil(this);
        }
      };
    }`);
    await console.page.reload();
    await console.settled();
    await bench.eventually(`${what}: live on another socket`, () => console.shows(/^Connection: Live/));
    const { opened, closedAt } = await console.page.evaluate(() => ({ opened: window.__opened, closedAt: window.__closedAt }));
    bench.check(`${what}: one other`, opened.length === 2, opened);
    // A failed attempt is followed after half a second at the least.
    if (closedAt !== undefined) bench.check(`${what}: at once`, opened[1] - closedAt < 500, { opened, closedAt });
    console.checkQuiet();
    await console.close();
  }
}
