//! System packages: what shows that one is there, and apt-get where it may be called.
//!
//! They are looked for by their effect (a program, a library, a driver's description), whoever installed them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Need, Ready};
use crate::project::is_ci;
use crate::say;
use crate::steps::{self, find_program};

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

pub(super) fn install(ready: &mut Ready) {
    let absent = || PACKAGES.iter().filter(|package| !is_there(package));
    let names: Vec<&str> = absent().map(|package| package.debian).collect();
    if names.is_empty() {
        return;
    }
    let by_hand = format!("apt-get update && apt-get install -y {}", names.join(" "));
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
    // One unreachable source must not keep the others from serving what is needed.
    let updated = call(&["update", "-q"]);
    let mut args = vec!["install", "-y", "-q", "--no-install-recommends"];
    args.extend(names);
    match (steps::timed("setup: apt-get", || call(&args)), updated) {
        (Ok(_), _) => Ok(()),
        (Err(err), Ok(_)) | (Err(_), Err(err)) => Err(err),
    }
}

#[cfg(test)]
mod tests {
    use super::PACKAGES;

    #[test]
    fn every_package_is_listed_once() {
        let mut names: Vec<&str> = PACKAGES.iter().map(|package| package.debian).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PACKAGES.len());
    }
}
