//! The Node.js tools, from npm, pinned by the lock file of `tests/browser` and kept in the target folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::project::Project;
use crate::steps;

/// The oldest Node.js that playwright-core runs on.
const NODE_MAJOR: u32 = 20;

fn lock_of(project: &Project) -> PathBuf {
    project.root.join("tests/browser/package-lock.json")
}

/// npm is done when the lock file that it installed from is the checkout's: it is copied last.
fn is_there(project: &Project) -> Result<bool> {
    let wanted = fs::read(lock_of(project))?;
    let tools = project.tools();
    let there = |package: &str| {
        tools
            .join("node_modules")
            .join(package)
            .join("package.json")
            .is_file()
    };
    Ok(
        fs::read(tools.join("package-lock.json")).is_ok_and(|found| found == wanted)
            && there("binaryen")
            && there("playwright-core"),
    )
}

pub(super) fn provide(project: &Project) -> Result<()> {
    let version = steps::run_quietly(Command::new("node").arg("--version"))?;
    let major = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MAJOR) {
        bail!(
            "node is {}, and {NODE_MAJOR} or newer is needed",
            version.trim()
        );
    }
    if is_there(project)? {
        return Ok(());
    }
    let (tools, lock) = (project.tools(), lock_of(project));
    // Installed beside the final place and renamed, so that an interrupted set-up is not taken for a finished one.
    let fresh = tools.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    fs::copy(
        lock.with_file_name("package.json"),
        fresh.join("package.json"),
    )?;
    fs::copy(&lock, fresh.join("package-lock.json"))?;
    steps::timed("setup: npm ci", || {
        steps::run_quietly(
            Command::new("npm")
                .args([
                    "ci",
                    "--no-audit",
                    "--no-fund",
                    "--ignore-scripts",
                    "--prefix",
                ])
                .arg(&fresh),
        )
    })?;
    if tools.exists() {
        fs::remove_dir_all(&tools)?;
    }
    fs::rename(&fresh, &tools)?;
    Ok(())
}
