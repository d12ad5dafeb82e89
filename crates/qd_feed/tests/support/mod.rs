//! A gateway that does what a test says: HTTP answers by path, and sockets that the test drives frame by frame.
//!
//! It keeps no rules of its own; the real gateway is tested elsewhere. One request per connection, loopback only.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use qd_feed::{Feed, FeedConfig, FeedHandle, FeedSource, GatewaySource, Rt, SignIn};
use qd_state::{Snapshot, SnapshotCell, Store, StoreConfig};
use qd_types::{
    AccountId, Environment, Epoch, HaltState, HaltStatus, MarketPhase, MessageKind, Money,
    Permission, Position, Price, Qty, Role, Seq, StrategyId, StreamName, StreamPos, Symbol, UserId,
    UtcMicros,
};
use qd_wire::frame::{ClientFrame, ServerInfo, SessionInfo, SocketLimits, Welcome};
use qd_wire::message::PositionTotals;
use qd_wire::rest::{
    BootstrapResponse, BreakersResponse, HaltResponse, HistoryResponse, MarketClockResponse,
    OrdersResponse, PositionsResponse, PositionsSummary, RealtimePnlResponse, StatsResponse,
    StreamRef, to_json,
};
use qd_wire::{Body, Head};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// How long a console may rest between two frames.
const CLOCK_FRAME: Duration = Duration::from_secs(1);

/// No test waits longer for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// What came by HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

type Answers = dyn Fn(&Asked) -> Option<(u16, Vec<u8>)> + Send + Sync;

#[derive(Default)]
struct Log {
    asked: Vec<Asked>,
    upgrades: Vec<String>,
}

/// The gateway.
pub(crate) struct FakeGateway {
    pub(crate) url: String,
    log: Arc<Mutex<Log>>,
    changed: Arc<Notify>,
    sockets: mpsc::Receiver<FakeSocket>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FakeGateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The server's end of one socket.
pub(crate) struct FakeSocket {
    socket: tokio_tungstenite::WebSocketStream<TcpStream>,
}

impl FakeGateway {
    /// A gateway on a free port. `answers` may take over any request; what it leaves gets the usual answer.
    pub(crate) async fn start(
        answers: impl Fn(&Asked) -> Option<(u16, Vec<u8>)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (log, changed) = (Arc::<Mutex<Log>>::default(), Arc::<Notify>::default());
        let (to_test, sockets) = mpsc::channel(256);
        let answers: Arc<Answers> = Arc::new(answers);
        let task = tokio::spawn({
            let (log, changed) = (Arc::clone(&log), Arc::clone(&changed));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (log, changed) = (Arc::clone(&log), Arc::clone(&changed));
                    let (answers, to_test) = (Arc::clone(&answers), to_test.clone());
                    tokio::spawn(async move {
                        serve(stream, &log, &*answers, &to_test).await;
                        changed.notify_one();
                    });
                }
            }
        });
        Self {
            url,
            log,
            changed,
            sockets,
            task,
        }
    }

    /// The next socket that is opened.
    pub(crate) async fn socket(&mut self) -> FakeSocket {
        within("a socket", self.sockets.recv()).await.unwrap()
    }

    /// The next socket, greeted: gives its hello too.
    pub(crate) async fn greeted(&mut self) -> (FakeSocket, ClientFrame) {
        let mut socket = self.socket().await;
        let hello = socket
            .next_frame("hello", |frame| matches!(frame, ClientFrame::Hello { .. }))
            .await;
        socket.send(qd_wire::frame::welcome_frame(&welcome())).await;
        (socket, hello)
    }

    /// What was asked for by HTTP so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().asked.clone()
    }

    /// Heads of the upgrade requests so far.
    pub(crate) fn upgrades(&self) -> Vec<String> {
        self.log.lock().upgrades.clone()
    }

    /// Waits until so many requests of a kind have come.
    pub(crate) async fn asked_times(&self, method: &str, path: &str, num: usize) {
        let reached = async {
            while self
                .asked()
                .iter()
                .filter(|a| a.method == method && a.path.starts_with(path))
                .count()
                < num
            {
                self.changed.notified().await;
            }
        };
        within(&format!("{num} x {method} {path}"), reached).await;
    }
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Log>,
    answers: &Answers,
    to_test: &mpsc::Sender<FakeSocket>,
) {
    let mut head = vec![0; 8192];
    // Looked at without taking: the upgrade wants to read it again.
    let num = loop {
        let Ok(num) = stream.peek(&mut head).await else {
            return;
        };
        if num == 0 {
            return;
        }
        if head[..num].windows(4).any(|window| window == b"\r\n\r\n") {
            break num;
        }
        tokio::task::yield_now().await;
    };
    let text = String::from_utf8_lossy(&head[..num]).into_owned();
    if text.starts_with("GET /ws ") {
        log.lock().upgrades.push(text);
        let with_protocol = |_: &Request, mut response: Response| {
            response
                .headers_mut()
                .insert("sec-websocket-protocol", "quarterdeck.v1".parse().unwrap());
            Ok(response)
        };
        if let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, with_protocol).await {
            to_test.send(FakeSocket { socket }).await.ok();
        }
        return;
    }
    let asked = read_request(&mut stream).await;
    let (status, body) = answers(&asked).unwrap_or_else(|| usual_answer(&asked));
    log.lock().asked.push(asked);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nset-cookie: __Host-qd_sid=v1.test; Path=/; Secure\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok();
    stream.write_all(&body).await.ok();
    stream.shutdown().await.ok();
}

async fn read_request(stream: &mut TcpStream) -> Asked {
    let mut bytes = Vec::new();
    let (head, body_start) = loop {
        let mut chunk = [0; 4096];
        let num = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..num]);
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&bytes[..at]).into_owned(), at + 4);
        }
        if num == 0 {
            break (String::new(), bytes.len());
        }
    };
    let length: usize = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0);
    while bytes.len() < body_start + length {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(num) if num > 0 => bytes.extend_from_slice(&chunk[..num]),
            _ => break,
        }
    }
    let mut words = head.split_whitespace();
    Asked {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        headers: head.to_ascii_lowercase(),
        body: String::from_utf8_lossy(&bytes[body_start..]).into_owned(),
    }
}

fn usual_answer(asked: &Asked) -> (u16, Vec<u8>) {
    match asked.path.as_str() {
        "/auth/login" => (303, Vec::new()),
        "/auth/logout" => (204, Vec::new()),
        "/api/v1/bootstrap" => (200, to_json(&bootstrap())),
        "/api/v1/positions" => (200, to_json(&bootstrap().positions)),
        path if path.starts_with("/api/v1/orders?") => (200, to_json(&bootstrap().orders)),
        _ => (503, Vec::new()),
    }
}

impl FakeSocket {
    pub(crate) async fn send(&mut self, frame: String) {
        self.socket.send(Message::text(frame)).await.unwrap();
    }

    pub(crate) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.to_owned().into(),
        };
        self.socket.send(Message::Close(Some(frame))).await.ok();
        // Until the other side has taken it: a dropped socket would lose it.
        within("the end of the socket", async {
            while let Some(Ok(_)) = self.socket.next().await {}
        })
        .await;
    }

    /// The next frame that fits; others are passed over.
    pub(crate) async fn next_frame(
        &mut self,
        what: &str,
        fits: impl Fn(&ClientFrame) -> bool,
    ) -> ClientFrame {
        let wait = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame = ClientFrame::decode(text.as_str()).unwrap();
                        if fits(&frame) {
                            return frame;
                        }
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the socket ended while {what} was awaited: {other:?}"),
                }
            }
        };
        within(what, wait).await
    }

    /// Pings, and waits for the answer to just this ping. A clock that is asked on the way is answered.
    pub(crate) async fn ping(&mut self, number: u8) {
        self.socket
            .send(Message::Ping(vec![number].into()))
            .await
            .unwrap();
        let wait = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Pong(answer))) if *answer == [number] => return,
                    Some(Ok(Message::Text(text))) => {
                        if let Ok(ClientFrame::Clock { t0 }) = ClientFrame::decode(text.as_str()) {
                            self.send(qd_wire::frame::clock_frame(t0, t0, t0)).await;
                        }
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the socket ended before pong {number}: {other:?}"),
                }
            }
        };
        within("a pong", wait).await;
    }

    /// Waits for the client's end of the socket and gives the close code.
    pub(crate) async fn ended(mut self) -> Option<u16> {
        let wait = async {
            let mut code = None;
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Close(Some(frame)) = message {
                    code = Some(u16::from(frame.code));
                }
            }
            code
        };
        within("the client to leave", wait).await
    }

    pub(crate) async fn publish(&mut self, seq: u64, kind: MessageKind, body: &Body) {
        let head = head(seq, kind);
        let message = qd_wire::write_message(&head, body);
        let frame = if kind == MessageKind::Snapshot {
            qd_wire::frame::snapshot_frame(&head, None, now(), &message)
        } else {
            qd_wire::frame::msg_frame(&head.stream, now(), &message)
        };
        self.send(frame).await;
    }

    pub(crate) async fn beat(&mut self, seq: u64) {
        let frame = qd_wire::frame::beat_frame(&[(positions_stream(), pos(seq))], now());
        self.send(frame).await;
    }
}

/// Fails the test when `task` takes longer than [`LIMIT`].
pub(crate) async fn within<T>(what: &str, task: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(LIMIT, task).await else {
        panic!("not within {} s: {what}", LIMIT.as_secs())
    };
    value
}

/// A running feed with somebody who watches its snapshots.
pub(crate) struct Watched {
    pub(crate) feed: FeedHandle,
    pub(crate) cell: Arc<SnapshotCell>,
    published: Arc<Notify>,
}

impl Watched {
    pub(crate) fn start(url: &str) -> Self {
        Self::start_on(url, Rt::new(tokio::runtime::Handle::current()))
    }

    /// The same with a runtime of the caller's: for a clock that the test moves.
    pub(crate) fn start_on(url: &str, rt: Rt) -> Self {
        let cell = Arc::<SnapshotCell>::default();
        let published = Arc::<Notify>::default();
        let waker = Arc::clone(&published);
        cell.set_waker(move || waker.notify_one());
        let config = FeedConfig {
            source: FeedSource::Gateway(GatewaySource {
                url: url.to_owned(),
                sign_in: SignIn::Dev { user: user() },
                bootstrap: None,
            }),
            client_kind: Arc::from("native"),
            client_version: Arc::from("test"),
        };
        let store = Store::new(StoreConfig::default());
        let feed = Feed::start(config, store, Arc::clone(&cell), rt);
        Self {
            feed,
            cell,
            published,
        }
    }

    /// Waits until a snapshot fits, and gives it.
    pub(crate) async fn until(
        &self,
        what: &str,
        fits: impl Fn(&Snapshot) -> bool,
    ) -> Arc<Snapshot> {
        let wait = async {
            loop {
                let snapshot = self.cell.load_for_frame();
                if fits(&snapshot) {
                    return snapshot;
                }
                // A snapshot that only counts wakes nobody; the clock's frame sees it within a second.
                tokio::time::timeout(CLOCK_FRAME, self.published.notified())
                    .await
                    .ok();
            }
        };
        let Ok(snapshot) = tokio::time::timeout(LIMIT, wait).await else {
            panic!(
                "not within {} s: {what}; last: {:#?}",
                LIMIT.as_secs(),
                self.cell.load()
            )
        };
        snapshot
    }
}

pub(crate) fn now() -> UtcMicros {
    qd_types::Clock::now(&Rt::new(tokio::runtime::Handle::current()))
}

pub(crate) fn user() -> UserId {
    UserId::new("alice").unwrap()
}

pub(crate) fn account() -> AccountId {
    AccountId::new("paper-1").unwrap()
}

pub(crate) fn positions_stream() -> StreamName {
    StreamName::Positions(user())
}

pub(crate) fn pos(seq: u64) -> StreamPos {
    StreamPos {
        epoch: Epoch::new("e1").unwrap(),
        seq: Seq(seq),
    }
}

fn head(seq: u64, kind: MessageKind) -> Head {
    Head {
        stream: positions_stream(),
        epoch: pos(seq).epoch,
        seq: Seq(seq),
        base_seq: (kind == MessageKind::Delta).then(|| Seq(seq - 1)),
        kind,
        made_at: now(),
        published_at: now(),
    }
}

pub(crate) fn position(symbol: &str, qty: i64) -> Position {
    let mut position = Position {
        account: account(),
        strategy: StrategyId::new("manual").unwrap(),
        symbol: Symbol::new(symbol).unwrap(),
        qty: Qty::from_units(qty, 0),
        avg_entry_price: Price::from_units(100, 0),
        current_price: None,
        price_at: None,
        unrealized_pl: Money::ZERO,
        unrealized_plpc: None,
        market_value: Money::ZERO,
        realized_pl_today: Money::ZERO,
        updated_at: UtcMicros(1),
    };
    position.mark(Price::from_units(110, 0), UtcMicros(1));
    position
}

pub(crate) fn totals(positions: &[Position]) -> PositionTotals {
    PositionTotals {
        unrealized_pl: positions
            .iter()
            .map(|position| position.unrealized_pl)
            .sum(),
        num_positions: u32::try_from(positions.len()).unwrap(),
        realized_pl_today: Money::ZERO,
        buying_power: Some(Money::from_units(1000, 0)),
        margin_used: None,
    }
}

pub(crate) fn snapshot_body(positions: &[Position]) -> Body {
    qd_wire::message::positions_snapshot_body(&totals(positions), positions)
}

pub(crate) fn delta_body(all: &[Position], changed: &[Position]) -> Body {
    qd_wire::message::positions_delta_body(&totals(all), changed, &[])
}

fn session() -> SessionInfo {
    SessionInfo {
        user_id: user(),
        name: "Alice".to_owned(),
        roles: vec![Role::Trader],
        permissions: vec![
            Permission::OrdersCancel,
            Permission::OrdersModify,
            Permission::PositionsClose,
        ],
        accounts: vec![account()],
        idle_at: now().plus_millis(900_000),
        absolute_at: now().plus_millis(9_000_000),
        csrf: "csrf-token".to_owned(),
    }
}

fn server() -> ServerInfo {
    ServerInfo {
        version: "1".to_owned(),
        node: "fake".to_owned(),
        time: now(),
        app: None,
    }
}

fn welcome() -> Welcome {
    Welcome {
        session: session(),
        environment: Environment::Paper,
        server: server(),
        limits: SocketLimits::default(),
    }
}

fn stream_ref(name: StreamName) -> StreamRef {
    StreamRef { name, pos: pos(0) }
}

pub(crate) fn bootstrap() -> BootstrapResponse {
    let at = now();
    let positions = vec![position("AAPL", 10)];
    let figures = totals(&positions);
    BootstrapResponse {
        session: session(),
        environment: Environment::Paper,
        server: server(),
        pnl: RealtimePnlResponse {
            total_unrealized_pl: figures.unrealized_pl,
            total_positions: figures.num_positions,
            realized_pl_today: Money::ZERO,
            buying_power: figures.buying_power,
            margin_used: None,
            exposure: Default::default(),
            as_of: at,
            stream: None,
        },
        positions: PositionsResponse {
            positions,
            totals: PositionsSummary::default(),
            as_of: at,
            stream: Some(stream_ref(positions_stream())),
        },
        orders: OrdersResponse {
            orders: Vec::new(),
            next: None,
            as_of: at,
            stream: Some(stream_ref(StreamName::Orders(user()))),
        },
        halt: HaltResponse {
            status: HaltStatus {
                state: HaltState::Active,
                scopes: Vec::new(),
                halt_epoch: 1,
                by: None,
                at: None,
                reason: None,
            },
            stream: Some(stream_ref(StreamName::KillSwitch)),
        },
        breakers: BreakersResponse {
            breakers: Vec::new(),
            stream: Some(stream_ref(StreamName::CircuitBreakers)),
        },
        clock: MarketClockResponse {
            phase: MarketPhase::Open,
            next_change_at: None,
            zone: "America/New_York".to_owned(),
            now: at,
            replay: None,
        },
        stats: StatsResponse {
            orders_today: 0,
            fills_today: 0,
            fees_today: Money::ZERO,
            turnover_today: Money::ZERO,
            limit_use: Vec::new(),
            as_of: at,
        },
        history: HistoryResponse {
            entries: Vec::new(),
            total_today: 0,
            next: None,
            as_of: at,
            stream: None,
        },
    }
}
