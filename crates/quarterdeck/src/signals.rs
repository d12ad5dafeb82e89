//! SIGINT and SIGTERM: the first one drains, a second one does not wait.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Cancels the returned token at the first signal; the second ends the process at once with 130.
pub(crate) fn shutdown_on_signals() -> Result<CancellationToken, Failure> {
    let refused = |err: std::io::Error| Failure::Start(format!("cannot listen for signals: {err}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let shutdown = CancellationToken::new();
    let told = shutdown.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            }
        };
        let name = next().await;
        tracing::info!(signal = name, "draining; a second signal ends at once");
        told.cancel();
        next().await;
        leave_at_once();
    });
    Ok(shutdown)
}

#[expect(
    clippy::exit,
    reason = "the person asked twice: nothing is waited for any more"
)]
fn leave_at_once() -> ! {
    std::process::exit(130)
}
