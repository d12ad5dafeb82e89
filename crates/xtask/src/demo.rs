//! `cargo xtask demo`: the whole of Quarterdeck on this machine, from a fresh clone to a living desk.
//!
//! It builds, starts `quarterdeck demo` (and the native console), says where to look, and ends everything it started.
//! The children stand in process groups of their own, so that Ctrl-C reaches them once, as one SIGTERM from here;
//! where `setpriv` is there they also end when this program is killed.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::project::Project;
use crate::say;
use crate::setup::{self, Need, SetupArgs};
use crate::steps;
use crate::web::{self, Mode};

/// What the server prints, with its address, once it answers.
const READY_LINE: &str = "quarterdeck ready ";

/// From start to ready: opening a port and a bus takes far less.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// The server drains within 5 s; after this it is not going to.
const STOP_LIMIT: Duration = Duration::from_secs(8);

#[derive(Args)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    setup: SetupArgs,
    /// Port of the console, on 127.0.0.1
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// A Redis server to use as the bus instead of the embedded one, as `redis://127.0.0.1:6379`
    #[arg(long)]
    redis: Option<String>,
    /// Also build the native console and open its window
    #[arg(long)]
    native: bool,
    /// Passed to `quarterdeck demo`
    #[arg(last = true)]
    extra: Vec<OsString>,
}

pub(crate) fn run(project: &Project, args: &DemoArgs) -> Result<ExitCode> {
    must_be_free(args.port)?;
    let ready = setup::run(project, &[Need::WasmStd, Need::NodeTools], args.setup);
    ready
        .require(&[Need::Build, Need::WasmStd])
        .context("the demo cannot be built")?;
    let mode = if ready.lack_of(&[Need::NodeTools]).is_some() {
        say!("web: without wasm-opt the browser's program is larger; everything else is the same");
        Mode::Plain
    } else {
        Mode::Release
    };
    let dist = web::build(project, mode)?;
    build_server(project)?;
    if args.native {
        build_console(project)?;
    }

    let stop = stop_on_signals()?;
    let mut server = start_server(&ServerStart {
        program: &project.release_binary("quarterdeck"),
        port: args.port,
        redis: args.redis.as_deref(),
        dist: &dist,
        extra: &args.extra,
    })?;
    let (url, server_ended) = match wait_until_ready(&mut server, &stop)? {
        Start::Ready { url, lines } => (url, lines),
        Start::Stopped => {
            end(&mut server)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let mut console = if args.native {
        Some(start_console(project, &url)?)
    } else {
        None
    };
    announce(&url, args.native);

    let code = watch(&mut server, console.as_mut(), &stop)?;
    if let Some(console) = &mut console {
        end(console)?;
    }
    end(&mut server)?;
    drop(server_ended);
    say!("demo stopped");
    Ok(code)
}

/// True once somebody has asked us to stop.
pub(crate) fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .context("cannot listen for signals")?;
    }
    Ok(stop)
}

/// The server would say so too, but only after minutes of building.
pub(crate) fn must_be_free(port: u16) -> Result<()> {
    drop(TcpListener::bind(("127.0.0.1", port)).with_context(|| {
        format!("port {port} of 127.0.0.1 cannot be used: stop the program that has it, or choose another with --port")
    })?);
    Ok(())
}

/// The server as the demo and the end-to-end tests run it: release, with the dev sign-in.
pub(crate) fn build_server(project: &Project) -> Result<()> {
    steps::timed("build: quarterdeck", || {
        steps::run(project.cargo().args([
            "build",
            "--release",
            "--package",
            "quarterdeck",
            "--features",
            "dev-auth",
        ]))
    })
}

pub(crate) fn build_console(project: &Project) -> Result<()> {
    steps::timed("build: qd-console", || {
        steps::run(project.cargo().args([
            "build",
            "--release",
            "--package",
            "qd_console",
            "--bin",
            "qd-console",
        ]))
    })
}

/// A child that ends with us, whatever ends us.
pub(crate) fn child_of_ours(program: &Path) -> Command {
    let mut command = if steps::find_program("setpriv").is_some() {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.process_group(0).stdin(Stdio::null());
    command
}

/// What `quarterdeck demo` is started with.
pub(crate) struct ServerStart<'a> {
    pub(crate) program: &'a Path,
    pub(crate) port: u16,
    pub(crate) redis: Option<&'a str>,
    pub(crate) dist: &'a Path,
    pub(crate) extra: &'a [OsString],
}

pub(crate) fn start_server(start: &ServerStart<'_>) -> Result<Child> {
    let mut command = child_of_ours(start.program);
    command
        .args(["demo", "--port"])
        .arg(start.port.to_string())
        .arg("--app-dir")
        .arg(start.dist);
    if let Some(redis) = start.redis {
        command.args(["--redis", redis]);
    }
    command.args(start.extra).stdout(Stdio::piped());
    command
        .spawn()
        .with_context(|| format!("cannot start {}", start.program.display()))
}

fn start_console(project: &Project, url: &str) -> Result<Child> {
    let program = project.release_binary("qd-console");
    child_of_ours(&program)
        .args(["--gateway", url])
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

pub(crate) enum Start {
    /// The server answers at `url`; `lines` stays open while it writes.
    Ready {
        url: String,
        lines: Receiver<String>,
    },
    /// Somebody asked us to stop meanwhile.
    Stopped,
}

/// Passes the server's output on and waits for the line that says it answers.
pub(crate) fn wait_until_ready(server: &mut Child, stop: &AtomicBool) -> Result<Start> {
    let stdout = server
        .stdout
        .take()
        .context("the server has no standard output")?;
    // One line only: the URL. Everything is printed, whoever listens.
    let (sender, lines) = sync_channel(1);
    thread::Builder::new()
        .name("server output".to_owned())
        .spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if writeln!(std::io::stdout().lock(), "{line}").is_err() {
                    // Nobody reads us any more; the server must still not block on a full pipe.
                    continue;
                }
                if let Some(url) = line.strip_prefix(READY_LINE) {
                    // Only the first is waited for.
                    drop(sender.try_send(url.trim().to_owned()));
                }
            }
        })?;
    let started = steps::now();
    while started.elapsed() < READY_LIMIT {
        if stop.load(Ordering::Relaxed) {
            return Ok(Start::Stopped);
        }
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(url) => return Ok(Start::Ready { url, lines }),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let status = server.wait()?;
                bail!(
                    "the server ended with {status} before it was ready; what it says stands above"
                );
            }
        }
    }
    end(server)?;
    bail!(
        "the server was not ready within {} s",
        READY_LIMIT.as_secs()
    )
}

pub(crate) fn announce(url: &str, native: bool) {
    say!("");
    say!("  Quarterdeck is running on the simulated market");
    say!("    open      {url}");
    say!(
        "    sign in   alice (trader), bob (viewer), olivia (operator), adam (admin); no password"
    );
    if native {
        say!("    window    the native console is open as well");
    }
    say!("    stop      Ctrl-C");
    say!("");
}

/// Until somebody asks us to stop or the server ends by itself. Closing the window leaves the server running.
fn watch(
    server: &mut Child,
    mut console: Option<&mut Child>,
    stop: &AtomicBool,
) -> Result<ExitCode> {
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(status) = server.try_wait()? {
            say!("the server ended by itself with {status}");
            return Ok(ExitCode::FAILURE);
        }
        if let Some(child) = console.as_deref_mut()
            && let Some(status) = child.try_wait()?
        {
            say!("the window is closed ({status}); the server goes on, Ctrl-C stops it");
            console = None;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Asks a child to end and insists when it does not.
pub(crate) fn end(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    // The standard library can only kill. The shell has the polite signal built in; a program for it a small system lacks.
    let asked = Command::new("sh")
        .args(["-c", "kill -TERM \"$0\"", &child.id().to_string()])
        .status();
    if asked.is_ok_and(|status| status.success())
        && steps::wait_at_most(child, STOP_LIMIT)?.is_some()
    {
        return Ok(());
    }
    say!(
        "process {} did not end within {} s: killed",
        child.id(),
        STOP_LIMIT.as_secs()
    );
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::atomic::AtomicBool;

    use super::{Start, child_of_ours, end, wait_until_ready};

    fn shell(script: &str) -> std::process::Child {
        Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh")
    }

    #[test]
    fn the_ready_line_gives_the_address() {
        let mut server =
            shell("echo starting; echo quarterdeck ready http://127.0.0.1:1; exec sleep 60");
        let Start::Ready { url, .. } =
            wait_until_ready(&mut server, &AtomicBool::new(false)).expect("ready")
        else {
            panic!("stopped")
        };
        assert_eq!(url, "http://127.0.0.1:1");
        end(&mut server).expect("ended");
        assert!(server.try_wait().expect("wait").is_some());
    }

    #[test]
    fn a_server_that_ends_first_is_an_error_with_its_status() {
        let mut server = shell("echo port in use; exit 64");
        let err = wait_until_ready(&mut server, &AtomicBool::new(false))
            .err()
            .expect("an error")
            .to_string();
        assert!(err.contains("64"), "{err}");
    }

    #[test]
    fn a_child_ends_on_the_first_signal() {
        let mut child = child_of_ours(Path::new("/bin/sleep"))
            .arg("60")
            .spawn()
            .expect("sleep");
        end(&mut child).expect("ended");
        assert!(child.try_wait().expect("wait").is_some());
    }
}
