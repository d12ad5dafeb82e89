//! Sockets under load: each user's own 100-row stream, five changed rows at 5 Hz, a snapshot every ten seconds.
//!
//! Open loop: the publisher keeps its schedule whatever the readers do. The sample is from the stamp that the publisher
//! put into a message to the instant at which a client has its frame in hand, on one clock. Server and clients share
//! the process and its two cores, so the figure holds the clients' work too.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and a broken fixture fails loudly"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use qd_auth::{Identity, Key, KeyRing};
use qd_benches::Percentiles;
use qd_bus::{Bus, StatePublisher, StateSource};
use qd_gateway::{Gateway, GatewayConfig, SignIn};
use qd_tests::desk::numbered_position;
use qd_types::{AccountId, Clock, Money, Position, Role, StreamName, UserId, UtcMicros};
use qd_wire::Body;
use qd_wire::frame::{ClientFrame, ServerFrame};
use qd_wire::message::{PositionTotals, positions_delta_body, positions_snapshot_body};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::sync::CancellationToken;

const ROWS: usize = 100;
const CHANGED_ROWS: usize = 5;
const EVERY: Duration = Duration::from_millis(200);

struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
    fn now(&self) -> UtcMicros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        UtcMicros(i64::try_from(since.as_micros()).unwrap())
    }
}

/// One user's hundred rows.
struct Desk {
    rows: Mutex<Vec<Position>>,
}

impl Desk {
    fn totals(rows: &[Position]) -> PositionTotals {
        PositionTotals {
            unrealized_pl: rows.iter().map(|row| row.unrealized_pl).sum(),
            num_positions: u32::try_from(rows.len()).unwrap(),
            realized_pl_today: Money::ZERO,
            buying_power: None,
            margin_used: None,
        }
    }

    fn step(&self, step: usize, publisher: &StatePublisher) {
        let mut rows = self.rows.lock();
        for i in 0..CHANGED_ROWS {
            let at = (step * CHANGED_ROWS + i) % ROWS;
            rows[at] = numbered_position(at, i64::try_from(step % 50).unwrap(), WallClock.now());
            publisher.mark(rows[at].symbol.as_str());
        }
    }
}

impl StateSource for Desk {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let rows = self.rows.lock();
        (
            positions_snapshot_body(&Self::totals(&rows), &rows),
            WallClock.now(),
        )
    }

    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        let rows = self.rows.lock();
        let changed: Vec<Position> = rows
            .iter()
            .filter(|row| keys.contains(row.symbol.as_str()))
            .cloned()
            .collect();
        (
            positions_delta_body(&Self::totals(&rows), &changed, &[]),
            WallClock.now(),
        )
    }
}

fn main() {
    // `cargo bench` and `cargo test` pass flags of the harness that this is not.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (num_users, duration) = if is_test {
        (3, Duration::from_secs(2))
    } else {
        (100, Duration::from_secs(20))
    };
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let samples = runtime.block_on(run(num_users, duration));
    assert!(
        samples.len() > num_users,
        "{} messages reached {num_users} sockets: nothing was measured",
        samples.len()
    );
    let run = Percentiles::new(samples);
    println!(
        "{num_users} sockets, {ROWS}-row streams, {CHANGED_ROWS} rows at 5 Hz, publish to socket: {run}"
    );
}

async fn run(num_users: usize, duration: Duration) -> Vec<i64> {
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let bus = Bus::embedded(Arc::clone(&clock));
    let users: Vec<Identity> = (0..num_users)
        .map(|i| Identity {
            user_id: UserId::new(&format!("user{i}")).unwrap(),
            name: format!("User {i}"),
            roles: vec![Role::Trader],
            accounts: vec![AccountId::new("PAPER-1").unwrap()],
        })
        .collect();
    let keys = KeyRing::new(Key::new("b", &[7; 32]).unwrap());
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut config = GatewayConfig::new(listen, "http://127.0.0.1:9", "k", [9_u8; 32], keys);
    config.sign_in = SignIn::Dev {
        users: users.clone(),
    };
    let gateway = Gateway::build(config, bus.clone(), Arc::clone(&clock))
        .await
        .unwrap();
    let url = gateway.url();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(gateway.serve(shutdown.clone()));

    let samples = Arc::new(Mutex::new(Vec::new()));
    let mut publishers = Vec::new();
    let mut readers = Vec::new();
    for user in &users {
        let stream = StreamName::Positions(user.user_id.clone());
        let rows = (0..ROWS)
            .map(|i| numbered_position(i, 0, clock.now()))
            .collect();
        let desk = Arc::new(Desk {
            rows: Mutex::new(rows),
        });
        let source: Arc<dyn StateSource> = Arc::<Desk>::clone(&desk);
        let publisher = Arc::new(StatePublisher::new(
            bus.clone(),
            stream.clone(),
            source,
            Arc::clone(&clock),
        ));
        publishers.push((desk, publisher));
        let cookie = sign_in(&url, user.user_id.as_str()).await;
        readers.push(tokio::spawn(read(
            url.clone(),
            cookie,
            stream,
            Arc::clone(&samples),
            shutdown.clone(),
        )));
    }
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let num_steps = usize::try_from(duration.as_millis() / EVERY.as_millis()).unwrap();
    for step in 0..num_steps {
        ticks.tick().await;
        if step == 10 {
            // The first two seconds hold the handshakes.
            samples.lock().clear();
        }
        for (desk, publisher) in &publishers {
            desk.step(step, publisher);
        }
    }
    ticks.tick().await;
    shutdown.cancel();
    for reader in readers {
        reader.await.unwrap();
    }
    served.await.unwrap();
    let samples = samples.lock();
    samples.clone()
}

async fn sign_in(url: &str, user: &str) -> String {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let answer = client
        .post(format!("{url}/auth/login"))
        .header("origin", url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("user={user}"))
        .send()
        .await
        .unwrap();
    let cookie = answer
        .headers()
        .get("set-cookie")
        .unwrap()
        .to_str()
        .unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn read(
    url: String,
    cookie: String,
    stream: StreamName,
    samples: Arc<Mutex<Vec<i64>>>,
    shutdown: CancellationToken,
) {
    let mut request = format!("{}/ws", url.replace("http://", "ws://"))
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    headers.insert("cookie", cookie.parse().unwrap());
    headers.insert("origin", url.parse().unwrap());
    headers.insert(
        "sec-websocket-protocol",
        qd_wire::frame::SUBPROTOCOL.parse().unwrap(),
    );
    let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let (mut writer, mut reader) = socket.split();
    let hello = ClientFrame::Hello {
        resume: Vec::new(),
        want: vec![stream],
        client: qd_wire::frame::ClientInfo {
            kind: "bench".to_owned(),
            version: "0".to_owned(),
        },
    };
    writer.send(Message::text(hello.encode())).await.unwrap();
    loop {
        let message = tokio::select! {
            () = shutdown.cancelled() => return,
            message = reader.next() => message,
        };
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            _ if shutdown.is_cancelled() => return,
            // A bench without readers must not print figures of nothing.
            ended => panic!("a socket ended: {ended:?}"),
        };
        let now = WallClock.now();
        let messages = match ServerFrame::decode(text.as_str()) {
            Ok(ServerFrame::Msg { d, .. }) => vec![d],
            Ok(ServerFrame::Batch { msgs, .. }) => msgs,
            _ => continue,
        };
        let mut samples = samples.lock();
        for message in &messages {
            if let Ok(Some(head)) = qd_wire::read_head(message.as_bytes()) {
                samples.push(now.micros_since(head.published_at));
            }
        }
    }
}
