//! `cargo xtask web`: from `qd_console` to a folder that the gateway serves as it is.
//!
//! wasm by cargo, glue by the wasm-bindgen library (no program to install that could disagree with the lock file),
//! wasm-opt from npm, names with the hash of their content, brotli and gzip beside each file, and a size budget that fails.
//! It serves nothing. The folder is replaced in one step, so a gateway never reads half a bundle.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::compress::{self, Effort};
use crate::project::{Project, WASM_TARGET};
use crate::say;
use crate::setup;
use crate::steps;

/// Everything the first load needs, as it goes over the wire.
const BUDGET_BYTES: usize = 1_600_000;

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
    Dev,
}

impl Mode {
    fn profile(self) -> &'static str {
        match self {
            Self::Release => "web-release",
            Self::Dev => "dev",
        }
    }

    /// Cargo's folder for the profile.
    fn folder(self) -> &'static str {
        match self {
            Self::Release => "web-release",
            Self::Dev => "debug",
        }
    }

    fn effort(self) -> Effort {
        match self {
            Self::Release => Effort::Most,
            Self::Dev => Effort::Little,
        }
    }
}

/// One file of the bundle before it has its final name.
struct Piece {
    /// Name without the hash, which is also its name in the manifest: `loader.js`.
    name: &'static str,
    bytes: Vec<u8>,
}

/// One file of the bundle as it lies in the folder.
struct Packed {
    name: &'static str,
    /// From the folder that is served: `app/loader-0123456789ab.js`.
    path: String,
    raw: Vec<u8>,
    br: Vec<u8>,
    gz: Vec<u8>,
}

/// Builds the bundle, or finds that the one that is there is still right. Gives the folder to serve.
pub(crate) fn build(project: &Project, mode: Mode) -> Result<PathBuf> {
    check_bindgen_version(&fs::read_to_string(project.root.join("Cargo.lock"))?)?;
    setup::require(project, &[setup::Need::WasmStd, setup::Need::NodeTools])?;
    let wasm = steps::timed("web: cargo build", || compile(project, mode))?;
    let assets = read_assets(&project.root.join("assets"))?;

    let key = key_of(mode, &wasm, &assets, &project.tools())?;
    let dist = project.dist();
    if let Some(manifest) = still_right(&dist, &key) {
        say!("web: nothing changed");
        report(&manifest);
        return within_budget(mode, &manifest).map(|()| dist);
    }

    let (program, wasm) = steps::timed("web: wasm-bindgen", || bind(&wasm, mode))?;
    let wasm = match mode {
        Mode::Release => steps::timed("web: wasm-opt", || optimize(project, &wasm))?,
        Mode::Dev => wasm,
    };
    let pieces = vec![
        Piece {
            name: "qd_console.js",
            bytes: program,
        },
        Piece {
            name: "qd_console.wasm",
            bytes: wasm,
        },
        Piece {
            name: "loader.js",
            bytes: assets.loader.into_bytes(),
        },
        Piece {
            name: "style.css",
            bytes: assets.style.into_bytes(),
        },
        Piece {
            name: "favicon.svg",
            bytes: assets.favicon.into_bytes(),
        },
    ];
    let manifest = steps::timed("web: compress and write", || {
        assemble(project, mode, &key, &assets.index, pieces)
    })?;
    report(&manifest);
    within_budget(mode, &manifest)?;
    Ok(dist)
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
    steps::run(project.cargo().args([
        "rustc",
        "--package",
        "qd_console",
        "--lib",
        "--crate-type",
        "cdylib",
        "--target",
        WASM_TARGET,
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
        style: read("web/style.css")?,
        favicon: read("icons/favicon.svg")?,
    })
}

fn key_of(mode: Mode, wasm: &[u8], assets: &Assets, tools: &Path) -> Result<String> {
    let mut sha = Sha256::new();
    let versions = fs::read(tools.join("package-lock.json"))
        .context("set-up left no package-lock.json beside the tools")?;
    for part in [
        RECIPE.as_bytes(),
        mode.profile().as_bytes(),
        WASM_OPT_ARGS.join(" ").as_bytes(),
        &versions,
        wasm,
        assets.index.as_bytes(),
        assets.loader.as_bytes(),
        assets.style.as_bytes(),
        assets.favicon.as_bytes(),
    ] {
        sha.update(u64::try_from(part.len())?.to_le_bytes());
        sha.update(part);
    }
    Ok(hex(&sha.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

/// The manifest of the bundle that is there, when it was made of the same input and all its files are there.
fn still_right(dist: &Path, key: &str) -> Option<serde_json::Value> {
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(dist.join("manifest.json")).ok()?).ok()?;
    let complete = manifest["files"].as_object()?.values().all(|file| {
        file["path"].as_str().is_some_and(|path| {
            ["", ".br", ".gz"]
                .iter()
                .all(|form| dist.join(format!("{path}{form}")).is_file())
        })
    });
    (manifest["input"] == key && complete).then_some(manifest)
}

fn bind(wasm: &[u8], mode: Mode) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut output = Bindgen::new()
        .input_bytes("qd_console", wasm.to_vec())
        .web(true)?
        .typescript(false)
        .remove_producers_section(true)
        .remove_name_section(mode == Mode::Release)
        .generate_output()?;
    // A crate without scripts of its own is in the list as well, with none.
    let with_scripts = output
        .snippets()
        .iter()
        .filter(|(_, scripts)| !scripts.is_empty())
        .map(|(name, _)| name);
    if let Some(name) = with_scripts.chain(output.local_modules().keys()).next() {
        bail!(
            "{name} ships its own JavaScript, and the bundle has no place for it: extend crates/xtask/src/web.rs or drop the dependency"
        );
    }
    let program = output.js().as_bytes().to_vec();
    Ok((program, output.wasm_mut().emit_wasm()))
}

fn optimize(project: &Project, wasm: &[u8]) -> Result<Vec<u8>> {
    let folder = project.web();
    fs::create_dir_all(&folder)?;
    let (before, after) = (folder.join("before.wasm"), folder.join("after.wasm"));
    fs::write(&before, wasm)?;
    let program = project.tools().join("node_modules/binaryen/bin/wasm-opt");
    steps::run_quietly(
        Command::new("node")
            .arg(program)
            .args(WASM_OPT_ARGS)
            .arg(&before)
            .arg("-o")
            .arg(&after),
    )?;
    Ok(fs::read(&after)?)
}

fn assemble(
    project: &Project,
    mode: Mode,
    key: &str,
    index: &str,
    pieces: Vec<Piece>,
) -> Result<serde_json::Value> {
    let named: Vec<(&'static str, String, Vec<u8>)> = pieces
        .into_iter()
        .map(|Piece { name, bytes }| hashed_path(name, &bytes).map(|path| (name, path, bytes)))
        .collect::<Result<_>>()?;
    let paths: BTreeMap<&str, &str> = named
        .iter()
        .map(|(name, path, _)| (*name, path.as_str()))
        .collect();
    let index = fill(index, &paths)?;

    let mut all = named;
    all.push(("index.html", "index.html".to_owned(), index.into_bytes()));
    let packed = pack(all, mode.effort())?;

    let files: serde_json::Map<String, serde_json::Value> = packed
        .iter()
        .map(|file| (file.name.to_owned(), json!({ "path": file.path, "raw": file.raw.len(), "br": file.br.len(), "gz": file.gz.len() })))
        .collect();
    let first_load: usize = packed.iter().map(|file| file.br.len()).sum();
    let manifest = json!({ "input": key, "profile": mode.profile(), "first_load_br": first_load, "budget_br": BUDGET_BYTES, "files": files });

    let (fresh, dist) = (project.web().join("dist.new"), project.dist());
    remove_folder(&fresh)?;
    fs::create_dir_all(fresh.join("app"))?;
    for file in &packed {
        fs::write(fresh.join(&file.path), &file.raw)?;
        fs::write(fresh.join(format!("{}.br", file.path)), &file.br)?;
        fs::write(fresh.join(format!("{}.gz", file.path)), &file.gz)?;
    }
    fs::write(
        fresh.join("manifest.json"),
        serde_json::to_string_pretty(&manifest)? + "\n",
    )?;
    remove_folder(&dist)?;
    fs::rename(&fresh, &dist)?;
    Ok(manifest)
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(err).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn hashed_path(name: &str, bytes: &[u8]) -> Result<String> {
    let (stem, extension) = name
        .rsplit_once('.')
        .context("a piece without an extension")?;
    let hash = hex(Sha256::digest(bytes).get(..8).unwrap_or_default());
    Ok(format!("app/{stem}-{hash}.{extension}"))
}

/// Puts the hashed names into the page: `{{loader.js}}` becomes `/app/loader-….js`.
fn fill(template: &str, paths: &BTreeMap<&str, &str>) -> Result<String> {
    let mut page = String::with_capacity(template.len() + 512);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .ok_or_else(|| anyhow!("index.html: {{{{ without }}}}"))?;
        let path = paths
            .get(name)
            .ok_or_else(|| anyhow!("index.html names {name}, which the bundle does not have"))?;
        page.push_str(before);
        page.push('/');
        page.push_str(path);
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// Compresses all files at once: the program alone takes most of the time.
fn pack(files: Vec<(&'static str, String, Vec<u8>)>, effort: Effort) -> Result<Vec<Packed>> {
    thread::scope(|scope| {
        let running: Vec<_> = files
            .into_iter()
            .map(|(name, path, raw)| {
                scope.spawn(move || -> Result<Packed> {
                    let br = compress::brotli(&raw, effort)?;
                    let gz = compress::gzip(&raw, effort)?;
                    Ok(Packed {
                        name,
                        path,
                        raw,
                        br,
                        gz,
                    })
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_panic| anyhow!("a compressor panicked"))?
            })
            .collect()
    })
}

fn size(value: &serde_json::Value) -> usize {
    value
        .as_u64()
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or_default()
}

fn report(manifest: &serde_json::Value) {
    say!(
        "  {:<18} {:>9} {:>9} {:>9}",
        "file",
        "raw",
        "gzip",
        "brotli"
    );
    for (name, file) in manifest["files"].as_object().into_iter().flatten() {
        say!(
            "  {:<18} {:>9} {:>9} {:>9}",
            name,
            steps::pretty_size(size(&file["raw"])),
            steps::pretty_size(size(&file["gz"])),
            steps::pretty_size(size(&file["br"]))
        );
    }
    say!(
        "  {:<18} {:>29}  of {}",
        "first load",
        steps::pretty_size(size(&manifest["first_load_br"])),
        steps::pretty_size(BUDGET_BYTES)
    );
}

fn within_budget(mode: Mode, manifest: &serde_json::Value) -> Result<()> {
    let first_load = size(&manifest["first_load_br"]);
    if mode == Mode::Release && first_load > BUDGET_BYTES {
        bail!(
            "the first load is {} in brotli, {} over its budget of {}: what grew stands in the table above; `cargo tree -p qd_console --target {WASM_TARGET}` shows what is in it",
            steps::pretty_size(first_load),
            steps::pretty_size(first_load - BUDGET_BYTES),
            steps::pretty_size(BUDGET_BYTES)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{BUDGET_BYTES, Mode, check_bindgen_version, fill, hashed_path, within_budget};

    #[test]
    fn the_page_gets_the_hashed_names_and_an_unknown_one_is_named() {
        let paths = BTreeMap::from([("loader.js", "app/loader-1.js")]);
        assert_eq!(
            fill("<script src=\"{{loader.js}}\">", &paths).expect("filled"),
            "<script src=\"/app/loader-1.js\">"
        );
        assert!(
            fill("{{style.css}}", &paths)
                .expect_err("unknown")
                .to_string()
                .contains("style.css")
        );
        assert!(fill("{{loader.js", &paths).is_err());
    }

    #[test]
    fn a_name_changes_with_its_content() {
        let one = hashed_path("loader.js", b"1").expect("path");
        let hash = one
            .strip_prefix("app/loader-")
            .and_then(|rest| rest.strip_suffix(".js"));
        assert!(hash.is_some_and(|hash| hash.len() == 16), "{one}");
        assert_ne!(one, hashed_path("loader.js", b"2").expect("path"));
    }

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

    #[test]
    fn the_budget_fails_a_release_bundle_only() {
        let over = json!({ "first_load_br": BUDGET_BYTES + 1 });
        assert!(within_budget(Mode::Release, &over).is_err());
        assert!(within_budget(Mode::Dev, &over).is_ok());
        assert!(within_budget(Mode::Release, &json!({ "first_load_br": BUDGET_BYTES })).is_ok());
    }
}
