//! Starts each part from its settings: bus, execution gateway, auth gateway.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use qd_auth::{Key, KeyRing};
use qd_bus::{Bus, RedisConfig};
use qd_execution::{
    Execution, ExecutionConfig, ExecutionHandle, IdentityKeys, Replay, ReplayEnd, Session, tape,
};
use qd_gateway::{BoundGateway, Gateway, GatewayConfig, GatewayError, TlsFiles};
use qd_types::{Clock, Environment, Symbol};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::load::{Settings, masked};
use crate::config::rules::split_list;
use crate::failure::Failure;
use crate::secrets;

/// The name under which gateway and execution know their shared key.
const IDENTITY_KEY_ID: &str = "k1";
/// What a profiled server calls a frame: as long as the publishers collect rows for one message.
const PROFILE_FRAME: Duration = Duration::from_millis(100);
/// How long the execution side may take to hand its last events to the store.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

fn start_failure(err: impl std::fmt::Display) -> Failure {
    Failure::Start(err.to_string())
}

/// Lets `puffin_viewer` look in, when a port is set.
pub(crate) fn profiler(settings: &Settings) -> Result<(), Failure> {
    // Checked when the settings were read.
    if let Some(port) = settings
        .text("profile.port")
        .and_then(|text| text.parse().ok())
    {
        qd_profile::start(port, PROFILE_FRAME).map_err(start_failure)?;
    }
    Ok(())
}

/// The embedded bus, or the Redis server that the settings name.
pub(crate) async fn bus(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Bus, Failure> {
    match settings.text("bus.redis_url") {
        None => Ok(Bus::embedded(Arc::clone(clock))),
        Some(url) => Bus::redis(RedisConfig::new(url), Arc::clone(clock)).await.map_err(|err| {
            Failure::Start(format!(
                "bus.redis_url = {}: {err}; start the server, or leave the setting out of `demo` for the embedded bus",
                masked(url)
            ))
        }),
    }
}

/// The key that gateway and execution share: from its file, or made when one process holds both.
pub(crate) fn identity_key(settings: &Settings) -> Result<Vec<u8>, Failure> {
    key(settings, "identity.key_file").unwrap_or_else(secrets::make)
}

/// The key in the file that a setting names; absent when it names none.
fn key(settings: &Settings, path: &str) -> Option<Result<Vec<u8>, Failure>> {
    let file = settings.text(path)?;
    Some(
        secrets::read(Path::new(file))
            .map_err(|reason| Failure::Config(format!("{path} = {file:?}: {reason}"))),
    )
}

fn address(settings: &Settings, path: &str) -> Result<SocketAddr, Failure> {
    settings
        .text(path)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::Config(format!("{path} is missing")))
}

/// A running execution gateway.
pub(crate) struct RunningExecution {
    /// Where it listens.
    pub(crate) local_addr: SocketAddr,
    handle: ExecutionHandle,
    server: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl RunningExecution {
    /// Stops taking requests, ends the engine, and waits for both.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(err) = self.server.await {
            tracing::error!(error = %err, "the execution gateway's server ended by a failure");
        }
        self.handle.stop(STOP_PATIENCE).await;
    }
}

/// The tape that the settings name, unpacked and ready to play.
fn replay(settings: &Settings) -> Result<Option<Replay>, Failure> {
    let Some(folder) = settings.text("execution.replay_dir") else {
        return Ok(None);
    };
    let number = |path: &str| {
        settings
            .text(path)
            .and_then(|text| text.parse::<u32>().ok())
    };
    let refused = |err: tape::TapeError| Failure::Config(format!("execution.replay_dir: {err}"));
    let selection = tape::Selection {
        date: number("execution.replay_date"),
        resolution: settings
            .text("execution.replay_resolution")
            .and_then(tape::Resolution::parse),
        symbols: replay_symbols(settings)?,
    };
    let num_days = number("execution.replay_days").map_or(1, |days| days as usize);
    let files = tape::find(Path::new(folder)).map_err(refused)?;
    let days = tape::choose_days(&files, &selection, num_days).map_err(refused)?;
    let end = match settings.text("execution.replay_end") {
        Some("stop") => ReplayEnd::Stop,
        _ => ReplayEnd::Loop,
    };
    let speed = number("execution.replay_speed").unwrap_or(1);
    let replay = Replay::new(days, speed, end);
    if let Some(replay) = &replay {
        tracing::info!(
            date = replay.day().date,
            days = num_days,
            resolution = replay.day().resolution.as_str(),
            symbols = replay.symbols().len(),
            speed,
            "replaying a tape"
        );
    }
    Ok(replay)
}

/// The symbols that a replay is to have; none means all of the day.
fn replay_symbols(settings: &Settings) -> Result<BTreeSet<Symbol>, Failure> {
    let Some(list) = settings.text("execution.replay_symbols") else {
        return Ok(BTreeSet::new());
    };
    split_list(list)
        .map(|name| {
            Symbol::new(&name.to_ascii_uppercase()).map_err(|err| {
                Failure::Config(format!("execution.replay_symbols: {name:?} is {err}"))
            })
        })
        .collect()
}

/// Starts the execution gateway on `listen`.
pub(crate) async fn execution(
    settings: &Settings,
    listen: SocketAddr,
    key: Vec<u8>,
    bus: Bus,
    clock: &Arc<dyn Clock>,
) -> Result<RunningExecution, Failure> {
    let seed = settings
        .text("execution.seed")
        .and_then(|text| text.parse().ok())
        .unwrap_or(42);
    let replay = replay(settings)?;
    let session = match settings.text("execution.session") {
        Some("exchange") => Session::Exchange,
        Some("closed") => Session::Closed,
        _ => Session::AlwaysOpen,
    };
    let config = match &replay {
        Some(replay) => ExecutionConfig::replay(seed, replay.symbols()),
        None => ExecutionConfig::demo(seed).map(|demo| ExecutionConfig { session, ..demo }),
    }
    .map_err(start_failure)?;
    let config = match settings.text("execution.strategies") {
        Some("off") => config.without_strategies(),
        _ => config,
    };
    let listener = TcpListener::bind(listen).await.map_err(|err| {
        Failure::Start(format!(
            "execution.listen = {listen}: {err}; is another program using the port?"
        ))
    })?;
    let local_addr = listener.local_addr().map_err(start_failure)?;
    let handle = match replay {
        Some(replay) => Execution::start_replay(&config, replay, bus, Arc::clone(clock)),
        None => Execution::start(&config, bus, Arc::clone(clock)),
    }
    .map_err(start_failure)?;
    let keys = IdentityKeys::new([(IDENTITY_KEY_ID.to_owned(), key)]);
    let router = qd_execution::router(handle.clone(), keys);
    // Its own token: the gateway drains first and still needs answers while it does.
    let stop = CancellationToken::new();
    let server = tokio::spawn(qd_execution::serve(listener, router, stop.clone()));
    Ok(RunningExecution {
        local_addr,
        handle,
        server,
        stop,
    })
}

/// Where the execution gateway listens when it stands alone.
pub(crate) fn execution_listen(settings: &Settings) -> Result<SocketAddr, Failure> {
    address(settings, "execution.listen")
}

/// Binds the auth gateway.
pub(crate) async fn gateway(
    settings: &Settings,
    execution_url: String,
    identity_key: Vec<u8>,
    bus: Bus,
    clock: &Arc<dyn Clock>,
) -> Result<BoundGateway, Failure> {
    let cookie_key = match key(settings, "gateway.cookie_key_file") {
        Some(bytes) => Key::new("c1", &bytes?),
        None => Key::random("c1"),
    }
    .map_err(start_failure)?;
    let mut config = GatewayConfig::new(
        address(settings, "gateway.listen")?,
        execution_url,
        IDENTITY_KEY_ID,
        identity_key,
        KeyRing::new(cookie_key),
    );
    env!("CARGO_PKG_VERSION").clone_into(&mut config.version);
    let said = settings
        .text("gateway.environment")
        .and_then(Environment::parse);
    config.environment = match said {
        Some(environment) => environment,
        None if settings.get("execution.replay_dir").is_some() => Environment::Replay,
        None => Environment::Paper,
    };
    config.app_dir = settings.text("gateway.app_dir").map(PathBuf::from);
    config.app_auto_reload = settings.text("gateway.app_reload") == Some("auto");
    config.node = settings
        .text("gateway.node")
        .unwrap_or("gateway-1")
        .to_owned();
    if settings.get("gateway.admin_listen").is_some() {
        config.admin_listen = Some(address(settings, "gateway.admin_listen")?);
    }
    if let Some(origins) = settings.text("gateway.public_origins") {
        config.public_origins = split_list(origins).map(str::to_owned).collect();
    }
    config.tls = settings
        .text("gateway.tls_certificate_file")
        .zip(settings.text("gateway.tls_key_file"))
        .map(|(certificate, key)| TlsFiles {
            certificate: certificate.into(),
            key: key.into(),
        });
    Gateway::build(config, bus, Arc::clone(clock))
        .await
        .map_err(|err| match err {
            GatewayError::Bind { .. } => Failure::Start(err.to_string()),
            _ => Failure::Config(err.to_string()),
        })
}
