//! Changes of an order in place: the rules 17 to 20 of `docs/specs/paper-venue.md`.
//!
//! Fills nothing: an order that arrives anew is matched in the step of its arrival, with all others.

use qd_types::OrderTerms;

use super::matching::Standing;
use super::{PaperVenue, VenueEvent, VenueOrder, refusal};
use crate::ledger::OrderKey;
use crate::market::Market;

impl PaperVenue {
    /// A change has arrived.
    pub(super) fn change(&mut self, key: OrderKey, to: OrderTerms, market: &Market) -> VenueEvent {
        let Some((number, entry)) = self
            .numbers
            .get(&key)
            .and_then(|number| Some((*number, self.orders.get_mut(number)?)))
        else {
            return VenueEvent::ReplaceRejected {
                key,
                reason: "order_gone",
            };
        };
        let from = entry.order.terms();
        let filled = from.qty - entry.remaining;
        if to.qty <= filled {
            // Fills cannot be taken back: the rest is, and the order is done with what it has.
            self.remove(number);
            let terms = OrderTerms {
                qty: filled,
                ..from
            };
            return VenueEvent::Replaced { key, terms };
        }
        let keeps_place = OrderTerms {
            qty: from.qty,
            ..to
        } == from
            && to.qty <= from.qty;
        if !keeps_place {
            let waits = matches!(entry.standing, Standing::EnRoute | Standing::Waiting);
            let changed = VenueOrder {
                qty: to.qty,
                limit_price: to.limit_price,
                stop_price: to.stop_price,
                ..entry.order.clone()
            };
            let reason = if to.stop_price != from.stop_price && !waits {
                Some("already_triggered")
            } else {
                refusal(&changed, self.hours, self.config.price_band, market)
            };
            if let Some(reason) = reason {
                return VenueEvent::ReplaceRejected { key, reason };
            }
            // A trigger that was hit stays hit: only a stop that waits goes on waiting.
            if !waits {
                entry.standing = Standing::Taking;
            }
            entry.since_step = self.num_steps;
            entry.rank = self.next_rank;
            self.next_rank += 1;
        }
        entry.order.qty = to.qty;
        entry.order.limit_price = to.limit_price;
        entry.order.stop_price = to.stop_price;
        entry.remaining = to.qty - filled;
        VenueEvent::Replaced { key, terms: to }
    }
}

impl VenueOrder {
    fn terms(&self) -> OrderTerms {
        OrderTerms {
            qty: self.qty,
            limit_price: self.limit_price,
            stop_price: self.stop_price,
        }
    }
}
