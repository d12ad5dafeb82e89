//! `rustup target add`, given up where no server answers and left to its work where one does.
//!
//! An answer is a byte that arrives: rustup announces a download before it has asked anybody, so what it prints proves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::project::{Project, WASM_TARGET};
use crate::say;
use crate::steps::{self, line_of, pretty};

/// How long a child may take.
#[derive(Clone, Copy)]
struct Patience {
    /// Until the first byte arrives, or the child ends.
    answer: Duration,
    /// Without another byte, once one has arrived.
    stall: Duration,
    /// Between two looks.
    look: Duration,
}

const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(10),
    stall: Duration::from_mins(1),
    look: Duration::from_millis(50),
};

/// Adds the browser's target to the active toolchain.
pub(super) fn add_target(project: &Project) -> Result<()> {
    let home = steps::run_quietly(
        Command::new("rustup")
            .args(["show", "home"])
            .current_dir(&project.root),
    )?;
    let home = Path::new(home.trim());
    let mut command = Command::new("rustup");
    command
        .args(["target", "add", WASM_TARGET])
        .current_dir(&project.root)
        // Its own backtrace tells nobody anything.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null());
    let name = "setup: rustup target add";
    say!("{name} ...");
    steps::timed(name, || {
        run_answering(
            &mut command,
            &[home.join("downloads"), home.join("tmp")],
            PATIENCE,
        )
    })
}

/// Runs a child with our own output, and ends it when nothing arrives in `folders` for too long.
fn run_answering(command: &mut Command, folders: &[PathBuf], patience: Patience) -> Result<()> {
    let line = line_of(command);
    let mut arrived = bytes_in(folders);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let started = steps::now();
    let mut last_sign = started;
    let mut is_answered = false;
    loop {
        if let Some(status) = child.try_wait()? {
            if status.success() {
                return Ok(());
            }
            bail!("`{line}` ended with {status}; what it says stands above");
        }
        let now_there = bytes_in(folders);
        if now_there != arrived {
            arrived = now_there;
            last_sign = steps::now();
            if !is_answered {
                is_answered = true;
                say!(
                    "setup: rustup's server answers, {}",
                    pretty(started.elapsed())
                );
            }
        }
        let limit = if is_answered {
            patience.stall
        } else {
            patience.answer
        };
        if last_sign.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            bail!(
                "`{line}` {} within {}",
                if is_answered {
                    "got nothing more"
                } else {
                    "had no answer"
                },
                pretty(limit)
            );
        }
        thread::sleep(patience.look);
    }
}

/// Size of all files under these folders. One that comes or goes meanwhile is not an error.
fn bytes_in(folders: &[PathBuf]) -> u64 {
    let mut left: Vec<PathBuf> = folders.to_vec();
    let mut sum = 0;
    while let Some(folder) = left.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            match entry.metadata() {
                Ok(found) if found.is_dir() => left.push(entry.path()),
                Ok(found) => sum += found.len(),
                Err(_) => {}
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::path::PathBuf;
    use std::process::{self, Command};
    use std::time::Duration;

    use super::{Patience, bytes_in, run_answering};

    /// Short only where the test waits for its end: elsewhere a busy machine must not end it.
    const fn patience(answer_millis: u64, stall_millis: u64) -> Patience {
        Patience {
            answer: Duration::from_millis(answer_millis),
            stall: Duration::from_millis(stall_millis),
            look: Duration::from_millis(10),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let path = env::temp_dir().join(format!("qd-rustup-{name}-{}", process::id()));
        fs::create_dir_all(path.join("downloads")).expect("folder");
        path
    }

    /// A program that behaves as rustup may, in `script`.
    fn try_it(name: &str, script: &str, patience: Patience) -> Result<(), String> {
        let path = folder(name);
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(&path);
        let result = run_answering(&mut command, &[path.join("downloads")], patience);
        fs::remove_dir_all(&path).expect("clean");
        result.map_err(|err| err.to_string())
    }

    #[test]
    fn one_that_only_announces_a_download_is_given_up() {
        let err = try_it(
            "hangs",
            "echo info: downloading; : > downloads/x.partial; exec sleep 60",
            patience(300, 60_000),
        )
        .expect_err("no answer");
        assert!(err.contains("had no answer within 0.3 s"), "{err}");
    }

    #[test]
    fn one_that_is_answered_may_take_longer() {
        // It ends a while after its answer, and much sooner than it would be given up.
        try_it(
            "slow",
            "echo byte > downloads/x.partial; exec sleep 0.6",
            patience(30_000, 30_000),
        )
        .expect("answered");
    }

    #[test]
    fn one_that_stalls_is_given_up_later() {
        let err = try_it(
            "stalls",
            "echo byte > downloads/x.partial; exec sleep 60",
            patience(30_000, 900),
        )
        .expect_err("stalled");
        assert!(err.contains("got nothing more within 0.9 s"), "{err}");
    }

    #[test]
    fn one_that_fails_at_once_is_not_waited_for() {
        let err = try_it("fails", "exit 7", patience(30_000, 30_000)).expect_err("failed");
        assert!(err.contains("exit status: 7"), "{err}");
    }

    #[test]
    fn bytes_are_counted_in_all_depths() {
        let path = folder("bytes");
        fs::create_dir_all(path.join("downloads/deep")).expect("folder");
        fs::write(path.join("downloads/a"), b"123").expect("write");
        fs::write(path.join("downloads/deep/b"), b"45").expect("write");
        assert_eq!(bytes_in(std::slice::from_ref(&path)), 5);
        assert_eq!(bytes_in(&[path.join("none")]), 0);
        fs::remove_dir_all(&path).expect("clean");
    }
}
