//! The port at which `puffin_viewer` looks into a running native program: servers and the window, never the browser.
//!
//! **Owns**: puffin, its loopback server, and the rule for where a frame ends when nobody draws one.
//! **Does not own**: scopes. Every crate names its own with the `profiling` façade, which is nothing without this crate
//! in the build, and one atomic read per scope until [`start`] is called.
//! **Threading**: one thread of its own that lives as long as the process, beside puffin's for each viewer. A scope
//! belongs to the thread that opened it and must not be held across an `.await`.
//! **Failure**: a port that cannot be had is an error of [`start`]; a viewer that goes away or reads too slowly loses
//! frames and nothing else.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use profiling::puffin;
use thiserror::Error;

/// Why a program cannot be looked into.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// The port cannot be had.
    #[error(
        "the profiling port {addr}: {reason}; is another program profiled there? --profile=PORT takes another"
    )]
    Bind {
        /// Where it would have listened.
        addr: SocketAddr,
        /// What the system or puffin said.
        reason: String,
    },
    /// The system gives no thread.
    #[error("the profiler's thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Turns scopes on and serves them on loopback until the process ends.
///
/// A frame ends with every `profiling::finish_frame!`, and after `longest_frame` without one: a server draws none, and
/// what collects behind a hidden window must be bounded too.
///
/// # Errors
/// [`ProfileError`] when the port is taken, or nothing may be started.
pub fn start(port: u16, longest_frame: Duration) -> Result<SocketAddr, ProfileError> {
    // Nowhere else: scopes tell how a desk works, and puffin asks nobody who they are.
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let server = puffin_http::Server::new(&addr.to_string()).map_err(|err| ProfileError::Bind {
        addr,
        reason: err.root_cause().to_string(),
    })?;
    let num_ended = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&num_ended);
    puffin::GlobalProfiler::lock().add_sink(Box::new(move |_frame| {
        counted.fetch_add(1, Ordering::Relaxed);
    }));
    puffin::set_scopes_on(true);
    std::thread::Builder::new()
        .name("qd-profile".to_owned())
        .spawn(move || {
            // Kept here and never dropped: its end waits for every viewer, and a viewer may have stopped reading.
            let _server = server;
            end_frames(&num_ended, longest_frame);
        })?;
    tracing::info!("profiling is on: look with `puffin_viewer --url {addr}`");
    Ok(addr)
}

/// Ends a frame whenever nobody else did for `longest_frame`.
#[expect(clippy::infinite_loop, reason = "the end of the process ends it")]
fn end_frames(num_ended: &AtomicU64, longest_frame: Duration) {
    let mut last_seen = 0;
    loop {
        std::thread::sleep(longest_frame);
        if num_ended.load(Ordering::Relaxed) == last_seen {
            puffin::GlobalProfiler::lock().new_frame();
        }
        last_seen = num_ended.load(Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// One test, because scopes are on for the whole process or for none of it.
    #[test]
    fn a_frame_ends_by_itself_reaches_a_viewer_and_the_port_is_taken_once() {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        profiling::scope!("too_early");
        let addr = start(port, Duration::from_millis(5)).unwrap();
        assert!(addr.ip().is_loopback());
        let mut viewer = TcpStream::connect(addr).unwrap();
        viewer
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let working = std::thread::Builder::new()
            .spawn(|| {
                for _ in 0..2_000 {
                    profiling::scope!("scope_of_the_test");
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
            .unwrap();
        let mut names = Vec::new();
        while !names.iter().any(|name| name == "scope_of_the_test") {
            let mut version = [0; 2];
            viewer.read_exact(&mut version).unwrap();
            assert_eq!(u16::from_le_bytes(version), puffin_http::PROTOCOL_VERSION);
            let frame = ::puffin::FrameData::read_next(&mut viewer)
                .unwrap()
                .unwrap();
            names.extend(
                frame
                    .scope_delta
                    .iter()
                    .map(|scope| scope.name().to_string()),
            );
        }
        assert!(!names.iter().any(|name| name == "too_early"), "{names:?}");
        drop(working);

        let taken = start(port, Duration::from_millis(5))
            .unwrap_err()
            .to_string();
        assert!(
            taken.contains(&addr.to_string()) && taken.contains("--profile=PORT"),
            "{taken}"
        );
        assert_eq!(taken.lines().count(), 1, "{taken}");
    }
}
