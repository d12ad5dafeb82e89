//! What waits in a lane, and what of it goes into one frame.
//!
//! It knows no bounds and no order of its own: the lane has both.

use std::collections::VecDeque;

use bytes::Bytes;
use qd_types::{MessageKind, StreamName, StreamPos, UtcMicros};
use qd_wire::head::Head;

use super::LaneFrame;

/// One numbered message on its way.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) head: Head,
    pub(super) bytes: Bytes,
    pub(super) routed_at: UtcMicros,
}

impl Item {
    pub(super) fn pos(&self) -> StreamPos {
        self.head.pos()
    }

    pub(super) fn is_snapshot(&self) -> bool {
        self.head.kind == MessageKind::Snapshot
    }

    /// What it takes of the bound; a snapshot is one shared buffer and takes nothing.
    pub(super) fn weight(&self) -> usize {
        if self.is_snapshot() {
            0
        } else {
            self.bytes.len()
        }
    }
}

/// A message of a producer that does not number, with the time it was routed.
#[derive(Clone, Debug)]
pub(super) struct Loose {
    pub(super) bytes: Bytes,
    pub(super) routed_at: UtcMicros,
}

/// Takes what goes into one frame: a snapshot or a refetch by itself, everything else together.
pub(super) fn take_frame(
    stream: &StreamName,
    items: &mut VecDeque<Item>,
    sent: Option<&StreamPos>,
) -> Option<LaneFrame> {
    let first = items.pop_front()?;
    match first.head.kind {
        MessageKind::Snapshot => {
            let skipped = sent.and_then(|sent| {
                let from = if sent.epoch == first.head.epoch {
                    sent.seq.0
                } else {
                    0
                };
                let skipped = first.head.seq.0.saturating_sub(from).saturating_sub(1);
                (skipped > 0).then_some(skipped)
            });
            Some(LaneFrame::Snapshot {
                head: first.head,
                skipped,
                routed_at: first.routed_at,
                bytes: first.bytes,
            })
        }
        MessageKind::Refetch => Some(LaneFrame::Batch {
            stream: stream.clone(),
            last: first.pos(),
            routed_at: first.routed_at,
            msgs: vec![first.bytes],
        }),
        MessageKind::Delta | MessageKind::Event => {
            let mut last = first.pos();
            let routed_at = first.routed_at;
            let mut msgs = vec![first.bytes];
            while let Some(next) = items.front() {
                if matches!(next.head.kind, MessageKind::Snapshot | MessageKind::Refetch) {
                    break;
                }
                last = next.pos();
                if let Some(next) = items.pop_front() {
                    msgs.push(next.bytes);
                }
            }
            Some(LaneFrame::Batch {
                stream: stream.clone(),
                last,
                routed_at,
                msgs,
            })
        }
    }
}
