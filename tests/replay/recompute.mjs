// Books a day's fills again, in whole numbers and with nothing of ours: the books' second pair of eyes.
//
// `node recompute.mjs FILLS MARKS [MUTANT]`: FILLS are `row,side,shares,price,fee` a line, MARKS `row,price`; prices and fees
// are ten-thousandths of a dollar. Prints per row `shares, realized, unrealized` and the fees, in hundred-millionths.
// A mutant number breaks one formula on purpose, to show that a broken formula is seen.

import { readFileSync } from 'node:fs';

const [fillsFile, marksFile, mutant = '0'] = process.argv.slice(2);
const lines = (file) => readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => line.split(','));
const abs = (n) => (n < 0n ? -n : n);
const min = (a, b) => (a < b ? a : b);

/** What a row holds: shares, and what all of them together cost, as the fraction cost / scale in ten-thousandths. */
const rows = new Map();
let fees = 0n;

for (const [name, side, sharesText, priceText, fee] of lines(fillsFile)) {
  const row = rows.get(name) ?? { shares: 0n, cost: 0n, scale: 1n, realized: 0n, realizedScale: 1n };
  rows.set(name, row);
  fees += BigInt(fee);
  const price = BigInt(priceText);
  let shares = BigInt(sharesText) * (side === 'buy' ? 1n : -1n);
  const opposes = row.shares !== 0n && row.shares > 0n !== shares > 0n;
  if (opposes) {
    const closed = min(abs(shares), abs(row.shares));
    const sign = row.shares > 0n ? 1n : -1n;
    // realized += closed × (price − cost ÷ shares) × sign, over one denominator.
    const held = abs(row.shares);
    const gainTop = closed * (price * held * row.scale - abs(row.cost)) * (mutant === '1' ? 1n : sign);
    const gainScale = held * row.scale;
    row.realized = row.realized * gainScale + gainTop * row.realizedScale;
    row.realizedScale *= gainScale;
    reduce(row, 'realized', 'realizedScale');
    // What is left keeps its average.
    const left = held - closed;
    row.cost = mutant === '2' ? row.cost * held : row.cost * left;
    row.scale *= held;
    reduce(row, 'cost', 'scale');
    row.shares = left * sign;
    if (left === 0n) [row.cost, row.scale] = [0n, 1n];
    shares += closed * sign;
    // A flip opens the rest at the fill's price.
    if (mutant === '3') shares = 0n;
  }
  row.cost += shares * price * row.scale;
  row.shares += shares;
  reduce(row, 'cost', 'scale');
}

const marks = new Map(lines(marksFile).map(([name, price]) => [name, BigInt(price)]));
for (const [name, row] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const unrealized = row.shares === 0n ? 0n : ((row.shares * marks.get(name) * row.scale - row.cost) * 10_000n) / row.scale;
  console.log([name, row.shares, (row.realized * 10_000n) / row.realizedScale, unrealized].join(','));
}
console.log(['fees', fees * 10_000n].join(','));

function reduce(row, top, bottom) {
  let [a, b] = [abs(row[top]), row[bottom]];
  while (b !== 0n) [a, b] = [b, a % b];
  if (a > 1n) {
    row[top] /= a;
    row[bottom] /= a;
  }
}
