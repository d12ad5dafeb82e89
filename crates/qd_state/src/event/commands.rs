//! Commands and their answers, as values; what is sent and how is the feed's.
//!
//! The store only shows them at their place.

use std::sync::Arc;

use qd_types::{AccountId, ClientOrderId, Symbol};

/// Names a command of this console from request to answer; never reused within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// The place on screen that a command belongs to: there its button is disabled and its error shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// A row of the positions table.
    Position(Symbol),
    /// A row of the orders table.
    Order(AccountId, ClientOrderId),
    /// A ticket that has no row yet.
    Ticket(ClientOrderId),
    /// All orders: "cancel all".
    AllOrders,
    /// The kill switch.
    KillSwitch,
    /// A circuit breaker, by name.
    Breaker(Arc<str>),
}

/// A command on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRequested {
    /// Its name.
    pub command_id: CommandId,
    /// Where it belongs.
    pub row: RowKey,
    /// What it does, for the reader: "close AAPL".
    pub label: String,
    /// The order it makes or touches: its next event settles an unknown answer.
    pub client_order_id: Option<ClientOrderId>,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// The server took it.
    Accepted {
        /// One line, perhaps empty.
        detail: String,
    },
    /// The server refused, or it never left this machine.
    Refused {
        /// Stable `snake_case`.
        code: String,
        /// Why, for the reader.
        detail: String,
    },
    /// No answer came: neither done nor failed.
    Unknown {
        /// What is known, for the reader.
        detail: String,
    },
}
