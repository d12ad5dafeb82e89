//! Build, bind, serve, drain: the accept loop and the way every request goes.
//!
//! It prints nothing and handles no signal; the binary does both.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler as _;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, get, on, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use qd_bus::{Bus, Hub};
use qd_types::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;

use crate::backend::ExecutionBackend;
use crate::backend_rest::RestBackend;
use crate::config::{GatewayConfig, GatewayTiming, SignIn};
use crate::counts::GatewayCounts;
use crate::current_session::CurrentSession;
use crate::error::GatewayError;
use crate::finish::{Origins, finish, panicked};
use crate::metrics::Metrics;
use crate::proxy::{PathParams, answer, forward};
use crate::registry::SocketRegistry;
use crate::routes::{ROUTES, Route};
use crate::sessions::SessionStore;
use crate::state::{AppState, Shared};
use crate::static_app::StaticApp;
use crate::transport::{GuardedIo, TimedBody};
use crate::{admin, auth_routes, bootstrap, socket, static_app, tls};

/// Heads longer than this are refused.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Small, so that what a slow reader has not taken waits in its lanes, which conflate, and not in the kernel.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;
const BACKLOG: u32 = 1024;
/// A socket that takes nothing has so much longer than its limit for its farewell.
const WRITE_GRACE: Duration = Duration::from_secs(5);
/// After a failed accept (no file descriptors left, for instance) trying again at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A gateway that is not there yet.
#[derive(Clone, Copy, Debug)]
pub struct Gateway;

/// A gateway that has its port and waits to be served.
pub struct BoundGateway {
    state: AppState,
    listener: TcpListener,
    local_addr: SocketAddr,
    admin: Option<(TcpListener, SocketAddr)>,
    tls: Option<TlsAcceptor>,
}

/// A look into a running gateway.
#[derive(Clone)]
pub struct GatewayHandle(AppState);

/// How a gateway stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// Connections and sockets that had to be cut because they did not end in time.
    pub num_cut: usize,
}

impl Gateway {
    /// Checks the configuration, reads the static app, and takes the ports. Nothing is served yet.
    pub async fn build(
        config: GatewayConfig,
        bus: Bus,
        clock: Arc<dyn Clock>,
    ) -> Result<BoundGateway, GatewayError> {
        let backend = RestBackend::new(
            &config.execution_url,
            &config.identity_key_id,
            &config.identity_key,
            Arc::clone(&clock),
        )?;
        Self::build_with(config, bus, clock, Arc::new(backend)).await
    }

    /// As [`Self::build`], with another execution side than our own over REST.
    #[expect(
        clippy::unused_async,
        reason = "binding and reading become asynchronous with the next stores; callers await it already"
    )]
    pub async fn build_with(
        config: GatewayConfig,
        bus: Bus,
        clock: Arc<dyn Clock>,
        backend: Arc<dyn ExecutionBackend>,
    ) -> Result<BoundGateway, GatewayError> {
        let SignIn::Dev { .. } = &config.sign_in;
        may_offer_dev_sign_in(cfg!(feature = "dev-auth"), config.listen)?;
        let origins = Origins::new(&config)?;
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let app = config
            .app_dir
            .as_deref()
            .map(StaticApp::load)
            .unwrap_or_default();
        let (listener, local_addr) = bind(config.listen)?;
        let admin = config.admin_listen.map(bind).transpose()?;
        let sessions = SessionStore::new(
            bus.clone(),
            Arc::clone(&clock),
            config.cookie_keys.clone(),
            config.session_rules,
        );
        let hub = Hub::new(bus.clone(), Arc::clone(&clock));
        let state = Arc::new(Shared {
            config,
            clock,
            bus,
            hub,
            backend,
            sessions,
            sockets: Arc::new(SocketRegistry::default()),
            metrics: Metrics::new(),
            app,
            origins,
            draining: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        Ok(BoundGateway {
            state,
            listener,
            local_addr,
            admin,
            tls,
        })
    }
}

impl BoundGateway {
    /// Where the console is served.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where health and figures are served; absent when nowhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, addr)| *addr)
    }

    /// The address to type into a browser.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.local_addr)
    }

    /// For looking into it while it runs.
    pub fn handle(&self) -> GatewayHandle {
        GatewayHandle(Arc::clone(&self.state))
    }

    /// Serves until `shutdown`, then lets everybody finish, at most as long as the configuration says.
    pub async fn serve(self, shutdown: CancellationToken) -> DrainReport {
        let Self {
            state,
            listener,
            admin,
            tls,
            ..
        } = self;
        let cut = CancellationToken::new();
        let public = Public {
            router: router(&state),
            tls,
            timing: state.config.timing,
            draining: state.draining.clone(),
            cut: cut.clone(),
            tasks: state.tasks.clone(),
            places: Arc::new(Semaphore::new(state.config.limits.max_connections)),
        };
        let admin_tasks = TaskTracker::new();
        let serve_admin = async {
            if let Some((listener, _)) = admin {
                let admin = Public {
                    router: admin::router(Arc::clone(&state)),
                    tls: None,
                    timing: state.config.timing,
                    draining: state.draining.clone(),
                    cut: cut.clone(),
                    tasks: admin_tasks.clone(),
                    places: Arc::new(Semaphore::new(64)),
                };
                accept(listener, admin, &shutdown).await;
            }
        };
        tokio::join!(accept(listener, public, &shutdown), serve_admin);
        tracing::info!(num_sockets = state.sockets.num_sockets(), "draining");
        state.draining.cancel();
        state.tasks.close();
        admin_tasks.close();
        let all = async {
            state.tasks.wait().await;
            admin_tasks.wait().await;
        };
        let num_cut = if timeout(state.config.timing.drain_within, all).await.is_ok() {
            0
        } else {
            let num_cut = state.tasks.len() + admin_tasks.len();
            tracing::warn!(num_cut, "some connections did not end in time and are cut");
            cut.cancel();
            num_cut
        };
        DrainReport { num_cut }
    }
}

impl GatewayHandle {
    /// What the gateway holds now.
    pub fn counts(&self) -> GatewayCounts {
        self.0.counts()
    }
}

fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), GatewayError> {
    let open = || {
        let socket = if listen.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        // Accepted connections inherit it.
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        socket.bind(listen)?;
        let listener = socket.listen(BACKLOG)?;
        let addr = listener.local_addr()?;
        Ok((listener, addr))
    };
    open().map_err(|source| GatewayError::Bind { listen, source })
}

fn router(state: &AppState) -> Router {
    let mut router = Router::new()
        .route("/", get(static_app::index))
        .route("/ws", get(socket::upgrade))
        .route("/auth/sign_in", get(auth_routes::sign_in_page))
        .route("/auth/sign_in.css", get(auth_routes::sign_in_css))
        .route("/auth/login", post(auth_routes::login))
        .route("/auth/logout", post(auth_routes::logout))
        .route("/auth/session", get(auth_routes::session))
        .route("/auth/methods", get(auth_routes::methods))
        .route("/api/v1/bootstrap", get(bootstrap::bootstrap));
    for route in ROUTES.iter().copied() {
        let Route { path, operation } = route;
        // The table knows no method that a filter has no name for; a read's changes nothing, were there one.
        let filter = MethodFilter::try_from(route.method()).unwrap_or(MethodFilter::GET);
        let handler = move |state: State<AppState>,
                            session: CurrentSession,
                            params: PathParams,
                            request: Request| async move {
            answer(forward(operation, state, session, params, request).await)
        };
        router = router.route(path, on(filter, handler));
    }
    router
        .fallback_service(static_app::file.with_state(Arc::clone(state)))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(state), finish))
        .with_state(Arc::clone(state))
}

/// What a listener needs to serve.
#[derive(Clone)]
struct Public {
    router: Router,
    tls: Option<TlsAcceptor>,
    timing: GatewayTiming,
    draining: CancellationToken,
    cut: CancellationToken,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

async fn accept(listener: TcpListener, public: Public, shutdown: &CancellationToken) {
    loop {
        // The place first: without one, newcomers wait in the kernel.
        let place = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            place = Arc::clone(&public.places).acquire_owned() => place,
        };
        let Ok(place) = place else { return };
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = public.clone();
                public.tasks.spawn(async move {
                    let cut = served.cut.clone();
                    tokio::select! {
                        biased;
                        () = cut.cancelled() => {}
                        () = connection(stream, served) => {}
                    }
                    drop(place);
                });
            }
            Err(err) => {
                tracing::warn!(error = %err, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, public: Public) {
    if let Err(err) = stream.set_nodelay(true) {
        tracing::debug!(error = %err, "a connection without TCP_NODELAY");
    }
    match public.tls.clone() {
        None => serve_http(stream, public).await,
        Some(acceptor) => match timeout(public.timing.head_within, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => serve_http(stream, public).await,
            Ok(Err(err)) => tracing::debug!(error = %err, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        },
    }
}

async fn serve_http<S>(stream: S, public: Public)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let timing = &public.timing;
    // Later than a socket's own limit, so that a slow reader of a socket is told why it is closed.
    let write_within = timing.slow_after + 2 * timing.tick + WRITE_GRACE;
    let (io, transport) = GuardedIo::new(stream, timing.head_within, write_within);
    let router = public.router;
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        transport.begin_request();
        request.extensions_mut().insert(Arc::clone(&transport));
        let (router, transport) = (router.clone(), Arc::clone(&transport));
        async move {
            let response = router.oneshot(request).await?;
            let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            let transport = (!is_upgrade).then_some(transport);
            Ok::<_, std::convert::Infallible>(response.map(|body| TimedBody::new(body, transport)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The guard above times heads; this one ends connections that are kept alive for nothing.
        .header_read_timeout(public.timing.idle_connection + public.timing.head_within)
        .keep_alive(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    tokio::pin!(connection);
    let mut is_draining = false;
    loop {
        tokio::select! {
            served = connection.as_mut() => {
                if let Err(err) = served {
                    tracing::debug!(error = %err, "a connection broke");
                }
                return;
            }
            () = public.draining.cancelled(), if !is_draining => {
                is_draining = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Users without passwords are for a build that was asked for them, and for this machine alone.
fn may_offer_dev_sign_in(is_built: bool, listen: SocketAddr) -> Result<(), GatewayError> {
    if !is_built {
        return Err(GatewayError::DevSignInNotBuilt);
    }
    if !listen.ip().is_loopback() {
        return Err(GatewayError::DevSignInElsewhere { listen });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dev_sign_in_needs_its_build_and_a_loopback_address() {
        let at = |listen: &str| listen.parse::<SocketAddr>().unwrap();
        assert!(may_offer_dev_sign_in(true, at("127.0.0.1:0")).is_ok());
        assert!(may_offer_dev_sign_in(true, at("[::1]:0")).is_ok());
        assert!(matches!(
            may_offer_dev_sign_in(false, at("127.0.0.1:0")),
            Err(GatewayError::DevSignInNotBuilt)
        ));
        for elsewhere in ["0.0.0.0:0", "[::]:0", "192.168.1.7:0"] {
            assert!(matches!(
                may_offer_dev_sign_in(true, at(elsewhere)),
                Err(GatewayError::DevSignInElsewhere { .. })
            ));
        }
    }
}
