//! Orders: sides, types, life cycle with its ranks, and the words and tones of the status badge.

use crate::{
    AccountId, ClientOrderId, Money, Price, Qty, StrategyId, Symbol, Tone, UtcMicros, VenueOrderId,
};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of the table it comes from.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads the word of [`Self::as_str`].
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(
    /// Which way an order goes.
    Side {
        /// Buys, or covers a short.
        Buy = "buy",
        /// Sells, or goes short.
        Sell = "sell",
    }
);

impl Side {
    /// The other side.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// The word on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// The tone of the word on screen.
    pub fn tone(self) -> Tone {
        match self {
            Self::Buy => Tone::Gain,
            Self::Sell => Tone::Loss,
        }
    }

    /// `qty` with the sign this side gives a position: plus for a buy.
    pub fn signed(self, qty: Qty) -> Qty {
        match self {
            Self::Buy => qty,
            Self::Sell => -qty,
        }
    }
}

words!(
    /// What kind of price an order asks for.
    OrderType {
        /// At the market.
        Market = "market",
        /// At the limit or better.
        Limit = "limit",
        /// At the market once the stop is reached.
        Stop = "stop",
        /// At the limit or better once the stop is reached.
        StopLimit = "stop_limit",
    }
);

impl OrderType {
    /// The words on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::StopLimit => "stop limit",
            other => other.as_str(),
        }
    }

    /// Which prices an order of this kind has and must have: a limit, a trigger.
    pub fn wants(self) -> (bool, bool) {
        match self {
            Self::Market => (false, false),
            Self::Limit => (true, false),
            Self::Stop => (false, true),
            Self::StopLimit => (true, true),
        }
    }
}

words!(
    /// How long an order stays.
    TimeInForce {
        /// Until the close.
        Day = "day",
        /// Until cancelled.
        Gtc = "gtc",
        /// What can be done now, the rest is cancelled.
        Ioc = "ioc",
        /// All now or nothing.
        Fok = "fok",
    }
);

words!(
    /// Where an order is in its life. A change applies only when [`OrderStatus::rank`] does not fall.
    OrderStatus {
        /// Recorded by the execution gateway, not yet sent.
        Accepted = "accepted",
        /// Sent to the venue, no answer yet.
        Sent = "sent",
        /// An answer was due and did not come; being resolved by id.
        Unknown = "unknown",
        /// The venue has it.
        Working = "working",
        /// A change was sent, no answer yet.
        ReplaceSent = "replace_sent",
        /// Some of it traded.
        PartiallyFilled = "partially_filled",
        /// A cancel was sent; it may still fill.
        CancelSent = "cancel_sent",
        /// Off the book, by request.
        Cancelled = "cancelled",
        /// Off the book, another order took its place.
        Replaced = "replaced",
        /// Off the book, its time was over.
        Expired = "expired",
        /// Refused by the venue.
        Rejected = "rejected",
        /// Refused by a halt.
        BlockedHalt = "blocked_halt",
        /// Refused by a circuit breaker.
        BlockedBreaker = "blocked_breaker",
        /// Refused by a rail.
        BlockedRail = "blocked_rail",
        /// All of it traded.
        Filled = "filled",
    }
);

impl OrderStatus {
    /// Compare-and-set rank: a late message never moves an order to a lower one.
    pub fn rank(self) -> u8 {
        match self {
            Self::Accepted => 1,
            Self::Sent | Self::Unknown => 2,
            Self::Working | Self::ReplaceSent => 3,
            Self::PartiallyFilled | Self::CancelSent => 4,
            Self::Cancelled
            | Self::Replaced
            | Self::Expired
            | Self::Rejected
            | Self::BlockedHalt
            | Self::BlockedBreaker
            | Self::BlockedRail => 5,
            Self::Filled => 6,
        }
    }

    /// Whether the order can still change or trade.
    pub fn is_open(self) -> bool {
        self.rank() < 5
    }

    /// The words of the badge, the same everywhere.
    pub fn badge(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent, not acknowledged",
            Self::Unknown => "unknown: resolving",
            Self::Working => "working",
            Self::ReplaceSent => "change sent",
            Self::PartiallyFilled => "partly filled",
            Self::CancelSent => "cancel sent: may still fill",
            Self::Cancelled => "cancelled",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::BlockedHalt => "blocked: halt",
            Self::BlockedBreaker => "blocked: breaker",
            Self::BlockedRail => "blocked: rail",
            Self::Filled => "filled",
        }
    }

    /// The tone of the badge, the same everywhere.
    pub fn tone(self) -> Tone {
        match self {
            Self::Accepted | Self::Sent | Self::ReplaceSent | Self::CancelSent => Tone::Info,
            Self::Unknown | Self::PartiallyFilled => Tone::Warn,
            Self::Working => Tone::Accent,
            Self::Cancelled | Self::Replaced | Self::Expired => Tone::Faint,
            Self::Rejected | Self::BlockedHalt | Self::BlockedBreaker | Self::BlockedRail => {
                Tone::Danger
            }
            Self::Filled => Tone::Gain,
        }
    }
}

/// What of an order a change may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    /// All the shares asked for, those that are filled included.
    pub qty: Qty,
    /// Worst price, for limit and stop-limit orders.
    pub limit_price: Option<Price>,
    /// Trigger, for stop and stop-limit orders.
    pub stop_price: Option<Price>,
}

/// One order as execution knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whose money.
    pub account: AccountId,
    /// Whose idea; `manual` for orders by hand.
    pub strategy: StrategyId,
    /// The id that the decision keeps for life, unique per account.
    pub client_order_id: ClientOrderId,
    /// The venue's id, once acknowledged.
    pub venue_order_id: Option<VenueOrderId>,
    /// What is traded.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// Shares asked for, above zero.
    pub qty: Qty,
    /// Shares traded so far.
    pub filled_qty: Qty,
    /// Average price of what traded; absent before the first fill.
    pub filled_avg_price: Option<Price>,
    /// Kind of order.
    pub order_type: OrderType,
    /// Worst price accepted, for limit and stop-limit orders.
    pub limit_price: Option<Price>,
    /// Trigger, for stop and stop-limit orders.
    pub stop_price: Option<Price>,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Since when.
    pub status_since: UtcMicros,
    /// Why it was refused or cancelled: stable `snake_case`, absent otherwise.
    pub reason_code: Option<String>,
    /// When execution recorded it.
    pub created_at: UtcMicros,
    /// When it last changed.
    pub updated_at: UtcMicros,
    /// Who made it: `manual`, `close`, or a strategy's name.
    pub source: String,
    /// The order it is a part of.
    pub parent_id: Option<ClientOrderId>,
}

impl Order {
    /// Shares still open.
    pub fn remaining(&self) -> Qty {
        self.qty - self.filled_qty
    }

    /// The money that would change hands if the rest of it traded: at its limit, else at its trigger, else at `mark`.
    /// Absent when there is no price at all.
    pub fn open_value(&self, mark: Option<Price>) -> Option<Money> {
        let price = self.limit_price.or(self.stop_price).or(mark)?;
        Some(price.times(self.remaining()))
    }

    /// What it asks for.
    pub fn terms(&self) -> OrderTerms {
        OrderTerms {
            qty: self.qty,
            limit_price: self.limit_price,
            stop_price: self.stop_price,
        }
    }

    /// Whether other terms would raise risk: more shares, a limit or a trigger that is easier to reach, or more money in
    /// what is open.
    ///
    /// A price that is harder to reach for fewer dollars lowers, as fewer shares do; of several at once each must.
    pub fn is_raised_by(&self, to: OrderTerms) -> bool {
        let is_buy = self.side == Side::Buy;
        let eases = |from: Option<Price>, to: Option<Price>, above: bool| match (from, to) {
            (Some(from), Some(to)) if above => to > from,
            (Some(from), Some(to)) => to < from,
            _ => false,
        };
        let worth = |terms: OrderTerms| {
            let price = terms.limit_price.max(terms.stop_price);
            price.map(|price| price.times(terms.qty - self.filled_qty))
        };
        to.qty > self.qty
            || eases(self.limit_price, to.limit_price, is_buy)
            || eases(self.stop_price, to.stop_price, !is_buy)
            || worth(to) > worth(self.terms())
    }

    /// Whether an update with `status` may replace this one: never to a lower rank, never after a final state.
    pub fn accepts(&self, status: OrderStatus) -> bool {
        if self.status.is_open() {
            status.rank() >= self.status.rank()
        } else {
            // A fill is the truth, whatever the order was believed to have come to.
            status == OrderStatus::Filled && self.status != OrderStatus::Filled
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_ranks_follow_the_table() {
        for status in OrderStatus::ALL {
            assert_eq!(OrderStatus::parse(status.as_str()), Some(*status));
            assert_eq!(status.is_open(), status.rank() < 5);
            assert!(!status.badge().is_empty());
        }
        assert_eq!(OrderStatus::parse("done"), None);
        assert_eq!(OrderStatus::CancelSent.rank(), 4);
        assert_eq!(
            OrderStatus::CancelSent.badge(),
            "cancel sent: may still fill"
        );
    }
}
