//! Runs the scenarios of `tests/browser` in Node.js against the release build.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::project::Project;
use crate::setup;
use crate::steps;

/// Runs `scenarios` of a kind (`browser` or `native`), all of them when none is named.
///
/// # Errors
/// A check failed, or Node.js could not be started; screenshots and logs are in the artifacts folder.
pub(crate) fn run(
    project: &Project,
    kind: &str,
    scenarios: &[&str],
    env: &[(&str, &str)],
) -> Result<()> {
    let script = project.root.join("tests/browser/run.mjs");
    if !script.is_file() {
        bail!("{} is missing", script.display());
    }
    let mut command = Command::new(setup::node(project));
    command
        .arg(&script)
        .arg(kind)
        .args(scenarios)
        .current_dir(&project.root)
        .envs(env.iter().copied())
        .env("QD_E2E_TOOLS", project.tools())
        .env("QD_E2E_ARTIFACTS", project.artifacts())
        .env("QD_E2E_SERVER", project.release_binary("quarterdeck"))
        .env("QD_E2E_CONSOLE", project.release_binary("qd-console"))
        .env("QD_E2E_APP_DIR", project.dist());
    if let Some(chromium) = setup::chromium() {
        command.env("QD_E2E_CHROMIUM", chromium);
    }
    steps::run(&mut command).with_context(|| {
        format!(
            "screenshots and logs are in {}",
            project.artifacts().display()
        )
    })
}
