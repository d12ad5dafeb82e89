//! Starting where it must not, and stopping as it should.

use std::sync::Arc;
use std::time::Duration;

use qd_bus::Bus;
use qd_gateway::{Gateway, GatewayError, TlsFiles};
use qd_wire::frame::ServerFrame;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::app::{App, PATIENCE, TestClock, config};
use crate::ws::Ws;

#[tokio::test]
async fn stopping_says_goodbye_with_a_time_to_come_back_and_takes_less_than_five_seconds() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(Ws::open(&app, &alice, &[]).await.0);
    }
    // A connection that is kept alive and says nothing must not hold the end up.
    let idle = TcpStream::connect(app.addr).await.unwrap();
    let started = Instant::now();
    app.shutdown.cancel();
    let mut retries = std::collections::BTreeSet::new();
    for mut ws in sockets {
        let retry = ws
            .find(|frame| match frame {
                ServerFrame::Bye {
                    reason,
                    retry_after_ms,
                } => {
                    assert_eq!(reason, "restarting");
                    retry_after_ms
                }
                _ => None,
            })
            .await;
        assert!((500..=10_000).contains(&retry), "{retry}");
        retries.insert(retry);
        assert_eq!(ws.closed().await.0, 1012);
    }
    assert!(retries.len() > 1, "not all at once: {retries:?}");
    let report = timeout(PATIENCE, app.served).await.unwrap().unwrap();
    assert_eq!(report.num_cut, 0);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert!(TcpStream::connect(app.addr).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn a_peer_that_does_not_let_go_is_cut() {
    let app = App::start_with(|config| {
        config.timing.drain_within = Duration::from_millis(200);
        config.timing.head_within = Duration::from_mins(1);
    })
    .await;
    let alice = app.sign_in("alice").await;
    app.execution.set_mood(crate::fake_execution::Mood::Silent);
    let request = tokio::spawn(app.get_as(&alice, "/api/v1/positions").send());
    crate::app::eventually("the request is under way", || async {
        (app.execution.asked().len() == 1).then_some(())
    })
    .await;
    app.shutdown.cancel();
    let report = timeout(PATIENCE, app.served).await.unwrap().unwrap();
    assert!(report.num_cut >= 1, "{report:?}");
    assert!(timeout(PATIENCE, request).await.unwrap().unwrap().is_err());
}

async fn refused(change: impl FnOnce(&mut qd_gateway::GatewayConfig)) -> GatewayError {
    let clock = Arc::new(TestClock::default());
    let bus = Bus::embedded(Arc::<TestClock>::clone(&clock));
    let mut config = config("http://127.0.0.1:1".to_owned());
    change(&mut config);
    match Gateway::build(config, bus, clock).await {
        Ok(_) => panic!("it was built"),
        Err(err) => err,
    }
}

#[tokio::test]
async fn users_without_passwords_are_never_offered_to_the_network() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let err = refused(|config| {
            config.listen = listen.parse().unwrap();
            config.public_origins = vec!["https://desk.example".to_owned()];
        })
        .await;
        assert!(
            matches!(err, GatewayError::DevSignInElsewhere { .. }),
            "{err}"
        );
        assert!(
            err.to_string().contains(listen.split(':').next().unwrap()),
            "{err}"
        );
        assert!(
            err.to_string().contains("127.0.0.1"),
            "it says the way out: {err}"
        );
    }
}

#[tokio::test]
async fn every_refusal_names_the_thing_and_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let err = refused(|config| config.listen = addr).await;
    assert!(matches!(err, GatewayError::Bind { .. }));
    assert!(err.to_string().contains(&addr.to_string()), "{err}");

    for url in [
        "",
        "execution",
        "https://h:1",
        "ftp://h:1",
        "http://h:1/path",
        "http://h:1?x=1",
    ] {
        let err = refused(|config| config.execution_url = url.to_owned()).await;
        assert!(
            matches!(err, GatewayError::BadExecutionUrl { .. }),
            "{url}: {err}"
        );
    }
    let err = refused(|config| config.identity_key = vec![1; 31]).await;
    assert!(matches!(err, GatewayError::ShortIdentityKey(31)), "{err}");
    for origin in [
        "desk.example",
        "https://",
        "https://desk.example/x",
        "https://*.example",
    ] {
        let err = refused(|config| config.public_origins = vec![origin.to_owned()]).await;
        assert!(
            matches!(err, GatewayError::BadPublicOrigin { .. }),
            "{origin}: {err}"
        );
    }
    let err = refused(|config| {
        config.tls = Some(TlsFiles {
            certificate: "no-such.pem".into(),
            key: "no-such.key".into(),
        });
    })
    .await;
    assert!(err.to_string().contains("no-such.pem"), "{err}");
}
