//! The real binary: what it says when it is told nonsense, and how it ends when it is told to.
#![expect(clippy::unwrap_used, reason = "a broken fixture should fail loudly")]
#![expect(
    clippy::disallowed_methods,
    reason = "waiting for a real process needs the real clock"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_quarterdeck");
/// Everything here answers in well under this; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

fn quarterdeck(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .env_remove("QD_CONFIG_FILE")
        .stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    quarterdeck(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running server that is ended with its test, whatever becomes of it.
struct Server {
    child: Child,
    url: String,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = quarterdeck(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line
            .trim()
            .rsplit(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        assert!(url.starts_with("http://"), "no ready line but {line:?}");
        Self { child, url, stdout }
    }

    fn ip_port(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.ip_port()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.ip_port()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn terminate(&self) {
        // Built into every shell; a program of that name a small system lacks.
        let status = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the end with a bound; looks often because a child offers nothing to wait on with a limit.
    fn wait(&mut self) -> Option<std::process::ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn every_mistake_is_named_with_its_place_and_the_code_is_64() {
    let dir = std::env::temp_dir().join(format!("qd-binary-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("bad.toml");
    std::fs::write(
        &file,
        "[gateway]\nlisen = \"127.0.0.1:1\"\n[execution]\nseed = true\n",
    )
    .unwrap();
    let output = output(&[
        "demo",
        "--config",
        file.to_str().unwrap(),
        "--log-format",
        "xml",
    ]);
    std::fs::remove_dir_all(&dir).unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(
        text.contains("bad.toml:2: unknown key gateway.lisen; did you mean gateway.listen?"),
        "{text}"
    );
    assert!(
        text.contains("bad.toml:4: execution.seed expects a whole number"),
        "{text}"
    );
    assert!(
        text.contains("--log-format: log.format = \"xml\""),
        "{text}"
    );
}

#[test]
fn unknown_flags_and_missing_keys_are_usage_errors() {
    for arguments in [&["demo", "--speed", "red"][..], &["fly"], &[]] {
        assert_eq!(output(arguments).status.code(), Some(64), "{arguments:?}");
    }
    let output = output(&["execution"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(
        stderr(&output).contains("bus.redis_url is missing"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_port_in_use_and_a_missing_redis_are_one_clear_line_each() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let ip_port = taken.local_addr().unwrap().to_string();
    let in_use = output(&["demo", "--listen", &ip_port, "--log-filter", "off"]);
    assert_eq!(in_use.status.code(), Some(1));
    let text = stderr(&in_use);
    assert!(
        text.contains(&ip_port) && text.contains("another program"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");

    drop(taken);
    let url = format!("redis://user:canary@{ip_port}");
    let no_redis = output(&[
        "demo",
        "--port",
        "0",
        "--redis",
        &url,
        "--log-filter",
        "off",
    ]);
    assert_eq!(no_redis.status.code(), Some(1));
    let text = stderr(&no_redis);
    assert!(
        text.contains(&ip_port) && text.contains("start the server"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn check_config_prints_what_is_in_force_and_where_from() {
    let output = output(&["demo", "--check-config", "--seed", "7"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(text.contains("execution.seed = \"7\"  # --seed"), "{text}");
    assert!(
        text.contains("gateway.listen = \"127.0.0.1:8080\"  # default"),
        "{text}"
    );
}

#[test]
fn the_demo_answers_and_drains_on_sigterm_within_five_seconds() {
    let mut server = Server::start(&["demo", "--port", "0"]);
    let answer = server.get("/auth/methods");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.terminate();
    let began = Instant::now();
    let status = server.wait().expect("the server should end");
    assert!(status.success(), "{status:?}");
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "took {:?}",
        began.elapsed()
    );
    let mut rest = String::new();
    server.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "the ready line is all that standard output gets");
}

/// A port that was free a moment ago: the profiler takes a number, for only a number can be told to a viewer.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The names of the threads of a process.
fn threads(child: &Child) -> Vec<String> {
    std::fs::read_dir(format!("/proc/{}/task", child.id()))
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}

// covers: OB-3
#[test]
fn a_profiled_server_shows_its_scopes_on_loopback_and_another_listens_nowhere() {
    let port = free_port();
    let profiled = Server::start(&["demo", "--port", "0", &format!("--profile={port}")]);
    let mut viewer = TcpStream::connect(("127.0.0.1", port)).unwrap();
    viewer.set_read_timeout(Some(PATIENCE)).unwrap();
    // Asked for while the viewer looks, so that the gateway has something to do.
    profiled.get("/auth/methods");
    let mut missing = vec!["Engine::step", "publish_state", "gateway_request"];
    let began = Instant::now();
    while !missing.is_empty() {
        assert!(began.elapsed() < PATIENCE, "no scope {missing:?} was shown");
        let mut version = [0; 2];
        viewer.read_exact(&mut version).unwrap();
        assert_eq!(u16::from_le_bytes(version), puffin_http::PROTOCOL_VERSION);
        let frame = puffin::FrameData::read_next(&mut viewer).unwrap().unwrap();
        for scope in &frame.scope_delta {
            missing.retain(|name| *name != scope.name().as_ref());
        }
        assert!(frame.meta().num_scopes > 0);
    }
    let elsewhere = TcpStream::connect(("127.0.0.2", port));
    assert!(elsewhere.is_err(), "it listens on more than 127.0.0.1");
    assert!(threads(&profiled.child).contains(&"puffin-server".to_owned()));

    let server = Server::start(&["demo", "--port", "0"]);
    let names = threads(&server.child);
    assert!(
        !names.is_empty() && !names.iter().any(|name| name.starts_with("puffin")),
        "{names:?}"
    );
}

// covers: OB-3
#[test]
fn a_profiling_port_in_use_is_one_clear_line_and_a_port_that_is_none_is_a_mistake() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let arguments = |flag: String| output(&["demo", "--port", "0", "--log-filter", "off", &flag]);
    let in_use = arguments(format!("--profile={port}"));
    let text = stderr(&in_use);
    assert_eq!(in_use.status.code(), Some(1), "{text}");
    assert!(
        text.contains(&format!("127.0.0.1:{port}")) && text.contains("--profile=PORT"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    for nonsense in ["--profile=0", "--profile=0.0.0.0:8586", "--profile=65536"] {
        let refused = arguments(nonsense.to_owned());
        let text = stderr(&refused);
        assert_eq!(refused.status.code(), Some(64), "{nonsense}: {text}");
        assert!(text.contains("expected a port"), "{text}");
    }
}
