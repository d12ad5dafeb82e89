//! What a lane sends, before it is text: the owner renders it outside of every lock.
//!
//! It does not look into a body: bus bytes go into the text as they are.

use bytes::Bytes;
use qd_types::{StreamName, StreamPos, UtcMicros};
use qd_wire::frame;
use qd_wire::head::Head;

/// One frame of one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneFrame {
    /// The whole state.
    Snapshot {
        /// The message's head.
        head: Head,
        /// How many numbers were jumped over to get here; absent when none.
        skipped: Option<u64>,
        /// When the hub routed it, or when it was read from the log.
        routed_at: UtcMicros,
        /// The bus message.
        bytes: Bytes,
    },
    /// Messages in order, each the next number.
    Batch {
        /// The channel.
        stream: StreamName,
        /// The number of the last one.
        last: StreamPos,
        /// When the oldest was routed, or read from the log.
        routed_at: UtcMicros,
        /// The bus messages; never empty.
        msgs: Vec<Bytes>,
    },
    /// A message of a producer that does not number.
    Unnumbered {
        /// The channel.
        stream: StreamName,
        /// When the hub routed it.
        routed_at: UtcMicros,
        /// The bus message.
        bytes: Bytes,
    },
    /// The log no longer has what comes next.
    Gone {
        /// The channel.
        stream: StreamName,
        /// The last number that is gone.
        pos: StreamPos,
    },
    /// The end of an answer: this is the stream's number.
    Beat {
        /// The channel.
        stream: StreamName,
        /// The log's number.
        pos: StreamPos,
        /// The node's time.
        at: UtcMicros,
    },
}

impl LaneFrame {
    /// How many messages it carries; control frames carry none.
    pub fn num_messages(&self) -> u64 {
        match self {
            Self::Snapshot { .. } | Self::Unnumbered { .. } => 1,
            Self::Batch { msgs, .. } => msgs.len() as u64,
            Self::Gone { .. } | Self::Beat { .. } => 0,
        }
    }

    /// The last number it carries; absent when it carries none.
    pub fn last_pos(&self) -> Option<StreamPos> {
        match self {
            Self::Snapshot { head, .. } => Some(head.pos()),
            Self::Batch { last, .. } => Some(last.clone()),
            Self::Unnumbered { .. } | Self::Gone { .. } | Self::Beat { .. } => None,
        }
    }

    /// How many numbers it jumps over; absent when none.
    pub fn skipped(&self) -> Option<u64> {
        match self {
            Self::Snapshot { skipped, .. } => *skipped,
            _ => None,
        }
    }

    /// The frame's text.
    pub fn render(&self) -> String {
        match self {
            Self::Snapshot {
                head,
                skipped,
                routed_at,
                bytes,
            } => frame::snapshot_frame(head, *skipped, *routed_at, bytes),
            Self::Batch {
                stream,
                routed_at,
                msgs,
                ..
            } => match msgs.as_slice() {
                [only] => frame::msg_frame(stream, *routed_at, only),
                msgs => frame::batch_frame(stream, *routed_at, msgs),
            },
            Self::Unnumbered {
                stream,
                routed_at,
                bytes,
            } => frame::unnumbered_frame(stream, *routed_at, bytes),
            Self::Gone { stream, pos } => frame::gone_frame(stream, pos),
            Self::Beat { stream, pos, at } => {
                frame::beat_frame(&[(stream.clone(), pos.clone())], *at)
            }
        }
    }
}
