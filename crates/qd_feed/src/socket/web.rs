//! The browser's socket: gloo-net over `WebSocket`. Cookie and Origin are the browser's own.
//!
//! A refused upgrade is invisible here (the browser reports 1006 for everything), so the gateway accepts and closes with a code.

use std::future::poll_fn;
use std::pin::Pin;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink as _, SinkExt as _, StreamExt as _};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, State, WebSocketError};

use super::{ABNORMAL, SUBPROTOCOL, SocketEnd, SocketItem, SocketRequest};

/// The half that reads. The socket closes when both halves are dropped.
pub(crate) struct SocketReader(SplitStream<WebSocket>);

/// The half that writes.
pub(crate) struct SocketWriter(SplitSink<WebSocket, Message>);

/// Opens a socket; the caller bounds the time.
pub(crate) async fn connect(
    request: &SocketRequest,
) -> Result<(SocketReader, SocketWriter), SocketEnd> {
    let mut socket = WebSocket::open_with_protocol(&request.url, SUBPROTOCOL)
        .map_err(|err| SocketEnd::not_opened(err.to_string()))?;
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
