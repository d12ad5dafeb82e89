//! Between the socket and the reducer: one bounded drop-oldest queue per stream, one for everything else.
//!
//! The reader fills them and never waits; the ingest task takes from them in the order of arrival over all of them.
//! What a full queue pushes out is not lost silently: its place becomes a drop, and the drop a hole on screen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use qd_queue::{Counters, Receiver, Sender, bounded};
use qd_types::{StreamName, StreamPos, UtcMicros};
use qd_wire::RawJson;
use qd_wire::frame::Welcome;

use crate::signal::Signal;
use crate::socket::SocketEnd;

/// Frames that wait per stream; a batch is one frame.
const FRAMES_PER_STREAM: usize = 100;

/// Everything else is rare: a beat each five seconds, a clock answer each thirty.
const CONTROL_FRAMES: usize = 100;

/// The bytes of one bus message.
#[derive(Clone, Debug)]
pub(crate) enum MessageBytes {
    /// Cut out of a socket frame.
    Text(RawJson),
    /// As the bus gave it.
    #[cfg(not(target_arch = "wasm32"))]
    Shared(bytes::Bytes),
}

impl AsRef<[u8]> for MessageBytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Shared(bytes) => bytes,
        }
    }
}

/// What came by a stream.
#[derive(Clone, Debug)]
pub(crate) enum StreamWhat {
    /// Messages in order.
    Messages {
        /// When the gateway wrote the frame, or the hub routed the message.
        routed_at: UtcMicros,
        /// How many messages the lane left out before the first.
        skipped: Option<u64>,
        /// The messages.
        messages: Vec<MessageBytes>,
    },
    /// The log begins behind this place.
    Gone(StreamPos),
}

/// What came by no stream.
#[derive(Clone, Debug)]
pub(crate) enum Control {
    /// The socket is open and the hello is sent.
    Opened,
    /// The server knows us.
    Welcomed(Box<Welcome>),
    /// The hub's places.
    Beat(Vec<(StreamName, StreamPos)>, UtcMicros),
    /// An answer to our clock frame.
    Clock {
        /// Our clock when we asked.
        t0: UtcMicros,
        /// The server's clock when it read.
        t1: UtcMicros,
        /// The server's clock when it answered.
        t2: UtcMicros,
    },
    /// Something behind the gateway does not work, or works again.
    Degraded(String, Option<UtcMicros>),
    /// The last frame before the close.
    Bye {
        /// Why.
        reason: String,
        /// When to come back.
        retry_after_millis: Option<u64>,
    },
    /// A frame that cannot be read.
    Unreadable(String),
    /// The socket is gone; nothing of it comes after this.
    Ended(SocketEnd),
}

/// One thing that came, with the stamps of its arrival.
#[derive(Clone, Debug)]
pub(crate) struct Arrived<T> {
    /// Which connection it came by; older ones are ignored.
    pub(crate) connection_id: u64,
    /// Counts up over all lanes.
    arrival: u64,
    /// When it came, client's clock.
    pub(crate) received_at: UtcMicros,
    /// What came.
    pub(crate) what: T,
}

/// What came next, whichever lane it came by.
#[derive(Debug)]
pub(crate) enum Next {
    /// By a stream.
    Stream(StreamName, Arrived<StreamWhat>),
    /// By none.
    Control(Arrived<Control>),
}

/// What a full queue pushed out since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// The newest place among it; absent when nothing of it was numbered.
    pub(crate) pos: Option<StreamPos>,
    /// How many messages.
    pub(crate) num_messages: u64,
}

/// The reader's end: never waits.
#[derive(Debug)]
pub(crate) struct LanePort {
    streams: BTreeMap<StreamName, Sender<Arrived<StreamWhat>>>,
    control: Sender<Arrived<Control>>,
    arrivals: AtomicU64,
    dropped: Mutex<BTreeMap<StreamName, Dropped>>,
    has_dropped: AtomicBool,
    lost_control: AtomicBool,
    signal: Arc<Signal>,
}

impl LanePort {
    /// Puts what came by `stream` into its lane; gives it back when there is no such lane.
    pub(crate) fn push_stream(
        &self,
        stream: &StreamName,
        connection_id: u64,
        received_at: UtcMicros,
        what: StreamWhat,
    ) -> Result<(), StreamWhat> {
        let Some(sender) = self.streams.get(stream) else {
            return Err(what);
        };
        let arrived = self.stamp(connection_id, received_at, what);
        if let Some(displaced) = sender.push(arrived) {
            self.note_dropped(stream, &displaced.what);
        }
        self.signal.notify();
        Ok(())
    }

    /// Puts what came by no stream into its lane.
    pub(crate) fn push_control(&self, connection_id: u64, received_at: UtcMicros, what: Control) {
        let arrived = self.stamp(connection_id, received_at, what);
        if self.control.push(arrived).is_some() {
            // A beat or a welcome is gone: only a new connection makes that good.
            self.lost_control.store(true, Ordering::SeqCst);
        }
        self.signal.notify();
    }

    /// Counters of every stream's queue, in frames.
    pub(crate) fn counters(&self) -> Vec<(StreamName, Counters)> {
        let streams = self.streams.iter();
        streams
            .map(|(stream, sender)| (stream.clone(), sender.counters()))
            .collect()
    }

    fn stamp<T>(&self, connection_id: u64, received_at: UtcMicros, what: T) -> Arrived<T> {
        Arrived {
            connection_id,
            arrival: self.arrivals.fetch_add(1, Ordering::Relaxed),
            received_at,
            what,
        }
    }

    fn note_dropped(&self, stream: &StreamName, what: &StreamWhat) {
        let (num_messages, pos) = match what {
            StreamWhat::Messages { messages, .. } => {
                let newest = messages.last().and_then(|message| {
                    qd_wire::read_head(message.as_ref())
                        .ok()
                        .flatten()
                        .map(|head| head.pos())
                });
                (messages.len() as u64, newest)
            }
            StreamWhat::Gone(pos) => (0, Some(pos.clone())),
        };
        let mut all = self.dropped.lock();
        let dropped = all.entry(stream.clone()).or_default();
        dropped.num_messages += num_messages;
        // Oldest goes first, so the last one noted is the newest.
        dropped.pos = pos.or_else(|| dropped.pos.take());
        self.has_dropped.store(true, Ordering::SeqCst);
    }
}

/// One lane of the ingest task's end, with the item that was looked at but not yet taken.
#[derive(Debug)]
struct Lane<T> {
    receiver: Receiver<Arrived<T>>,
    head: Option<Arrived<T>>,
}

impl<T> Lane<T> {
    fn arrival(&mut self) -> Option<u64> {
        if self.head.is_none() {
            self.head = self.receiver.pop();
        }
        self.head.as_ref().map(|head| head.arrival)
    }
}

/// The ingest task's end.
#[derive(Debug)]
pub(crate) struct Lanes {
    port: Arc<LanePort>,
    streams: BTreeMap<StreamName, Lane<StreamWhat>>,
    control: Lane<Control>,
}

impl Lanes {
    /// A lane for each of `streams`; `signal` is notified when anything comes.
    pub(crate) fn new(streams: &[StreamName], signal: Arc<Signal>) -> Self {
        let (control_sender, control_receiver) = bounded(CONTROL_FRAMES);
        let mut senders = BTreeMap::new();
        let mut receivers = BTreeMap::new();
        for stream in streams {
            let (sender, receiver) = bounded(FRAMES_PER_STREAM);
            senders.insert(stream.clone(), sender);
            receivers.insert(
                stream.clone(),
                Lane {
                    receiver,
                    head: None,
                },
            );
        }
        let port = Arc::new(LanePort {
            streams: senders,
            control: control_sender,
            arrivals: AtomicU64::new(0),
            dropped: Mutex::default(),
            has_dropped: AtomicBool::new(false),
            lost_control: AtomicBool::new(false),
            signal,
        });
        Self {
            port,
            streams: receivers,
            control: Lane {
                receiver: control_receiver,
                head: None,
            },
        }
    }

    /// The reader's end.
    pub(crate) fn port(&self) -> Arc<LanePort> {
        Arc::clone(&self.port)
    }

    /// The streams that have a lane.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &StreamName> {
        self.streams.keys()
    }

    /// What was pushed out since the last time, per stream. Ask BEFORE taking: it is older than what waits.
    pub(crate) fn take_dropped(&self) -> BTreeMap<StreamName, Dropped> {
        if !self.port.has_dropped.swap(false, Ordering::SeqCst) {
            return BTreeMap::new();
        }
        std::mem::take(&mut *self.port.dropped.lock())
    }

    /// Whether a control frame was pushed out since the last time.
    pub(crate) fn take_lost_control(&self) -> bool {
        self.port.lost_control.swap(false, Ordering::SeqCst)
    }

    /// The oldest thing that waits, over all lanes.
    pub(crate) fn next(&mut self) -> Option<Next> {
        let control = self.control.arrival();
        let stream = self
            .streams
            .iter_mut()
            .filter_map(|(stream, lane)| Some((lane.arrival()?, stream)))
            .min_by_key(|(arrival, _)| *arrival)
            .map(|(arrival, stream)| (arrival, stream.clone()));
        match (control, stream) {
            (Some(control), Some((stream_arrival, stream))) if stream_arrival < control => {
                self.take_stream(stream)
            }
            (None, Some((_, stream))) => self.take_stream(stream),
            (Some(_), _) => self.control.head.take().map(Next::Control),
            (None, None) => None,
        }
    }

    fn take_stream(&mut self, stream: StreamName) -> Option<Next> {
        let arrived = self.streams.get_mut(&stream)?.head.take()?;
        Some(Next::Stream(stream, arrived))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64) -> MessageBytes {
        let text = format!(
            r#"{{"v":1,"stream":"orders:alice","epoch":"e","seq":{seq},"kind":"event","made_at":"2026-01-05T14:30:00.000000Z","published_at":"2026-01-05T14:30:00.000000Z"}}"#
        );
        MessageBytes::Text(RawJson::from_bytes(text.as_bytes()).unwrap())
    }

    fn messages(seqs: std::ops::Range<u64>) -> StreamWhat {
        StreamWhat::Messages {
            routed_at: UtcMicros(0),
            skipped: None,
            messages: seqs.map(message).collect(),
        }
    }

    fn lanes() -> (Lanes, StreamName, StreamName) {
        let orders = StreamName::parse("orders:alice").unwrap();
        let halts = StreamName::KillSwitch;
        let lanes = Lanes::new(&[orders.clone(), halts.clone()], Arc::default());
        (lanes, orders, halts)
    }

    #[test]
    fn things_come_out_in_the_order_they_came_in_over_all_lanes() {
        let (mut lanes, orders, halts) = lanes();
        let port = lanes.port();
        let at = UtcMicros(7);
        port.push_control(1, at, Control::Opened);
        port.push_stream(&orders, 1, at, messages(1..2)).unwrap();
        port.push_stream(&halts, 1, at, messages(1..2)).unwrap();
        port.push_control(1, at, Control::Unreadable(String::new()));
        port.push_stream(&orders, 1, at, messages(2..3)).unwrap();
        let mut order = Vec::new();
        while let Some(next) = lanes.next() {
            order.push(match next {
                Next::Stream(stream, _) => stream.to_string(),
                Next::Control(_) => "control".to_owned(),
            });
        }
        assert_eq!(
            order,
            [
                "control",
                "orders:alice",
                "kill_switch:state",
                "control",
                "orders:alice"
            ]
        );
    }

    #[test]
    fn a_full_lane_names_the_newest_place_it_dropped_and_how_many_messages() {
        let (mut lanes, orders, _) = lanes();
        let port = lanes.port();
        for frame in 0..103 {
            let seqs = frame * 2 + 1..frame * 2 + 3;
            port.push_stream(&orders, 1, UtcMicros(0), messages(seqs))
                .unwrap();
        }
        let dropped = lanes.take_dropped().remove(&orders).unwrap();
        assert_eq!(dropped.num_messages, 6);
        assert_eq!(dropped.pos.unwrap().seq.0, 6);
        assert!(lanes.take_dropped().is_empty(), "said once");
        let mut taken = 0;
        while lanes.next().is_some() {
            taken += 1;
        }
        assert_eq!(taken, 100);
        let (_, counters) = port.counters().remove(1);
        assert_eq!(
            counters.received,
            counters.delivered + counters.dropped + counters.queued
        );
    }

    #[test]
    fn a_stream_without_a_lane_is_given_back() {
        let (lanes, ..) = lanes();
        let other = StreamName::parse("orders:bob").unwrap();
        assert!(
            lanes
                .port()
                .push_stream(&other, 1, UtcMicros(0), messages(1..2))
                .is_err()
        );
    }
}
