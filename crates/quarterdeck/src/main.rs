//! The server binary: `demo` (everything in one process), `gateway`, `execution`.
//!
//! **Owns**: configuration, logging, signals, exit codes and the wiring of the parts; no logic of its own beyond that.
//! **Failure**: bad configuration is reported whole and ends with 64; a part that cannot start ends with 1 and one
//! clear line; a panic inside a part is that part's business, the process unwinds and lives.

mod cli;
mod clock;
mod config;
mod failure;
mod logging;
mod parts;
mod secrets;
mod signals;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use qd_types::Clock;
use tokio_util::sync::CancellationToken;

use crate::cli::Invocation;
use crate::clock::SystemClock;
use crate::config::load::{Settings, Sources, load};
use crate::failure::{EXIT_USAGE, Failure};

fn main() -> ExitCode {
    let mut invocation = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(err) => {
            // Help and version come this way too, and are no mistake.
            let code = if err.use_stderr() { EXIT_USAGE } else { 0 };
            err.print().ok();
            return ExitCode::from(code);
        }
    };
    match run(&mut invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut stderr = std::io::stderr().lock();
            for line in failure.to_string().lines() {
                writeln!(stderr, "quarterdeck: {line}").ok();
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    if let Some(port) = invocation.port {
        invocation
            .flags
            .insert("gateway.listen", format!("127.0.0.1:{port}"));
    }
    let settings = settings(invocation)?;
    if invocation.is_check {
        let mut stdout = std::io::stdout().lock();
        for (path, text, place) in settings.printable() {
            writeln!(stdout, "{path} = {text:?}  # {place}").ok();
        }
        return Ok(());
    }
    logging::start(
        settings.text("log.format").unwrap_or("text"),
        settings.text("log.filter").unwrap_or("info"),
    )
    .map_err(|err| Failure::Config(format!("log.filter: {err}")))?;
    parts::profiler(&settings)?;
    // One crypto provider for the whole process; a second would make rustls panic at the first handshake.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|err| Failure::Start(format!("cannot start the runtime: {err}")))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    runtime.block_on(async {
        let shutdown = signals::shutdown_on_signals()?;
        match invocation.command.as_str() {
            "execution" => execution(&settings, &clock, shutdown).await,
            "gateway" => gateway(&settings, &clock, shutdown).await,
            _ => demo(&settings, &clock, shutdown).await,
        }
    })
}

fn settings(invocation: &Invocation) -> Result<Settings, Failure> {
    let file = match &invocation.config_file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|err| {
                Failure::Config(format!(
                    "configuration file {}: cannot be read: {err}",
                    path.display()
                ))
            })?;
            Some((path.clone(), text))
        }
    };
    let sources = Sources {
        file,
        // What is no UTF-8 must not pass as "not set".
        env: &|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()),
        flags: invocation.flags.clone(),
    };
    load(&invocation.command, &sources).map_err(|errors| {
        Failure::Config(
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"),
        )
    })
}

/// Says on standard output that a part can be reached, for people and for scripts that wait for it.
fn say_ready(what: &str, url: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{what} ready {url}").ok();
    stdout.flush().ok();
}

async fn demo(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let bus = parts::bus(settings, clock).await?;
    let key = parts::identity_key(settings)?;
    // Any free port unless somebody asked for one: the demo's own gateway is the only one who needs to know.
    let listen = match settings.get("execution.listen") {
        Some(setting) if setting.place != config::load::Place::Default => {
            parts::execution_listen(settings)?
        }
        _ => std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
    };
    let execution = parts::execution(settings, listen, key.clone(), bus.clone(), clock).await?;
    let url = format!("http://{}", execution.local_addr);
    let gateway = parts::gateway(settings, url, key, bus, clock).await?;
    say_ready("quarterdeck", &gateway.url());
    gateway.serve(shutdown).await;
    execution.stop().await;
    Ok(())
}

async fn gateway(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let bus = parts::bus(settings, clock).await?;
    let key = parts::identity_key(settings)?;
    let url = settings
        .text("gateway.execution_url")
        .unwrap_or_default()
        .to_owned();
    let gateway = parts::gateway(settings, url, key, bus, clock).await?;
    say_ready("gateway", &gateway.url());
    gateway.serve(shutdown).await;
    Ok(())
}

async fn execution(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let bus = parts::bus(settings, clock).await?;
    let key = parts::identity_key(settings)?;
    let listen = parts::execution_listen(settings)?;
    let execution = parts::execution(settings, listen, key, bus, clock).await?;
    say_ready("execution", &format!("http://{}", execution.local_addr));
    shutdown.cancelled().await;
    execution.stop().await;
    Ok(())
}
