//! A console's end of the socket, as bare as can be.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use qd_types::{StreamName, StreamPos};
use qd_wire::frame::{ClientFrame, ClientInfo, SUBPROTOCOL, ServerFrame, Welcome};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::app::{App, PATIENCE, SignedIn};

/// An open socket.
pub(crate) struct Ws {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

/// How an upgrade was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u16);

impl Ws {
    /// Upgrades with exactly these headers beside those of the protocol.
    pub(crate) async fn upgrade(
        app: &App,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Refused> {
        let mut request = format!("ws://{}/ws", app.addr)
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(app.addr).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(response)) => Err(Refused(response.status().as_u16())),
            Err(err) => panic!("{err}"),
        }
    }

    /// Upgrades as our own page does.
    pub(crate) async fn connect(app: &App, who: &SignedIn) -> Self {
        let origin = app.origin();
        Self::upgrade(
            app,
            &[
                ("origin", origin.as_str()),
                ("cookie", who.cookie.as_str()),
                ("sec-websocket-protocol", SUBPROTOCOL),
            ],
        )
        .await
        .unwrap()
    }

    /// Upgrades, says hello, and hears the welcome.
    pub(crate) async fn open(app: &App, who: &SignedIn, want: &[&StreamName]) -> (Self, Welcome) {
        Self::resume(app, who, want, &[]).await
    }

    pub(crate) async fn resume(
        app: &App,
        who: &SignedIn,
        want: &[&StreamName],
        resume: &[(StreamName, StreamPos)],
    ) -> (Self, Welcome) {
        let mut ws = Self::connect(app, who).await;
        ws.send(&hello(want, resume)).await;
        match ws.frame().await {
            ServerFrame::Welcome(welcome) => (ws, *welcome),
            other => panic!("wanted a welcome, got {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: &ClientFrame) {
        self.send_text(frame.encode()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next frame's text, or how the socket was closed.
    pub(crate) async fn next(&mut self) -> Result<String, Option<CloseFrame>> {
        loop {
            let message = timeout(PATIENCE, self.socket.next())
                .await
                .expect("nothing came");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> ServerFrame {
        let text = self.next().await.expect("a frame, not a close");
        ServerFrame::decode(&text).unwrap_or_else(|err| panic!("{err}: {text}"))
    }

    /// The next frame that `pick` takes; others are passed over.
    pub(crate) async fn find<T>(&mut self, mut pick: impl FnMut(ServerFrame) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(found) = pick(self.frame().await) {
                return found;
            }
        }
        panic!("the frame wanted did not come");
    }

    /// Waits for a beat that says this of `stream`.
    pub(crate) async fn beat(&mut self, stream: &StreamName, pos: &StreamPos) {
        self.find(|frame| match frame {
            ServerFrame::Beat { streams, .. } => streams
                .iter()
                .any(|(name, at)| name == stream && at == pos)
                .then_some(()),
            _ => None,
        })
        .await;
    }

    /// Reads until the close, and gives its code and how long it took.
    pub(crate) async fn closed(&mut self) -> (u16, Duration) {
        let started = Instant::now();
        loop {
            match self.next().await {
                Ok(_) => {}
                Err(Some(frame)) => return (frame.code.into(), started.elapsed()),
                Err(None) => panic!("the connection broke without a close"),
            }
        }
    }
}

pub(crate) fn hello(want: &[&StreamName], resume: &[(StreamName, StreamPos)]) -> ClientFrame {
    ClientFrame::Hello {
        resume: resume.to_vec(),
        want: want.iter().map(|stream| (*stream).clone()).collect(),
        client: ClientInfo {
            kind: "test".to_owned(),
            version: "0".to_owned(),
        },
    }
}

/// `{epoch, seq}`.
pub(crate) fn pos(epoch: &str, seq: u64) -> StreamPos {
    StreamPos {
        epoch: qd_types::Epoch::new(epoch).unwrap(),
        seq: qd_types::Seq(seq),
    }
}

pub(crate) fn stream(name: &str) -> StreamName {
    StreamName::parse(name).unwrap()
}
