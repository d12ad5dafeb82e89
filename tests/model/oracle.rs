//! What must hold, whatever happens: checked while a schedule runs, and at its end.
//!
//! It knows both sides and tells neither anything.

use qd_state::{ClientState, MissingRange};
use qd_types::{StreamClass, StreamPos, UtcMicros};

use crate::channel::{Channel, Content};
use crate::console::{Applied, ClientStream};

/// Hub check, beat and watchdog one after the other, and what the model's own delays add.
pub(crate) const SHOWN_WITHIN_MILLIS: i64 = 22_000 + 3_500;

const CHECK_EVERY_MILLIS: i64 = 250;

/// Until when rows out of REST may be ahead of their number.
#[derive(Default)]
enum Ahead {
    #[default]
    Never,
    /// Until the number after this one is applied: it has every change that was known then.
    Until(StreamPos),
    /// Until a snapshot is applied.
    UntilSnapshot,
}

/// What the oracle remembers of one stream.
#[derive(Default)]
pub(crate) struct Watched {
    /// Events known to the client, by index, as events or by REST.
    known_events: u64,
    /// Rows came by REST and may be ahead of their number.
    ahead: Ahead,
    shown_checked_at: Option<UtcMicros>,
}

impl Watched {
    /// The client applied a message.
    pub(crate) fn applied(&mut self, applied: &Applied, channel: &Channel) {
        let Some(pos) = &applied.pos else {
            return;
        };
        match channel.stream.class() {
            StreamClass::State => self.state_applied(applied, pos, channel),
            StreamClass::Event => {
                let index = channel.event_index(pos);
                assert_eq!(
                    index,
                    self.known_events + 1,
                    "{}: event {pos:?} was applied out of turn",
                    channel.stream
                );
                self.known_events = index;
            }
        }
    }

    fn state_applied(&mut self, applied: &Applied, pos: &StreamPos, channel: &Channel) {
        let is_ahead = match &self.ahead {
            Ahead::Never => false,
            _ if applied.is_snapshot => false,
            Ahead::Until(until) => pos.epoch != until.epoch || pos.seq <= until.seq,
            Ahead::UntilSnapshot => true,
        };
        if is_ahead {
            return;
        }
        self.ahead = Ahead::Never;
        let record = channel
            .stored
            .records
            .iter()
            .rev()
            .find(|record| record.pos == *pos)
            .unwrap_or_else(|| panic!("{}: nobody sent {pos:?}", channel.stream));
        assert_eq!(
            applied.content.as_ref(),
            Some(&*record.content),
            "{}: what the client holds at {pos:?} is not what was sent",
            channel.stream
        );
    }

    /// The client applied a REST answer: its rows were read when the store was at `stored`.
    pub(crate) fn rest_applied(
        &mut self,
        before: (Option<StreamPos>, &[MissingRange]),
        after: &[MissingRange],
        pos: Option<&StreamPos>,
        stored: Option<StreamPos>,
        channel: &Channel,
    ) {
        self.ahead = stored.map_or(Ahead::UntilSnapshot, Ahead::Until);
        let Some(pos) = pos.filter(|_| channel.stream.class() == StreamClass::Event) else {
            assert_eq!(before.1, after, "only REST with a number on events jumps");
            return;
        };
        let index = channel.event_index(pos);
        let new = &after[before.1.len().min(after.len())..];
        match before.0 {
            Some(last) if last.epoch == pos.epoch => {
                let num_jumped = pos.seq.0 - last.seq.0;
                let shown: u64 = new
                    .iter()
                    .map(|range| range.to.unwrap().0 + 1 - range.from.0)
                    .sum();
                assert_eq!(shown, num_jumped, "{new:?} from {last:?} to {pos:?}");
            }
            Some(last) => {
                let is_shown = new.iter().any(|range| {
                    range.epoch == last.epoch && range.from == last.seq.next() && range.to.is_none()
                });
                assert!(is_shown, "{new:?} from {last:?} to {pos:?}");
            }
            None => assert_eq!(new, [], "nothing was known, so nothing was jumped"),
        }
        self.known_events = index;
    }

    /// A seal never stands longer than its bound over something that is missing.
    pub(crate) fn check_shown(&mut self, now: UtcMicros, stream: &ClientStream, channel: &Channel) {
        let is_due = |at: UtcMicros| now.millis_since(at) >= CHECK_EVERY_MILLIS;
        if !self.shown_checked_at.is_none_or(is_due) {
            return;
        }
        self.shown_checked_at = Some(now);
        let ClientState::Verified { pos } = stream.client.state() else {
            return;
        };
        let records = &channel.stored.records;
        let next = match channel.record_index(pos) {
            Some(index) => index + 1,
            None => records
                .iter()
                .position(|record| record.pos.epoch == pos.epoch)
                .unwrap_or(records.len()),
        };
        let missed = records
            .iter()
            .skip(next)
            .take_while(|record| now.millis_since(record.at) > SHOWN_WITHIN_MILLIS)
            .find(|record| record.is_alive);
        if let Some(missed) = missed {
            panic!(
                "{}: verified to {pos:?}, but {:?} was published {} ms ago",
                channel.stream,
                missed.pos,
                now.millis_since(missed.at)
            );
        }
    }
}

/// At the end of everything, both sides are equal.
pub(crate) fn check_equal(stream: &ClientStream, channel: &Channel) {
    assert_eq!(
        stream.client.state(),
        &ClientState::Verified {
            pos: channel.position().unwrap()
        },
        "{}",
        channel.stream
    );
    assert_eq!(
        channel.stored.log.position(),
        channel.position(),
        "{}: the store has what the publisher gave",
        channel.stream
    );
    let facts = channel.facts();
    assert!(
        stream.content == facts,
        "{}: the client has {:?}, the publisher {:?}",
        channel.stream,
        difference(&stream.content, &facts),
        difference(&facts, &stream.content)
    );
}

fn difference<'a>(a: &'a Content, b: &Content) -> Vec<(&'a String, &'a u64)> {
    a.iter()
        .filter(|(key, value)| b.get(*key) != Some(value))
        .take(5)
        .collect()
}
