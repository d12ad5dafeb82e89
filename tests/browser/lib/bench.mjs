// The workbench of one scenario: checks and figures, the processes and browsers it starts, and a folder for what they leave.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { launch, Console } from './browser.mjs';
import { Desktop } from './desktop.mjs';
import { startRedis, startServer } from './servers.mjs';
import { waitFor } from './wait.mjs';

export class Bench {
  passed = 0;
  failed = 0;
  #closers = [];
  #consoles = [];

  constructor(folder) {
    this.folder = folder;
  }

  async open() {
    await mkdir(this.folder, { recursive: true });
  }

  /** Where a file of this scenario goes. */
  file(name) {
    return path.join(this.folder, name);
  }

  /** One check. `detail` is shown when it fails: say what was there instead. */
  check(what, isRight, detail = '') {
    if (isRight) {
      this.passed += 1;
      console.log(`  ok    ${what}`);
    } else {
      this.fail(what, detail);
    }
    return Boolean(isRight);
  }

  fail(what, detail = '') {
    this.failed += 1;
    const text = typeof detail === 'string' ? detail : JSON.stringify(detail, null, 1);
    console.log(`  FAIL  ${what}${text ? `\n        ${text.replaceAll('\n', '\n        ')}` : ''}`);
  }

  /** Says loudly that this scenario cannot run here, and why. */
  skip(why) {
    this.skipped = why;
    console.log(`  SKIP  ${why}`);
  }

  /** A measured figure: printed, not judged. */
  figure(what, value) {
    console.log(`  note  ${what}: ${value}`);
  }

  /** Waits for a condition and counts it as one check. Gives what the condition gave. */
  async eventually(what, condition, options) {
    try {
      const found = await waitFor(condition, options);
      this.check(what, true);
      return found;
    } catch (error) {
      this.fail(what, error.message);
      return undefined;
    }
  }

  /** Gives up a promise after a bound. */
  async within(millis, promise) {
    let timer;
    const limit = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${millis / 1000} s`)), millis);
    });
    try {
      return await Promise.race([promise, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A redis-server of its own on a free port. */
  async redis() {
    return this.#closing(await startRedis(this.folder));
  }

  /** `quarterdeck demo` on a free port. */
  async server(options = {}) {
    return this.#closing(await startServer(this.folder, options));
  }

  async browser() {
    return this.#closing(await launch());
  }

  /** A virtual screen for native windows. */
  async desktop(options = {}) {
    return this.#closing(await Desktop.start(this.folder, options));
  }

  /** A signed-in console in a page of its own, painted and settled. */
  async console(browser, url, options = {}) {
    const opened = new Console(browser, url, this);
    this.#consoles.push(opened);
    await opened.open(options);
    return opened;
  }

  /** What a person would want to see first. */
  async onFailure() {
    for (const [index, opened] of this.#consoles.entries()) {
      await opened.evidence(`failed-${index}`).catch((error) => console.log(`        no evidence: ${error.message}`));
    }
  }

  /** Last started, first ended. */
  async close() {
    for (const closer of this.#closers.splice(0).reverse()) {
      try {
        await closer.close();
      } catch (error) {
        console.log(`  closing: ${error.message}`);
      }
    }
  }

  #closing(thing) {
    this.#closers.push(thing);
    return thing;
  }
}
