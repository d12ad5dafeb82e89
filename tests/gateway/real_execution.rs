//! The real execution side behind the real gateway: what the fake assumes is what there is.

use std::sync::Arc;

use qd_bus::Bus;
use qd_execution::{Execution, ExecutionConfig, ExecutionHandle, IdentityKeys};
use qd_gateway::Gateway;
use qd_types::OrderStatus;
use qd_wire::Payload;
use qd_wire::frame::ServerFrame;
use qd_wire::rest::{
    BootstrapResponse, CancelAllResponse, OrderDetailResponse, OrderResponse, PricesResponse,
    from_json,
};
use reqwest::StatusCode;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, TestClock, config, problem_code};
use crate::fake_execution::{FakeExecution, IDENTITY_KEY, IDENTITY_KEY_ID};
use crate::ws::{Ws, stream};

/// The whole server side; it stops with the token.
pub(crate) async fn start() -> (App, CancellationToken) {
    let clock = Arc::new(TestClock::default());
    let bus = Bus::embedded(Arc::<TestClock>::clone(&clock));
    let demo = ExecutionConfig::demo(7).unwrap();
    let handle = Execution::start(&demo, bus.clone(), Arc::<TestClock>::clone(&clock)).unwrap();
    serve(handle, bus, clock).await
}

/// The server side around an execution gateway that runs.
pub(crate) async fn serve(
    handle: ExecutionHandle,
    bus: Bus,
    clock: Arc<TestClock>,
) -> (App, CancellationToken) {
    let keys = IdentityKeys::new([(IDENTITY_KEY_ID.to_owned(), IDENTITY_KEY.to_vec())]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(qd_execution::serve(
        listener,
        qd_execution::router(handle, keys),
        stop.clone(),
    ));
    let unused = FakeExecution::start(Arc::<TestClock>::clone(&clock)).await;
    let bound = Gateway::build(config(url), bus.clone(), Arc::<TestClock>::clone(&clock))
        .await
        .unwrap();
    (App::serve(bound, bus, clock, unused), stop)
}

#[tokio::test]
async fn the_desk_is_there_from_the_first_request_to_an_orders_event() {
    let (app, stop) = start().await;
    let alice = app.sign_in("alice").await;
    let response = app
        .get_as(&alice, "/api/v1/bootstrap")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bootstrap: BootstrapResponse = from_json(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(bootstrap.session.user_id.as_str(), "alice");
    assert!(!bootstrap.positions.positions.is_empty());
    let account = bootstrap.session.accounts[0].clone();

    let (positions, orders) = (stream("positions:alice"), stream("orders:alice"));
    let (mut ws, _) = Ws::open(&app, &alice, &[&positions, &orders]).await;
    ws.find(|frame| match frame {
        ServerFrame::Snapshot { stream, d, .. } => {
            let message = qd_wire::decode(&stream, d.as_bytes()).unwrap();
            matches!(message.payload, Payload::PositionsSnapshot(_)).then_some(())
        }
        _ => None,
    })
    .await;

    let response = app
        .get_as(&alice, "/api/v1/market/prices?symbols=AAPL")
        .send()
        .await
        .unwrap();
    let prices: PricesResponse = from_json(&response.bytes().await.unwrap()).unwrap();
    let quote = &prices.prices[0];
    let order = format!(
        r#"{{"account":"{account}","client_order_id":"test-1","symbol":"AAPL","side":"buy","qty":"1","type":"market","limit_price":null,"stop_price":null,"time_in_force":"day","reason":"a test of the whole way","halt_epoch_seen":{},"price_seen":{{"value":"{}","at":"{}"}}}}"#,
        bootstrap.halt.status.halt_epoch,
        quote.price,
        quote.at.to_rfc3339(),
    );
    let response = app
        .post_as(&alice, "/api/v1/orders", &order)
        .send()
        .await
        .unwrap();
    let status = response.status();
    let answer = response.text().await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    ws.find(|frame| {
        let bodies = match frame {
            ServerFrame::Msg { d, .. } => vec![d],
            ServerFrame::Batch { msgs, .. } => msgs,
            _ => Vec::new(),
        };
        bodies
            .iter()
            .any(|body| body.as_str().contains("test-1"))
            .then_some(())
    })
    .await;

    let response = app
        .get_as(&alice, "/api/v1/orders/test-1")
        .send()
        .await
        .unwrap();
    let story: OrderDetailResponse = from_json(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(
        story.transitions[0].by,
        Some(qd_types::UserId::new("alice").unwrap())
    );

    let all = r#"{"scope":"strategy:manual","reason":"a test of the whole way"}"#;
    let response = app
        .post_as(&alice, "/api/v1/orders/cancel_all", all)
        .send()
        .await
        .unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    let met: CancelAllResponse = from_json(&response.bytes().await.unwrap()).unwrap();
    // The order is at the market: a cancel meets it, or it has filled already.
    assert!(met.asked.count <= 1 && met.left.count == 0, "{met:?}");

    let bob = app.sign_in("bob").await;
    let response = app
        .post_as(&bob, "/api/v1/orders/cancel_all", all)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN, "a viewer");
    let response = app
        .post_as(&bob, "/api/v1/orders", &order)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(problem_code(response).await, "forbidden");
    let nonsense = order.replace("AAPL", "aapl");
    let response = app
        .post_as(&alice, "/api/v1/orders", &nonsense)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    stop.cancel();
}

/// Waits for a message about the order whose text says all of `words`.
async fn told(ws: &mut Ws, words: &[&str]) {
    ws.find(|frame| {
        let bodies = match frame {
            ServerFrame::Msg { d, .. } => vec![d],
            ServerFrame::Batch { msgs, .. } => msgs,
            _ => Vec::new(),
        };
        bodies
            .iter()
            .any(|body| words.iter().all(|word| body.as_str().contains(word)))
            .then_some(())
    })
    .await;
}

// covers: OC-8
#[tokio::test]
async fn a_change_goes_the_whole_way_and_comes_back_as_the_orders_new_terms() {
    let (app, stop) = start().await;
    let alice = app.sign_in("alice").await;
    let response = app
        .get_as(&alice, "/api/v1/market/prices?symbols=AAPL")
        .send()
        .await
        .unwrap();
    let prices: PricesResponse = from_json(&response.bytes().await.unwrap()).unwrap();
    let quote = &prices.prices[0];
    let near = quote.price.round(2);
    let [far, farther] = [500, 600].map(|cents| near - qd_types::Price::from_units(cents, 2));
    let (mut ws, _) = Ws::open(&app, &alice, &[&stream("orders:alice")]).await;
    let order = format!(
        r#"{{"account":"PAPER-1","client_order_id":"rest-1","symbol":"AAPL","side":"buy","qty":"5","type":"limit","limit_price":"{far}","stop_price":null,"time_in_force":"gtc","reason":"a test of the whole way","halt_epoch_seen":1,"price_seen":{{"value":"{}","at":"{}"}}}}"#,
        quote.price,
        quote.at.to_rfc3339(),
    );
    let response = app
        .post_as(&alice, "/api/v1/orders", &order)
        .send()
        .await
        .unwrap();
    let status = response.status();
    let answer = response.text().await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    told(&mut ws, &["rest-1", r#""working""#]).await;

    let path = "/api/v1/orders/rest-1";
    let change = format!(r#"{{"idempotency_key":"k-1","qty":"3","limit_price":"{farther}"}}"#);
    let bob = app.sign_in("bob").await;
    let response = app.patch_as(&bob, path, &change).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN, "a viewer");
    let response = app.patch_as(&alice, path, &change).send().await.unwrap();
    let status = response.status();
    let answer: OrderResponse = from_json(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(answer.order.status, OrderStatus::ReplaceSent);
    assert_eq!(
        answer.order.limit_price,
        Some(far),
        "not before the venue's word"
    );
    told(&mut ws, &["rest-1", r#""replace_sent""#]).await;
    let limit = format!(r#""limit_price":"{farther}""#);
    told(&mut ws, &["rest-1", r#""working""#, r#""qty":"3""#, &limit]).await;
    stop.cancel();
}
