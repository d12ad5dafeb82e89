//! How a step is run, timed and reported, and how children are run, limited and found.
//!
//! It decides nothing: what the steps are stands in the module of each command.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::say;

/// The one place of this tool that reads a clock.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a step took is measured with the machine's own clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// `12.3 s`, or `2 min 05 s` from a minute on.
pub(crate) fn pretty(took: Duration) -> String {
    let secs = took.as_secs();
    if secs < 60 {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} min {:02} s", secs / 60, secs % 60)
    }
}

/// `1.27 MB`, `12.4 kB` or `512 B`, by thousands as download sizes are counted.
pub(crate) fn pretty_size(bytes: usize) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.2} MB", bytes as f64 / 1e6),
    }
}

/// Runs one part of a command and says how long it took.
pub(crate) fn timed<T>(name: &str, part: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = now();
    let result = part();
    match &result {
        Ok(_) => say!("{name:<28} {:>12}", pretty(started.elapsed())),
        Err(_) => say!("{name:<28} {:>12}  failed", pretty(started.elapsed())),
    }
    result
}

/// The command line as a person would type it, for messages.
pub(crate) fn line_of(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    if let Some((_, name)) = line.rsplit_once('/') {
        line = name.to_owned();
    }
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

/// Runs a child to its end with our own output, and fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", line_of(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", line_of(command));
    }
    Ok(())
}

/// Runs a child to its end and keeps quiet: its output is shown only when it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", line_of(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    bail!(
        "`{}` ended with {}\n{}",
        line_of(command),
        output.status,
        said.join("\n").trim()
    );
}

/// Waits for a child until `limit` has passed. `None` when it is still running then.
pub(crate) fn wait_at_most(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let started = now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() >= limit {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Where a program is, as the shell would find it.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|full| is_executable(full))
}

fn is_executable(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{line_of, pretty, pretty_size, run, run_quietly, wait_at_most};

    #[test]
    fn times_and_sizes_read_well() {
        assert_eq!(pretty(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(pretty(Duration::from_secs(125)), "2 min 05 s");
        assert_eq!(pretty_size(999), "999 B");
        assert_eq!(pretty_size(12_400), "12.4 kB");
        assert_eq!(pretty_size(1_270_000), "1.27 MB");
    }

    #[test]
    fn a_failing_child_is_named_with_what_it_printed() {
        let err = run_quietly(Command::new("sh").args(["-c", "echo out; echo why >&2; exit 3"]))
            .expect_err("exit 3");
        let text = format!("{err:#}");
        assert!(
            text.contains("exit status: 3") && text.ends_with("out\nwhy"),
            "{text}"
        );
        assert!(run(&mut Command::new("false")).is_err());
    }

    #[test]
    fn a_child_that_hangs_is_given_up() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
        assert!(
            wait_at_most(&mut child, Duration::from_millis(50))
                .expect("wait")
                .is_none()
        );
        child.kill().expect("kill");
        assert!(
            wait_at_most(&mut child, Duration::from_secs(10))
                .expect("wait")
                .is_some()
        );
    }

    #[test]
    fn a_command_line_is_shown_without_the_folder_of_the_program() {
        assert_eq!(
            line_of(Command::new("/usr/bin/env").args(["a", "b"])),
            "env a b"
        );
    }
}
