//! `cargo xtask dev`: the demo that follows its sources. What is saved is built, served and loaded by the page.
//!
//! The server starts anew after every change that made another program or another bundle; a Redis of its own and a key
//! that stays keep everybody signed in. A change that does not build leaves the server as it is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::demo::{self, ServerStart, Start};
use crate::project::Project;
use crate::say;
use crate::setup::{self, Need, SetupArgs};
use crate::steps;
use crate::web::{self, Mode};

/// Between two looks at the sources.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// What a build depends on, from the root.
const WATCHED: &[&str] = &[
    "crates",
    "assets",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
];

#[derive(Args)]
pub(crate) struct DevArgs {
    /// Port of the console, on 127.0.0.1
    #[arg(long, default_value_t = 8080)]
    port: u16,
    #[command(flatten)]
    setup: SetupArgs,
    /// Passed to `quarterdeck demo`
    #[arg(last = true)]
    extra: Vec<OsString>,
}

pub(crate) fn run(project: &Project, args: &DevArgs) -> Result<ExitCode> {
    demo::must_be_free(args.port)?;
    let needs = &[Need::Build, Need::WasmStd];
    setup::run(project, needs, args.setup)
        .require(needs)
        .context("the console cannot be built")?;
    let stop = demo::stop_on_signals()?;
    let folder = project.target.join("dev");
    fs::create_dir_all(&folder)?;
    let redis = start_redis()?;
    let mut extra: Vec<OsString> = vec![
        "--cookie-key-file".into(),
        cookie_key(&folder)?.into(),
        "--app-reload".into(),
        "auto".into(),
    ];
    extra.extend(args.extra.iter().cloned());
    let mut dev = Dev {
        project,
        port: args.port,
        redis_url: redis.as_ref().map(|(_, url)| url.clone()),
        dist: project.target.join("web/dev"),
        extra,
        server: None,
        served: None,
        has_served: false,
    };
    let result = dev.follow(&stop);
    if let Some(server) = &mut dev.server {
        demo::end(server)?;
    }
    if let Some((mut child, _)) = redis {
        demo::end(&mut child)?;
    }
    result?;
    say!("dev stopped");
    Ok(ExitCode::SUCCESS)
}

/// The program and the bundle that a server was started with.
type Served = (Stamp, Vec<u8>);

struct Dev<'a> {
    project: &'a Project,
    port: u16,
    redis_url: Option<String>,
    dist: PathBuf,
    extra: Vec<OsString>,
    server: Option<Child>,
    served: Option<Served>,
    has_served: bool,
}

/// The server was built and did not come up.
#[derive(Debug)]
struct CannotStart;

impl std::fmt::Display for CannotStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server cannot be started")
    }
}

impl Dev<'_> {
    fn follow(&mut self, stop: &AtomicBool) -> Result<()> {
        let mut seen = None;
        while !stop.load(Ordering::Relaxed) {
            let now = sources(&self.project.root);
            if seen.as_ref() != Some(&now) {
                // An editor that saves several files, or one in pieces, is waited for.
                thread::sleep(LOOK_EVERY);
                if sources(&self.project.root) != now {
                    continue;
                }
                if let Some(before) = &seen {
                    say!("");
                    say!("changed: {}", changed(before, &now));
                }
                seen = Some(now);
                if let Err(err) = self.build_and_serve(stop) {
                    if err.is::<CannotStart>() && !self.has_served {
                        // Its arguments or its port: no change of a source cures that.
                        return Err(err);
                    }
                    say!("{err:#}");
                    if self.server.is_some() {
                        say!("the server goes on with what it has; waiting for the next change");
                    } else {
                        say!("no server runs; waiting for the next change");
                    }
                }
            }
            if let Some(server) = &mut self.server
                && let Some(status) = server.try_wait()?
            {
                say!("the server ended by itself with {status}; the next change starts it again");
                (self.server, self.served) = (None, None);
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn build_and_serve(&mut self, stop: &AtomicBool) -> Result<()> {
        steps::timed("build: quarterdeck", || {
            steps::run(self.project.cargo().args([
                "build",
                "--package",
                "quarterdeck",
                "--features",
                "dev-auth",
            ]))
        })?;
        web::build_into(self.project, Mode::Dev, &self.dist)?;
        let program = self.project.target.join("debug/quarterdeck");
        let index = fs::read(self.dist.join("index.html"))?;
        let now = (stamp(&program)?, index);
        if self.served.as_ref() == Some(&now) {
            say!("nothing that is served has changed");
            return Ok(());
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let is_first = !self.has_served;
        if let Some(mut server) = self.server.take() {
            demo::end(&mut server)?;
        }
        self.served = None;
        let mut server = demo::start_server(&ServerStart {
            program: &program,
            port: self.port,
            redis: self.redis_url.as_deref(),
            dist: &self.dist,
            extra: &self.extra,
        })?;
        match demo::wait_until_ready(&mut server, stop) {
            Ok(Start::Ready { url, .. }) => {
                (self.server, self.served) = (Some(server), Some(now));
                self.has_served = true;
                if is_first {
                    demo::announce(&url, false);
                    if self.redis_url.is_none() {
                        say!(
                            "  without redis-server a change of the program means to sign in again"
                        );
                    }
                    say!("  save a file and the page follows");
                } else {
                    say!("serving the change; open pages load it by themselves");
                }
                Ok(())
            }
            Ok(Start::Stopped) => {
                self.server = Some(server);
                Ok(())
            }
            Err(err) => Err(err.context(CannotStart)),
        }
    }
}

/// A bus that outlives the server, if this machine has one: sessions and the desk's logs stay.
fn start_redis() -> Result<Option<(Child, String)>> {
    let Some(program) = steps::find_program("redis-server") else {
        return Ok(None);
    };
    // Free a moment ago; if somebody was quicker, the server finds no Redis there and says so.
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let child = demo::child_of_ours(&program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(Some((child, format!("redis://127.0.0.1:{port}"))))
}

/// The key that seals session cookies, made once.
fn cookie_key(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("cookie.key");
    // One that was cut short is made again.
    if fs::metadata(&path).map_or(0, |meta| meta.len()) != 32 {
        let mut key = [0_u8; 32];
        fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        std::io::Write::write_all(&mut file, &key)?;
    }
    Ok(path)
}

/// When a file was last written, and how long it is.
type Stamp = (SystemTime, u64);

fn stamp(path: &Path) -> Result<Stamp> {
    let meta = fs::metadata(path).with_context(|| path.display().to_string())?;
    Ok((meta.modified()?, meta.len()))
}

/// Every watched file with its stamp.
fn sources(root: &Path) -> BTreeMap<PathBuf, Stamp> {
    let mut found = BTreeMap::new();
    let mut left: Vec<PathBuf> = WATCHED.iter().map(|name| root.join(name)).collect();
    while let Some(path) = left.pop() {
        let is_hidden = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_none_or(|name| name.starts_with('.') || name == "node_modules" || name == "target");
        if is_hidden {
            continue;
        }
        if let Ok(entries) = fs::read_dir(&path) {
            left.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        } else if let Ok(stamp) = stamp(&path) {
            found.insert(path, stamp);
        }
    }
    found
}

/// The names of what differs, a few of them.
fn changed(before: &BTreeMap<PathBuf, Stamp>, now: &BTreeMap<PathBuf, Stamp>) -> String {
    let mut names: Vec<String> = before
        .iter()
        .filter(|(path, stamp)| now.get(*path) != Some(*stamp))
        .map(|(path, _)| path)
        .chain(now.keys().filter(|path| !before.contains_key(*path)))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    let more = names.len().saturating_sub(3);
    names.truncate(3);
    let names = names.join(", ");
    if more > 0 {
        format!("{names} and {more} more")
    } else {
        names
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{changed, cookie_key, sources};

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("qd-dev-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("crates/a/src")).expect("a folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    #[test]
    fn a_file_that_is_new_gone_or_different_is_a_change_and_nothing_else_is() {
        let folder = Folder::new("sources");
        let write = |name: &str, text: &str| {
            fs::write(folder.0.join(name), text).expect("written");
            sources(&folder.0)
        };
        let first = write("crates/a/src/lib.rs", "one");
        assert_eq!(first.len(), 1);
        assert_eq!(sources(&folder.0), first);
        // What no build reads.
        assert_eq!(write("README.md", "words"), first);
        assert_eq!(write("crates/a/src/.lib.rs.swp", "an editor's"), first);
        let longer = write("crates/a/src/lib.rs", "one and two");
        assert_eq!(changed(&first, &longer), "lib.rs");
        let more = write("Cargo.toml", "");
        assert_eq!(changed(&longer, &more), "Cargo.toml");
        fs::remove_file(folder.0.join("crates/a/src/lib.rs")).expect("removed");
        assert_eq!(changed(&more, &sources(&folder.0)), "lib.rs");
    }

    #[test]
    fn the_cookie_key_is_made_once_and_is_nobody_elses() {
        let folder = Folder::new("key");
        let path = cookie_key(&folder.0).expect("a key");
        let key = fs::read(&path).expect("read");
        assert_eq!(key.len(), 32);
        assert!(key.iter().any(|byte| *byte != 0));
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0);
        cookie_key(&folder.0).expect("again");
        assert_eq!(fs::read(&path).expect("read"), key);
    }
}
