//! The same over TLS.

use std::fs;
use std::sync::Arc;

use qd_bus::Bus;
use qd_gateway::{Gateway, TlsFiles};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::app::{App, TestClock, client, config, cookie_of};
use crate::fake_execution::FakeExecution;
use crate::http::TempDir;

#[tokio::test]
async fn pages_and_sockets_over_tls() {
    let dir = TempDir::new("tls");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();

    let clock = Arc::new(TestClock::default());
    let bus = Bus::embedded(Arc::<TestClock>::clone(&clock));
    let execution = FakeExecution::start(Arc::<TestClock>::clone(&clock)).await;
    let mut config = config(execution.url());
    config.tls = Some(TlsFiles { certificate, key });
    let bound = Gateway::build(config, bus.clone(), Arc::<TestClock>::clone(&clock))
        .await
        .unwrap();
    assert!(bound.url().starts_with("https://"));
    let app = App::serve(bound, bus, clock, execution);

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let browser = client(roots.clone());
    let origin = format!("https://localhost:{}", app.addr.port());
    let login = |origin: String| {
        browser
            .post(format!("https://localhost:{}/auth/login", app.addr.port()))
            .header("origin", origin)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("user=alice")
            .send()
    };
    let response = login(origin.clone()).await.unwrap();
    assert_eq!(response.status(), 303);
    assert!(
        !response.headers().contains_key("strict-transport-security"),
        "not for localhost"
    );
    let cookie = cookie_of(response.headers()).unwrap();
    let plain = login(origin.replace("https", "http")).await.unwrap();
    assert_eq!(plain.status(), 403, "another scheme is another origin");

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(app.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await
        .unwrap();
    let mut request = format!("wss://localhost:{}/ws", app.addr.port())
        .into_client_request()
        .unwrap();
    for (name, value) in [
        ("origin", origin.as_str()),
        ("cookie", cookie.as_str()),
        ("sec-websocket-protocol", "quarterdeck.v1"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (_socket, response) = client_async(request, stream).await.unwrap();
    assert_eq!(
        response.headers()["sec-websocket-protocol"],
        "quarterdeck.v1"
    );
    assert_eq!(
        response.headers()["x-content-type-options"],
        "nosniff",
        "on the upgrade too"
    );

    // Plain HTTP on the TLS port is not understood, and does no harm.
    assert!(app.get("/").send().await.is_err());
}
