//! One gateway per test: embedded bus, fake execution side, a clock that can be pushed forward.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use qd_auth::{Key, KeyRing};
use qd_bus::{AppendOutcome, AppendRequest, Bus};
use qd_gateway::{BoundGateway, DrainReport, Gateway, GatewayConfig, GatewayHandle};
use qd_types::{Clock, Epoch, MessageKind, Seq, StreamName, StreamPos, UtcMicros};
use qd_wire::{Body, Head, write_message};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response, redirect};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fake_execution::{FakeExecution, IDENTITY_KEY, IDENTITY_KEY_ID};

/// Nothing in these tests takes longer, on a busy machine either.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The wall clock, pushed forward.
#[derive(Default)]
pub(crate) struct TestClock {
    ahead_micros: AtomicI64,
}

impl TestClock {
    pub(crate) fn advance_millis(&self, millis: i64) {
        self.ahead_micros.fetch_add(millis * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the tests' time comes from"
    )]
    fn now(&self) -> UtcMicros {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_micros();
        UtcMicros(i64::try_from(wall).unwrap() + self.ahead_micros.load(Ordering::SeqCst))
    }
}

/// A running gateway and everything around it.
pub(crate) struct App {
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) bus: Bus,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) execution: FakeExecution,
    pub(crate) gateway: GatewayHandle,
    pub(crate) client: Client,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<DrainReport>,
}

/// Who a request comes from.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::new(Key::new("t", &[42; 32]).unwrap())
}

pub(crate) fn config(execution_url: String) -> GatewayConfig {
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut config =
        GatewayConfig::new(listen, execution_url, IDENTITY_KEY_ID, IDENTITY_KEY, keys());
    config.admin_listen = Some(listen);
    config.timing.tick = Duration::from_millis(20);
    config
}

/// A client that shows every answer as it is.
pub(crate) fn client(roots: rustls::RootCertStore) -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let clock = Arc::new(TestClock::default());
        let bus = Bus::embedded(Arc::<TestClock>::clone(&clock));
        Self::start_on(bus, clock, change).await
    }

    pub(crate) async fn start_on(
        bus: Bus,
        clock: Arc<TestClock>,
        change: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        let execution = FakeExecution::start(Arc::<TestClock>::clone(&clock)).await;
        let mut config = config(execution.url());
        change(&mut config);
        let bound = Gateway::build(config, bus.clone(), Arc::<TestClock>::clone(&clock))
            .await
            .unwrap();
        Self::serve(bound, bus, clock, execution)
    }

    pub(crate) fn serve(
        bound: BoundGateway,
        bus: Bus,
        clock: Arc<TestClock>,
        execution: FakeExecution,
    ) -> Self {
        let (addr, admin) = (bound.local_addr(), bound.admin_addr().unwrap());
        let gateway = bound.handle();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(bound.serve(shutdown.clone()));
        let client = client(rustls::RootCertStore::empty());
        Self {
            addr,
            admin,
            bus,
            clock,
            execution,
            gateway,
            client,
            shutdown,
            served,
        }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client
            .post(self.url(path))
            .header("origin", self.origin())
    }

    pub(crate) fn get_as(&self, who: &SignedIn, path: &str) -> RequestBuilder {
        self.get(path).header("cookie", &who.cookie)
    }

    pub(crate) fn post_as(&self, who: &SignedIn, path: &str, body: &str) -> RequestBuilder {
        self.post(path)
            .header("cookie", &who.cookie)
            .header("x-csrf-token", &who.csrf)
            .header("content-type", "application/json")
            .body(body.to_owned())
    }

    pub(crate) fn patch_as(&self, who: &SignedIn, path: &str, body: &str) -> RequestBuilder {
        self.client
            .patch(self.url(path))
            .header("origin", self.origin())
            .header("cookie", &who.cookie)
            .header("x-csrf-token", &who.csrf)
            .header("content-type", "application/json")
            .body(body.to_owned())
    }

    pub(crate) async fn login(&self, user: &str) -> Response {
        self.post("/auth/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("user={user}"))
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn sign_in(&self, user: &str) -> SignedIn {
        let response = self.login(user).await;
        assert_eq!(response.status(), 303, "{response:?}");
        let cookie = cookie_of(response.headers()).unwrap();
        let session: serde_json::Value = self
            .get("/auth/session")
            .header("cookie", &cookie)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(session["user_id"], user);
        let csrf = session["csrf"].as_str().unwrap().to_owned();
        SignedIn { cookie, csrf }
    }

    /// The text of the admin listener's figures.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.admin);
        self.client
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// Puts a message into the log and onto the channel, as a publisher does; returns its bytes.
    pub(crate) async fn publish(
        &self,
        stream: &StreamName,
        epoch: &str,
        seq: u64,
        kind: MessageKind,
        fields: &str,
    ) -> Bytes {
        let (request, bytes) = message(stream, epoch, seq, kind, fields, self.clock.now());
        let outcome = self.bus.append(&request).await.unwrap();
        assert_eq!(outcome, AppendOutcome::Appended);
        bytes
    }
}

/// A numbered message with `fields` (JSON object text) as its body.
pub(crate) fn message(
    stream: &StreamName,
    epoch: &str,
    seq: u64,
    kind: MessageKind,
    fields: &str,
    now: UtcMicros,
) -> (AppendRequest, Bytes) {
    let epoch = Epoch::new(epoch).unwrap();
    let head = Head {
        stream: stream.clone(),
        epoch: epoch.clone(),
        seq: Seq(seq),
        base_seq: (kind == MessageKind::Delta).then(|| Seq(seq - 1)),
        kind,
        made_at: now,
        published_at: now,
    };
    let body = Body::from_bytes(fields.as_bytes()).unwrap();
    let bytes = Bytes::from(write_message(&head, &body));
    let request = AppendRequest {
        stream: stream.clone(),
        expected: (seq > 1).then(|| StreamPos {
            epoch,
            seq: Seq(seq - 1),
        }),
        head,
        bytes: bytes.clone(),
        reset: kind == MessageKind::Snapshot,
    };
    (request, bytes)
}

/// `name=value` of the session cookie that an answer sets; absent when it sets none or takes it away.
pub(crate) fn cookie_of(headers: &HeaderMap<HeaderValue>) -> Option<String> {
    headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .find(|pair| !pair.ends_with('='))
        .map(str::to_owned)
}

/// The `code` of an error, which must be written the one way.
pub(crate) async fn problem_code(response: Response) -> String {
    let status = response.status().as_u16();
    let request_id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let problem: serde_json::Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["request_id"], request_id, "{problem}");
    for field in ["type", "title", "detail"] {
        assert!(
            !problem[field].as_str().unwrap().is_empty(),
            "{field} in {problem}"
        );
    }
    problem["code"].as_str().unwrap().to_owned()
}

/// Waits until `probe` gives something.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let looked = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    looked
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
