// Chromium and the console in it, seen as a person sees it: by the roles and labels of its accessibility tree, with real clicks and keys.

import { createRequire } from 'node:module';
import path from 'node:path';
import { writeFile } from 'node:fs/promises';

import { required } from './servers.mjs';
import { waitFor } from './wait.mjs';

const FLAGS = [
  '--no-sandbox',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Headless Chromium that draws in software, the same on every machine. */
export async function launch() {
  const require = createRequire(path.join(required('QD_E2E_TOOLS'), 'package.json'));
  const { chromium } = require('playwright-core');
  const executablePath = process.env.QD_E2E_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/** A browser with a profile of its own on disk, drawing like the others. */
export async function launchProfile(folder) {
  const require = createRequire(path.join(required('QD_E2E_TOOLS'), 'package.json'));
  const { chromium } = require('playwright-core');
  const executablePath = process.env.QD_E2E_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launchPersistentContext(folder, { executablePath, headless: true, args: FLAGS, viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1 });
}

/** The cookies of a session, from a page that is closed again: the sign-in page fetches the program ahead. */
export async function signedInCookies(url, user) {
  const browser = await launch();
  try {
    const console = new Console(browser, url);
    await console.open({ user, query: '', isSettled: false });
    return await console.context.cookies();
  } finally {
    await browser.close();
  }
}

export class Console {
  /** Everything the page complained about: errors, exceptions, refused by the content security policy. */
  complaints = { errors: [], exceptions: [], violations: [] };

  constructor(browser, url, bench) {
    this.browser = browser;
    this.url = url;
    this.bench = bench;
  }

  /**
   * Signs in as `user` through the form, as a person would, and waits until the console has painted what it has.
   * `onSignInPage` is what happens before the form is sent; with a `query` of null the page that the form led to is kept.
   */
  async open({ user = 'alice', viewport = { width: 1440, height: 900 }, query = '?e2e', isSettled = true, onSignInPage } = {}) {
    this.user = user;
    this.context = await this.browser.newContext({ viewport, deviceScaleFactor: 1 });
    this.page = await this.context.newPage();
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.errors.push(`${message.text()} (${message.location().url})`);
    });
    this.page.on('pageerror', (error) => this.complaints.exceptions.push(error.stack ?? String(error)));
    await this.page.exposeFunction('__qdViolation', (text) => this.complaints.violations.push(text));
    await this.page.addInitScript(() => {
      const request = window.requestAnimationFrame;
      window.__framesAsked = 0;
      window.requestAnimationFrame = (callback) => {
        window.__framesAsked += 1;
        return request.call(window, callback);
      };
      document.addEventListener('securitypolicyviolation', (event) => {
        window.__qdViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
      });
    });
    await this.signIn(user, onSignInPage);
    if (query !== null) await this.page.goto(`${this.url}/${query}`);
    if (isSettled) await this.settled();
  }

  /** Through the page and its form, not past it. */
  async signIn(user, onSignInPage) {
    await this.page.goto(`${this.url}/auth/sign_in`);
    await onSignInPage?.(this.page);
    const input = this.page.locator(`[name="user"]`).first();
    const kind = await input.evaluate((element) => `${element.tagName} ${element.type}`.toLowerCase());
    if (kind.startsWith('button')) {
      await this.page.locator(`button[name="user"][value="${user}"]`).click();
    } else {
      if (kind.startsWith('select')) await input.selectOption(user);
      else if (kind.endsWith('radio')) await this.page.locator(`[name="user"][value="${user}"]`).check();
      else await input.fill(user);
      await this.page.locator('form [type="submit"], form button').first().click();
    }
    await this.page.waitForURL((url) => !url.pathname.startsWith('/auth/'));
  }

  /** The program is there, has its data and has nothing left to draw. */
  async settled(limit = 30_000) {
    await waitFor(() => this.page.evaluate(() => window.__qd?.settled() === true), { limit, what: 'settled()' });
  }

  async hasPanicked() {
    return this.page.evaluate(() => window.__qd?.has_panicked() ?? true);
  }

  async tree() {
    return JSON.parse(await this.page.evaluate(() => window.__qd.a11y_tree()));
  }

  /** What the last frame showed: `{frame, streams: {name: {epoch, seq}}, ...}`. */
  async painted() {
    return JSON.parse(await this.page.evaluate(() => window.__qd.painted()));
  }

  async frameStats() {
    return JSON.parse(await this.page.evaluate(() => window.__qd.frame_stats()));
  }

  /** All nodes of a role whose label fits: a text that must be it, or a pattern. */
  async all(role, label) {
    // What has no place was scrolled away or is only there for its children.
    const fits = (node) => node.bounds && (label === undefined || (label instanceof RegExp ? label.test(node.label ?? '') : node.label === label));
    return (await this.tree()).filter((node) => (role === undefined || sameRole(node.role, role)) && fits(node));
  }

  /** The one node of a role and label, waited for. `nth` picks one of several on purpose. */
  async byRole(role, label, { limit = 10_000, nth } = {}) {
    return waitFor(async () => {
      const found = await this.all(role, label);
      if (nth !== undefined) return found[nth];
      if (found.length > 1) throw new Error(`${found.length} of them: say which with nth`);
      return found[0];
    }, { limit, what: `${role ?? 'node'} ${label}` });
  }

  /** Whether any node says this, as its label or its value. */
  async shows(words) {
    const says = (text) => typeof text === 'string' && (words instanceof RegExp ? words.test(text) : text.includes(words));
    return (await this.tree()).some((node) => says(node.label) || says(node.value));
  }

  async byLabel(label, options) {
    return this.byRole(undefined, label, options);
  }

  /** A real click of the pointer in the middle of a node. */
  async click(node, options) {
    const { x, y } = middle(node);
    await this.page.mouse.click(x, y, options);
  }

  async hover(node) {
    const { x, y } = middle(node);
    await this.page.mouse.move(x, y);
  }

  async press(keys) {
    await this.page.keyboard.press(keys);
  }

  async type(text) {
    await this.page.keyboard.type(text);
  }

  /** A picture of the page at a size, after the console has drawn at it. */
  async screenshot(name, viewport) {
    if (viewport) {
      await this.page.setViewportSize(viewport);
      // The size reaches the canvas with the next frame and its layout with the one after.
      const { frame } = await this.painted();
      await waitFor(async () => (await this.painted()).frame >= frame + 2, { what: 'two frames at the new size' });
    }
    const file = this.bench.file(`${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  /** No error, no exception, nothing refused: three checks. */
  checkQuiet() {
    const none = (what, list) => this.bench.check(what, list.length === 0, list.join('\n'));
    none('the content security policy refused nothing', this.complaints.violations);
    none('no error on the browser’s console', this.complaints.errors);
    none('no exception in the page', this.complaints.exceptions);
  }

  /** Milliseconds from navigation to the marks that the loader sets. */
  async timings() {
    return this.page.evaluate(() => Object.fromEntries(performance.getEntriesByType('mark').filter((mark) => mark.name.startsWith('qd:')).map((mark) => [mark.name, Math.round(mark.startTime)])));
  }

  async evidence(name) {
    if (!this.page || this.page.isClosed()) return;
    await this.page.screenshot({ path: this.bench.file(`${name}.png`) });
    const report = { url: this.page.url(), complaints: this.complaints };
    report.tree = await this.tree().catch((error) => error.message);
    report.painted = await this.painted().catch((error) => error.message);
    await writeFile(this.bench.file(`${name}.json`), JSON.stringify(report, null, 1));
  }

  async close() {
    await this.context?.close();
  }
}

function sameRole(found, wanted) {
  return String(found).toLowerCase() === wanted.toLowerCase();
}

function middle(node) {
  if (!node.bounds) throw new Error(`${node.role} ${node.label} has no place on the screen`);
  const [x0, y0, x1, y1] = node.bounds;
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
}
