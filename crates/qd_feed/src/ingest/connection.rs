//! One connection's life in one task: connect, say hello, read into the lanes, write what is given, close.
//!
//! It decides nothing: what came, and how it ended, goes into the lanes for the ingest task to judge.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use qd_types::Clock as _;
use qd_wire::WireError;
use qd_wire::frame::ServerFrame;

use crate::lanes::{Control, LanePort, MessageBytes, StreamWhat};
use crate::meter::{CountedSocket, FeedMeter};
use crate::rt::Rt;
use crate::signal::Signal;
use crate::socket::{self, SocketEnd, SocketItem, SocketReader, SocketRequest, SocketWriter};

/// A socket that takes longer to open is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the close frame may take when we leave.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A socket that takes none of our small frames for this long is broken.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Frames that may wait to be sent; the store asks again for what a full queue loses.
const OUTGOING_FRAMES: usize = 64;

/// A larger frame is none of ours.
const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// What the ingest task holds of a connection; dropping it makes the task close the socket and end.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Counts up with every connection.
    pub(crate) connection_id: u64,
    outgoing: qd_queue::Sender<String>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    is_stopped: AtomicBool,
    signal: Signal,
}

impl Shared {
    async fn stopped(&self) {
        while !self.is_stopped.load(Ordering::SeqCst) {
            self.signal.notified().await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        self.shared.signal.notify();
    }
}

impl Connection {
    /// Opens a socket, says `hello` on it, and fills the lanes of `port` until it ends.
    pub(crate) fn open(
        rt: &Rt,
        connection_id: u64,
        request: SocketRequest,
        hello: String,
        port: Arc<LanePort>,
        meter: Arc<FeedMeter>,
    ) -> Self {
        let (outgoing, outgoing_receiver) = qd_queue::bounded(OUTGOING_FRAMES);
        let shared = Arc::new(Shared::default());
        let task = Task {
            rt: rt.clone(),
            connection_id,
            port,
            outgoing: outgoing_receiver,
            shared: Arc::clone(&shared),
            meter,
        };
        // Detached: it ends by itself when stopped, after saying goodbye.
        rt.spawn_detached(task.run(request, hello));
        Self {
            connection_id,
            outgoing,
            shared,
        }
    }

    /// Sends a frame, or loses it with the connection.
    pub(crate) fn send(&self, frame: String) {
        if self.outgoing.push(frame).is_some() {
            tracing::warn!("the socket takes no frames; the oldest of ours was given up");
        }
        self.shared.signal.notify();
    }
}

struct Task {
    rt: Rt,
    connection_id: u64,
    port: Arc<LanePort>,
    outgoing: qd_queue::Receiver<String>,
    shared: Arc<Shared>,
    meter: Arc<FeedMeter>,
}

impl Task {
    async fn run(self, request: SocketRequest, hello: String) {
        let counted = CountedSocket::open(Arc::clone(&self.meter));
        if let Some(end) = self.live(&request, hello).await {
            self.control(Control::Ended(end));
        }
        drop(counted);
    }

    fn control(&self, control: Control) {
        self.port
            .push_control(self.connection_id, self.rt.now(), control);
    }

    /// Gives how it ended, or `None` when we ended it.
    async fn live(&self, request: &SocketRequest, hello: String) -> Option<SocketEnd> {
        let too_slow = || SocketEnd::broken("no connection within 10 s");
        let opening = async {
            // Boxed: a handshake is rare and its future large.
            let (reader, mut writer) = Box::pin(socket::connect(request)).await?;
            writer.send(hello).await?;
            Ok::<_, SocketEnd>((reader, writer))
        };
        let opening = std::pin::pin!(self.rt.timeout(CONNECT_TIMEOUT, opening));
        let stopped = std::pin::pin!(self.shared.stopped());
        let (mut reader, mut writer) = match select(opening, stopped).await {
            Either::Left((Some(Ok(halves)), _)) => halves,
            Either::Left((Some(Err(end)), _)) => return Some(end),
            Either::Left((None, _)) => return Some(too_slow()),
            Either::Right(((), _)) => return None,
        };
        self.control(Control::Opened);
        let end = {
            let reading = std::pin::pin!(self.read(&mut reader));
            let writing = std::pin::pin!(self.write(&mut writer));
            match select(reading, writing).await {
                Either::Left((end, _)) => Some(end),
                Either::Right((end, _)) => end,
            }
        };
        if end.is_none() {
            self.rt.timeout(CLOSE_TIMEOUT, writer.close()).await;
        }
        end
    }

    async fn read(&self, reader: &mut SocketReader) -> SocketEnd {
        loop {
            match reader.next().await {
                SocketItem::Text(text) => {
                    self.meter.frame_received(text.len());
                    self.frame(&text);
                }
                SocketItem::End(end) => return end,
            }
        }
    }

    /// Ends with `None` when we are stopped.
    async fn write(&self, writer: &mut SocketWriter) -> Option<SocketEnd> {
        loop {
            while let Some(frame) = self.outgoing.pop() {
                let sending = std::pin::pin!(self.rt.timeout(SEND_TIMEOUT, writer.send(frame)));
                let stopped = std::pin::pin!(self.shared.stopped());
                // A peer that takes nothing must not keep a connection that was given up reading on.
                match select(sending, stopped).await {
                    Either::Left((Some(Ok(())), _)) => {}
                    Either::Left((Some(Err(end)), _)) => return Some(end),
                    Either::Left((None, _)) => {
                        return Some(SocketEnd::broken("the socket took nothing for 10 s"));
                    }
                    Either::Right(((), _)) => return None,
                }
            }
            if self.shared.is_stopped.load(Ordering::SeqCst) {
                return None;
            }
            self.shared.signal.notified().await;
        }
    }

    fn frame(&self, text: &str) {
        profiling::scope!("read_frame");
        if text.len() > MAX_FRAME_BYTES {
            let detail = format!("a frame of {} bytes", text.len());
            return self.control(Control::Unreadable(detail));
        }
        match ServerFrame::decode(text) {
            Ok(frame) => self.sort(frame),
            // A newer gateway may say more than we understand.
            Err(WireError::UnknownFrame { kind }) => tracing::debug!(kind, "unknown frame"),
            Err(err) => self.control(Control::Unreadable(err.to_string())),
        }
    }

    fn sort(&self, frame: ServerFrame) {
        let (stream, what) = match frame {
            ServerFrame::Snapshot {
                stream,
                skipped,
                routed_at,
                d,
                ..
            } => (
                stream,
                StreamWhat::Messages {
                    routed_at,
                    skipped,
                    messages: vec![MessageBytes::Text(d)],
                },
            ),
            ServerFrame::Batch {
                stream,
                routed_at,
                msgs,
            } => (
                stream,
                StreamWhat::Messages {
                    routed_at,
                    skipped: None,
                    messages: msgs.into_iter().map(MessageBytes::Text).collect(),
                },
            ),
            ServerFrame::Msg {
                stream,
                routed_at,
                d,
                unnumbered: _,
            } => {
                let own = || {
                    let head = qd_wire::read_head(d.as_bytes()).ok().flatten();
                    head.map(|head| head.stream)
                };
                let Some(stream) = stream.or_else(own) else {
                    let detail = "a message that names no stream".to_owned();
                    return self.control(Control::Unreadable(detail));
                };
                let messages = vec![MessageBytes::Text(d)];
                (
                    stream,
                    StreamWhat::Messages {
                        routed_at,
                        skipped: None,
                        messages,
                    },
                )
            }
            ServerFrame::Gone { stream, pos } => (stream, StreamWhat::Gone(pos)),
            ServerFrame::Welcome(welcome) => return self.control(Control::Welcomed(welcome)),
            ServerFrame::Beat { streams, at } => return self.control(Control::Beat(streams, at)),
            ServerFrame::Clock { t0, t1, t2 } => {
                return self.control(Control::Clock { t0, t1, t2 });
            }
            ServerFrame::Degraded { what, since } => {
                return self.control(Control::Degraded(what, since));
            }
            ServerFrame::Bye {
                reason,
                retry_after_ms,
            } => {
                return self.control(Control::Bye {
                    reason,
                    retry_after_millis: retry_after_ms,
                });
            }
        };
        if self
            .port
            .push_stream(&stream, self.connection_id, self.rt.now(), what)
            .is_err()
        {
            self.control(Control::Unreadable(format!(
                "a message of {stream}, which was not asked for"
            )));
        }
    }
}
