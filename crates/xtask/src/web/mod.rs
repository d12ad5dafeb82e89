//! `cargo xtask web`: from `qd_console` to a folder that the gateway serves as it is.
//!
//! wasm by cargo, glue by the wasm-bindgen library (no program to install that could disagree with the lock file),
//! wasm-opt from npm, names with the hash of their content, brotli and gzip beside each file, and a size budget that fails.
//! It serves nothing; `bundle` has the folder's form.

mod bundle;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use sha2::{Digest as _, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use self::bundle::{Piece, hex};
use crate::compress::Effort;
use crate::project::{Project, WASM_TARGET};
use crate::say;
use crate::setup::{self, SetupArgs};
use crate::steps;

/// Part of what decides whether a bundle is fresh: raise it when this file makes something else of the same input.
const RECIPE: &str = "1";

/// Exactly what rustc's default wasm target turns on. `--all-features` makes a module that Chromium refuses.
const WASM_OPT_ARGS: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
    "-O2",
    "--strip-debug",
    "--strip-producers",
];

#[derive(Args)]
pub(crate) struct WebArgs {
    #[command(flatten)]
    pub(crate) setup: SetupArgs,
    /// A quick build to look at: unoptimized, with function names, without the size budget
    #[arg(long)]
    dev: bool,
}

impl WebArgs {
    pub(crate) fn mode(&self) -> Mode {
        if self.dev { Mode::Dev } else { Mode::Release }
    }
}

/// What the bundle is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Release,
    /// The release without wasm-opt, for a demo on a machine that has no Node.js: larger, and no size budget.
    Plain,
    Dev,
}

impl Mode {
    fn profile(self) -> &'static str {
        match self {
            Self::Release | Self::Plain => "web-release",
            Self::Dev => "dev",
        }
    }

    /// Cargo's folder for the profile.
    fn folder(self) -> &'static str {
        match self {
            Self::Release | Self::Plain => "web-release",
            Self::Dev => "debug",
        }
    }

    fn effort(self) -> Effort {
        match self {
            Self::Release => Effort::Most,
            Self::Plain | Self::Dev => Effort::Little,
        }
    }
}

/// Builds the bundle, or finds that the one that is there is still right. Gives the folder to serve.
///
/// Needs what set-up calls [`WasmStd`](crate::setup::Need::WasmStd), and for a release [`NodeTools`](crate::setup::Need::NodeTools).
pub(crate) fn build(project: &Project, mode: Mode) -> Result<PathBuf> {
    let dist = project.dist();
    build_into(project, mode, &dist)?;
    Ok(dist)
}

/// As [`build`], into another folder than the one that everything else serves.
pub(crate) fn build_into(project: &Project, mode: Mode, dist: &Path) -> Result<()> {
    check_bindgen_version(&fs::read_to_string(project.root.join("Cargo.lock"))?)?;
    let wasm = steps::timed("web: cargo build", || compile(project, mode))?;
    let assets = read_assets(&project.root.join("assets"))?;

    let key = key_of(mode, &wasm, &assets, &project.tools())?;
    if let Some(manifest) = bundle::still_right(dist, &key) {
        say!("web: nothing changed");
        bundle::report(&manifest);
        return bundle::within_budget(mode, &manifest);
    }

    let (program, wasm) = steps::timed("web: wasm-bindgen", || bind(&wasm, mode))?;
    let wasm = match mode {
        Mode::Release => steps::timed("web: wasm-opt", || optimize(project, &wasm))?,
        Mode::Plain | Mode::Dev => wasm,
    };
    let piece = |name, bytes| Piece { name, bytes };
    let pieces = vec![
        piece("qd_console.js", program),
        piece("qd_console.wasm", wasm),
        piece("loader.js", assets.loader.into_bytes()),
        piece("mirror.js", assets.mirror.into_bytes()),
        piece("style.css", assets.style.into_bytes()),
        piece("favicon.svg", assets.favicon.into_bytes()),
    ];
    let manifest = steps::timed("web: compress and write", || {
        bundle::write(dist, mode, &key, &assets.index, pieces)
    })?;
    bundle::report(&manifest);
    bundle::within_budget(mode, &manifest)
}

/// The glue is made by a library that understands one version of the program's own wasm-bindgen.
fn check_bindgen_version(lock: &str) -> Result<()> {
    let program = locked_version(lock, "wasm-bindgen").context("Cargo.lock has no wasm-bindgen")?;
    let library = locked_version(lock, "wasm-bindgen-cli-support")
        .context("Cargo.lock has no wasm-bindgen-cli-support")?;
    if program != library {
        bail!(
            "wasm-bindgen is {program} and wasm-bindgen-cli-support is {library} in Cargo.lock; they must be the same: pin both to one version in the root Cargo.toml"
        );
    }
    Ok(())
}

fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let wanted = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    lines.find(|line| *line == wanted)?;
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

fn compile(project: &Project, mode: Mode) -> Result<Vec<u8>> {
    // `rustc --crate-type cdylib` and not `build`: beside an rlib Cargo leaves link-time optimization out.
    steps::run(setup::cargo_for_browser(project)?.args([
        "rustc",
        "--package",
        "qd_console",
        "--lib",
        "--crate-type",
        "cdylib",
        "--target",
        WASM_TARGET,
        // A few kilobytes; whether anything is heard is the user's setting, off as delivered.
        "--features",
        "sound",
        "--profile",
        mode.profile(),
    ]))?;
    let path = project
        .target
        .join(WASM_TARGET)
        .join(mode.folder())
        .join("qd_console.wasm");
    fs::read(&path).with_context(|| format!("cargo built no {}", path.display()))
}

/// What is written by hand.
struct Assets {
    index: String,
    loader: String,
    mirror: String,
    style: String,
    favicon: String,
}

fn read_assets(folder: &Path) -> Result<Assets> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(Assets {
        index: read("web/index.html")?,
        loader: read("web/loader.js")?,
        mirror: read("web/mirror.js")?,
        style: read("web/style.css")?,
        favicon: read("icons/favicon.svg")?,
    })
}

fn key_of(mode: Mode, wasm: &[u8], assets: &Assets, tools: &Path) -> Result<String> {
    let mut sha = Sha256::new();
    let versions = match mode {
        Mode::Release => tool_versions(tools)?,
        Mode::Plain | Mode::Dev => b"without wasm-opt".to_vec(),
    };
    for part in [
        RECIPE.as_bytes(),
        mode.profile().as_bytes(),
        WASM_OPT_ARGS.join(" ").as_bytes(),
        &versions,
        wasm,
        assets.index.as_bytes(),
        assets.loader.as_bytes(),
        assets.mirror.as_bytes(),
        assets.style.as_bytes(),
        assets.favicon.as_bytes(),
    ] {
        sha.update(u64::try_from(part.len())?.to_le_bytes());
        sha.update(part);
    }
    Ok(hex(&sha.finalize()))
}

fn bind(wasm: &[u8], mode: Mode) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut output = Bindgen::new()
        .input_bytes("qd_console", wasm.to_vec())
        .web(true)?
        .typescript(false)
        .remove_producers_section(true)
        .remove_name_section(mode != Mode::Dev)
        .generate_output()?;
    // A crate without scripts of its own is in the list as well, with none.
    let with_scripts = output
        .snippets()
        .iter()
        .filter(|(_, scripts)| !scripts.is_empty())
        .map(|(name, _)| name);
    if let Some(name) = with_scripts.chain(output.local_modules().keys()).next() {
        bail!(
            "{name} ships its own JavaScript, and the bundle has no place for it: extend crates/xtask/src/web or drop the dependency"
        );
    }
    let program = output.js().as_bytes().to_vec();
    Ok((program, output.wasm_mut().emit_wasm()))
}

/// wasm-opt takes the most time of all, so its result is kept for when only the page around the program changes.
fn optimize(project: &Project, wasm: &[u8]) -> Result<Vec<u8>> {
    let folder = project.web();
    fs::create_dir_all(&folder)?;
    let file = |name: &str| folder.join(name);
    let mut sha = Sha256::new_with_prefix(WASM_OPT_ARGS.join(" "));
    sha.update(tool_versions(&project.tools())?);
    sha.update(wasm);
    let key = hex(&sha.finalize());
    if fs::read_to_string(file("optimized.key")).is_ok_and(|kept| kept == key) {
        return Ok(fs::read(file("optimized.wasm"))?);
    }
    fs::write(file("bound.wasm"), wasm)?;
    let program = project.tools().join("node_modules/binaryen/bin/wasm-opt");
    let mut command = Command::new(setup::node(project));
    command
        .arg(program)
        .args(WASM_OPT_ARGS)
        .arg(file("bound.wasm"))
        .arg("-o")
        .arg(file("optimized.wasm"));
    steps::run_quietly(&mut command)?;
    fs::write(file("optimized.key"), key)?;
    Ok(fs::read(file("optimized.wasm"))?)
}

/// The lock file that set-up installed the tools from.
fn tool_versions(tools: &Path) -> Result<Vec<u8>> {
    fs::read(tools.join("package-lock.json"))
        .context("set-up left no package-lock.json beside the tools")
}

#[cfg(test)]
mod tests {
    use super::check_bindgen_version;

    #[test]
    fn two_versions_of_wasm_bindgen_are_refused_with_both_named() {
        let lock = |library: &str| {
            format!(
                "[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n\n[[package]]\nname = \"wasm-bindgen-cli-support\"\nversion = \"{library}\"\n"
            )
        };
        assert!(check_bindgen_version(&lock("0.2.130")).is_ok());
        let err = check_bindgen_version(&lock("0.2.131"))
            .expect_err("differs")
            .to_string();
        assert!(err.contains("0.2.130") && err.contains("0.2.131"), "{err}");
        assert!(check_bindgen_version("").is_err());
    }
}
