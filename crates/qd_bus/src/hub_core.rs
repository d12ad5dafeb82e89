//! The hub's rules for one channel, without IO or time: what to hold, when to read the log, what to route.
//!
//! The log is the authority. Live messages pass straight through while their numbers follow one another; after every
//! subscription, on a jump, and when the store's number is ahead, they are held while the log is read. Nothing is
//! routed twice, and within an epoch nothing is routed out of order.
//!
//! The driver (`hub`) feeds in what happens and carries out the returned actions in order.

use std::collections::VecDeque;

use bytes::Bytes;
use qd_types::{Epoch, MessageKind, Seq, StreamClass, StreamName, StreamPos};
use qd_wire::head::Head;

use crate::log::{LogEntry, LogPage};

/// Most messages held while the log is read.
pub const HELD_MAX_MESSAGES: usize = 256;
/// Most bytes held while the log is read.
pub const HELD_MAX_BYTES: usize = 64 * 1024;
/// Reads that find no log at all before a message that does not follow is routed without one: at the driver's pace about
/// six seconds, longer than a publisher takes to notice that the store lost its log.
pub const EMPTY_READS_MAX: u32 = 24;

/// Reads that find the log in a former epoch before that epoch counts as the present one again; one every 5 s.
const BEHIND_READS_MAX: u32 = 3;
/// Epochs remembered after others followed them.
const FORMER_EPOCHS_MAX: usize = 16;

/// What the driver has to do, in the order given.
#[derive(Debug)]
pub enum HubAction {
    /// Read the log behind `after` and answer with [`HubChannelCore::on_log_page`] or
    /// [`HubChannelCore::on_log_failed`], naming `read_id`.
    ReadLog {
        /// Which read; answers to former ones are ignored.
        read_id: u64,
        /// The last routed number; absent reads from the log's start.
        after: Option<StreamPos>,
    },
    /// Hand a message to everybody who listens to the channel.
    Route {
        /// Absent for a message without numbers.
        head: Option<Head>,
        /// The whole message.
        bytes: Bytes,
    },
}

/// Counters of one channel: `received + read = delivered + duplicate + dropped + unreadable + queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubCounts {
    /// Live messages, unreadable ones included.
    pub received: u64,
    /// Messages out of logs.
    pub read: u64,
    /// Messages routed, of both origins.
    pub delivered: u64,
    /// Numbers that had been routed already.
    pub duplicate: u64,
    /// Held messages let go because the log has them or has replaced them.
    pub dropped: u64,
    /// Live messages that could not be read.
    pub unreadable: u64,
    /// Messages held now.
    pub queued: u64,
    /// Holes that were routed over because the log could not fill them.
    pub gaps: u64,
    /// Among the delivered, those without numbers.
    pub unnumbered: u64,
}

impl HubCounts {
    /// Whether the counting law holds.
    pub fn adds_up(&self) -> bool {
        self.received + self.read
            == self.delivered + self.duplicate + self.dropped + self.unreadable + self.queued
    }
}

#[derive(Debug)]
enum Phase {
    /// No acknowledged subscription.
    Unsubscribed,
    /// A log read is under way.
    Reading {
        read_id: u64,
        /// How many of the held messages had arrived before the read began: what the log does not have of those,
        /// it will never have.
        num_covered: usize,
        /// Held messages were let go: what the read brings is not enough.
        overflowed: bool,
    },
    /// The last read failed or found no log; the driver asks again.
    AwaitingRetry,
    /// Live messages pass.
    Live,
}

/// One channel of a hub.
#[derive(Debug)]
pub struct HubChannelCore {
    stream: StreamName,
    routed: Option<StreamPos>,
    phase: Phase,
    held: VecDeque<LogEntry>,
    held_bytes: usize,
    last_read_id: u64,
    /// Where epochs that others followed had got to. A state's never comes back but in a store that was set back; an
    /// event stream's does when its outbox writes a usurped log anew.
    former: VecDeque<StreamPos>,
    /// The log's number is of a former epoch: what was routed is newer than what is stored.
    store_is_behind: bool,
    /// Reads in a row that found it so.
    num_behind_reads: u32,
    /// Reads in a row that found no log; saturated, this producer counts as one without logs.
    num_empty_reads: u32,
    counts: HubCounts,
}

enum Place {
    Routed,
    Next,
    Elsewhere,
}

impl HubChannelCore {
    /// A channel that is not subscribed to yet and has routed nothing.
    pub fn new(stream: StreamName) -> Self {
        Self {
            stream,
            routed: None,
            phase: Phase::Unsubscribed,
            held: VecDeque::new(),
            held_bytes: 0,
            last_read_id: 0,
            former: VecDeque::new(),
            store_is_behind: false,
            num_behind_reads: 0,
            num_empty_reads: 0,
            counts: HubCounts::default(),
        }
    }

    /// The last routed number, verified or not.
    pub fn routed(&self) -> Option<&StreamPos> {
        self.routed.as_ref()
    }

    /// The last routed number while the channel is subscribed and nothing is known to be missing: what a beat may say.
    pub fn verified(&self) -> Option<&StreamPos> {
        self.routed
            .as_ref()
            .filter(|_| self.is_live() && !self.store_is_behind)
    }

    /// Whether live messages pass straight through.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// Whether [`Self::retry`] would do something.
    pub fn awaits_retry(&self) -> bool {
        matches!(self.phase, Phase::AwaitingRetry)
    }

    /// The counters now.
    pub fn counts(&self) -> HubCounts {
        HubCounts {
            queued: self.held.len() as u64,
            ..self.counts
        }
    }

    /// The subscription was acknowledged (again).
    pub fn on_subscribed(&mut self) -> Vec<HubAction> {
        let mut actions = Vec::new();
        self.start_read(&mut actions);
        actions
    }

    /// The connection is gone, and with it everything that was on its way.
    pub fn on_disconnected(&mut self) {
        self.let_go_of_held();
        self.phase = Phase::Unsubscribed;
    }

    /// Messages may have been lost on the way although the subscription stands.
    pub fn on_messages_lost(&mut self) -> Vec<HubAction> {
        let mut actions = Vec::new();
        match &mut self.phase {
            Phase::Live => self.start_read(&mut actions),
            Phase::Reading { overflowed, .. } => *overflowed = true,
            Phase::Unsubscribed | Phase::AwaitingRetry => {}
        }
        actions
    }

    /// A live message that nobody can read: counted, nothing else.
    pub fn on_unreadable(&mut self) {
        self.counts.received += 1;
        self.counts.unreadable += 1;
    }

    /// A live message; `head` is absent when it carries no numbers, and such a message passes at once.
    pub fn on_message(&mut self, head: Option<Head>, bytes: Bytes) -> Vec<HubAction> {
        self.counts.received += 1;
        let mut actions = Vec::new();
        let Some(head) = head else {
            self.counts.delivered += 1;
            self.counts.unnumbered += 1;
            actions.push(HubAction::Route { head: None, bytes });
            return actions;
        };
        if self.stream.class() == StreamClass::State && self.former_position(&head.epoch).is_some()
        {
            self.counts.dropped += 1;
            return actions;
        }
        let entry = LogEntry { head, bytes };
        if !self.is_live() {
            self.hold(entry);
            return actions;
        }
        match self.place(&entry.head) {
            Place::Routed => self.counts.duplicate += 1,
            Place::Next => self.route(entry, &mut actions),
            Place::Elsewhere => {
                self.hold(entry);
                self.start_read(&mut actions);
            }
        }
        actions
    }

    /// The answer to a [`HubAction::ReadLog`].
    pub fn on_log_page(&mut self, read_id: u64, page: LogPage) -> Vec<HubAction> {
        let mut actions = Vec::new();
        let (num_covered, overflowed) = match &self.phase {
            Phase::Reading {
                read_id: current,
                num_covered,
                overflowed,
            } if *current == read_id => (*num_covered, *overflowed),
            _ => return actions,
        };
        let has_entries = !page.entries.is_empty();
        self.store_is_behind = self.is_set_back(page.head.as_ref());
        if self.store_is_behind {
            // Its publisher will find out and begin another epoch; older values must not be shown as the newest.
            self.counts.read += page.entries.len() as u64;
            self.counts.dropped += page.entries.len() as u64;
            self.phase = Phase::Live;
            self.release_held(num_covered, true, &mut actions);
            return actions;
        }
        for entry in page.entries {
            self.counts.read += 1;
            match self.place(&entry.head) {
                Place::Routed => self.counts.duplicate += 1,
                Place::Next | Place::Elsewhere => self.route(entry, &mut actions),
            }
        }
        if overflowed || (page.more && has_entries) {
            self.start_read(&mut actions);
            return actions;
        }
        self.phase = Phase::Live;
        let log_exists = page.head.is_some();
        if let Some(head) = page.head {
            self.num_empty_reads = 0;
            self.skip_to(head);
        }
        self.release_held(num_covered, log_exists, &mut actions);
        actions
    }

    /// A [`HubAction::ReadLog`] could not be carried out; the channel goes on holding until [`Self::retry`].
    pub fn on_log_failed(&mut self, read_id: u64) {
        if matches!(&self.phase, Phase::Reading { read_id: current, .. } if *current == read_id) {
            self.phase = Phase::AwaitingRetry;
        }
    }

    /// Reads again after a read that failed or found no log; nothing otherwise. To be called every 250 ms.
    pub fn retry(&mut self) -> Vec<HubAction> {
        let mut actions = Vec::new();
        if self.awaits_retry() {
            self.start_read(&mut actions);
        }
        actions
    }

    /// What the store holds, asked for from time to time: a loss of the last message shows in no other way.
    pub fn on_store_position(&mut self, holds: Option<&StreamPos>) -> Vec<HubAction> {
        let mut actions = Vec::new();
        if let Some(holds) = holds
            && self.is_live()
        {
            let is_behind = self
                .routed
                .as_ref()
                .is_none_or(|routed| routed.epoch != holds.epoch || routed.seq < holds.seq);
            if is_behind {
                self.start_read(&mut actions);
            }
        }
        actions
    }

    fn former_position(&self, epoch: &Epoch) -> Option<usize> {
        self.former.iter().position(|former| former.epoch == *epoch)
    }

    /// Whether the log stands in a former epoch and is to be left alone.
    fn is_set_back(&mut self, head: Option<&StreamPos>) -> bool {
        let Some(index) = head.and_then(|head| self.former_position(&head.epoch)) else {
            self.num_behind_reads = 0;
            return false;
        };
        match self.stream.class() {
            StreamClass::State => {
                self.num_behind_reads += 1;
                if self.num_behind_reads < BEHIND_READS_MAX {
                    return true;
                }
                // Nobody begins another for so long: its owner never noticed, and lives by the old numbers. Readers
                // have seen another picture since, so the log is routed from its snapshot, again.
                self.former.remove(index);
            }
            // An outbox's epoch goes on where it was.
            StreamClass::Event => {
                if let Some(resumed) = self.former.remove(index) {
                    self.set_routed(resumed);
                }
            }
        }
        self.num_behind_reads = 0;
        false
    }

    fn place(&self, head: &Head) -> Place {
        match &self.routed {
            Some(routed) if routed.epoch == head.epoch => {
                if head.seq <= routed.seq {
                    Place::Routed
                } else if head.seq == routed.seq.next() {
                    Place::Next
                } else {
                    Place::Elsewhere
                }
            }
            None if head.seq == Seq(1) => Place::Next,
            Some(_) | None => Place::Elsewhere,
        }
    }

    fn route(&mut self, entry: LogEntry, actions: &mut Vec<HubAction>) {
        let continues = matches!(self.place(&entry.head), Place::Next) || self.routed.is_none();
        let restarts = self.stream.class() == StreamClass::State
            && matches!(
                entry.head.kind,
                MessageKind::Snapshot | MessageKind::Refetch
            );
        // A new epoch's first number may follow the former one's last or not: nobody can know, so it is no hole here.
        let is_new_run = entry.head.seq == Seq(1);
        if !continues && !restarts && !is_new_run {
            self.counts.gaps += 1;
        }
        self.set_routed(entry.head.pos());
        self.counts.delivered += 1;
        actions.push(HubAction::Route {
            head: Some(entry.head),
            bytes: entry.bytes,
        });
    }

    /// The log's number is `head` and all it has was routed: what is missing up to there nobody has any more.
    fn skip_to(&mut self, head: StreamPos) {
        match &self.routed {
            Some(routed) if routed.epoch == head.epoch && routed.seq >= head.seq => return,
            Some(routed) if routed.epoch == head.epoch => self.counts.gaps += 1,
            Some(_) | None => {}
        }
        self.set_routed(head);
    }

    fn set_routed(&mut self, position: StreamPos) {
        if let Some(before) = self.routed.replace(position)
            && self
                .routed
                .as_ref()
                .is_some_and(|now| now.epoch != before.epoch)
        {
            if self.former.len() >= FORMER_EPOCHS_MAX {
                self.former.pop_front();
            }
            self.former.push_back(before);
        }
    }

    fn start_read(&mut self, actions: &mut Vec<HubAction>) {
        self.last_read_id += 1;
        self.phase = Phase::Reading {
            read_id: self.last_read_id,
            num_covered: self.held.len(),
            overflowed: false,
        };
        actions.push(HubAction::ReadLog {
            read_id: self.last_read_id,
            after: self.routed.clone(),
        });
    }

    fn hold(&mut self, entry: LogEntry) {
        if matches!(
            self.phase,
            Phase::Reading {
                overflowed: true,
                ..
            }
        ) {
            self.counts.dropped += 1;
            return;
        }
        if self.held.len() >= HELD_MAX_MESSAGES
            || self.held_bytes + entry.bytes.len() > HELD_MAX_BYTES
        {
            self.let_go_of_held();
            self.counts.dropped += 1;
            if let Phase::Reading { overflowed, .. } = &mut self.phase {
                *overflowed = true;
            }
            return;
        }
        self.held_bytes += entry.bytes.len();
        self.held.push_back(entry);
    }

    fn let_go_of_held(&mut self) {
        self.counts.dropped += self.held.len() as u64;
        self.held.clear();
        self.held_bytes = 0;
    }

    /// Routes what was held while the log was read. `num_covered` of them had arrived before the read began.
    fn release_held(&mut self, num_covered: usize, log_exists: bool, actions: &mut Vec<HubAction>) {
        let mut num_seen = 0;
        while let Some(entry) = self.held.pop_front() {
            self.held_bytes -= entry.bytes.len();
            num_seen += 1;
            match self.place(&entry.head) {
                Place::Routed => self.counts.duplicate += 1,
                Place::Next => self.route(entry, actions),
                Place::Elsewhere if num_seen > num_covered => {
                    // It came while the log was being read, so the log may have it by now.
                    self.held_bytes += entry.bytes.len();
                    self.held.push_front(entry);
                    self.start_read(actions);
                    return;
                }
                Place::Elsewhere if log_exists => {
                    // It came before the read, and the log knows nothing of it: a former epoch, or a number that the
                    // store has lost and that its publisher will hand out anew.
                    self.counts.dropped += 1;
                }
                // A numbered producer without a log: what came is all there will be.
                Place::Elsewhere if self.num_empty_reads >= EMPTY_READS_MAX => {
                    self.route(entry, actions);
                }
                Place::Elsewhere => {
                    // The store lost the log, and its publisher will write it anew.
                    self.num_empty_reads += 1;
                    self.held_bytes += entry.bytes.len();
                    self.held.push_front(entry);
                    self.phase = Phase::AwaitingRetry;
                    return;
                }
            }
        }
    }
}
