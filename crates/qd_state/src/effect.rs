//! What the store wants done: data, never an action of its own.

use qd_types::{StreamName, StreamPos};

use crate::event::{PageQuestion, PageQuestionId};

/// One thing for the feed to do. Each is answered by events: nothing else is awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a `resync` frame.
    SendResync {
        /// Which stream.
        stream: StreamName,
        /// The last place applied.
        pos: StreamPos,
    },
    /// Ask by REST; answer with [`crate::Event::RestLoaded`] or [`crate::Event::RestFailed`].
    AskRest(RestAsk),
    /// Ask by REST for a page; answer with [`crate::Event::PageAnswered`], whatever comes of it.
    AskForPage {
        /// To be given back with the answer.
        question_id: PageQuestionId,
        /// What to ask.
        question: PageQuestion,
    },
    /// Close the socket and open another with [`crate::Store::resume`].
    Reconnect {
        /// Why, for the log and the reader.
        reason: ReconnectReason,
    },
}

/// What is asked by REST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestAsk {
    /// All positions.
    Positions,
    /// All open orders.
    Orders,
    /// The newest fills and final states.
    History,
    /// The account's figures.
    Pnl,
    /// The halt machine's word.
    Halt,
    /// All breakers.
    Breakers,
    /// The alerts.
    Alerts,
}

/// Why a socket is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconnectReason {
    /// No server stamp newer than 12 s.
    ServerSilent,
    /// The client's clock was set back: what was measured with it says nothing any more.
    ClockSetBack,
}
