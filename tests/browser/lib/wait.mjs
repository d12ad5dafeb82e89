// Waiting for a condition with a bound: never for a time.

/**
 * Asks `condition` until it gives something true, and gives that. An exception counts as "not yet" and is told at the end.
 */
export async function waitFor(condition, { limit = 10_000, every = 50, what = '' } = {}) {
  const until = performance.now() + limit;
  let last;
  for (;;) {
    try {
      const found = await condition();
      if (found) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= until) break;
    await new Promise((resolve) => setTimeout(resolve, every));
  }
  throw new Error(`${what || condition} was not there within ${limit / 1000} s${last ? `: ${last.message}` : ''}`);
}

/** The value at fraction `p` of a list of numbers, sorted here. */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * p) - 1)];
}
