//! The REST side over the router: identity, form, refusals, and what each answer stands on.

mod changes;
mod commands;
mod identity;
mod reads;

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use qd_bus::Bus;
use qd_types::{
    AccountId, BreakerState, ClientOrderId, HaltState, MarketPhase, Order, OrderStatus, OrderType,
    Permission, Qty, Role, Side, StreamName, Symbol, TimeInForce, UserId, UtcMicros,
};
use qd_wire::identity::{IDENTITY_HEADER, IdentityClaims, sha256_hex, sign};
use qd_wire::rest::{
    AlertsResponse, BreakersResponse, CancelAllResponse, ChangeOutcome, ClosePosition,
    HaltResponse, HealthResponse, HistoryResponse, MarketClockResponse, OrderDetailResponse,
    OrderResponse, OrdersResponse, PlaceOrder, PositionsResponse, PriceSeen, PricesResponse,
    Problem, RealtimePnlResponse, SeriesResponse, ServiceStatus, StatsResponse, StreamLogResponse,
    from_json, to_json,
};
use tower::ServiceExt as _;

use super::*;
use crate::engine::Lane;
use crate::testing::{VirtualClock, start};

const KEY_ID: &str = "k1";
const KEY: &[u8] = b"a key for the tests of this crate";

struct App {
    router: Router,
    handle: ExecutionHandle,
    nonce: std::sync::atomic::AtomicU64,
}

struct Answer {
    status: u16,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn read<T: serde::de::DeserializeOwned>(&self, status: u16) -> T {
        assert_eq!(
            self.status,
            status,
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        from_json(&self.body).unwrap()
    }

    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> Problem {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: Problem = self.read(status);
        assert_eq!(
            (problem.status, &*problem.code),
            (status, code),
            "{}",
            problem.detail
        );
        assert_eq!(
            problem.request_id.as_deref(),
            self.headers["x-request-id"].to_str().ok()
        );
        problem
    }
}

impl App {
    /// A running desk whose publishers have said their first word.
    async fn new() -> Self {
        let clock = VirtualClock::shared();
        let bus = Bus::embedded(Arc::clone(&clock));
        let handle = start(&bus, &clock);
        Self::over(handle).await
    }

    /// The same of a desk with a second account, `PAPER-2`, which holds nothing.
    async fn with_two_accounts() -> Self {
        let clock = VirtualClock::shared();
        let bus = Bus::embedded(Arc::clone(&clock));
        let mut config = crate::ExecutionConfig::demo(7).unwrap();
        config.warmup_ticks = 300;
        config.accounts.push(crate::AccountConfig {
            account: AccountId::new("PAPER-2").unwrap(),
            opening_cash: qd_types::Money::from_units(44_000, 0),
            holdings: Vec::new(),
        });
        Self::over(crate::Execution::start(&config, bus, clock).unwrap()).await
    }

    async fn over(handle: ExecutionHandle) -> Self {
        let keys = IdentityKeys::new([(KEY_ID.to_owned(), KEY.to_vec())]);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        Self {
            router: router(handle.clone(), keys),
            handle,
            nonce: std::sync::atomic::AtomicU64::new(0),
        }
    }

    fn claims(
        &self,
        user: &str,
        role: Role,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> IdentityClaims {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let nonce = self
            .nonce
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        IdentityClaims {
            sub: UserId::new(user).unwrap(),
            roles: vec![role],
            permissions: role.permissions(),
            accounts: vec![AccountId::new("PAPER-1").unwrap()],
            session: "s-1".to_owned(),
            request_id: "r-1".to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            query_sha256: sha256_hex(query.as_bytes()),
            body_sha256: sha256_hex(body),
            mfa_at: None,
            iat: self.handle.now(),
            nonce: format!("n-{nonce}"),
        }
    }

    fn request(method: &str, target: &str, body: &[u8], identity: &str) -> Request<Body> {
        let mut builder = Request::builder().method(method).uri(target);
        if !identity.is_empty() {
            builder = builder.header(IDENTITY_HEADER, identity);
        }
        if !body.is_empty() {
            builder = builder.header("content-type", "application/json");
        }
        builder.body(Body::from(body.to_vec())).unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }

    async fn as_user(
        &self,
        user: &str,
        role: Role,
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Answer {
        let claims = self.claims(user, role, method, target, body);
        let identity = sign(KEY_ID, KEY, &claims);
        self.send(Self::request(method, target, body, &identity))
            .await
    }

    async fn get(&self, target: &str) -> Answer {
        self.as_user("alice", Role::Trader, "GET", target, b"")
            .await
    }

    async fn post(&self, target: &str, body: &[u8]) -> Answer {
        self.as_user("alice", Role::Trader, "POST", target, body)
            .await
    }

    async fn patch(&self, target: &str, body: &str) -> Answer {
        self.as_user("alice", Role::Trader, "PATCH", target, body.as_bytes())
            .await
    }

    async fn order(&self, id: &str) -> PlaceOrder {
        let quote = self
            .handle
            .read(|desk, _| *desk.market().quote(Symbol::new("KO").unwrap()).unwrap())
            .await
            .unwrap();
        PlaceOrder {
            account: AccountId::new("PAPER-1").unwrap(),
            strategy: None,
            client_order_id: ClientOrderId::new(id).unwrap(),
            symbol: quote.symbol,
            side: Side::Buy,
            qty: Qty::from_units(5, 0),
            order_type: OrderType::Market,
            limit_price: None,
            stop_price: None,
            time_in_force: TimeInForce::Day,
            reason: "as the plan of the day says".to_owned(),
            halt_epoch_seen: 1,
            price_seen: Some(PriceSeen {
                value: quote.price,
                at: quote.at,
            }),
        }
    }

    /// The same with a limit that nothing reaches.
    async fn resting(&self, id: &str) -> PlaceOrder {
        let order = self.order(id).await;
        let far = order.price_seen.unwrap().value.round(2) - qd_types::Price::from_units(200, 2);
        PlaceOrder {
            order_type: OrderType::Limit,
            limit_price: Some(far),
            ..order
        }
    }

    /// Asks as a user of exactly these accounts.
    async fn on_accounts(
        &self,
        accounts: &[AccountId],
        method: &str,
        target: &str,
        body: &[u8],
    ) -> Answer {
        let mut claims = self.claims("alice", Role::Trader, method, target, body);
        claims.accounts = accounts.to_vec();
        let identity = sign(KEY_ID, KEY, &claims);
        self.send(Self::request(method, target, body, &identity))
            .await
    }

    async fn place(&self, order: &PlaceOrder) -> Answer {
        self.post("/api/v1/orders", &to_json(order)).await
    }

    async fn num_orders(&self) -> usize {
        let manual = |desk: &crate::desk::Desk, _: UtcMicros| {
            desk.ledger()
                .orders_newest_first()
                .filter(|record| record.order.source == "manual" || record.order.source == "close")
                .count()
        };
        self.handle.read(manual).await.unwrap()
    }

    async fn until_final(&self, id: &str) -> Order {
        for _ in 0..200 {
            let detail: OrderDetailResponse =
                self.get(&format!("/api/v1/orders/{id}")).await.read(200);
            if !detail.order.status.is_open() {
                return detail.order;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{id} never came to an end");
    }
}
