// Runs the end-to-end scenarios: `node run.mjs browser|native|bench [scenario ...]`. `cargo xtask test browser native` sets it up.
// It prints a line per check and closes with `N passed, M failed`; everything it starts is ended by its process id.

import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Bench } from './lib/bench.mjs';

/** A scenario that hangs must not hang the gate. */
const SCENARIO_LIMIT_MILLIS = Number(process.env.QD_E2E_SCENARIO_LIMIT_MILLIS ?? 180_000);

const [kind, ...names] = process.argv.slice(2);
if (!['browser', 'native', 'bench'].includes(kind)) {
  console.error('usage: node run.mjs browser|native|bench [scenario ...]');
  process.exit(64);
}

const here = path.dirname(fileURLToPath(import.meta.url));
const artifacts = path.join(process.env.QD_E2E_ARTIFACTS ?? path.join(here, '../../target/artifacts'), kind);
const folder = path.join(here, 'scenarios', kind);
const all = (await readdir(folder)).filter((file) => file.endsWith('.mjs')).map((file) => file.slice(0, -4)).sort();
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no scenario ${unknown.join(', ')}; there are: ${all.join(', ')}`);
  process.exit(64);
}

await rm(artifacts, { recursive: true, force: true });
await mkdir(artifacts, { recursive: true });

let passed = 0;
let failed = 0;
const skipped = [];
let bench;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    await bench?.close();
    process.exit(130);
  });
}

for (const name of names.length > 0 ? names : all) {
  console.log(`\n${kind}/${name}`);
  const started = performance.now();
  bench = new Bench(path.join(artifacts, name));
  try {
    await bench.open();
    const { default: scenario } = await import(path.join(folder, `${name}.mjs`));
    await bench.within(SCENARIO_LIMIT_MILLIS, scenario(bench));
  } catch (error) {
    bench.fail('runs to its end', error?.stack ?? String(error));
    await bench.onFailure();
  } finally {
    await bench.close();
  }
  passed += bench.passed;
  failed += bench.failed;
  if (bench.skipped) skipped.push(name);
  console.log(`  ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

console.log(`\nscreenshots and logs: ${artifacts}`);
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, SKIPPED: ${skipped.join(', ')}` : ''}`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
