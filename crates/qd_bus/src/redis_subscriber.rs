//! The subscribing connection to a Redis server, with a bound on what waits unread.
//!
//! The crate's queue between its reader and ours is unbounded, so the socket itself is held back: [`Gated`] stops
//! reading while too many bytes wait, and gives the connection up when a single message will not end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream as _;
use parking_lot::Mutex;
use redis::aio::{PubSub, PubSubSink, PubSubStream};
use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{ConnectionAddr, ConnectionInfo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Most bytes read from the socket and not yet taken by the hub.
const UNREAD_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes of one message before the connection is given up: sixteen times what any reader accepts.
const MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;

/// One subscribing connection.
pub(crate) struct RedisSubscriber {
    sink: PubSubSink,
    stream: PubSubStream,
    gate: Arc<Gate>,
}

impl RedisSubscriber {
    pub(crate) async fn open(
        info: &ConnectionInfo,
        keepalive: Duration,
        user_timeout: Duration,
    ) -> Result<Self, String> {
        let gate = Arc::new(Gate::default());
        let pubsub = match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let socket = TcpStream::connect((host.as_str(), *port))
                    .await
                    .and_then(|socket| {
                        socket.set_nodelay(true)?;
                        let raw = SockRef::from(&socket);
                        raw.set_tcp_keepalive(&TcpKeepalive::new().with_time(keepalive))?;
                        #[cfg(target_os = "linux")]
                        raw.set_tcp_user_timeout(Some(user_timeout))?;
                        Ok(socket)
                    })
                    .map_err(|err| err.to_string())?;
                PubSub::new(info.redis_settings(), gate.watch(socket)).await
            }
            ConnectionAddr::Unix(path) => {
                let socket = UnixStream::connect(path)
                    .await
                    .map_err(|err| err.to_string())?;
                PubSub::new(info.redis_settings(), gate.watch(socket)).await
            }
            _ => return Err("neither TCP nor a Unix socket".to_owned()),
        };
        let (sink, stream) = pubsub.map_err(|err| err.to_string())?.split();
        Ok(Self { sink, stream, gate })
    }

    /// Channel and message; absent when the connection is over. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<(String, Bytes)> {
        poll_fn(|cx| {
            // Registered first: a gate that closes while we look must wake us.
            self.gate.set_taker(cx.waker());
            match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Ready(Some(message)) => {
                    self.gate.took_one();
                    let bytes = Bytes::copy_from_slice(message.get_payload_bytes());
                    Poll::Ready(Some((message.get_channel_name().to_owned(), bytes)))
                }
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => {
                    self.gate.took_all();
                    Poll::Pending
                }
            }
        })
        .await
    }

    pub(crate) fn commands(&self) -> RedisCommands {
        RedisCommands(self.sink.clone())
    }
}

/// Commands on a subscribing connection.
pub(crate) struct RedisCommands(PubSubSink);

impl RedisCommands {
    pub(crate) async fn subscribe(&mut self, channels: &[String]) -> Result<(), String> {
        self.0
            .subscribe(channels)
            .await
            .map_err(|err| err.to_string())
    }

    pub(crate) async fn unsubscribe(&mut self, channels: &[String]) -> Result<(), String> {
        self.0
            .unsubscribe(channels)
            .await
            .map_err(|err| err.to_string())
    }

    pub(crate) async fn ping(&mut self) -> Result<(), String> {
        self.0
            .ping::<redis::Value>()
            .await
            .map(|_| ())
            .map_err(|err| err.to_string())
    }
}

/// Counts what was read and not yet taken.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
}

#[derive(Default)]
struct GateState {
    unread: usize,
    since_last_message: usize,
    reader: Option<Waker>,
    taker: Option<Waker>,
}

impl Gate {
    fn watch<S>(self: &Arc<Self>, socket: S) -> Gated<S> {
        Gated {
            socket,
            gate: Arc::clone(self),
        }
    }

    fn set_taker(&self, waker: &Waker) {
        let mut state = self.state.lock();
        match &mut state.taker {
            Some(taker) => taker.clone_from(waker),
            None => state.taker = Some(waker.clone()),
        }
    }

    fn took_one(&self) {
        self.state.lock().since_last_message = 0;
    }

    fn took_all(&self) {
        let mut state = self.state.lock();
        state.unread = 0;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// Ready when reading may go on.
    fn poll_open(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock();
        if state.since_last_message > MESSAGE_MAX_BYTES {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "a message of more than 16 MiB",
            )));
        }
        if state.unread < UNREAD_MAX_BYTES {
            return Poll::Ready(Ok(()));
        }
        state.reader = Some(cx.waker().clone());
        // What fills the gate may be the start of one long message, of which the taker knows nothing yet.
        if let Some(taker) = &state.taker {
            taker.wake_by_ref();
        }
        Poll::Pending
    }

    fn read(&self, num_bytes: usize) {
        let mut state = self.state.lock();
        state.unread += num_bytes;
        state.since_last_message += num_bytes;
    }
}

/// A socket that is not read from while its gate is closed.
struct Gated<S> {
    socket: S,
    gate: Arc<Gate>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.gate.poll_open(cx))?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(cx, buf))?;
        this.gate.read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
