//! Runs the long steps of set-up: their name first, a sign of life while they run, their time at the end.
//!
//! What they print is shown only when they fail; it decides nothing.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::say;
use crate::steps::{self, line_of, pretty};

/// How long nothing is shown at most.
const TICK: Duration = Duration::from_secs(10);

/// Enough of a failing program's output to see why.
const KEPT_LINES: usize = 60;

/// Runs a child to its end, and says every ten seconds what it said last.
pub(super) fn run(name: &str, command: &mut Command) -> Result<()> {
    say!("{name} ...");
    steps::timed(name, || watch(name, command, TICK))
}

fn watch(name: &str, command: &mut Command, tick: Duration) -> Result<()> {
    let line = line_of(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let (sender, lines) = sync_channel(64);
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, sender.clone())?;
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, sender.clone())?;
    }
    drop(sender);

    let started = steps::now();
    let mut said = started;
    let mut kept: VecDeque<String> = VecDeque::new();
    loop {
        match lines.recv_timeout(tick.saturating_sub(said.elapsed())) {
            Ok(text) => {
                if kept.len() == KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(text);
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Both ends are closed: the child is done or as good as done.
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if said.elapsed() >= tick {
            said = steps::now();
            let last = kept
                .iter()
                .rev()
                .map(|text| text.trim())
                .find(|text| !text.is_empty())
                .unwrap_or_default();
            let short: String = last.chars().take(80).collect();
            say!("{name:<28} {:>12}  {short}", pretty(started.elapsed()));
        }
    }
    let status = child.wait()?;
    if !status.success() {
        let said: Vec<String> = kept.into();
        bail!("`{line}` ended with {status}\n{}", said.join("\n").trim());
    }
    Ok(())
}

fn forward(output: impl Read + Send + 'static, sender: SyncSender<String>) -> Result<()> {
    thread::Builder::new()
        .name("output of a step".to_owned())
        .spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let text = String::from_utf8_lossy(&line).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{KEPT_LINES, watch};

    #[test]
    fn a_failure_carries_the_end_of_both_outputs() {
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1000; echo why >&2; exit 3"]);
        let text = watch("step", &mut command, Duration::from_secs(10))
            .expect_err("exit 3")
            .to_string();
        assert!(
            text.contains("exit status: 3") && text.contains("why") && text.contains("1000"),
            "{text}"
        );
        assert!(text.lines().count() <= KEPT_LINES + 1, "{text}");
        assert!(watch("step", &mut Command::new("true"), Duration::ZERO).is_ok());
        assert!(watch("step", &mut Command::new("no such program"), Duration::ZERO).is_err());
    }
}
