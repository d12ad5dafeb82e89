//! Where the checkout, the target folder and everything built in it are.
//!
//! It reads the environment once and builds nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};

/// The triple that the browser runs.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The checkout and its target folder, both absolute.
pub(crate) struct Project {
    /// Folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Folder of everything built: `CARGO_TARGET_DIR`, outside the checkout in CI, Cargo's own otherwise.
    pub(crate) target: PathBuf,
}

impl Project {
    pub(crate) fn find() -> Result<Self> {
        let root = root()?;
        let target = match env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
            // Cargo takes a relative one from where it was called, which is also where we are.
            Some(dir) => env::current_dir()?.join(dir),
            None if is_ci() => cache_home()?.join("quarterdeck").join("target"),
            None => target_of_cargo(&root)?,
        };
        Ok(Self { root, target })
    }

    /// Cargo as a child: in the checkout, with our target folder, and without what `cargo run` told us about ourselves.
    ///
    /// Build scripts such as ring's are rerun when `CARGO_PKG_*` change, so a leak would rebuild half the graph
    /// each time somebody alternates between `cargo xtask` and plain `cargo`.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        for (name, _) in env::vars_os() {
            let Some(text) = name.to_str() else { continue };
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// Node packages of the tools, installed by set-up.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// What the web build makes.
    pub(crate) fn web(&self) -> PathBuf {
        self.target.join("web")
    }

    /// The folder that the gateway serves as the app.
    pub(crate) fn dist(&self) -> PathBuf {
        self.web().join("dist")
    }

    /// Screenshots and logs of the end-to-end tests.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.target.join("artifacts")
    }

    /// A binary of the release build.
    pub(crate) fn release_binary(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }
}

/// Whether an unattended machine runs us.
pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| matches!(value.as_str(), "true" | "1"))
}

fn root() -> Result<PathBuf> {
    // `cargo run` says where this package is; by hand the current folder has to do.
    if let Some(manifest_dir) = env::var_os("CARGO_MANIFEST_DIR")
        && let Some(root) = Path::new(&manifest_dir).ancestors().nth(2)
        && root.join("Cargo.lock").is_file()
    {
        return Ok(root.to_owned());
    }
    let here = env::current_dir()?;
    here.ancestors()
        .find(|dir| dir.join("crates/xtask/Cargo.toml").is_file())
        .map(Path::to_owned)
        .ok_or_else(|| anyhow!("{} is not inside a checkout of Quarterdeck", here.display()))
}

fn cache_home() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("XDG_CACHE_HOME").filter(|dir| Path::new(dir).is_absolute()) {
        return Ok(dir.into());
    }
    let home = env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set, and CI=true wants the target folder outside the checkout: set CARGO_TARGET_DIR")?;
    Ok(Path::new(&home).join(".cache"))
}

fn target_of_cargo(root: &Path) -> Result<PathBuf> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata did not answer JSON")?;
    let dir = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target_directory")?;
    Ok(dir.into())
}
