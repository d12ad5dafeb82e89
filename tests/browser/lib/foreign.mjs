// Messages as another producer would publish them: plain PUBLISH, no numbers, made by hand.

const ACCOUNT = 'PAPER-1';

/** One row of a position, with words of money that nothing else on the desk says. */
export function position(symbol, { qty = '4242', price = '77.01' } = {}) {
  const at = new Date().toISOString();
  return {
    account: ACCOUNT,
    strategy: 'manual',
    symbol,
    qty,
    avg_entry_price: '50',
    current_price: price,
    price_at: at,
    unrealized_pl: '123456.78',
    unrealized_plpc: '0.5402',
    market_value: '326676.42',
    realized_pl_today: '0',
    updated_at: at,
  };
}

/** Everything a user holds, unnumbered. */
export function positions(rows) {
  return {
    total_unrealized_pl: '123456.78',
    total_positions: rows.length,
    realized_pl_today: '-4321.09',
    buying_power: '98765.43',
    margin_used: '1000',
    positions: rows,
    _server_ts: Date.now(),
  };
}
