// Keys, palette and settings in a real browser: its own keys stay its own, ours do not reach it, and what is chosen survives a reload.

import { waitFor } from '../../lib/wait.mjs';

export default async function comfort(bench) {
  const server = await bench.server();
  const browser = await bench.browser();
  const console = await bench.console(browser, server.url);

  // What the page leaves to the browser: heard last, when everything above has had its say.
  await console.page.evaluate(() => {
    window.__left = {};
    window.addEventListener('keydown', (event) => {
      const name = `${event.ctrlKey ? 'Ctrl ' : ''}${event.key}`;
      setTimeout(() => { window.__left[name] = !event.defaultPrevented; });
    }, true);
  });
  const isLeft = (name) => waitFor(() => console.page.evaluate((key) => window.__left[key] ?? null, name).then((left) => (left === null ? false : { left })), { what: `the key ${name}` }).then(({ left }) => left);
  const isField = async () => (await console.all(undefined, 'Find a command')).length > 0;

  await console.press('Control+k');
  await bench.eventually('Ctrl-K opens the palette', isField);
  bench.check('and the browser does not see it', !(await isLeft('Ctrl k')));
  await console.type('theme li');
  await bench.eventually('a few letters find a command', async () => (await console.all('ListBoxOption')).some((node) => node.label === 'Theme: light'));
  await console.screenshot('palette');
  await console.press('Enter');
  await bench.eventually('Enter gives it', async () => !(await isField()));

  await console.press('/');
  bench.check('the browser’s search does not open', !(await isLeft('/')));
  await bench.eventually('the filter has the keyboard', async () => (await console.all(undefined, 'Filter positions')).some((node) => node.is_focused));
  await console.type('a/r');
  await bench.eventually('letters and strokes are typed', async () => (await console.all(undefined, 'Filter positions')).some((node) => node.value === 'a/r'));
  for (let i = 0; i < 3; i += 1) await console.press('Backspace');
  await console.press('Escape');
  // Keys are the field's until a frame has seen it left.
  await bench.eventually('Escape leaves the field', async () => !(await console.tree()).some((node) => node.is_focused && node.label === 'Filter positions'));

  await console.press('F1');
  bench.check('the browser’s help does not open', !(await isLeft('F1')));
  await bench.eventually('F1 lists the keys', () => console.shows('Ctrl K: Find a command'));
  bench.check('without those that are the browser’s', !(await console.shows('Larger')));
  await console.press('Escape');
  await bench.eventually('Escape closes the list', async () => !(await console.shows('Ctrl K: Find a command')));

  await console.press('Control+,');
  await console.click(await console.byRole('RadioButton', 'Gain and loss: Blue and orange'));
  const local = await console.byRole('RadioButton', /^Times: Local \(UTC[+−]\d\d:\d\d\)$/);
  await console.click(local);
  await bench.eventually('the header shows the browser’s own time', () => console.shows(/\d\d:\d\d:\d\d local · \d\d:\d\d:\d\d New York/));
  await console.click(await console.byRole('Button', 'Larger'));
  await console.screenshot('light');

  await console.page.reload();
  await console.settled();
  await console.press('Control+,');
  const chosen = async (label) => (await console.all('RadioButton', label)).some((node) => node.is_toggled);
  await bench.eventually('the theme survives a reload', () => chosen('Theme: Light'));
  await bench.eventually('the palette survives a reload', () => chosen('Gain and loss: Blue and orange'));
  await bench.eventually('the zone survives a reload', () => chosen(/^Times: Local/));
  await bench.eventually('the size survives a reload', () => console.shows('110 %'));
  console.checkQuiet();
}
