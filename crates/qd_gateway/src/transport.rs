//! The bytes of one connection: how many were taken, how long the head of a request may take to come, and how long a peer may take nothing.
//!
//! hyper's own timer for heads also runs between requests, so that it would cut every kept-alive connection; here it runs from a head's first byte.
//! It has none for writes at all: whoever reads nothing would hold an answer, its place and its memory for ever.
//! It parses nothing.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// What is known of a connection from outside of its task.
#[derive(Debug, Default)]
pub(crate) struct Transport {
    written: AtomicU64,
    /// A request is being answered, or the connection was upgraded: no head is awaited.
    is_busy: AtomicBool,
}

impl Transport {
    /// Bytes that the kernel (or TLS below) has taken.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(crate) fn begin_request(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
    }

    fn end_request(&self) {
        self.is_busy.store(false, Ordering::Relaxed);
    }
}

/// A connection whose request heads must come in time.
pub(crate) struct GuardedIo<S> {
    io: S,
    transport: Arc<Transport>,
    head_within: Duration,
    /// Runs while a head is awaited whose first byte has come, and for the first head from the start.
    head_timer: Pin<Box<Sleep>>,
    is_timing: bool,
    write_within: Duration,
    /// Runs while something waits that the peer does not take; made when the first such wait begins.
    write_timer: Option<Pin<Box<Sleep>>>,
    is_write_blocked: bool,
}

impl<S> GuardedIo<S> {
    /// `head_within` is for the head of a request, `write_within` for a peer that takes nothing of what is written.
    pub(crate) fn new(
        io: S,
        head_within: Duration,
        write_within: Duration,
    ) -> (Self, Arc<Transport>) {
        let transport = Arc::new(Transport::default());
        let guarded = Self {
            io,
            transport: Arc::clone(&transport),
            head_within,
            head_timer: Box::pin(sleep(head_within)),
            is_timing: true,
            write_within,
            write_timer: None,
            is_write_blocked: false,
        };
        (guarded, transport)
    }

    /// Gives a write's outcome on, or says that the peer has taken nothing for too long.
    fn watch_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.is_write_blocked = false;
            return outcome;
        }
        let write_within = self.write_within;
        let timer = self
            .write_timer
            .get_or_insert_with(|| Box::pin(sleep(write_within)));
        if !std::mem::replace(&mut self.is_write_blocked, true) {
            timer.as_mut().reset(Instant::now() + write_within);
        }
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, buf);
        if this.transport.is_busy.load(Ordering::Relaxed) {
            this.is_timing = false;
            return read;
        }
        if buf.filled().len() > before && !this.is_timing {
            this.is_timing = true;
            this.head_timer
                .as_mut()
                .reset(Instant::now() + this.head_within);
        }
        if this.is_timing && this.head_timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedIo<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(count)) = written {
            this.transport
                .written
                .fetch_add(count as u64, Ordering::Relaxed);
        }
        this.watch_write(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(count)) = written {
            this.transport
                .written
                .fetch_add(count as u64, Ordering::Relaxed);
        }
        this.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.watch_write(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.io).poll_shutdown(cx);
        this.watch_write(cx, shut)
    }
}

/// An answer's body that says when it is done, so that the next head is awaited.
pub(crate) struct TimedBody {
    body: Body,
    transport: Option<Arc<Transport>>,
}

impl TimedBody {
    /// `transport` is absent for an upgrade, after which no head ever comes.
    pub(crate) fn new(body: Body, transport: Option<Arc<Transport>>) -> Self {
        Self { body, transport }
    }
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        if let Some(transport) = &self.transport {
            transport.end_request();
        }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_cut() {
        let (_peer, io) = duplex(64);
        let (mut io, _) = GuardedIo::new(io, WITHIN, 3 * WITHIN);
        let started = Instant::now();
        let err = io.read_u8().await.unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed(), WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_is_cut_and_a_quiet_kept_alive_connection_is_not() {
        let (mut peer, io) = duplex(64);
        let (mut io, transport) = GuardedIo::new(io, WITHIN, 3 * WITHIN);
        peer.write_all(b"G").await.unwrap();
        assert_eq!(io.read_u8().await.unwrap(), b'G');
        transport.begin_request();
        peer.write_all(b"x").await.unwrap();
        assert_eq!(io.read_u8().await.unwrap(), b'x');
        transport.end_request();
        // Between requests there is no hurry.
        assert!(
            tokio::time::timeout(Duration::from_secs(50), io.read_u8())
                .await
                .is_err()
        );
        let started = Instant::now();
        peer.write_all(b"G").await.unwrap();
        assert_eq!(io.read_u8().await.unwrap(), b'G');
        let err = io.read_u8().await.unwrap_err();
        assert_eq!(
            (err.kind(), started.elapsed()),
            (io::ErrorKind::TimedOut, WITHIN)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_is_counted() {
        let (_peer, io) = duplex(8);
        let (mut io, transport) = GuardedIo::new(io, WITHIN, 3 * WITHIN);
        let much = [0; 64];
        assert!(
            tokio::time::timeout(WITHIN, io.write_all(&much))
                .await
                .is_err()
        );
        assert_eq!(transport.bytes_written(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_cut_and_a_slow_one_is_not() {
        let (mut peer, io) = duplex(8);
        let (mut io, transport) = GuardedIo::new(io, WITHIN, 2 * WITHIN);
        let writing = tokio::spawn(async move {
            let err = io.write_all(&[0; 64]).await.unwrap_err();
            (err.kind(), Instant::now())
        });
        // Every byte taken counts.
        for _ in 0..5 {
            tokio::time::sleep(WITHIN).await;
            peer.read_u8().await.unwrap();
        }
        tokio::task::yield_now().await;
        assert_eq!(transport.bytes_written(), 8 + 5);
        let last = Instant::now();
        let (kind, at) = writing.await.unwrap();
        assert_eq!((kind, at - last), (io::ErrorKind::TimedOut, 2 * WITHIN));
    }
}
