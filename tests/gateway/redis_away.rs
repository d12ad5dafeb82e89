//! A real Redis that goes away: 503, nobody signed out, and everything as before when it is back.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use qd_bus::{Bus, RedisConfig};
use qd_types::MessageKind;
use qd_wire::frame::ServerFrame;
use reqwest::StatusCode;
use tokio::process::{Child, Command};

use crate::app::{App, TestClock, eventually, problem_code};
use crate::http::TempDir;
use crate::ws::{Ws, pos, stream};

struct Redis {
    port: u16,
    dir: TempDir,
    server: Child,
}

impl Redis {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let dir = TempDir::new("redis");
        let server = spawn(port, &dir);
        Self { port, dir, server }
    }

    async fn kill(&mut self) {
        self.server.kill().await.unwrap();
    }

    fn restart(&mut self) {
        self.server = spawn(self.port, &self.dir);
    }
}

fn spawn(port: u16, dir: &TempDir) -> Child {
    // Every write on disk before its answer, so that a kill loses nothing.
    Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is needed for this test")
}

async fn connect(redis: &Redis, clock: &Arc<TestClock>) -> Bus {
    eventually("redis answers", || async {
        let config = RedisConfig::new(format!("redis://127.0.0.1:{}", redis.port));
        Bus::redis(config, Arc::<TestClock>::clone(clock))
            .await
            .ok()
    })
    .await
}

#[tokio::test]
async fn a_bus_that_is_away_signs_nobody_out() {
    let mut redis = Redis::start();
    let clock = Arc::new(TestClock::default());
    let bus = connect(&redis, &clock).await;
    let app = App::start_on(bus, clock, |config| {
        config.timing.session_check_every = Duration::from_millis(100);
    })
    .await;
    let alice = app.sign_in("alice").await;
    let halts = stream("kill_switch:state");
    app.publish(&halts, "e", 1, MessageKind::Snapshot, "{}")
        .await;
    let (mut ws, _) = Ws::open(&app, &alice, &[&halts]).await;
    ws.beat(&halts, &pos("e", 1)).await;

    redis.kill().await;
    ws.find(|frame| match frame {
        ServerFrame::Degraded { what, since } => {
            assert_eq!(what, "bus");
            since.map(|_| ())
        }
        _ => None,
    })
    .await;
    for request in [
        app.get_as(&alice, "/auth/session"),
        app.get_as(&alice, "/api/v1/positions"),
        app.post_as(&alice, "/api/v1/orders", "{}"),
        app.post_as(&alice, "/auth/logout", ""),
        app.post("/auth/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("user=bob"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
        assert!(
            !response.headers().contains_key("set-cookie"),
            "the cookie is kept"
        );
        assert_eq!(problem_code(response).await, "bus_unavailable");
    }
    let index = app.get_as(&alice, "/").send().await.unwrap();
    assert_eq!(
        index.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "no redirect to the sign-in"
    );
    // Without a session nothing needs the store: a proven absence stays a 401.
    assert_eq!(
        app.get("/auth/session").send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    let ready = app
        .client
        .get(format!("http://{}/health/ready", app.admin))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let mut unknown = Ws::connect(&app, &alice).await;
    assert_eq!(
        unknown.closed().await.0,
        1012,
        "come back, not: you are nobody"
    );

    redis.restart();
    ws.find(|frame| match frame {
        ServerFrame::Degraded { since: None, .. } => Some(()),
        _ => None,
    })
    .await;
    eventually("the same session lives", || async {
        let response = app.get_as(&alice, "/auth/session").send().await.unwrap();
        (response.status() == StatusCode::OK).then_some(())
    })
    .await;
    app.publish(&halts, "e", 2, MessageKind::Snapshot, "{}")
        .await;
    ws.find(|frame| match frame {
        ServerFrame::Snapshot { seq, .. } => (seq.0 == 2).then_some(()),
        _ => None,
    })
    .await;
}
