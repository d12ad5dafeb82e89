//! `cargo xtask setup`: what the other commands need, checked by its effect and provided where possible.
//!
//! It installs with rustup, npm and apt-get only, into the toolchain, the target folder and the system; it changes nothing in the checkout.
//! What it cannot provide it names, with the command that does and with what will be skipped: nothing is skipped silently.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::project::{Project, WASM_TARGET, is_ci};
use crate::say;
use crate::steps::{self, find_program};

/// One thing that a step can need.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// Standard library of the browser's target.
    WasmStd,
    /// Node.js and the npm packages of `tests/browser/package.json`.
    NodeTools,
    Redis,
    Chromium,
    /// `Xvfb`, `xdotool`, `ImageMagick`, X and GL libraries.
    Desktop,
    /// lavapipe.
    Vulkan,
}

impl Need {
    fn what(self) -> &'static str {
        match self {
            Self::WasmStd => "the standard library for wasm32-unknown-unknown",
            Self::NodeTools => "wasm-opt and playwright-core (npm)",
            Self::Redis => "redis-server",
            Self::Chromium => "Chromium",
            Self::Desktop => "a virtual desktop (Xvfb, xdotool, ImageMagick, X and GL libraries)",
            Self::Vulkan => "a Vulkan driver in software (lavapipe)",
        }
    }

    fn without_it(self) -> &'static str {
        match self {
            Self::WasmStd => "no web bundle, no browser tests, no demo",
            Self::NodeTools => "no web bundle, no browser and no window tests, no demo",
            Self::Redis => "no browser and no window tests; the pipeline tests fail",
            Self::Chromium => "no browser tests",
            Self::Desktop => "no test of the native window",
            Self::Vulkan => "no image snapshots",
        }
    }
}

/// How a system package shows that it is there, whoever installed it.
enum Probe {
    /// One of these programs is on the path.
    Program(&'static [&'static str]),
    /// A shared library whose file name starts like this is in a library folder.
    Library(&'static [&'static str]),
    /// lavapipe's description for the Vulkan loader.
    Lavapipe,
}

struct Package {
    debian: &'static str,
    need: Need,
    probe: Probe,
}

const fn package(debian: &'static str, need: Need, probe: Probe) -> Package {
    Package {
        debian,
        need,
        probe,
    }
}

const PACKAGES: &[Package] = &[
    package("nodejs", Need::NodeTools, Probe::Program(&["node"])),
    package("npm", Need::NodeTools, Probe::Program(&["npm"])),
    package(
        "redis-server",
        Need::Redis,
        Probe::Program(&["redis-server"]),
    ),
    package("chromium", Need::Chromium, Probe::Program(CHROMIUM)),
    package("xvfb", Need::Desktop, Probe::Program(&["Xvfb"])),
    package("xdotool", Need::Desktop, Probe::Program(&["xdotool"])),
    package(
        "imagemagick",
        Need::Desktop,
        Probe::Program(&["import", "magick"]),
    ),
    package("libx11-6", Need::Desktop, Probe::Library(&["libX11.so.6"])),
    package(
        "libx11-xcb1",
        Need::Desktop,
        Probe::Library(&["libX11-xcb.so.1"]),
    ),
    package(
        "libxcursor1",
        Need::Desktop,
        Probe::Library(&["libXcursor.so.1"]),
    ),
    package("libxi6", Need::Desktop, Probe::Library(&["libXi.so.6"])),
    package(
        "libxrandr2",
        Need::Desktop,
        Probe::Library(&["libXrandr.so.2"]),
    ),
    package(
        "libxkbcommon0",
        Need::Desktop,
        Probe::Library(&["libxkbcommon.so.0"]),
    ),
    package(
        "libxkbcommon-x11-0",
        Need::Desktop,
        Probe::Library(&["libxkbcommon-x11.so.0"]),
    ),
    package("libegl1", Need::Desktop, Probe::Library(&["libEGL.so.1"])),
    package("libgl1", Need::Desktop, Probe::Library(&["libGL.so.1"])),
    package(
        "libgl1-mesa-dri",
        Need::Desktop,
        Probe::Library(&["dri/swrast_dri.so", "dri/libdril_dri.so", "libgallium-"]),
    ),
    package("mesa-vulkan-drivers", Need::Vulkan, Probe::Lavapipe),
];

const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// The oldest Node.js that playwright-core runs on.
const NODE_MAJOR: u32 = 20;

/// `rustup target add` either has a server to ask or hangs.
const RUSTUP_LIMIT: Duration = Duration::from_secs(10);

/// What is still missing after set-up, with the reason.
pub(crate) struct Ready {
    missing: Vec<(Need, String)>,
}

impl Ready {
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Why a step that needs all of these cannot run, if it cannot.
    pub(crate) fn lack_of(&self, needs: &[Need]) -> Option<String> {
        let lacking: Vec<String> = self
            .missing
            .iter()
            .filter(|(need, _)| needs.contains(need))
            .map(|(need, reason)| format!("{} is missing ({reason})", need.what()))
            .collect();
        (!lacking.is_empty()).then(|| lacking.join("; "))
    }
}

/// Checks everything, provides what it can and reports what it did and what is left.
pub(crate) fn run(project: &Project) -> Ready {
    let started = steps::now();
    let mut ready = Ready {
        missing: Vec::new(),
    };
    install_packages(&mut ready);
    // npm is one of the packages, so the tools come after them.
    if let Err(err) = provide_node_tools(project) {
        ready.missing.push((Need::NodeTools, format!("{err:#}")));
    }
    if let Err(err) = provide_wasm_std(project) {
        ready.missing.push((Need::WasmStd, format!("{err:#}")));
    }
    if ready.is_complete() {
        say!(
            "{:<28} {:>12}",
            "setup: nothing missing",
            steps::pretty(started.elapsed())
        );
    } else {
        say!("setup: MISSING after {}", steps::pretty(started.elapsed()));
        for (need, reason) in &ready.missing {
            say!("  {}: {reason}", need.what());
            say!("    without it: {}", need.without_it());
        }
    }
    ready
}

/// Fails when one of these is not there, without trying to install it.
pub(crate) fn require(project: &Project, needs: &[Need]) -> Result<()> {
    for need in needs {
        let there = match need {
            Need::WasmStd => has_wasm_std(&sysroot(project)?),
            Need::NodeTools => has_node_tools(project)?,
            Need::Redis | Need::Chromium | Need::Desktop | Need::Vulkan => {
                packages_of(*need).all(is_there)
            }
        };
        if !there {
            bail!("{} is missing: `cargo xtask setup` says why", need.what());
        }
    }
    Ok(())
}

/// The browser of the end-to-end tests.
pub(crate) fn chromium() -> Option<PathBuf> {
    CHROMIUM.iter().find_map(|name| find_program(name))
}

/// lavapipe's description for the Vulkan loader: image snapshots are the same on every machine only with it.
pub(crate) fn lavapipe() -> Option<PathBuf> {
    [
        "/usr/share/vulkan/icd.d",
        "/etc/vulkan/icd.d",
        "/usr/local/share/vulkan/icd.d",
    ]
    .iter()
    .find_map(|folder| {
        let mut found: Vec<PathBuf> = fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_lavapipe(path))
            .collect();
        found.sort();
        found.into_iter().next()
    })
}

fn is_lavapipe(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "json")
        && path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("lvp_icd"))
}

fn packages_of(need: Need) -> impl Iterator<Item = &'static Package> {
    PACKAGES.iter().filter(move |package| package.need == need)
}

fn is_there(package: &Package) -> bool {
    match package.probe {
        Probe::Program(names) => names.iter().any(|name| find_program(name).is_some()),
        Probe::Library(names) => names.iter().any(|name| has_library(name)),
        Probe::Lavapipe => lavapipe().is_some(),
    }
}

/// Looks where Debian, its relatives and the 64 bit folders of others keep libraries. `name` may hold one folder.
fn has_library(name: &str) -> bool {
    let (folder, start) = name.rsplit_once('/').unwrap_or(("", name));
    let multiarch = format!("/usr/lib/{}-linux-gnu", env::consts::ARCH);
    [
        multiarch.as_str(),
        "/usr/lib64",
        "/usr/lib",
        "/lib",
        "/usr/local/lib",
    ]
    .iter()
    .any(|dir| {
        let Ok(entries) = fs::read_dir(Path::new(dir).join(folder)) else {
            return false;
        };
        entries.filter_map(Result::ok).any(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|file| file.starts_with(start))
        })
    })
}

fn install_packages(ready: &mut Ready) {
    let absent = || PACKAGES.iter().filter(|package| !is_there(package));
    let names: Vec<&str> = absent().map(|package| package.debian).collect();
    if names.is_empty() {
        return;
    }
    let by_hand = format!("apt-get install -y {}", names.join(" "));
    let tried = match apt_get() {
        Some(apt_get) => {
            say!("setup: {by_hand}");
            install_with(&apt_get, &names)
                .err()
                .map(|err| format!("{err:#}"))
        }
        None => Some(format!("run as root: {by_hand}")),
    };
    for need in [
        Need::NodeTools,
        Need::Redis,
        Need::Chromium,
        Need::Desktop,
        Need::Vulkan,
    ] {
        let left: Vec<&str> = absent()
            .filter(|package| package.need == need)
            .map(|package| package.debian)
            .collect();
        if !left.is_empty() {
            let why = tried.as_deref().unwrap_or(
                "apt-get installed the packages, but they are not where they are looked for",
            );
            ready
                .missing
                .push((need, format!("{}: {why}", left.join(" "))));
        }
    }
}

/// How to call apt-get without asking anybody for a password, if there is a way.
fn apt_get() -> Option<Vec<&'static str>> {
    find_program("apt-get")?;
    let is_root =
        steps::run_quietly(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0");
    if is_root {
        return Some(vec!["apt-get"]);
    }
    (is_ci() && steps::run_quietly(Command::new("sudo").args(["-n", "true"])).is_ok())
        .then(|| vec!["sudo", "-n", "apt-get"])
}

fn install_with(apt_get: &[&str], names: &[&str]) -> Result<()> {
    let (program, first_args) = apt_get
        .split_first()
        .map_or(("apt-get", apt_get), |(program, rest)| (*program, rest));
    let call = |args: &[&str]| {
        steps::run_quietly(
            Command::new(program)
                .args(first_args)
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    call(&["update", "-q"])?;
    let mut args = vec!["install", "-y", "-q", "--no-install-recommends"];
    args.extend(names);
    steps::timed("setup: apt-get", || call(&args))?;
    Ok(())
}

fn lock_of_tools(project: &Project) -> PathBuf {
    project.root.join("tests/browser/package-lock.json")
}

/// npm is done when the lock file that it installed from is the checkout's: it is copied last.
fn has_node_tools(project: &Project) -> Result<bool> {
    let wanted = fs::read(lock_of_tools(project))?;
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

fn provide_node_tools(project: &Project) -> Result<()> {
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
    if has_node_tools(project)? {
        return Ok(());
    }
    let (tools, lock) = (project.tools(), lock_of_tools(project));
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

fn sysroot(project: &Project) -> Result<PathBuf> {
    Ok(steps::run_quietly(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(&project.root),
    )?
    .trim()
    .into())
}

fn has_wasm_std(sysroot: &Path) -> bool {
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

fn provide_wasm_std(project: &Project) -> Result<()> {
    let sysroot = sysroot(project)?;
    if has_wasm_std(&sysroot) {
        return Ok(());
    }
    let mut tried = Vec::new();
    match add_with_rustup(project) {
        Ok(()) if has_wasm_std(&sysroot) => return forget_wasm_builds(project),
        Ok(()) => {
            tried.push("rustup added the target to another toolchain than rustc's".to_owned())
        }
        Err(err) => tried.push(format!("{err:#}")),
    }
    match env::var_os("QD_WASM_STD_INSTALLER").map(PathBuf::from).or_else(|| Some(project.root.parent()?.join("shared/toolchain/install-wasm-std.sh"))) {
        Some(installer) if installer.is_file() => {
            match steps::timed("setup: build the wasm std", || steps::run_quietly(Command::new(&installer).current_dir(&project.root))) {
                Ok(_) if has_wasm_std(&sysroot) => return forget_wasm_builds(project),
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

#[cfg(test)]
mod tests {
    use super::{Need, PACKAGES, Ready};

    #[test]
    fn a_lack_names_the_thing_and_the_reason_and_only_what_was_asked() {
        let ready = Ready {
            missing: vec![
                (Need::Redis, "no root".to_owned()),
                (Need::Vulkan, "no package".to_owned()),
            ],
        };
        let text = ready
            .lack_of(&[Need::Redis, Need::Chromium])
            .expect("redis is missing");
        assert!(
            text.contains("redis-server") && text.contains("no root") && !text.contains("lavapipe"),
            "{text}"
        );
        assert!(ready.lack_of(&[Need::Chromium]).is_none());
        assert!(!ready.is_complete());
    }

    #[test]
    fn every_package_is_listed_once() {
        let mut names: Vec<&str> = PACKAGES.iter().map(|package| package.debian).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PACKAGES.len());
    }
}
