//! Node.js and its tools, from npm, pinned by lock files and kept in the target folder.
//!
//! The machine's own Node.js serves where it is new enough; where it is too old, its npm fetches a newer one for us alone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::progress;
use crate::project::Project;
use crate::say;
use crate::steps::{self, find_program};

/// The oldest Node.js that playwright-core runs on.
const NODE_MAJOR: u32 = 20;

/// Names the Node.js to use, here and for the tests that call it.
pub(crate) const NODE_VARIABLE: &str = "QD_NODE";

/// A folder of the checkout with `package.json` and its lock file, and where npm installs from it.
struct Locked {
    lock: PathBuf,
    into: PathBuf,
    /// Files that show that npm came to its end.
    proofs: Vec<PathBuf>,
}

impl Locked {
    fn tools(project: &Project) -> Self {
        let proof = |package: &str| Path::new("node_modules").join(package).join("package.json");
        Self {
            lock: project.root.join("tests/browser/package-lock.json"),
            into: project.tools(),
            proofs: vec![proof("binaryen"), proof("playwright-core")],
        }
    }

    fn node(project: &Project) -> Self {
        Self {
            lock: project.root.join("tests/browser/node/package-lock.json"),
            into: project.target.join("node"),
            proofs: vec![own_program()],
        }
    }

    /// npm is done when the lock file that it installed from is the checkout's: the folder is renamed last.
    fn is_there(&self) -> Result<bool> {
        let wanted = fs::read(&self.lock)?;
        Ok(
            fs::read(self.into.join("package-lock.json")).is_ok_and(|found| found == wanted)
                && self
                    .proofs
                    .iter()
                    .all(|proof| self.into.join(proof).is_file()),
        )
    }

    fn install(&self, name: &str) -> Result<()> {
        // Installed beside the final place and renamed, so that an interrupted set-up is not taken for a finished one.
        let fresh = self.into.with_extension("new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh)?;
        }
        fs::create_dir_all(&fresh)?;
        fs::copy(
            self.lock.with_file_name("package.json"),
            fresh.join("package.json"),
        )?;
        fs::copy(&self.lock, fresh.join("package-lock.json"))?;
        let mut command = Command::new("npm");
        command
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .arg("--prefix")
            .arg(&fresh);
        progress::run(name, &mut command)?;
        if self.into.exists() {
            fs::remove_dir_all(&self.into)?;
        }
        fs::rename(&fresh, &self.into)?;
        Ok(())
    }
}

/// npm's name of the package with the program for this processor.
fn own_program() -> PathBuf {
    let processor = match env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("node_modules/node-linux-{processor}/bin/node").into()
}

/// The Node.js to run: the one that is named, the one that set-up fetched, or the machine's own.
pub(crate) fn program(project: &Project) -> PathBuf {
    if let Some(named) = env::var_os(NODE_VARIABLE).filter(|value| !value.is_empty()) {
        return named.into();
    }
    let own = project.target.join("node").join(own_program());
    if own.is_file() { own } else { "node".into() }
}

/// What `program` says it is, and whether that is new enough.
fn version_of(program: &Path) -> Result<(String, bool)> {
    let said = steps::run_quietly(Command::new(program).arg("--version"))?;
    let version = said.trim().to_owned();
    let is_enough = major(&version).is_some_and(|major| major >= NODE_MAJOR);
    Ok((version, is_enough))
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

pub(super) fn provide(project: &Project) -> Result<()> {
    provide_node(project)?;
    let tools = Locked::tools(project);
    if tools.is_there()? {
        return Ok(());
    }
    need_npm()?;
    tools.install("setup: npm ci of the tools")
}

fn provide_node(project: &Project) -> Result<()> {
    let fetched = Locked::node(project);
    if fetched.into.exists() && !fetched.is_there().unwrap_or(false) {
        // Of an older lock, or broken: fetched anew where the machine's own is not enough.
        fs::remove_dir_all(&fetched.into)?;
    }
    let node = program(project);
    if find_program("node").is_none() && node == Path::new("node") {
        bail!("there is no Node.js");
    }
    let (version, is_enough) = version_of(&node)?;
    if is_enough {
        return Ok(());
    }
    if env::var_os(NODE_VARIABLE).is_some() {
        bail!("{NODE_VARIABLE} names Node.js {version}, and {NODE_MAJOR} or newer is needed");
    }
    say!(
        "setup: node is {version}, and {NODE_MAJOR} or newer is needed: one of our own comes from npm"
    );
    need_npm()?;
    let own = Locked::node(project);
    own.install("setup: npm ci of Node.js")?;
    let (version, is_enough) = version_of(&program(project))?;
    if !own.is_there()? || !is_enough {
        bail!("npm has no newer Node.js for this machine; it is still {version}");
    }
    say!("setup: Node.js {version} is in the target folder");
    Ok(())
}

fn need_npm() -> Result<()> {
    if find_program("npm").is_none() {
        bail!("there is no npm");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn a_version_is_read_by_its_first_number() {
        assert_eq!(major("v18.20.4"), Some(18));
        assert_eq!(major("v22.1.0"), Some(22));
        assert_eq!(major("20"), None);
    }
}
