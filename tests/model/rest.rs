//! REST as the model has it: the number is read first, the rows a little later, and the answer arrives later still.
//!
//! It asks nothing by itself: the clients do.

use qd_state::{ClientState, Verdict};
use qd_types::{StreamPos, UtcMicros};

use crate::channel::Content;
use crate::world::World;

/// The number of an answer on its way.
pub(crate) enum PosRead {
    NotYet,
    /// Absent from a publisher that has none.
    Read(Option<StreamPos>),
}

/// An answer on its way.
pub(crate) struct PendingRest {
    pub(crate) channel: usize,
    pub(crate) pos_at: UtcMicros,
    pub(crate) rows_at: UtcMicros,
    pub(crate) arrives_at: UtcMicros,
    pub(crate) pos: PosRead,
    pub(crate) rows: Option<(Content, Option<StreamPos>)>,
    pub(crate) is_failed: bool,
}

impl PendingRest {
    pub(crate) fn due(&self) -> UtcMicros {
        if matches!(self.pos, PosRead::NotYet) {
            self.pos_at
        } else if self.rows.is_none() {
            self.rows_at
        } else {
            self.arrives_at
        }
    }
}

impl World {
    /// Reads and delivers what is due.
    pub(crate) fn answer_rest(&mut self) -> bool {
        let mut has_moved = false;
        let is_down = self.now < self.rest_down_until;
        for rest in &mut self.rests {
            let channel = &self.channels[rest.channel];
            if matches!(rest.pos, PosRead::NotYet) && rest.pos_at <= self.now {
                rest.is_failed |= is_down || !channel.is_up();
                rest.pos = PosRead::Read(channel.position());
            }
            if rest.rows.is_none() && rest.rows_at <= self.now {
                rest.is_failed |= is_down || !channel.is_up();
                rest.rows = Some((channel.facts(), channel.stored.log.position()));
            }
        }
        let now = self.now;
        let is_here = |rest: &PendingRest| rest.rows.is_some() && rest.arrives_at <= now;
        while let Some(i) = self.rests.iter().position(is_here) {
            has_moved = true;
            let rest = self.rests.remove(i);
            let stream = &mut self.console.streams[rest.channel];
            stream.is_asking = false;
            let (PosRead::Read(pos), Some((rows, stored)), false) =
                (rest.pos, rest.rows, rest.is_failed)
            else {
                stream.client.rest_failed(self.now);
                continue;
            };
            let before = match stream.client.state() {
                ClientState::Refetch { last, .. } | ClientState::Unverified { last, .. } => {
                    last.clone()
                }
                ClientState::Empty | ClientState::Verified { .. } | ClientState::Hole { .. } => {
                    None
                }
            };
            let missing = stream.client.missing().to_vec();
            let (verdict, ask) = stream.client.rest_loaded(pos.as_ref(), self.now);
            if verdict == Verdict::Apply {
                stream.content = rows;
                let channel = &self.channels[rest.channel];
                self.watched[rest.channel].rest_applied(
                    (before, &missing),
                    self.console.streams[rest.channel].client.missing(),
                    pos.as_ref(),
                    stored,
                    channel,
                );
            }
            self.note(|world| {
                let stream = &world.console.streams[rest.channel];
                format!(
                    "REST {} {pos:?} {verdict:?}: {:?}",
                    stream.name,
                    stream.client.state()
                )
            });
            if let Some(ask) = ask {
                self.ask(rest.channel, ask);
            }
        }
        has_moved
    }
}
