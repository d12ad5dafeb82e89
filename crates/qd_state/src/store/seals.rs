//! The seal of a table, in words, from its stream's client.
//!
//! It judges nothing: the client's state is the truth, this is how it reads.

use std::sync::Arc;

use qd_types::{StreamClass, Tone, UtcMicros, fmt};

use super::Ctx;
use crate::event::MessageStamps;
use crate::snapshot::{LastMessage, Seal, SealState};
use crate::stream_client::{ClientState, MissingRange, StreamClient};

/// A stream's client and the seal that was last made of it.
#[derive(Debug)]
pub(crate) struct Sealed {
    /// The state machine.
    pub(crate) client: StreamClient,
    last_skipped: Option<(u64, UtcMicros)>,
    last_message: Option<LastMessage>,
    /// What of the table cannot be read, as it stands in the seal: "1 row unreadable".
    unreadable: Option<Arc<str>>,
    seal: Arc<Seal>,
}

impl Sealed {
    /// A stream of which nothing is known.
    pub(crate) fn new(class: StreamClass) -> Self {
        Self {
            client: StreamClient::new(class),
            last_skipped: None,
            last_message: None,
            unreadable: None,
            seal: Arc::default(),
        }
    }

    /// The lane left out states before the one just applied.
    pub(crate) fn skipped(&mut self, num: u64, now: UtcMicros) {
        self.last_skipped = Some((num, now));
    }

    /// Whether a message tells of facts that no message before it has told of, to somebody who was there: what is said
    /// again, or to who has just come, was made long ago.
    pub(crate) fn tells_news(&self, stamps: &MessageStamps) -> bool {
        self.last_message
            .is_some_and(|last| last.stamps.made_at != stamps.made_at)
    }

    /// A message was applied.
    pub(crate) fn applied(&mut self, message: LastMessage) {
        self.last_message = Some(message);
    }

    /// The seal, made again only when something of it changed; `unreadable` says what of the table is not there to be
    /// verified.
    pub(crate) fn seal(&mut self, unreadable: Option<Arc<str>>, ctx: &Ctx) -> Arc<Seal> {
        let state = state_of(&self.client);
        let is_other_note = self.unreadable != unreadable;
        self.unreadable = unreadable;
        if self.seal.state != state
            || is_other_note
            || *self.seal.missing != *self.client.missing()
            || self.seal.last_skipped != self.last_skipped
            || self.seal.last_message != self.last_message
        {
            let missing: Arc<[MissingRange]> = self.client.missing().into();
            let (text, tone) = words_of(&state, &missing, self.unreadable.as_deref(), ctx);
            self.seal = Arc::new(Seal {
                state,
                text: Arc::from(text),
                tone,
                missing,
                last_skipped: self.last_skipped,
                last_message: self.last_message,
            });
        }
        Arc::clone(&self.seal)
    }

    /// Makes the text again, in another zone.
    pub(crate) fn show_in(&mut self, ctx: &Ctx) {
        let unreadable = self.unreadable.as_deref();
        let (text, _) = words_of(&self.seal.state, &self.seal.missing, unreadable, ctx);
        Arc::make_mut(&mut self.seal).text = Arc::from(text);
    }
}

fn state_of(client: &StreamClient) -> SealState {
    match client.state() {
        ClientState::Empty => SealState::Loading,
        ClientState::Verified { pos } => SealState::Verified {
            pos: pos.clone(),
            at: client.proven_at().unwrap_or_default(),
        },
        ClientState::Hole { since, reason, .. } | ClientState::Refetch { since, reason, .. } => {
            SealState::Resyncing {
                since: *since,
                reason: *reason,
            }
        }
        ClientState::Unverified { since, .. } => SealState::Unverified { since: *since },
    }
}

fn words_of(
    state: &SealState,
    missing: &[MissingRange],
    unreadable: Option<&str>,
    ctx: &Ctx,
) -> (String, Tone) {
    let (mut text, mut tone) = match state {
        SealState::Loading => ("waiting for data\u{2026}".to_owned(), Tone::Faint),
        SealState::Verified { pos, at } => (
            format!(
                "\u{2713} verified to #{} \u{b7} {}",
                fmt::count(pos.seq.0),
                // As the header's clock, which shows the server's time.
                fmt::time_millis(at.plus_micros(ctx.offset_micros), ctx.zone)
            ),
            Tone::Gain,
        ),
        SealState::Resyncing { .. } => ("resyncing\u{2026}".to_owned(), Tone::Warn),
        SealState::Unverified { .. } => ("unverified".to_owned(), Tone::Warn),
    };
    if let Some(last) = missing.last() {
        let range = match last.to {
            Some(to) if to == last.from => format!("#{}", fmt::count(to.0)),
            Some(to) => format!("#{}\u{2013}{}", fmt::count(last.from.0), fmt::count(to.0)),
            None => format!("from #{}, unknown", fmt::count(last.from.0)),
        };
        let more = match missing.len() {
            0 | 1 => String::new(),
            len => format!(" and {} more", len - 1),
        };
        text = format!("{text} \u{b7} missing {range}{more}");
        tone = Tone::Warn;
    }
    if let Some(unreadable) = unreadable {
        text = format!("{text} \u{b7} {unreadable}");
        tone = Tone::Warn;
    }
    (text, tone)
}
