//! The desktop's socket: tokio-tungstenite with the cookie, the Origin and the subprotocol that a browser would send.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{COOKIE, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{SUBPROTOCOL, SocketEnd, SocketItem, SocketRequest};

/// A batch of the largest messages that the gateway may send, with room for the frame around them.
const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

type Inner = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The half that reads.
pub(crate) struct SocketReader(SplitStream<Inner>);

/// The half that writes.
pub(crate) struct SocketWriter(SplitSink<Inner, Message>);

/// Opens a socket; the caller bounds the time.
pub(crate) async fn connect(
    request: &SocketRequest,
) -> Result<(SocketReader, SocketWriter), SocketEnd> {
    let bad = |err: &dyn std::fmt::Display| SocketEnd::not_opened(format!("bad request: {err}"));
    let mut upgrade = request
        .url
        .as_str()
        .into_client_request()
        .map_err(|err| bad(&err))?;
    let headers = upgrade.headers_mut();
    headers.insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    let origin = HeaderValue::from_str(&request.origin).map_err(|err| bad(&err))?;
    headers.insert(ORIGIN, origin);
    if let Some(cookie) = &request.cookie {
        let mut cookie = HeaderValue::from_str(cookie).map_err(|err| bad(&err))?;
        cookie.set_sensitive(true);
        headers.insert(COOKIE, cookie);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    // Nagle off: a resync of sixty bytes must not wait for an acknowledgement.
    match connect_async_with_config(upgrade, Some(config), true).await {
        Ok((socket, _)) => {
            let (write, read) = socket.split();
            Ok((SocketReader(read), SocketWriter(write)))
        }
        Err(Error::Http(response)) => {
            let status = response.status();
            Err(SocketEnd {
                code: None,
                reason: format!("the gateway refused the socket: {status}"),
                refused_status: Some(status.as_u16()),
            })
        }
        Err(err) => Err(SocketEnd::not_opened(err.to_string())),
    }
}

impl SocketReader {
    /// The next text, or the end.
    pub(crate) async fn next(&mut self) -> SocketItem {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return SocketItem::Text(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => {
                    return SocketItem::End(frame.map_or_else(
                        || SocketEnd::broken("closed without a code"),
                        |frame| SocketEnd {
                            code: Some(frame.code.into()),
                            reason: frame.reason.as_str().to_owned(),
                            refused_status: None,
                        },
                    ));
                }
                // Pings are answered by the library; the contract has no binary frames.
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                )) => {}
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
            .send(Message::text(text))
            .await
            .map_err(|err| SocketEnd::broken(err.to_string()))
    }

    /// Says that we leave; the server need not find out by itself.
    pub(crate) async fn close(&mut self) {
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: "leaving".into(),
        };
        // A socket that is broken already is as closed as it gets.
        self.0.send(Message::Close(Some(frame))).await.ok();
    }
}
