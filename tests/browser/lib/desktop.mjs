// A virtual screen with native windows on it: Xvfb, xdotool for input, ImageMagick for pictures.

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

import { Child, required } from './servers.mjs';
import { waitFor } from './wait.mjs';

const run = promisify(execFile);

export class Desktop {
  #children = [];

  static async start(folder, { width = 1440, height = 900 } = {}) {
    const desktop = new Desktop();
    desktop.folder = folder;
    // Xvfb picks a free display by itself and tells it on the fourth descriptor.
    const args = ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-noreset'];
    const child = Child.start('Xvfb', args, { log: path.join(folder, 'xvfb.log'), stdio: ['pipe'] });
    desktop.#children.push(child);
    let text = '';
    child.process.stdio[3].setEncoding('utf8').on('data', (data) => {
      text += data;
    });
    await waitFor(() => text.includes('\n') || child.exit !== null, { what: 'Xvfb' });
    if (child.exit !== null) throw new Error(`Xvfb ended with ${child.exit}: ${child.tail.join(' ')}`);
    // What the window keeps stays in this scenario's folder.
    const kept = path.join(folder, 'kept');
    desktop.env = { DISPLAY: `:${text.trim()}`, WAYLAND_DISPLAY: '', LIBGL_ALWAYS_SOFTWARE: '1', XDG_DATA_HOME: kept };
    return desktop;
  }

  /** Starts the native console with these arguments and waits for its window. */
  async console(args, { env = {}, title = 'Quarterdeck', onLine } = {}) {
    const child = Child.start(required('QD_E2E_CONSOLE'), args, { log: path.join(this.folder, 'console.log'), env: { ...this.env, ...env }, onLine });
    this.#children.push(child);
    const window = await waitFor(async () => {
      if (child.exit !== null) throw new Error(`the console ended with ${child.exit}: ${child.tail.join('\n')}`);
      const { stdout } = await this.#tool('xdotool', ['search', '--onlyvisible', '--name', title]);
      return stdout.trim().split('\n')[0];
    }, { limit: 20_000, what: `a window named ${title}` });
    return { child, window };
  }

  /** Where the window is and how large: `{ x, y, width, height }`. */
  async geometry(window) {
    const { stdout } = await this.#tool('xdotool', ['getwindowgeometry', '--shell', window]);
    const value = (name) => Number(stdout.match(new RegExp(`^${name}=(-?\\d+)$`, 'm'))?.[1]);
    return { x: value('X'), y: value('Y'), width: value('WIDTH'), height: value('HEIGHT') };
  }

  async resize(window, width, height, { x = 0, y = 0 } = {}) {
    await this.#tool('xdotool', ['windowmove', window, String(x), String(y)]);
    await this.#tool('xdotool', ['windowsize', window, String(width), String(height)]);
    await waitFor(async () => {
      const is = await this.geometry(window);
      return is.width === width && is.height === height;
    }, { what: `a window of ${width}x${height}` });
  }

  async click(window, x, y) {
    await this.#tool('xdotool', ['mousemove', '--window', window, String(x), String(y), 'click', '1']);
  }

  async key(window, keys) {
    await this.#tool('xdotool', ['key', '--window', window, keys]);
  }

  /** A picture of the window, with the number of different colors in it: a window that draws nothing has one. */
  async screenshot(window, name) {
    const file = path.join(this.folder, `${name}.png`);
    await this.#tool('import', ['-window', window, file]);
    const { stdout } = await this.#tool('identify', ['-format', '%w %h %k', file]);
    const [width, height, colors] = stdout.split(' ').map(Number);
    return { file, width, height, colors };
  }

  /** Whether a part of one picture is pixel by pixel a part of another, both given as `WxH+X+Y`. */
  async isSame(one, part, other, otherPart) {
    const pixels = async (file, cut) => {
      const { stdout } = await this.#tool('convert', [file, '-crop', cut, '+repage', '-format', '%#', 'info:']);
      return stdout;
    };
    return (await pixels(one, part)) === (await pixels(other, otherPart));
  }

  /** In how many pixels two pictures of one size differ, in all or in a part given as `WxH+X+Y`. */
  async difference(one, other, part) {
    const cut = part ? ['-extract', part] : [];
    // `compare` exits 1 for pictures that differ, and tells the number on standard error either way.
    const { stderr } = await this.#tool('compare', ['-metric', 'AE', ...cut, one, other, 'null:']).catch((error) => error);
    return Number.parseFloat(stderr);
  }

  async #tool(program, args) {
    return run(program, args, { env: { ...process.env, ...this.env }, timeout: 20_000 });
  }

  async close() {
    for (const child of this.#children.splice(0).reverse()) await child.stop();
  }
}
