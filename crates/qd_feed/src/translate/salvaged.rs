//! What came with parts that cannot be read, in the store's words.
//!
//! What is readable of it was decided by `qd_wire::salvage`.

use qd_state::{Figure, SalvagedOrder, SalvagedPositions, UnreadableRow};

use super::{clean_order, totals, words};

pub(super) fn positions(salvaged: qd_wire::salvage::SalvagedPositions) -> SalvagedPositions {
    SalvagedPositions {
        totals: totals(&salvaged.totals),
        positions: salvaged.rows,
        removed: salvaged.removed,
        unreadable: salvaged
            .unreadable
            .into_iter()
            .map(|row| UnreadableRow {
                key: row.key,
                symbol: row.symbol,
                reason: words(&row.reason),
            })
            .collect(),
        figures: salvaged
            .figures
            .into_iter()
            .filter_map(|figure| {
                let kind = match figure.name {
                    "realized_pl_today" => Figure::RealizedToday,
                    "buying_power" => Figure::BuyingPower,
                    "margin_used" => Figure::MarginUsed,
                    // The rows tell these.
                    _ => return None,
                };
                Some((kind, words(&figure.reason)))
            })
            .collect(),
    }
}

pub(super) fn order(odd: qd_wire::salvage::SalvagedOrder) -> SalvagedOrder {
    SalvagedOrder {
        account: odd.account,
        client_order_id: odd.client_order_id,
        order: odd.order.map(clean_order),
        reason: words(&odd.reason),
    }
}
