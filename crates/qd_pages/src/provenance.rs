//! How old a number is and where its time went: the words behind every figure, on hover.
//!
//! It measures nothing: the stamps are the messages' own, each by the clock of the station that made it.

use std::fmt::Write as _;

use qd_state::{Hop, Seal};
use qd_types::fmt;

use crate::PageCtx;

/// The way of the last message of a table: its number, its age, and how long each stretch took; a second line says
/// how long painting takes. Empty while nothing was pushed.
pub(crate) fn way_of(cx: &PageCtx<'_>, seal: &Seal) -> String {
    let Some(message) = &seal.last_message else {
        return "Read by asking: no message of this table has been pushed yet.".to_owned();
    };
    let number = message.seq.map_or_else(
        || "without a number".to_owned(),
        |seq| format!("#{}", fmt::count(seq.0)),
    );
    let mut words = format!(
        "Last message of the table: {number}, received {} ago.",
        fmt::age(cx.age_ms(message.stamps.received_at))
    );
    let offset = cx.snapshot.clock_offset_micros.unwrap_or(0);
    let stretches: Vec<String> = message
        .hops(offset)
        .into_iter()
        .filter_map(|(hop, micros)| {
            let took = fmt::latency_micros(micros?.max(0));
            Some(format!("{} {took}", hop.as_str()))
        })
        .collect();
    if !stretches.is_empty() {
        write!(words, "\n{}", stretches.join(" \u{b7} ")).ok();
    }
    let hops = cx.snapshot.feed.hops.iter();
    if let Some(painted) = hops
        .into_iter()
        .find(|hop| hop.hop == Hop::AppliedToPainted)
    {
        write!(
            words,
            "\n{} usually {}",
            painted.hop.as_str(),
            fmt::latency_micros(painted.p50_micros)
        )
        .ok();
    }
    words
}
