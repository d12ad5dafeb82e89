//! Where events of the servers go: standard error, as text or JSON, filtered by the configuration.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging. Called once, before anything else that may speak.
///
/// # Errors
/// A filter that cannot be read, with what is wrong with it.
pub(crate) fn start(format: &str, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|err| err.to_string())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Colors are for eyes: a file or a collector would get escape codes.
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start in one process (a test) keeps the first subscriber.
    match format {
        "json" => builder.json().try_init().ok(),
        _ => builder.with_target(false).try_init().ok(),
    };
    Ok(())
}
