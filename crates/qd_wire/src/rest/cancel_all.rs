//! "Cancel all": every open order of a scope, and what became of each.
//!
//! The command holds no order ids: execution takes off what is open when it decides, also what nobody has seen yet.

use qd_types::{AccountId, ClientOrderId, HaltScope, Order, OrderStatus, Symbol, UtcMicros};
use serde::{Deserialize, Serialize};

use super::commands::{CommandError, Fields, reason, text};

/// `POST /api/v1/orders/cancel_all`; repeated, it takes off what is still open and asks for nothing twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CancelAll {
    /// Which orders, within the accounts granted to its author.
    #[serde(with = "crate::codec")]
    pub scope: HaltScope,
    /// Why, for the audit.
    pub reason: String,
}

impl CancelAll {
    /// Reads the body.
    ///
    /// # Errors
    /// [`CommandError`] with every field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, CommandError> {
        let mut fields = Fields::read(body)?;
        let scope = fields.required("scope", text(HaltScope::parse));
        let reason = fields.required("reason", reason);
        fields.finish((|| {
            Some(Self {
                scope: scope?,
                reason: reason?,
            })
        })())
    }
}

/// An order that "cancel all" met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetOrder {
    /// Whose money.
    #[serde(with = "crate::codec")]
    pub account: AccountId,
    /// Which order.
    #[serde(with = "crate::codec")]
    pub client_order_id: ClientOrderId,
    /// In what.
    #[serde(with = "crate::codec")]
    pub symbol: Symbol,
    /// As it is now; `cancel_sent` may still fill.
    #[serde(with = "crate::codec")]
    pub status: OrderStatus,
}

impl From<&Order> for MetOrder {
    fn from(order: &Order) -> Self {
        Self {
            account: order.account.clone(),
            client_order_id: order.client_order_id.clone(),
            symbol: order.symbol,
            status: order.status,
        }
    }
}

/// Orders with how many there are of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetOrders {
    /// All of them.
    pub count: u64,
    /// The first of them, sorted by account and id; at most [`Self::MAX_LISTED`].
    pub orders: Vec<MetOrder>,
}

impl MetOrders {
    /// More than these are counted, not listed: an answer stays readable.
    pub const MAX_LISTED: usize = 200;

    /// Counts them all and lists the first.
    pub fn of<'a>(orders: impl ExactSizeIterator<Item = &'a Order>) -> Self {
        Self {
            count: orders.len() as u64,
            orders: orders.take(Self::MAX_LISTED).map(MetOrder::from).collect(),
        }
    }
}

/// The answer to [`CancelAll`]: progress, and what is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelAllResponse {
    /// Which orders were meant.
    #[serde(with = "crate::codec")]
    pub scope: HaltScope,
    /// A cancel was sent for these just now. Each may still fill until the venue answers.
    pub asked: MetOrders,
    /// A cancel was on its way for these before.
    pub already: MetOrders,
    /// No cancel could be sent for these.
    pub left: MetOrders,
    /// When it was decided.
    #[serde(with = "crate::codec")]
    pub as_of: UtcMicros,
}
