//! Which stream carries what, and which REST answer stands in for which stream.
//!
//! Tables only; the states are `stream_client`.

use qd_types::{StreamName, StreamPos};

use crate::effect::{Effect, RestAsk};
use crate::event::{RestAnswer, StreamPayload};
use crate::stream_client::{Ask, ClientCounters};

/// Turns a client's ask into effects.
pub(crate) fn push_ask(stream: &StreamName, ask: Option<Ask>, effects: &mut Vec<Effect>) {
    match ask {
        None => {}
        Some(Ask::Resync(pos)) => effects.push(Effect::SendResync {
            stream: stream.clone(),
            pos,
        }),
        Some(Ask::Rest) => {
            let asks: &[RestAsk] = match stream {
                // The rows with their place, and what rows cannot tell.
                StreamName::Positions(_) => &[RestAsk::Positions, RestAsk::Pnl],
                StreamName::Orders(_) => &[RestAsk::Orders, RestAsk::History],
                StreamName::Alerts(_) => &[RestAsk::Alerts],
                StreamName::KillSwitch => &[RestAsk::Halt],
                StreamName::CircuitBreakers => &[RestAsk::Breakers],
            };
            effects.extend(asks.iter().map(|ask| Effect::AskRest(*ask)));
        }
    }
}

/// Whether `stream` carries such messages.
pub(crate) fn fits(stream: &StreamName, payload: &StreamPayload) -> bool {
    match payload {
        StreamPayload::PositionsReplaced(_)
        | StreamPayload::PositionsChanged(_)
        | StreamPayload::PositionsSalvaged(_)
        | StreamPayload::PositionsChangeSalvaged(_) => {
            matches!(stream, StreamName::Positions(_))
        }
        StreamPayload::OrderChanged(_) | StreamPayload::OrderSalvaged(_) => {
            matches!(stream, StreamName::Orders(_))
        }
        StreamPayload::AlertChanged(_) => matches!(stream, StreamName::Alerts(_)),
        StreamPayload::HaltChanged(_) => *stream == StreamName::KillSwitch,
        StreamPayload::BreakersReplaced(_) => *stream == StreamName::CircuitBreakers,
        StreamPayload::RefetchAsked => true,
    }
}

/// The question that `answer` answers.
pub(crate) fn ask_of(answer: &RestAnswer) -> RestAsk {
    match answer {
        RestAnswer::Positions { .. } | RestAnswer::PositionsSalvaged { .. } => RestAsk::Positions,
        RestAnswer::Orders { .. }
        | RestAnswer::OrdersSalvaged { .. }
        | RestAnswer::OrdersLog { .. } => RestAsk::Orders,
        RestAnswer::History { .. } => RestAsk::History,
        RestAnswer::Pnl(_) => RestAsk::Pnl,
        RestAnswer::Halt { .. } => RestAsk::Halt,
        RestAnswer::Breakers { .. } => RestAsk::Breakers,
        RestAnswer::Alerts { .. } | RestAnswer::AlertsLog { .. } => RestAsk::Alerts,
    }
}

/// The question and the stream's place, for answers that stand in for a stream.
pub(crate) fn asked_for(answer: &RestAnswer) -> Option<(RestAsk, Option<&StreamPos>)> {
    let pos = match answer {
        RestAnswer::Positions { pos, .. }
        | RestAnswer::PositionsSalvaged { pos, .. }
        | RestAnswer::Orders { pos, .. }
        | RestAnswer::OrdersSalvaged { pos, .. }
        | RestAnswer::Halt { pos, .. }
        | RestAnswer::Breakers { pos, .. }
        | RestAnswer::Alerts { pos, .. } => pos.as_ref(),
        RestAnswer::OrdersLog { pos } | RestAnswer::AlertsLog { pos } => Some(pos),
        RestAnswer::History { .. } | RestAnswer::Pnl(_) => return None,
    };
    Some((ask_of(answer), pos))
}

/// All streams together.
pub(crate) fn sum(counters: impl Iterator<Item = ClientCounters>) -> ClientCounters {
    counters.fold(ClientCounters::default(), |a, b| ClientCounters {
        received: a.received + b.received,
        applied: a.applied + b.applied,
        duplicates: a.duplicates + b.duplicates,
        set_aside: a.set_aside + b.set_aside,
        unreadable: a.unreadable + b.unreadable,
        queue_dropped: a.queue_dropped + b.queue_dropped,
        gaps: a.gaps + b.gaps,
        resyncs: a.resyncs + b.resyncs,
        refetches: a.refetches + b.refetches,
    })
}
