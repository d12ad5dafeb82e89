//! The browser's socket: gloo-net over `WebSocket`. Cookie and Origin are the browser's own.
//!
//! A refused upgrade is invisible here (the browser reports 1006 for everything), so the gateway accepts and closes with a code.
//! The first socket may have been opened before this program was there ([`EarlySocket`]).

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink as _, SinkExt as _, StreamExt as _};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, State, WebSocketError};

use super::{ABNORMAL, SUBPROTOCOL, SocketEnd, SocketItem, SocketRequest};

/// The half that reads. The socket closes when both halves are dropped.
pub(crate) struct SocketReader(SplitStream<WebSocket>);

/// The half that writes.
pub(crate) struct SocketWriter(SplitSink<WebSocket, Message>);

/// A socket to the gateway that somebody opened already, with the language's version and without a word on it.
///
/// It serves one connection and is closed with its last clone if none took it.
#[derive(Clone)]
pub struct EarlySocket(Rc<Cell<Option<WebSocket>>>);

impl EarlySocket {
    /// Takes the browser's socket over; absent when it is of no use any more.
    pub fn new(socket: web_sys::WebSocket) -> Option<Self> {
        let socket = WebSocket::try_from(socket).ok()?;
        is_alive(&socket).then(|| Self(Rc::new(Cell::new(Some(socket)))))
    }

    /// Whether it is still there and may still be said hello on. The server waits some seconds for that, not for ever.
    pub(crate) fn is_alive(&self) -> bool {
        let socket = self.0.take();
        let is_alive = socket.as_ref().is_some_and(is_alive);
        self.0.set(socket);
        is_alive
    }

    fn take(&self) -> Option<WebSocket> {
        self.0.take()
    }
}

impl fmt::Debug for EarlySocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlySocket").finish_non_exhaustive()
    }
}

fn is_alive(socket: &WebSocket) -> bool {
    matches!(socket.state(), State::Connecting | State::Open)
}

/// Opens a socket, or goes on with the one that was opened early; the caller bounds the time.
pub(crate) async fn connect(
    request: &SocketRequest,
) -> Result<(SocketReader, SocketWriter), SocketEnd> {
    let early = request.early_socket.as_ref().and_then(EarlySocket::take);
    let mut socket = match early {
        Some(socket) => socket,
        None => WebSocket::open_with_protocol(&request.url, SUBPROTOCOL)
            .map_err(|err| SocketEnd::not_opened(err.to_string()))?,
    };
    // Ready also means "failed": a send then would only be a complaint on the browser's console.
    let ready = poll_fn(|cx| Pin::new(&mut socket).poll_ready(cx)).await;
    let is_open = ready.is_ok() && matches!(socket.state(), State::Open);
    let (write, read) = socket.split();
    let mut reader = SocketReader(read);
    if is_open {
        return Ok((reader, SocketWriter(write)));
    }
    loop {
        if let SocketItem::End(end) = reader.next().await {
            // The browser says 1006 for whatever did not open; another code is the server's own word.
            let code = end.code.filter(|code| *code != ABNORMAL);
            return Err(SocketEnd { code, ..end });
        }
    }
}

impl SocketReader {
    /// The next text, or the end.
    pub(crate) async fn next(&mut self) -> SocketItem {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return SocketItem::Text(text),
                // The contract has no binary frames. An error event is always followed by the close event, which has the code.
                Some(Ok(Message::Bytes(_)) | Err(WebSocketError::ConnectionError)) => {}
                Some(Err(WebSocketError::ConnectionClose(close))) => {
                    return SocketItem::End(SocketEnd {
                        code: Some(close.code),
                        reason: close.reason,
                        refused_status: None,
                    });
                }
                Some(Err(err)) => return SocketItem::End(SocketEnd::broken(err.to_string())),
                None => return SocketItem::End(SocketEnd::broken("the connection ended")),
            }
        }
    }
}

impl SocketWriter {
    /// Sends one text; an error means that the socket is broken, and the reader says how.
    pub(crate) async fn send(&mut self, text: String) -> Result<(), SocketEnd> {
        self.0
            .send(Message::Text(text))
            .await
            .map_err(|err| SocketEnd::broken(err.to_string()))
    }

    /// The browser sends the close frame when the socket is dropped.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        clippy::unused_async,
        reason = "the desktop's has something to send"
    )]
    pub(crate) async fn close(&mut self) {}
}
