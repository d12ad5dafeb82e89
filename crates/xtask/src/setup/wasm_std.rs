//! The standard library of the browser's target: from rustup, or built by an installer where rustup has no server to ask.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::project::{Project, WASM_TARGET};
use crate::steps;

/// `rustup target add` either has a server to ask or hangs.
const RUSTUP_LIMIT: Duration = Duration::from_secs(10);

fn sysroot(project: &Project) -> Result<PathBuf> {
    Ok(steps::run_quietly(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(&project.root),
    )?
    .trim()
    .into())
}

fn is_there(sysroot: &Path) -> bool {
    let Ok(entries) = fs::read_dir(sysroot.join("lib/rustlib").join(WASM_TARGET).join("lib"))
    else {
        return false;
    };
    entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        name.to_str()
            .is_some_and(|name| name.starts_with("libcore-"))
            && Path::new(&name)
                .extension()
                .is_some_and(|extension| extension == "rlib")
    })
}

pub(super) fn provide(project: &Project) -> Result<()> {
    let sysroot = sysroot(project)?;
    if is_there(&sysroot) {
        return Ok(());
    }
    let mut tried = Vec::new();
    match add_with_rustup(project) {
        Ok(()) if is_there(&sysroot) => return forget_wasm_builds(project),
        Ok(()) => {
            tried.push("rustup added the target to another toolchain than rustc's".to_owned());
        }
        Err(err) => tried.push(format!("{err:#}")),
    }
    match env::var_os("QD_WASM_STD_INSTALLER").map(PathBuf::from).or_else(|| Some(project.root.parent()?.join("shared/toolchain/install-wasm-std.sh"))) {
        Some(installer) if installer.is_file() => {
            match steps::timed("setup: build the wasm std", || steps::run_quietly(Command::new(&installer).current_dir(&project.root))) {
                Ok(_) if is_there(&sysroot) => return forget_wasm_builds(project),
                Ok(_) => tried.push(format!("{} ran, but installed it elsewhere", installer.display())),
                Err(err) => tried.push(format!("{err:#}")),
            }
        }
        _ => tried.push("no installer either: QD_WASM_STD_INSTALLER may name a program that builds it into the toolchain".to_owned()),
    }
    bail!("{}", tried.join("; "))
}

fn add_with_rustup(project: &Project) -> Result<()> {
    let mut command = Command::new("rustup");
    command
        .args(["target", "add", WASM_TARGET])
        .current_dir(&project.root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    match steps::wait_at_most(&mut child, RUSTUP_LIMIT)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`rustup target add {WASM_TARGET}` ended with {status}"),
        None => {
            child.kill()?;
            child.wait()?;
            bail!(
                "`rustup target add {WASM_TARGET}` had no answer within {} s",
                RUSTUP_LIMIT.as_secs()
            )
        }
    }
}

/// A new standard library has other crate hashes: what was built against the old one fails with "can't find crate".
fn forget_wasm_builds(project: &Project) -> Result<()> {
    let built = project.target.join(WASM_TARGET);
    if built.exists() {
        fs::remove_dir_all(built)?;
    }
    Ok(())
}
